"""What is remembered between events; made by ``initial_state``, changed only within ``step``.

The objects are mutable so that a step stays cheap, but a step works on its own copies
(``Draft``): the state that it was given never changes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from balancer.core.commands import Cause, Reason
from balancer.core.model import House

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

INFINITY = float("inf")
_NOTHING: Mapping[str, float] = {}  # never changed

Copied = TypeVar("Copied", bound="DataclassInstance")
_getters: dict[type, Callable[[Any], tuple[Any, ...]]] = {}


def copied(original: Copied) -> Copied:
    """Return a shallow copy of a state object; five times faster than ``copy.copy``."""
    kind = type(original)
    getter = _getters.get(kind)
    if getter is None:
        names = [each.name for each in fields(kind)]
        getter = _getters[kind] = attrgetter(*names)
    return kind(*getter(original))


class Reading(NamedTuple):
    """One accepted reading: receipt time in seconds, watts."""

    at_s: float
    power_w: float


class Lone(NamedTuple):
    """A switching with no other near it: the meter's lag is measured by it (R2)."""

    decided_s: float
    confirmed_s: float
    before_w: float
    expected_w: float


@dataclass(slots=True)
class MeterState:
    """What is known of one meter.

    Attributes:
        last: Latest accepted reading, or None.
        before: The one before it, or None.
        unbroken: Readings since the broker was (re)connected or the circuit was blind.
        intervals_s: Times between the last readings, oldest first.
        lags_s: Measured times from a relay's confirmation to the reading that showed it.
        prompt: Of each of these readings, whether it came long before its turn.
    """

    last: Reading | None = None
    before: Reading | None = None
    unbroken: int = 0
    intervals_s: tuple[float, ...] = ()
    lags_s: tuple[float, ...] = ()
    prompt: tuple[bool, ...] = ()


@dataclass(slots=True)
class CircuitState:
    """What is known of one circuit.

    Attributes:
        limit_w: The limit in force, in watts.
        mode: Power-saving mode set from outside, or None: ``auto``.
        blind: No usable reading for too long (R13).
        good: Good readings in a row while blind.
        window: Non-heating power of readings with nothing in flight: only those that
            may still be the peak, falling, oldest first (R7).
        window_since_s: When the window began to be filled.
        last_non_heating_w: Its newest entry, whether it may be the peak or not.
        usable_w: Heating power, as a sum of rated powers, that may be used at once: room
            that our own loads give back or that was there before (R7).
        unmoved: Switchings that the meter should have shown and did not (R13).
        still_w: The value at which it stands still.
        moved_s: When it came to that value.
        suspect: The meter does not move.
        switchings: Of loads on it, decided or somebody else's, so far.
        off_scale: Lone switchings in a row that it showed tenfold, or if negative as a tenth.
        lone: The last lone switching; ``lone_seen``: the meter has shown it, or never did.
        unsheddable: Non-heating power alone is over the limit; said once.
        heat: Thermal state of the assumed breaker (R19).
        spike_w: Greatest rise between two quiet readings, in watts.
    """

    limit_w: float
    mode: int | None = None
    blind: bool = False
    good: int = 0
    window: tuple[Reading, ...] = ()
    window_since_s: float | None = None
    last_non_heating_w: float | None = None
    usable_w: float = INFINITY
    unmoved: int = 0
    still_w: float | None = None
    moved_s: float = -INFINITY
    suspect: bool = False
    off_scale: int = 0
    switchings: int = 0
    lone: Lone | None = None
    lone_seen: bool = False
    unsheddable: bool = False
    heat: float | None = None
    spike_w: float | None = None


@dataclass(slots=True)
class ZoneState:
    """What a zone asks for; ``reported`` is the last report, ``requested`` what counts."""

    requested: bool = False
    reported: bool = False
    reported_s: float = -INFINITY
    held_until_s: float = -INFINITY


