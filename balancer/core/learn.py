"""R14: what a load really draws, from its own meter or the step of the circuit's meter.

Draws are kept as ratios to the rated power, so that a load on three phases has one.
"""

from functools import lru_cache

from balancer.core.model import House
from balancer.core.state import LoadState, Reading

MORE_THAN_RATED = 3  # steps that agree before admission uses more than rated: an oven pulses, too
ENOUGH = 5  # consistent steps before admission uses less than rated (R14)
KEPT = 12
CONSISTENT = 0.1  # a step within a tenth of the middle one is consistent
FORGET_S = 7 * 86_400.0
MARGIN = 1.05
NEWS = 0.02  # of the rated power: an own meter that reads the same is not kept again
OLD_NEWS_S = 600.0
IDLE_RATIO = 0.1  # less than a tenth of the rated power: the heater's own thermostat is off
MOST_RATIO = 1.4  # a greater step was not this load alone
LEAST_RATIO = 0.5  # neither was a smaller one, unless it is idle


def consistent(ls: LoadState, at_s: float) -> tuple[float, ...]:
    """Return the learned ratios that agree with each other, of the last seven days, rising."""
    ratios = ls.ratios
    if ratios and at_s - ratios[0].at_s > FORGET_S:
        ratios = tuple(each for each in ratios if at_s - each.at_s <= FORGET_S)
    return _agreeing(ratios)


@lru_cache(maxsize=4096)  # asked for at every step, new a few times a day
def _agreeing(ratios: tuple[Reading, ...]) -> tuple[float, ...]:
    if not ratios:
        return ()
    rising = sorted(each.power_w for each in ratios)
    middle = rising[len(rising) // 2]
    return tuple(each for each in rising if abs(each - middle) <= CONSISTENT * middle)


def admission_ratio(ls: LoadState, at_s: float) -> float:
    """Return what admission reserves, as a multiple of the rated power (R14).

    The margin never lifts a load above what it is configured with: heaters that draw just
    what they are rated for would no longer fill the supply.
    """
    if not ls.ratios:
        return 1.0
    agreeing = consistent(ls, at_s)
    if len(agreeing) >= ENOUGH:
        highest = max(agreeing)
        return min(highest * MARGIN, max(1.0, highest))
    if len(agreeing) >= MORE_THAN_RATED:
        return max(1.0, agreeing[-1])
    return 1.0


def draw_ratio(ls: LoadState, safe_ratio: float, at_s: float) -> float:
    """Return the believed draw of a load that is on, as a multiple of the rated power (R1)."""
    if ls.idle:
        return 0.0
    agreeing = consistent(ls, at_s)
    if len(agreeing) > 1:
        return agreeing[len(agreeing) // 2]
    return 1.0 / safe_ratio


def least_ratio(ls: LoadState, safe_ratio: float, at_s: float) -> float:
    """Return the lower credible draw of a load that is on, as such a multiple (R9)."""
    if ls.idle:
        return 0.0
    agreeing = consistent(ls, at_s)
    if len(agreeing) > 1:
        return agreeing[0]
    return 1.0 / safe_ratio


def with_step(ls: LoadState, ratio: float, at_s: float) -> None:
    """Learn from one step of the meter, or one reading of the load's own meter.

    Args:
        ls: Changed in place.
        ratio: The step as a multiple of the rated power; not negative.
        at_s: When it was seen.
    """
    if ratio < IDLE_RATIO:
        ls.idle = ls.on
        return
    if LEAST_RATIO <= ratio <= MOST_RATIO:
        ls.idle = False
        ls.ratios = (*ls.ratios, Reading(at_s, ratio))[-KEPT:]


def tells(ls: LoadState, ratio: float, at_s: float) -> bool:
    """Return whether a reading of a load's own meter says anything new."""
    if ratio < IDLE_RATIO:
        return not ls.idle
    if ls.idle or len(ls.ratios) < ENOUGH:
        return True
    last = ls.ratios[-1]
    return abs(ratio - last.power_w) > NEWS or at_s - last.at_s > OLD_NEWS_S


def learned_w(house: House, load: str, ls: LoadState, at_s: float) -> float | None:
    """Return the learned draw in watts, None while there is none."""
    agreeing = consistent(ls, at_s)
    return max(agreeing) * house.rated_w[load] if len(agreeing) > 1 else None
