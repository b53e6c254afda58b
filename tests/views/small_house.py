"""A small house as the controller shows it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from balancer.core.commands import Reason
from balancer.core.model import Breaker, Circuit, Estimation, House, Load, Meter, Zone
from balancer.core.snapshot import CircuitSnapshot, LoadSnapshot, MeterSnapshot, Snapshot
from balancer.views.status import Json, status
from balancer.views.topics import Topics

TOPICS = Topics("balancer", "house")
START = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
"""The wall clock at 0 s of the monotonic line of these tests."""


def to_datetime(at_s: float) -> datetime:
    return START + timedelta(seconds=at_s)


def to_monotonic(at: datetime) -> float:
    return (at - START).total_seconds()


def a_meter(name: str) -> Meter:
    return Meter(name=name, stale_after_s=15.0, min_w=-13_800.0, max_w=69_000.0)


def a_house() -> House:
    """A main circuit in amperes with modes, a garage below it in kilowatts, three loads."""
    main = Circuit(
        name="main",
        unit="A",
        watts_per_unit=230.0,
        limit_w=6900.0,
        steps=(5, 4, 2, 1, 0),
        meter=a_meter("circuits.main.meter"),
        breaker=Breaker(profile="linky", rating_w=6900.0),
    )
    garage = Circuit(
        name="garage",
        unit="kW",
        watts_per_unit=1000.0,
        limit_w=3500.0,
        parent="main",
        estimation=Estimation.INDIVIDUAL,
        non_heating_meters=(a_meter("circuits.garage.non_heating_meters.0"),),
        breaker=Breaker(profile="worst_norm", rating_w=3500.0),
    )
    loads = (
        Load(
            name="lounge_window",
            title="Lounge, window",
            zone="lounge",
            power_w_by_circuit={"main": 1150.0},
        ),
        Load(name="towels", zone="bathroom", power_w_by_circuit={"main": 1500.0}),
        Load(name="bench", zone="workshop", power_w_by_circuit={"garage": 2000.0}),
    )
    zones = (
        Zone(name="lounge", title="Lounge"),
        Zone(name="bathroom", own_switch=False),
        Zone(name="workshop"),
    )
    return House(
        name="house",
        circuits={each.name: each for each in (main, garage)},
        zones={each.name: each for each in zones},
        loads={each.name: each for each in loads},
        order=("lounge_window", "towels", "bench"),
    )


def a_snapshot() -> Snapshot:
    """The house at 720.1234 s: one load on, one shed, one boosted but faulty."""
    main = CircuitSnapshot(
        limit_w=6900.0,
        meter_w=4922.0,
        age_s=0.8123,
        blind=False,
        starting=False,
        non_heating_w=1472.0,
        available_w=5428.0,
        headroom_w=1978.0,
        mode=1,
        mode_source="auto",
        max_active=4,
        active=1,
        heat=0.31234,
        trip_margin_s=float("inf"),
        sheddable_overload=1.6,
        likely_overload=1.33,
        spike_w=2300.0,
        detail=None,
    )
    garage = CircuitSnapshot(
        limit_w=3000.0,
        meter_w=None,
        age_s=None,
        blind=False,
        starting=True,
        non_heating_w=123.4,
        available_w=2876.6,
        headroom_w=None,
        mode=None,
        mode_source=None,
        max_active=None,
        active=0,
        heat=None,
        trip_margin_s=None,
        sheddable_overload=None,
        likely_overload=None,
        spike_w=None,
        detail=None,
    )
    lounge = LoadSnapshot(
        on=True,
        relay=True,
        reason=Reason.SERVING,
        since_s=120.0,
        until_s=None,
        requested=True,
        boosted=False,
        boost_until_s=None,
        draw_w=1081.0,
        learned_w=1104.04,
        learned_low_w=1080.54,
        learned_steps=6,
        share=0.71234,
        served_s=7200.5,
        wanted_s=10_108.125,
        claim=True,
        shed=False,
        online=True,
        switched_s=120.25,
        switches=112,
        wear=0.00112,
        detail=None,
    )
    towels = replace(
        lounge,
        on=False,
        relay=False,
        reason=Reason.SHED,
        since_s=600.5,
        until_s=1200.0,
        draw_w=0.0,
        learned_w=None,
        learned_low_w=None,
        learned_steps=0,
        share=0.5,
        claim=False,
        shed=True,
        online=None,
        switched_s=None,
        detail="too big now",
    )
    bench = replace(
        towels,
        relay=None,
        reason=Reason.FAULT,
        boosted=True,
        boost_until_s=3600.0,
        requested=False,
        shed=False,
        switched_s=-86_400.0,
    )
    return Snapshot(
        at_s=720.1234,
        away=False,
        starting=False,
        settled=True,
        pointer="towels",
        circuits={"main": main, "garage": garage},
        meters={
            "circuits.main.meter": MeterSnapshot(power_w=4922.0, age_s=0.8123, period_s=1.02),
            "circuits.garage.non_heating_meters.0": MeterSnapshot(
                power_w=None, age_s=None, period_s=None
            ),
        },
        zones={"lounge": True, "bathroom": True, "workshop": False},
        loads={"lounge_window": lounge, "towels": towels, "bench": bench},
    )


def a_status(
    seen: Snapshot,
    *,
    house: House | None = None,
    sequence: int = 4711,
) -> dict[str, Json]:
    """The status of that house; the lounge was switched nine times today."""
    return status(
        house or a_house(),
        seen,
        sequence=sequence,
        next_tick=to_datetime(1200.0),
        switches_today={"lounge_window": 9},
        to_datetime=to_datetime,
    )
