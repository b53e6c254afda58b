"""Random houses, and random histories of what can happen in them."""

from dataclasses import dataclass

from hypothesis import strategies as st

from balancer.core.events import (
    AwaySet,
    BoostSet,
    Connected,
    DeviceReported,
    Disconnected,
    Event,
    LimitSet,
    MeterReadings,
    ModeSet,
    RelayReported,
    RequestReported,
    RotateDue,
    Started,
    StopRequested,
    Wake,
)
from balancer.core.memory import CircuitMemory, LoadMemory, Memory
from balancer.core.model import (
    Breaker,
    Circuit,
    Estimation,
    House,
    Load,
    Meter,
    RelayTraits,
    Zone,
)

START_S = 1000.0
POWERS_W = (1000.0, 500.0, 1150.0, 1500.0, 100.0, 2000.0, 3500.0)
LIMITS_W = (6900.0, 6000.0, 9200.0, 3000.0, 1150.0)
WAITS_S = (0.0, 0.001, 0.05, 0.3, 0.5, 1.0, 1.0, 1.0, 2.0, 3.0, 5.0, 10.0, 16.0, 61.0, 125.0, 650.0)

# houses


@st.composite
def circuits(
    draw: st.DrawFn, name: str, parent: str | None = None, *, only_global: bool = False
) -> Circuit:
    """Return a circuit with any estimation."""
    limit_w = draw(st.sampled_from(LIMITS_W))
    estimation = Estimation.GLOBAL if only_global else draw(st.sampled_from(Estimation))
    whole = Meter(
        name=f"circuits.{name}.meter", stale_after_s=15.0, min_w=-2 * limit_w, max_w=10 * limit_w
    )
    steps = draw(st.sampled_from([None, None, (5, 4, 2, 1, 0), (1, 0), (8, 3, 0)]))
    appliances: tuple[Meter, ...] = ()
    available = None
    if estimation == Estimation.INDIVIDUAL:
        appliances = tuple(
            Meter(name=f"circuits.{name}.{number}", stale_after_s=60.0, min_w=0.0, max_w=2300.0)
            for number in range(draw(st.integers(1, 2)))
        )
    if estimation == Estimation.EXTERNAL:
        if draw(st.booleans()):
            available = Meter(
                name=f"circuits.{name}.available", stale_after_s=120.0, min_w=-1e5, max_w=1e5
            )
        else:
            steps = steps or (4, 2, 0)
    has_meter = estimation == Estimation.GLOBAL or draw(st.booleans())
    return Circuit(
        name=name,
        parent=parent,
        limit_w=limit_w,
        estimation=estimation,
        meter=whole if has_meter else None,
        non_heating_meters=appliances,
        security_margin_w=draw(st.sampled_from([0.0, 230.0])),
        available=available,
        steps=steps,
        reserve_w=draw(st.sampled_from([0.0, 0.0, 300.0])),
        safe_ratio=draw(st.sampled_from([1.0, 1.3])),
        idle_reserved=draw(st.booleans()),
        restore_delay_s=draw(st.sampled_from([0.0, 30.0])),
        settle_s=draw(st.sampled_from([0.0, 3.0])),
        fallback_active=draw(st.integers(0, 2)),
        breaker=Breaker(
            profile=draw(st.sampled_from(["worst_norm", "linky", "enel"])), rating_w=limit_w
        ),
    )


@st.composite
def traits(draw: st.DrawFn) -> RelayTraits:
    """Return a relay of any family."""
    bridge = draw(st.sampled_from([None, None, "zigbee2mqtt"]))
    return RelayTraits(
        confirms=draw(st.sampled_from([True, True, True, False])),
        merged=bridge is not None,
        bridge=bridge,
        dead_man_s=draw(st.sampled_from([None, None, 60.0])),
        retries=draw(st.sampled_from([3, 3, 0])),
        confirm_within_s=draw(st.sampled_from([None, None, 1.0])),
    )


