"""What can be seen of the controller at one instant; views project it, nothing else.

Powers in watts, times in seconds on the monotonic line; None is unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from balancer.core.commands import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSnapshot:
    """One meter: its last good value, its age and its measured period."""

    power_w: float | None
    age_s: float | None
    period_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitSnapshot:
    """One circuit.

    Attributes:
        mode_source: ``auto`` or ``set``; None without ``steps``.
        max_active: ``steps[mode]``; None without ``steps``.
        active: Loads on it that are on, as the balancer wants it.
        heat: Heat of the assumed breaker, 1 is where it trips; None without a meter.
        trip_margin_s: Seconds until it would trip; infinite while it would not.
        sheddable_overload: Largest overload, as a multiple of the limit, shed in time (R19).
        likely_overload: Overload that the loads and the biggest spike seen can cause, as a
            multiple of the limit (R19).
        spike_w: Greatest rise of non-heating power seen, in watts.
        detail: A sentence for people, or None.
    """

    limit_w: float
    meter_w: float | None
    age_s: float | None
    blind: bool
    starting: bool
    non_heating_w: float | None
    available_w: float | None
    headroom_w: float | None
    mode: int | None
    mode_source: str | None
    max_active: int | None
    active: int
    heat: float | None
    trip_margin_s: float | None
    sheddable_overload: float | None
    likely_overload: float | None
    spike_w: float | None
    detail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSnapshot:
    """One load.

    Attributes:
        on: What the balancer wants of the heater.
        relay: Last report; None if none.
        since_s: Since when the reason holds.
        until_s: When it may end, where that is known.
        requested: Its zone's request.
        draw_w: What it takes now, as estimated, learned or measured.
        learned_w: Learned draw; None until learned.
        learned_low_w: The lowest draw that agrees with it.
        learned_steps: How many steps agree on it.
        served_s: Served part of ``wanted_s`` (R6).
        shed: Taken off by R9 and not on since, whatever reason is shown.
        online: None: its device never said.
        switched_s: Last change of the relay.
        wear: Switchings ÷ rated switchings.
    """

    on: bool
    relay: bool | None
    reason: Reason
    since_s: float
    until_s: float | None
    requested: bool
    boosted: bool
    boost_until_s: float | None
    draw_w: float
    learned_w: float | None
    learned_low_w: float | None
    learned_steps: int
    share: float
    served_s: float
    wanted_s: float
    claim: bool
    shed: bool
    online: bool | None
    switched_s: float | None
    switches: int
    wear: float
    detail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The whole house.

    Attributes:
        at_s: The instant it shows.
        pointer: Who leads the next tick; None if nothing is wanted.
        settled: Nothing is unconfirmed.
    """

    at_s: float
    away: bool
    starting: bool
    settled: bool
    pointer: str | None
    circuits: Mapping[str, CircuitSnapshot]
    meters: Mapping[str, MeterSnapshot]
    zones: Mapping[str, bool]
    loads: Mapping[str, LoadSnapshot]
