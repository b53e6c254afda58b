"""What there is: circuits, meters, zones, loads. Frozen, in watts and seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Estimation(StrEnum):
    """How a circuit's available power is known (R1)."""

    GLOBAL = "global"
    INDIVIDUAL = "individual"
    EXTERNAL = "external"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """Something that reports power.

    Attributes:
        name: Key path in config.toml, such as ``circuits.main.meter``; unique.
        stale_after_s: Silence after which it counts as gone, in seconds (R13).
        min_w: Least believable reading, in watts.
        max_w: Greatest believable reading, in watts. Of an appliance
            (``non_heating_meters``) also what it counts as while silent (R1).
    """

    name: str
    stale_after_s: float
    min_w: float
    max_w: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """The profile of breakers.md whose pessimistic edge is assumed (R19).

    Attributes:
        profile: Name of the profile, such as ``worst_norm``, ``C`` or ``linky``.
        rating_w: Rated power of the breaker, in watts; positive.
    """

    profile: str
    rating_w: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """A supply with a limit: the main breaker, one phase, a sub-panel.

    Attributes:
        unit: The unit of its numbers in config.toml and in the status.
        watts_per_unit: Watts that one unit stands for; positive.
        limit_w: Power that it carries for ever, in watts; not negative.
        reserve_w: Part of the limit never given to heating, in watts.
        safe_ratio: Divides the rated power to get the least that an
            unmetered, unlearned load is believed to draw (R1); at least 1.
        hysteresis: Factor of R7; at least 1.
        restore_delay_s: Width of R7's peak window, in seconds.
        settle_s: Time after a confirmed switching in which a reading may or
            may not show it, in seconds; raised by measurement (R2).
        idle_reserved: Power that idle loads leave stays reserved (R4).
        fallback_active: Loads that may stay on while blind (R13).
        steps: Greatest number of active loads per power-saving mode, or None.
        parent: Name of the circuit that feeds this one, or None.
        meter: Meter of the whole circuit; present with ``global``.
        non_heating_meters: Appliance meters (``individual``).
        security_margin_w: Added to their sum, in watts.
        available: Where another program publishes available power
            (``external``), or None: it only sets the mode.
        breaker: Profile for heat and trip margin.
    """

    name: str
    unit: str = "W"
    watts_per_unit: float = 1.0
    limit_w: float
    reserve_w: float = 0.0
    estimation: Estimation = Estimation.GLOBAL
    safe_ratio: float = 1.3
    hysteresis: float = 1.1
    restore_delay_s: float = 30.0
    settle_s: float = 3.0
    idle_reserved: bool = True
    fallback_active: int = 0
    steps: tuple[int, ...] | None = None
    parent: str | None = None
    meter: Meter | None = None
    non_heating_meters: tuple[Meter, ...] = ()
    security_margin_w: float = 0.0
    available: Meter | None = None
    breaker: Breaker

    def show(self, power_w: float) -> float:
        """Return a power in the circuit's unit, rounded for people."""
        return round(power_w / self.watts_per_unit, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayTraits:
    """What the controller must know of a relay; how it is spoken to is in ``devices``.

    Attributes:
        confirms: It reports its state (has a ``state_topic``).
        merged: A state message may repeat an old state (Zigbee2MQTT merges).
        bridge: Name of the radio bridge that takes at most four unconfirmed
            commands at a time (R11), or None.
        dead_man_s: The relay turns itself off so long after the last ON, in
            seconds, or None (R12).
        retries: Repeats of an unconfirmed command before ``fault``.
        confirm_within_s: Fixed time for a confirmation, in seconds; None: measured.
    """

    confirms: bool = True
    merged: bool = False
    bridge: str | None = None
    dead_man_s: float | None = None
    retries: int = 3
    confirm_within_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One heater behind one relay channel.

    Attributes:
        power_w_by_circuit: Power the load may take at most, in watts, keyed by
            the nearest circuits it is on; never empty. Measured with a clamp,
            not read off the nameplate: heaters for 220 V draw a fifth more at
            240 V.
        priority: Greater is served first (R5).
        turns: How often it stands in ``order``; its share is divided by it.
        min_on_s: Shortest time on, in seconds. Shedding, blindness, away and
            mode changes override it (R8).
        min_off_s: Shortest time off, in seconds. Nothing overrides it (R8).
        boost_max_s: Longest boost, in seconds; positive.
        rated_switches: Switchings the relay is made for.
        meter: The load's own power meter, or None.
    """

    name: str
    title: str = ""
    zone: str
    power_w_by_circuit: Mapping[str, float]
    priority: int = 0
    turns: int = 1
    min_on_s: float = 300.0
    min_off_s: float = 120.0
    boost_max_s: float = 7200.0
    rated_switches: int = 100_000
    relay: RelayTraits = field(default_factory=RelayTraits)
    meter: Meter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """What one thermostat controls.

    Attributes:
        own_switch: The request comes over the balancer's own topic.
        request_ttl_s: A request not repeated for so long ends, in seconds, or None.
    """

    name: str
    title: str = ""
    own_switch: bool = True
    request_ttl_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """All circuits, zones and loads of one balancer.

    Attributes:
        circuits: By name; parents may stand after children.
        zones: By name.
        loads: By name, in file order.
        order: Names of loads in the order that breaks ties; each at least once.
        hold_off_s: Changes of a request within it are one, in seconds (R8).
        dry_run: Relay commands are not sent and count as confirmed (R17).
        keep_on_exit: SIGTERM leaves the relays as they are (R16).
        ancestors: For each circuit itself and all that feed it, nearest first.
        power_w: For each load its rated power in watts on every circuit that
            it is on, ancestors included (phases summed on a common parent).
        rated_w: For each load its whole rated power, in watts.
        loads_of: For each circuit the names of the loads on it or below it.
        rank: Position of each load in ``order``.
        guards: For each circuit that has one the meter without which it is blind (R13).
        appliances: Meters of single appliances, of all circuits.
        measured_by: For each supply meter the names of the circuits that it measures.
        tells_of: For each meter the names of the circuits whose room it tells of.
        load_of_meter: For each load's own meter the name of the load.
        bridge_of: For each load behind a radio bridge the name of the bridge.
        request_ttl_s: For each zone that has one.
    """

    name: str
    circuits: Mapping[str, Circuit]
    zones: Mapping[str, Zone]
    loads: Mapping[str, Load]
    order: tuple[str, ...]
    hold_off_s: float = 1.0
    dry_run: bool = False
    keep_on_exit: bool = False
    ancestors: Mapping[str, tuple[str, ...]] = field(init=False)
    power_w: Mapping[str, Mapping[str, float]] = field(init=False)
    rated_w: Mapping[str, float] = field(init=False)
    loads_of: Mapping[str, tuple[str, ...]] = field(init=False)
    rank: Mapping[str, int] = field(init=False)
    guards: Mapping[str, Meter] = field(init=False)
    appliances: tuple[Meter, ...] = field(init=False)
    measured_by: Mapping[str, tuple[str, ...]] = field(init=False)
    tells_of: Mapping[str, tuple[str, ...]] = field(init=False)
    load_of_meter: Mapping[str, str] = field(init=False)
    bridge_of: Mapping[str, str] = field(init=False)
    request_ttl_s: Mapping[str, float] = field(init=False)

    def __post_init__(self) -> None:
        ancestors = {name: _line(self.circuits, name) for name in self.circuits}
        power_w: dict[str, dict[str, float]] = {}
        for load in self.loads.values():
            on: dict[str, float] = {}
            for nearest, watts in load.power_w_by_circuit.items():
                for circuit in ancestors[nearest]:
                    on[circuit] = on.get(circuit, 0.0) + watts
            power_w[load.name] = on
        measured_by: dict[str, tuple[str, ...]] = {}
        tells_of: dict[str, tuple[str, ...]] = {}
        for supply in self.circuits.values():
            meters = (supply.meter, supply.available, *supply.non_heating_meters)
            for meter in dict.fromkeys(meter.name for meter in meters if meter is not None):
                tells_of[meter] = (*tells_of.get(meter, ()), supply.name)
            if supply.meter is not None:
                by = supply.meter.name
                measured_by[by] = (*measured_by.get(by, ()), supply.name)
        derived = {
            "ancestors": ancestors,
            "power_w": power_w,
            "rated_w": {
                load.name: sum(load.power_w_by_circuit.values()) for load in self.loads.values()
            },
            "loads_of": {
                circuit: tuple(name for name in self.loads if circuit in power_w[name])
                for circuit in self.circuits
            },
            "rank": {name: self.order.index(name) for name in self.loads},
            "guards": {
                name: guard
                for name, circuit in self.circuits.items()
                if (guard := _guard(circuit)) is not None
            },
            "appliances": tuple(
                meter for circuit in self.circuits.values() for meter in circuit.non_heating_meters
            ),
            "measured_by": measured_by,
            "tells_of": tells_of,
            "load_of_meter": {
                load.meter.name: load.name for load in self.loads.values() if load.meter is not None
            },
            "bridge_of": {
                load.name: load.relay.bridge
                for load in self.loads.values()
                if load.relay.bridge is not None
            },
            "request_ttl_s": {
                zone.name: zone.request_ttl_s
                for zone in self.zones.values()
                if zone.request_ttl_s is not None
            },
        }
        for key, value in derived.items():
            object.__setattr__(self, key, value)


def _guard(circuit: Circuit) -> Meter | None:
    if circuit.estimation is Estimation.GLOBAL:
        return circuit.meter
    return circuit.available if circuit.estimation is Estimation.EXTERNAL else None


def _line(circuits: Mapping[str, Circuit], name: str) -> tuple[str, ...]:
    line = [name]
    while (parent := circuits[line[-1]].parent) is not None:
        assert parent not in line, line
        line.append(parent)
    return tuple(line)