class Flight(NamedTuple):
    """One switching on its way, from the decision until readings show it (R2, R11).

    Attributes:
        on: What was commanded (or done by somebody else).
        first_sent_s: When it was first sent, in seconds; None: an OFF that waits for its bridge.
        last_sent_s: When it was last sent.
        due: To be sent (again) as soon as the bridge takes it.
        tries: Repeats so far.
        repeat_s: When it is repeated, or given up.
        confirmed_s: When relay or meter confirmed it; None: not yet.
        draw_w: By circuit, what an OFF is believed to relieve at least, in watts.
        fall_w: By circuit, what the meter falls by at least if an OFF is obeyed, in watts; not
            there: nobody knows whether the load was on.
        rise_w: By circuit, what readings showed of the ON that an OFF undoes, in watts.
        before: By circuit, the last reading before it, in watts, less what other OFFs since
            then account for.
        heard: The relay has said on since an OFF was sent.
        fallen: Circuits whose meter has shown the fall of an OFF: nothing is credited any more.
        unseen: It undoes a switching that readings may not show yet: they need not show either.
        shed: It is a shed: goes before everything else.
        doubted: Not confirmed in time: its credit has ended.
        alone: No other switching was under way on its circuits when it was decided, nor one of
            its own that no reading showed.
        number: Of this switching among those of its circuits.
    """

    on: bool
    cause: Cause
    decided_s: float
    first_sent_s: float | None = None
    last_sent_s: float = -INFINITY
    due: bool = True
    tries: int = 0
    repeat_s: float = INFINITY
    confirmed_s: float | None = None
    draw_w: Mapping[str, float] = _NOTHING
    fall_w: Mapping[str, float] = _NOTHING
    rise_w: Mapping[str, float] = _NOTHING
    before: Mapping[str, float] = _NOTHING
    heard: bool = False
    fallen: frozenset[str] = frozenset()
    unseen: bool = False
    shed: bool = False
    doubted: bool = False
    alone: bool = False
    number: int = 0


class Share(NamedTuple):
    """Time that a load was wanted while its class was contested, and on of it, in seconds (R6)."""

    served_s: float = 0.0
    wanted_s: float = 0.0


class Learned(NamedTuple):
    """What the learned draws say that agree with each other, as multiples of the rated power.

    Attributes:
        admission: What admission reserves (R14).
        lowest, middle, highest: Of the draws; None: fewer than two agree.
        steps: How many agree; 0: fewer than two.
        until_s: When the oldest draw is forgotten.
    """

    admission: float = 1.0
    lowest: float | None = None
    middle: float | None = None
    highest: float | None = None
    steps: int = 0
    until_s: float = INFINITY


NOTHING_LEARNED = Learned()


@dataclass(slots=True)
class LoadState:
    """What is known of one load.

    Attributes:
        on: What the balancer wants of the heater.
        relay: Last report; None if none.
        live: It has to be counted as on: on, unknown, stuck, or its OFF is unconfirmed.
        adopt: Its relay's first report since the start is taken over as it is.
        reconciled: Its relay's state is known since the last (re)connect or return.
        reconcile_by_s: When an unknown relay gets OFF.
        assumed_off: It was off when we last knew: unknown, it gets no OFF (R15), unless its own
            meter shows a draw.
        changed_s: Last change of the relay, whoever made it; None: never seen.
        flight: The switching that readings may not show yet.
        confirm_s: Measured times from command to report, newest last.
        fault: The relay did not do as told; ``dead``: it never went on.
        retry_s: When a dead relay is tried again if there is room; ``vain``: how often it was.
        foreign_s: When somebody else switched it, within the last ten minutes.
        left_alone_until_s: Until when somebody else's switching is left as it is.
        recheck_s: When an old state that may be true is asked for again.
        retell_s: When its OFF is told again, since only the meter has shown it; infinite: the
            relay has said so, too.
        claim: Holds a place until the next tick or a shed (R6).
        put_right: Its next ON puts a foreign OFF right.
        shed: Taken off by R9 and not on since.
        asked: Why it is wanted, until power was found too little for it.
        too_big: Does not fit even alone, as far as was seen last.
        ratios: Learned draws as multiples of the rated power, with their times (R14).
        learned: What they come to.
        idle: On, and known to draw nothing.
        renew_s: When its lease is renewed (R12).
        told_again_s: When something that can wait was said to it last: its lease, or OFF again.
        came_s: When its device, or the bridge before it, last said that it has come.
        hint_until_s: Till then what its relay says may be a memory of the bridge, or a boot.
        due_s: When time may change anything about it; infinite: not by itself.
    """

    on: bool = False
    relay: bool | None = None
    live: bool = True
    reconciled: bool = False
    reconcile_by_s: float = INFINITY
    assumed_off: bool = False
    adopt: bool = True
    changed_s: float | None = None
    flight: Flight | None = None
    confirm_s: tuple[float, ...] = ()
    fault: bool = False
    dead: bool = False
    retry_s: float = INFINITY
    vain: int = 0
    online: bool | None = None
    foreign_s: tuple[float, ...] = ()
    left_alone_until_s: float = -INFINITY
    recheck_s: float = INFINITY
    retell_s: float = INFINITY
    boost_until_s: float | None = None
    claim: bool = False
    put_right: bool = False
    shed: bool = False
    asked: Cause | None = None
    too_big: bool = False
    ratios: tuple[Reading, ...] = ()
    learned: Learned = NOTHING_LEARNED
    idle: bool = False
    renew_s: float = INFINITY
    told_again_s: float = -INFINITY
    came_s: float = -INFINITY
    hint_until_s: float = -INFINITY
    due_s: float = INFINITY
    switches: int = 0
    reason: Reason = Reason.STARTING
    since_s: float = 0.0


