"""Made-up households: what everything but the heating takes, event by event, from a seed.

Powers, durations and habits follow what sub-meters of real homes show (UCI Sceaux, IDEAL,
REFIT, UK-DALE): kettles 2.0 to 2.9 kW four to seven times a day, washing machines that heat for a
quarter of an hour, electric showers of 8 to 10 kW for some minutes.
"""

from array import array
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random

from balancer.sim.home.traces import Trace, TraceError, load_trace, shipped_trace

DAY_S = 86_400.0
MINUTE_S = 60.0
HOUR_S = 3600.0

Spell = tuple[float, float, float]
"""Start in seconds, duration in seconds, power in watts."""

Habit = Callable[[Random, float], Iterator[Spell]]
"""What an appliance does on a day that begins at a second."""


def _standby(chance: Random, day_s: float) -> Iterator[Spell]:
    yield day_s, DAY_S, chance.uniform(90.0, 170.0)


def _fridge(chance: Random, day_s: float) -> Iterator[Spell]:
    at_s = day_s + chance.uniform(0.0, HOUR_S)
    while at_s < day_s + DAY_S:
        runs_s = chance.uniform(12.0, 25.0) * MINUTE_S
        yield at_s, runs_s, chance.uniform(70.0, 120.0)
        at_s += runs_s + chance.uniform(25.0, 45.0) * MINUTE_S


def _evening(chance: Random, day_s: float) -> Iterator[Spell]:
    """Light, television, computers."""
    for begin_h, end_h, most_w in ((6.5, 8.5, 250.0), (17.5, 22.5, 600.0)):
        begin_s = day_s + (begin_h + chance.uniform(-0.7, 0.7)) * HOUR_S
        end_s = day_s + (end_h + chance.uniform(-0.7, 0.7)) * HOUR_S
        at_s = begin_s
        while at_s < end_s:
            lasts_s = min(chance.uniform(5.0, 45.0) * MINUTE_S, end_s - at_s)
            yield at_s, lasts_s, chance.uniform(0.3, 1.0) * most_w
            at_s += lasts_s


def _times(chance: Random, day_s: float, mean: float, hours: tuple[float, ...]) -> list[float]:
    """Return starts on a day: ``mean`` a day on average, around hours of the day."""
    number = int(mean) + (chance.random() < mean % 1.0)
    starts = (chance.choice(hours) + chance.gauss(0.0, 0.6) for _ in range(number))
    return sorted(day_s + min(23.5, max(0.0, hour)) * HOUR_S for hour in starts)


def _kettle(chance: Random, day_s: float) -> Iterator[Spell]:
    power_w = chance.uniform(2000.0, 2900.0)
    for at_s in _times(chance, day_s, 4.6, (7.0, 8.0, 10.5, 13.0, 16.0, 19.0, 21.0)):
        yield at_s, chance.uniform(80.0, 240.0), power_w


def _microwave(chance: Random, day_s: float) -> Iterator[Spell]:
    for at_s in _times(chance, day_s, 2.4, (7.5, 12.5, 19.0)):
        yield at_s, chance.uniform(60.0, 240.0), chance.uniform(1000.0, 1350.0)


def _hob(chance: Random, day_s: float) -> Iterator[Spell]:
    """A plate that pulses after it has come to the boil."""
    for at_s in _times(chance, day_s, 1.9, (12.3, 19.2)):
        power_w = chance.uniform(1200.0, 2900.0)
        boils_s = chance.uniform(4.0, 9.0) * MINUTE_S
        yield at_s, boils_s, power_w
        yield from _pulses(chance, at_s + boils_s, chance.uniform(8.0, 25.0), power_w, 0.35)


def _oven(chance: Random, day_s: float) -> Iterator[Spell]:
    for at_s in _times(chance, day_s, 0.9, (12.2, 19.0)):
        power_w = chance.uniform(2200.0, 3200.0)
        warms_s = chance.uniform(8.0, 14.0) * MINUTE_S
        yield at_s, warms_s, power_w
        yield from _pulses(chance, at_s + warms_s, chance.uniform(20.0, 60.0), power_w, 0.4)


def _pulses(
    chance: Random, at_s: float, minutes: float, power_w: float, part: float
) -> Iterator[Spell]:
    end_s = at_s + minutes * MINUTE_S
    while at_s < end_s:
        period_s = chance.uniform(40.0, 120.0)
        yield at_s + (1.0 - part) * period_s, part * period_s, power_w
        at_s += period_s


