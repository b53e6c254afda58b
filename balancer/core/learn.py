"""R14: what a load really draws, from its own meter or the step of the circuit's meter.

Draws are kept as ratios to the rated power, so that a load on three phases has one.
"""

from collections.abc import Iterable

from balancer.core.draft import Draft
from balancer.core.model import House
from balancer.core.state import NOTHING_LEARNED, Learned, LoadState, Reading

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


def keep(ls: LoadState, ratios: Iterable[Reading], at_s: float) -> None:
    """Keep draws of the last seven days, and what those of them say that agree (R14).

    The margin never lifts a load above what it is configured with: heaters that draw just
    what they are rated for would no longer fill the supply.

    Args:
        ls: Changed in place.
        ratios: As multiples of the rated power, oldest first.
        at_s: Now.
    """
    ls.ratios = tuple(each for each in ratios if at_s - each.at_s < FORGET_S)[-KEPT:]
    if not ls.ratios:
        ls.learned = NOTHING_LEARNED
        return
    rising = sorted(each.power_w for each in ls.ratios)
    middle = rising[len(rising) // 2]
    agreeing = [each for each in rising if consistent(each, middle)]
    lowest, highest = agreeing[0], agreeing[-1]
    admission = 1.0
    if len(agreeing) >= ENOUGH:
        admission = min(highest * MARGIN, max(1.0, highest))
    elif len(agreeing) >= MORE_THAN_RATED:
        admission = max(1.0, highest)
    sure = len(agreeing) > 1
    ls.learned = Learned(
        admission=admission,
        lowest=lowest if sure else None,
        middle=agreeing[len(agreeing) // 2] if sure else None,
        highest=highest if sure else None,
        steps=len(agreeing) if sure else 0,
        until_s=ls.ratios[0].at_s + FORGET_S,
    )


def consistent(ratio: float, middle: float) -> bool:
    """Return whether a step is within a tenth of another."""
    return abs(ratio - middle) <= CONSISTENT * middle


def forget(draft: Draft) -> None:
    """Forget what was learned more than seven days ago."""
    for name, ls in draft.state.loads.items():
        if draft.at_s >= ls.learned.until_s:
            keep(draft.load(name), ls.ratios, draft.at_s)


def draw_ratio(ls: LoadState, safe_ratio: float) -> float:
    """Return the believed draw of a load that is on, as a multiple of the rated power (R1)."""
    if ls.idle:
        return 0.0
    middle = ls.learned.middle
    return 1.0 / safe_ratio if middle is None else middle


def least_ratio(ls: LoadState, safe_ratio: float) -> float:
    """Return the lower credible draw of a load that is on, as such a multiple (R9)."""
    if ls.idle:
        return 0.0
    lowest = ls.learned.lowest
    return 1.0 / safe_ratio if lowest is None else lowest


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
        keep(ls, (*ls.ratios, Reading(at_s, ratio)), at_s)


def tells(ls: LoadState, ratio: float, at_s: float) -> bool:
    """Return whether a reading of a load's own meter says anything new."""
    if ratio < IDLE_RATIO:
        return not ls.idle
    if ls.idle or len(ls.ratios) < ENOUGH:
        return True
    last = ls.ratios[-1]
    return abs(ratio - last.power_w) > NEWS or at_s - last.at_s > OLD_NEWS_S


def learned_w(house: House, load: str, ls: LoadState) -> float | None:
    """Return the learned draw in watts, None while there is none."""
    highest = ls.learned.highest
    return None if highest is None else highest * house.rated_w[load]


def learned_low_w(house: House, load: str, ls: LoadState) -> float | None:
    """Return the lowest draw that agrees with the learned one in watts, None without one."""
    lowest = ls.learned.lowest
    return None if lowest is None else lowest * house.rated_w[load]


def remember(
    ls: LoadState, *, highest: float, lowest: float | None, steps: int, at_s: float
) -> None:
    """Take over what an earlier life learned, as sure as it was.

    Args:
        ls: Changed in place.
        highest: Of the draws that agreed, as a multiple of the rated power.
        lowest: Of them; None: nobody knows.
        steps: How many they were; 0: nobody knows, so that it counts only if it is more than rated.
        at_s: Now.
    """
    low = highest if lowest is None else lowest
    between = (low + highest) / 2.0
    if not consistent(highest, between):  # these two never agreed
        low = between = highest
    ratios = (low, *[between] * ((steps or MORE_THAN_RATED) - 2), highest)
    keep(ls, (Reading(at_s, ratio) for ratio in ratios), at_s)