@st.composite
def houses(draw: st.DrawFn, *, only_global: bool = False, only_honest: bool = False) -> House:
    """Return a house with one to eight loads on one to four circuits."""
    shapes: dict[str, dict[str, str | None]] = {
        "one": {"main": None},
        "tree": {"main": None, "flat": "main", "garage": "main"},
        "phases": {"l1": None, "l2": None, "l3": None},
        "phases below": {"l1": "main", "main": None, "l2": "main", "l3": "main"},
        "two": {"left": None, "right": None},
    }
    names = shapes[draw(st.sampled_from(list(shapes)))]
    all_circuits = {
        name: draw(circuits(name, parent, only_global=only_global))
        for name, parent in names.items()
    }
    zones: dict[str, Zone] = {}
    loads: dict[str, Load] = {}
    for number in range(draw(st.integers(1, 8))):
        name = f"load{number}"
        zone = draw(st.sampled_from([f"zone{number}", "zone0"]))
        zones.setdefault(
            zone, Zone(name=zone, request_ttl_s=draw(st.sampled_from([None, None, 300.0])))
        )
        power_w = draw(st.sampled_from(POWERS_W))
        if "l1" in names and draw(st.booleans()):
            where = dict.fromkeys(("l1", "l2", "l3"), power_w / 2)
        else:
            where = {draw(st.sampled_from(sorted(names))): power_w}
        loads[name] = Load(
            name=name,
            zone=zone,
            power_w_by_circuit=where,
            priority=draw(st.sampled_from([0, 0, 0, 1, -1])),
            min_on_s=draw(st.sampled_from([0.0, 20.0, 300.0])),
            min_off_s=draw(st.sampled_from([0.0, 10.0, 120.0])),
            boost_max_s=draw(st.sampled_from([60.0, 7200.0])),
            relay=RelayTraits() if only_honest else draw(traits()),
        )
    order = tuple(draw(st.permutations(sorted(loads))))
    return House(
        name="house",
        circuits=all_circuits,
        zones=zones,
        loads=loads,
        order=order,
        hold_off_s=draw(st.sampled_from([0.0, 1.0])),
        dry_run=False if only_honest else draw(st.sampled_from([False, False, False, True])),
        keep_on_exit=draw(st.booleans()),
    )


def meters_of(house: House) -> dict[str, Meter]:
    """Return every meter of the house by name."""
    found = [
        meter
        for circuit in house.circuits.values()
        for meter in (circuit.meter, circuit.available, *circuit.non_heating_meters)
    ]
    found += [load.meter for load in house.loads.values()]
    return {meter.name: meter for meter in found if meter is not None}


# what happens


@dataclass(frozen=True, slots=True)
class Echo:
    """A relay reports what it was told last."""

    load: str


@dataclass(frozen=True, slots=True)
class EchoAll:
    """Every relay reports what it was told last."""