def _washing_machine(chance: Random, day_s: float) -> Iterator[Spell]:
    for at_s in _times(chance, day_s, 0.8, (9.5, 14.0, 20.0)):
        heats_s = chance.uniform(8.0, 18.0) * MINUTE_S
        yield at_s + 300.0, heats_s, chance.uniform(1950.0, 2300.0)
        yield at_s + 300.0 + heats_s, chance.uniform(40.0, 70.0) * MINUTE_S, 180.0


def _dishwasher(chance: Random, day_s: float) -> Iterator[Spell]:
    for at_s in _times(chance, day_s, 0.8, (14.0, 20.5, 21.5)):
        power_w = chance.uniform(1900.0, 2250.0)
        yield at_s + 600.0, chance.uniform(10.0, 16.0) * MINUTE_S, power_w
        yield at_s + 3000.0, chance.uniform(8.0, 14.0) * MINUTE_S, power_w


def _shower(chance: Random, day_s: float) -> Iterator[Spell]:
    for at_s in _times(chance, day_s, 0.9, (7.0, 8.0, 21.0)):
        yield at_s, chance.uniform(4.0, 9.0) * MINUTE_S, chance.uniform(8000.0, 9700.0)


def _water_heater(chance: Random, day_s: float) -> Iterator[Spell]:
    """A tank that heats at the cheap hours of the night."""
    yield day_s + chance.uniform(0.0, 0.2) * HOUR_S, chance.uniform(2.0, 4.0) * HOUR_S, 2000.0


def _electric_vehicle(chance: Random, day_s: float) -> Iterator[Spell]:
    if chance.random() < 0.45:
        begin_s = day_s + chance.uniform(18.0, 20.5) * HOUR_S
        yield begin_s, chance.uniform(1.0, 3.4) * HOUR_S, 7400.0


APPLIANCES: Mapping[str, Habit] = {
    "standby": _standby,
    "fridge": _fridge,
    "evening": _evening,
    "kettle": _kettle,
    "microwave": _microwave,
    "hob": _hob,
    "oven": _oven,
    "washing_machine": _washing_machine,
    "dishwasher": _dishwasher,
    "shower": _shower,
    "water_heater": _water_heater,
    "electric_vehicle": _electric_vehicle,
}
"""What a household may own."""

USUAL = (
    "standby",
    "fridge",
    "evening",
    "kettle",
    "microwave",
    "hob",
    "oven",
    "washing_machine",
    "dishwasher",
)
"""What nearly every household owns."""

HOUSEHOLD = "household"
"""Instead of a file: made up from the seed."""


def household(*, days: int, seed: int, appliances: tuple[str, ...] = USUAL) -> Trace:
    """Return the trace of a made-up household.

    Args:
        days: Length; it repeats afterwards.
        seed: Draws every habit; each appliance has a source of its own, so that adding one does
            not move the others.
        appliances: Names from ``APPLIANCES``.
    """
    length_s = days * DAY_S
    steps: list[tuple[float, float]] = []
    for name in appliances:
        chance = Random(f"{seed}/{name}")
        for day in range(days):
            for at_s, lasts_s, power_w in APPLIANCES[name](chance, day * DAY_S):
                begin_s, end_s = round(at_s), min(round(at_s + lasts_s), round(length_s))
                if begin_s < end_s:
                    steps += [(float(begin_s), power_w), (float(end_s), -power_w)]
    steps.sort()
    times, powers = array("d", [0.0]), array("d", [0.0])
    flowing_w = 0.0
    for at_s, power_w in steps:
        flowing_w += power_w
        if at_s == times[-1]:
            powers[-1] = round(max(0.0, flowing_w), 1)
        elif at_s < length_s:
            times.append(at_s)
            powers.append(round(max(0.0, flowing_w), 1))
    return Trace(f"household {seed}", None, length_s, times, powers)


def trace_named(asked: str, *, days: int, seed: int) -> Trace:
    """Return the shipped days, those of a file, or those of a made-up household.

    Args:
        asked: Empty, ``FILE[:COLUMN]``, or ``household[:APPLIANCE,…]`` for appliances beside the
            usual ones.
        days: Length of a household's trace; at least one.
        seed: Of a household.

    Raises:
        TraceError: The file is no trace, or nobody makes such an appliance.
    """
    if not asked:
        return shipped_trace()
    name, _, more = asked.partition(":")
    if name != HOUSEHOLD or Path(asked).exists() or Path(name).exists():
        return load_trace(asked)
    owned = tuple(each.strip() for each in more.split(",") if each.strip())
    for each in owned:
        if each not in APPLIANCES:
            known = ", ".join(APPLIANCES)
            raise TraceError(f"--trace {asked}: there is no appliance {each}; there are {known}")
    appliances = tuple(dict.fromkeys((*USUAL, *owned)))
    return household(days=max(1, days), seed=seed, appliances=appliances)