@dataclass(slots=True)
class State:
    """Everything that the controller remembers.

    Attributes:
        at_s: Time of the last event.
        since_s: When the controller was made.
        accrued_s: Up to when the shares are counted.
        connected: The broker can be reached.
        started: Memory has been read back (R15).
        wanted: Loads that are requested or boosted while nobody is away (``wish.review``).
        boost_tick: The next tick is a waiting load's before a boosted one's (R5).
        turns_by_s: When a tick that somebody asked for is done at the latest; infinite: none.
        timers_s: Earliest deadline but for silent meters.
        known: What the reasons of the loads were last drawn from.
        calm: What a reading that changes nothing needs to know; None: it may change something.
    """

    at_s: float
    since_s: float
    accrued_s: float
    away: bool = False
    stopping: bool = False
    connected: bool = False
    started: bool = False
    wanted: frozenset[str] = frozenset()
    boost_tick: bool = False
    turns_by_s: float = INFINITY
    timers_s: float = -INFINITY
    meters: dict[str, MeterState] = field(default_factory=dict)
    circuits: dict[str, CircuitState] = field(default_factory=dict)
    zones: dict[str, ZoneState] = field(default_factory=dict)
    loads: dict[str, LoadState] = field(default_factory=dict)
    shares: dict[str, Share] = field(default_factory=dict)
    known: "KnownCircuits | None" = None
    calm: "Calm | None" = None


class KnownCircuits(NamedTuple):
    """What holds for all loads of a circuit (R18).

    Attributes:
        unready: Their meters have not reported yet (R15).
        blind: They no longer report (R13).
        full: Their power-saving mode allows no more loads (R4).
    """

    unready: frozenset[str]
    blind: frozenset[str]
    full: frozenset[str]


class CalmCircuit(NamedTuple):
    """Sums over a circuit's loads that hold until something is switched, in watts.

    Attributes:
        heating_w: Believed draw of the loads that are on.
        live_w: Their rated (or learned) power.
        idle_w: The part of it that is reserved for idle loads beside the reading.
        telling_w: A rise by so much may be an idle load that draws again.
        waiting: Somebody on it is wanted and off.
        same_w: From which room to which the same of these would not fit even alone.
    """

    heating_w: float
    live_w: float
    idle_w: float
    telling_w: float
    waiting: bool
    same_w: tuple[float, float]


class Calm(NamedTuple):
    """Nothing is in flight, blind or suspect.

    Attributes:
        sums: By circuit with a meter.
        rooms_w: What readings leave as it is: the room of circuits of which another program
            tells, in watts.
        needs_w: What loads that wait for power need, by circuit; only those that may be the
            first to fit.
    """

    sums: Mapping[str, CalmCircuit]
    rooms_w: Mapping[str, float]
    needs_w: tuple[Mapping[str, float], ...]


def initial_state(house: House, at_s: float) -> State:
    """Return the state of a controller that knows nothing yet."""
    meters = [
        meter
        for circuit in house.circuits.values()
        for meter in (circuit.meter, *circuit.non_heating_meters, circuit.available)
    ] + [load.meter for load in house.loads.values()]
    return State(
        at_s=at_s,
        since_s=at_s,
        accrued_s=at_s,
        meters={meter.name: MeterState() for meter in meters if meter is not None},
        circuits={
            name: CircuitState(limit_w=circuit.limit_w) for name, circuit in house.circuits.items()
        },
        zones={name: ZoneState() for name in house.zones},
        loads={name: LoadState(since_s=at_s) for name in house.loads},
        shares=dict.fromkeys(house.loads, Share()),
    )