@dataclass(frozen=True, slots=True)
class TrueReadings:
    """Every meter of a whole circuit shows what the relays were told, and a base."""

    base_w: float


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happens so many seconds after what was before."""

    wait_s: float
    what: Event | Echo | EchoAll | TrueReadings


@st.composite
def memories(draw: st.DrawFn, house: House) -> Memory:
    """Return what may have been remembered."""
    if draw(st.booleans()):
        return Memory()
    some = st.sampled_from
    return Memory(
        away=draw(some([False] * 5 + [True])),
        circuits={
            name: CircuitMemory(
                mode=draw(some([None, 0])) if circuit.steps else None,
                limit_w=draw(some([None, circuit.limit_w, circuit.limit_w / 2])),
            )
            for name, circuit in house.circuits.items()
        },
        requests={zone: draw(st.booleans()) for zone in house.zones},
        loads={
            name: LoadMemory(
                on=draw(some([None, False, True])),
                claim=draw(st.booleans()),
                served_s=draw(some([0.0, 100.0])),
                wanted_s=draw(some([100.0, 200.0])),
                boost_until_s=draw(some([None, START_S - 5.0, START_S + 50.0])),
                switched_s=draw(some([None, START_S - 10.0, -5000.0])),
                switches=draw(st.integers(0, 5)),
                shed=draw(st.booleans()),
                learned_w=draw(some([None, house.rated_w[name] * 1.1])),
                learned_low_w=draw(some([None, house.rated_w[name]])),
                learned_steps=draw(st.integers(0, 12)),
            )
            for name in house.loads
        },
    )


@st.composite
def happenings(draw: st.DrawFn, house: House) -> Happening:
    """Return one event, sensible or not."""
    some = st.sampled_from
    loads, zones = some(sorted(house.loads)), some(sorted(house.zones))
    circuit = house.circuits[draw(some(sorted(house.circuits)))]
    kind = draw(
        some(
            [
                *["truth"] * 6, *["request"] * 5, *["echo all"] * 3, *["rotate"] * 3,
                *["meter"] * 2, *["boost"] * 2, *["relay"] * 2, "echo", "away", "mode",
                "limit", "device", "connect", "disconnect", "wake",
            ]
        )
    )  # fmt: skip
    at_s = 0.0
    what: Event | Echo | EchoAll | TrueReadings
    match kind:
        case "truth":
            what = TrueReadings(
                draw(some([0.0, 300.0, 0.0, 1000.0, 2500.0, 300.0, 6000.0, 12_000.0]))
            )
        case "echo":
            what = Echo(draw(loads))
        case "echo all":
            what = EchoAll()
        case "meter":
            meters = meters_of(house)
            if not meters:
                return Happening(0.0, Wake(at_s))
            meter = meters[draw(some(sorted(meters)))]
            power_w = draw(some([0.0, -0.0, 1.0, 1000.0, 5999.0, 9000.0, meter.min_w, meter.max_w]))
            what = MeterReadings(at_s, {meter.name: min(max(power_w, meter.min_w), meter.max_w)})
        case "request":
            what = RequestReported(at_s, draw(zones), draw(some([True, True, False])))
        case "boost":
            load = house.loads[draw(loads)]  # whoever sets it cuts it to boost_max
            what = BoostSet(at_s, load.name, draw(some([30.0, load.boost_max_s, 0.0])))
        case "away":
            what = AwaySet(at_s, draw(some([False, False, True])))
        case "mode":
            modes = [None, *range(len(circuit.steps))] if circuit.steps else []
            if not modes:
                return Happening(0.0, Wake(at_s))
            what = ModeSet(at_s, circuit.name, draw(some(modes)))
        case "limit":
            part = draw(some([1.0, 1.0, 0.5, 0.0]))
            what = LimitSet(at_s, circuit.name, circuit.limit_w * part)
        case "rotate":
            what = RotateDue(at_s, asked=draw(st.booleans()))
        case "relay":
            what = RelayReported(at_s, draw(loads), draw(st.booleans()))
        case "device":
            online, anew = draw(some([(True, False), (True, True), (False, False)]))
            what = DeviceReported(at_s, draw(loads), online, anew=anew)
        case "connect":
            what = Connected(at_s)
        case "disconnect":
            what = Disconnected(at_s)
        case _:
            what = Wake(at_s)
    return Happening(draw(some(WAITS_S)), what)


@st.composite
def histories(draw: st.DrawFn, house: House, *, most: int = 40) -> list[Happening]:
    """Return what happens from the first connect on; it starts once, near the beginning."""
    before = draw(st.lists(happenings(house), max_size=2))
    after = draw(st.lists(happenings(house), min_size=most // 4, max_size=most))
    cold = [
        Happening(0.0, RequestReported(0.0, zone, True))
        for zone in house.zones
        if draw(st.sampled_from([True, True, False]))
    ]
    history = [
        Happening(0.0, Connected(0.0)),
        *before,
        Happening(draw(st.sampled_from([0.0, 0.1, 4.0])), Started(0.0, draw(memories(house)))),
        *cold,
        *after,
    ]
    if draw(st.sampled_from([False] * 5 + [True])):
        history.append(Happening(0.0, StopRequested(0.0)))
        history += draw(st.lists(happenings(house), max_size=6))
    return history


@dataclass(frozen=True, slots=True)
class Life:
    """A house and what happens in it.

    Attributes:
        lively: Between the events relays report what they are told and meters report what
            is true, as in a sound house; else nothing happens but the events.
        deaf: Loads whose relays hear and say nothing of their own accord.
    """

    house: House
    history: list[Happening]
    lively: bool
    deaf: frozenset[str] = frozenset()


@st.composite
def lives(draw: st.DrawFn, *, only_global: bool = False, most: int = 30) -> Life:
    """Return a house and what happens in it, mostly lively."""
    house = draw(houses(only_global=only_global))
    return Life(
        house,
        draw(histories(house, most=most)),
        lively=draw(st.sampled_from([True, True, True, False])),
        deaf=draw(
            st.one_of(
                st.just(frozenset()),
                st.frozensets(st.sampled_from(sorted(house.loads)), max_size=2),
            )
        ),
    )
