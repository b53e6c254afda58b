"""The simulated house: everything physical behind the meters and the relays, in virtual time.

Power is constant between events. ``advance`` goes from event to event: a sample of the trace, a
thermostat, a heater's own thermostat, the mains voltage, the weather, a breaker. Nothing is
stepped by the second. Whoever drives the house moves relays with ``set_relay``, reads meters with
``meter_w`` and asks when it changes by itself with ``next_change_s``.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from math import inf
from random import Random

from balancer.config.setup import Setup
from balancer.core.model import Circuit
from balancer.sim.home.furnishing import furnished, supply_for
from balancer.sim.home.happenings import Happening, Journal, Kind
from balancer.sim.home.heaters import FOUND
from balancer.sim.home.others import appliance_w, others_for
from balancer.sim.home.shares import Shares
from balancer.sim.home.supply import Supply, Trip, Voltage
from balancer.sim.home.thermostats import DAY_S
from balancer.sim.home.traces import Trace, Weather

MIDWINTER = datetime(2007, 1, 1)  # noqa: DTZ001 - local time of a house without a place
COLD_TOLERANCE_K = 0.5  # a thermostat's band; colder than that below the set point is cold
LOOK_EVERY_S = 600.0  # cold is added up, and the voltage wanders, in steps of ten minutes


class SimHouse:
    """A house in which electricity flows. Made by ``build``.

    Attributes:
        now_s: The present, in seconds from the start.
        start: Local time of the start.
        happened: What happened by itself since it was last cleared; the driver clears it.
        boot_contact: The relay's contact after power returns, by load (False: open).
        unsheddable: Loads whose relays obey nobody (welded): no policy could switch them off.
        supplies: Breaker and account of each circuit, by its name.
        watched: Further breakers on the same circuits, by circuit: they count their trips and
            close again at once, so that one run judges many profiles.
        shares: Who was served of those who wanted.
        journal: What a report draws, or None.
    """

    def __init__(
        self,
        setup: Setup,
        *,
        seed: int,
        start: datetime,
        others: dict[str, Trace],
        weather: Weather,
        supplies: dict[str, Supply],
        watched: dict[str, tuple[Supply, ...]],
        inverted: Collection[str],
        rearm_after_s: float,
        oversize: float | None,
        draws: tuple[float, float],
        journal: bool,
    ) -> None:
        """Use ``build``."""
        house = setup.house
        self.setup = setup
        self.start = start
        self.now_s = 0.0
        self.happened: list[Happening] = []
        self.boot_contact = dict.fromkeys(house.loads, False)
        self.unsheddable: set[str] = set()
        self.supplies = supplies
        self.watched = watched
        self.shares = Shares(house)
        self.journal = Journal(house.circuits, house.loads, house.zones) if journal else None
        self._others = others
        self._plugged_w = dict.fromkeys(house.circuits, 0.0)
        self._weather = weather
        self._rearm_after_s = rearm_after_s
        self._day_from_s = start.hour * 3600.0 + start.minute * 60.0 + start.second
        year = start.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
        self._year_from_s = (start - year) / timedelta(seconds=1)
        self._voltage = Voltage(Random(f"{seed}/voltage"))
        self._zones, self._heaters = furnished(
            house,
            seed,
            day_s=self._day_from_s,
            outside_c=self.outside_c,
            inverted=inverted,
            oversize=oversize,
            draws=draws,
        )
        self._parts = {
            load: {
                circuit: watts / house.rated_w[load]
                for circuit, watts in house.power_w[load].items()
            }
            for load in house.loads
        }
        self._on_circuit = {
            circuit: tuple(
                (self._heaters[load], self._parts[load][circuit], load) for load in names
            )
            for circuit, names in house.loads_of.items()
        }
        self._measures = self._measured_by()
        self._due_s: list[float] = []
        self._due_calls: list[Callable[[float], None]] = []
        self._zone_slots: dict[str, int] = {}
        self._heater_slots: dict[str, int] = {}
        self._trip_slots: dict[str, int] = {}
        self._make_events()

    # what can be seen

    @property
    def next_change_s(self) -> float:
        """Return the instant at which something may change by itself."""
        return min(self._due_s)

    @property
    def voltage_v(self) -> float:
        """Return the mains voltage."""
        return self._voltage.now_v

    @property
    def outside_c(self) -> float:
        """Return the outdoor temperature."""
        return self._weather.outside_c(self._year_from_s + self.now_s)

    @property
    def trips(self) -> list[Trip]:
        """Return all trips so far, in order of time."""
        return sorted(
            (trip for supply in self.supplies.values() for trip in supply.trips),
            key=lambda trip: trip.at_s,
        )

    def power_w(self, circuit: str) -> float:
        """Return the power that flows through a circuit now, in watts."""
        return self.supplies[circuit].power_w

    def non_heating_w(self, circuit: str) -> float:
        """Return what everything but the loads takes on a circuit, in watts; 0 while dark."""
        if self.dark(circuit):
            return 0.0
        return self._others[circuit].power_at(self.now_s) + self._plugged_w[circuit]

    def heater_w(self, load: str) -> float:
        """Return what a load takes now, in watts."""
        return self._heaters[load].power_w

    def takes_w(self, load: str) -> float:
        """Return what a load takes at this voltage while it draws at all, in watts."""
        return self._heaters[load].takes_w(self.voltage_v)

    def could_draw_w(self, load: str) -> float:
        """Return what a load would take now if its contact let it, in watts."""
        return self._heaters[load].could_draw_w(self.voltage_v)

    def heating(self, load: str) -> bool:
        """Return whether a load's contact lets it heat, whether or not it draws."""
        return self._heaters[load].allowed

    def contact(self, load: str) -> bool:
        """Return whether the relay's contact is closed."""
        return self._heaters[load].contact

    def powered(self, load: str) -> bool:
        """Return whether there is mains at a load and its relay."""
        return self._heaters[load].powered

    def room_c(self, zone: str) -> float:
        """Return the air temperature of a zone's room."""
        return self._zones[zone].room.air_c(self.now_s)

    def set_c(self, zone: str) -> float:
        """Return the set point of a zone's thermostat."""
        return self._zones[zone].programme.at(self._day_s())

    def request(self, zone: str) -> bool:
        """Return whether a zone's thermostat asks for heat."""
        return self._zones[zone].thermostat.requested

    def demand(self, zone: str) -> float:
        """Return a zone's demand in per cent."""
        return self._zones[zone].thermostat.demand

    def tripped(self, circuit: str) -> bool:
        """Return whether a circuit's own breaker is open."""
        return self.supplies[circuit].tripped

    def dark(self, circuit: str) -> bool:
        """Return whether a circuit has no mains: its breaker, or one above it, is open."""
        return any(self.supplies[each].tripped for each in self.setup.house.ancestors[circuit])

    def meter_w(self, meter: str) -> float:
        """Return what a meter of the configuration measures now, in watts.

        A circuit's meter is thereby taken to publish a reading: the oracle counts it.
        """
        return self._measures[meter]()

    def _measured_by(self) -> dict[str, Callable[[], float]]:
        """Return what each meter of the configuration measures."""
        measures: dict[str, Callable[[], float]] = {}
        for circuit in self.setup.house.circuits.values():
            if circuit.meter is not None:
                measures[circuit.meter.name] = partial(self._supply_w, circuit.name)
            if circuit.available is not None:
                measures[circuit.available.name] = partial(self._available_w, circuit)
            for each in circuit.non_heating_meters:
                measures[each.name] = partial(self._appliance_w, circuit, each.name)
        for load in self.setup.house.loads.values():
            if load.meter is not None:
                measures[load.meter.name] = partial(self.heater_w, load.name)
        return measures

    def _supply_w(self, circuit: str) -> float:
        self.seen(circuit)
        return self.power_w(circuit)

    def _appliance_w(self, circuit: Circuit, meter: str) -> float:
        return appliance_w(circuit, self.non_heating_w(circuit.name))[meter]

    def seen(self, circuit: str | None = None, *, reaction_s: float | None = None) -> None:
        """Tell the oracle that a meter samples a circuit, or all of them, now.

        ``reaction_s``: How long this reading and the relays after it take; None: as built.
        """
        for name in self.supplies if circuit is None else (circuit,):
            self.supplies[name].seen(self.now_s, reaction_s)
            for each in self.watched[name]:
                each.seen(self.now_s, reaction_s)

    # what adds up

    def energy_j(self, load: str) -> float:
        """Return the heat that a load has given so far, in joules."""
        return self._heaters[load].energy_at(self.now_s)

    def switchings(self, load: str) -> int:
        """Return how often its contact has been moved."""
        return self._heaters[load].switchings

    def cold_k_h(self, zone: str) -> float:
        """Return how long, and by how much, the room was too cold, in degree hours."""
        return self._zones[zone].cold_k_h

    def settle_accounts(self) -> None:
        """Bring everything that adds up to the present."""
        self._count_shares(self.now_s)
        for circuit in self.supplies:
            self._flow(circuit, self.now_s)

    # what moves it

    def advance(self, to_s: float) -> None:
        """Let time pass until an instant; everything due at it has happened then."""
        assert to_s >= self.now_s, (to_s, self.now_s)
        due_s = self._due_s
        while (at_s := min(due_s)) <= to_s:
            self.now_s = max(at_s, self.now_s)
            self._due_calls[due_s.index(at_s)](self.now_s)
        self.now_s = to_s

    def plug(self, circuit: str, watts: float) -> None:
        """Switch an appliance on beside the trace, or off again with its negative watts."""
        for each in self.setup.house.ancestors[circuit]:
            self._plugged_w[each] += watts
            self._flow(each, self.now_s)

    def turn_down(self, load: str, down: bool) -> None:
        """Turn a heater's own knob down so that it draws nothing, or up again."""
        self._heaters[load].turned_down = down
        self._look_heater(load, self.now_s)

    def strengthen(self, load: str, factor: float) -> None:
        """Let a heater draw more, or less, than it did."""
        self._heaters[load].resistance_w *= factor
        self._look_heater(load, self.now_s)

    def rearm_after(self, seconds: float) -> None:
        """Let somebody close a tripped breaker after so long from now on."""
        self._rearm_after_s = seconds

    def set_relay(self, load: str, closed: bool) -> None:
        """Move a relay's contact now; on an inverted load (pilot wire) closed means off."""
        heater = self._heaters[load]
        if heater.contact == closed:
            return
        self._count_shares(self.now_s)
        heater.contact = closed
        heater.switchings += 1
        if self.journal is not None:
            self.journal.relays[load].append((self.now_s, heater.allowed))
        self._look_heater(load, self.now_s)

    # events

    def _make_events(self) -> None:
        self._slot(0.0, self._other_power)
        self._slot(3600.0 - self._year_from_s % 3600.0, self._hour)
        self._slot(LOOK_EVERY_S, self._ten_minutes)
        self._slot(DAY_S, self._day)
        for zone in self._zones:
            self._zone_slots[zone] = self._slot(0.0, partial(self._look_zone, zone))
        for load in self._heaters:
            self._heater_slots[load] = self._slot(inf, partial(self._look_heater, load))
        for circuit in self.supplies:
            self._trip_slots[circuit] = self._slot(inf, partial(self._breaker, circuit))
        # everything has its first state before anybody looks
        for load, heater in self._heaters.items():
            if heater.settle_power(0.0, self.voltage_v):
                self._look_heater(load, 0.0)
        self.advance(0.0)
        self.happened.clear()

    def _slot(self, at_s: float, call: Callable[[float], None]) -> int:
        self._due_s.append(at_s)
        self._due_calls.append(call)
        return len(self._due_s) - 1

    def _other_power(self, at_s: float) -> None:
        self._due_s[0] = min(trace.next_change_s(at_s) for trace in self._others.values())
        for circuit in self.supplies:
            self._flow(circuit, at_s)

    def _hour(self, at_s: float) -> None:
        self._due_s[1] = at_s + 3600.0
        for zone in self._zones:
            self._warm(zone, at_s)

    def _ten_minutes(self, at_s: float) -> None:
        self._due_s[2] = at_s + LOOK_EVERY_S
        self._voltage.change()
        for name, zone in self._zones.items():
            air_c, set_c = zone.room.air_c(at_s), zone.programme.at(self._day_s())
            zone.cold_k_h += max(0.0, set_c - COLD_TOLERANCE_K - air_c) * LOOK_EVERY_S / 3600.0
            if self.journal is not None:
                self.journal.rooms[name].append((at_s, air_c, set_c))
        for load, heater in self._heaters.items():
            if heater.power_w > 0.0:
                self._look_heater(load, at_s)

    def _day(self, at_s: float) -> None:
        self._due_s[3] = at_s + DAY_S
        self._count_shares(at_s)
        self.shares.end_day()

    def _look_zone(self, name: str, at_s: float) -> None:
        """Let a thermostat judge its room."""
        zone = self._zones[name]
        before = zone.thermostat.requested
        day_s = self._day_s()
        next_s = zone.thermostat.look(zone.room, zone.programme.at(day_s), at_s)
        programme_s = at_s + max(1.0, zone.programme.next_change_s(day_s) - day_s)
        self._due_s[self._zone_slots[name]] = min(next_s, programme_s, at_s + 3600.0)
        if zone.thermostat.requested != before:
            # the time until now counts with the old answer
            self._count_shares(at_s, old={name: before})
            self.happened.append(Happening(at_s, Kind.REQUESTED, name))
            if self.journal is not None:
                self.journal.requests[name].append((at_s, not before))

    def _warm(self, name: str, at_s: float) -> None:
        """Let the heaters' present power and the weather act on a room."""
        zone = self._zones[name]
        heat_w = sum(heater.power_w for heater in zone.heaters)
        zone.room.change(at_s, heat_w=heat_w, outside_c=self.outside_c)
        self._look_zone(name, at_s)

    def _look_heater(self, name: str, at_s: float) -> None:
        """Let a heater's own thermostat judge, and its power follow."""
        heater = self._heaters[name]
        load = self.setup.house.loads[name]
        air_c = self._zones[load.zone].room.air_c(at_s)
        slot = self._heater_slots[name]
        self._due_s[slot] = heater.look(air_c, at_s)
        if heater.settle_power(at_s, self.voltage_v):
            self._due_s[slot] = min(self._due_s[slot], heater.look(air_c, at_s))
            self._warm(load.zone, at_s)
            for circuit in self._parts[name]:
                self._flow(circuit, at_s)

    def _flow(self, circuit: str, at_s: float) -> None:
        """Let the present power flow through a circuit's breaker."""
        others_w = self.non_heating_w(circuit)
        heating_w = stuck_w = 0.0
        for heater, part, load in self._on_circuit[circuit]:
            heating_w += heater.power_w * part
            if load in self.unsheddable:
                stuck_w += heater.power_w * part
        supply = self.supplies[circuit]
        supply.flow(at_s, others_w + heating_w, others_w + stuck_w)
        self._due_s[self._trip_slots[circuit]] = min(supply.trips_at_s, supply.rearm_s)
        for watched in self.watched[circuit]:
            if watched.trips_at_s <= at_s:
                trip_s = watched.trips_at_s
                watched.trip(trip_s, avoidable=self._ideal_holds(watched, trip_s), rearm_s=trip_s)
                watched.rearm(at_s, cold=True)
            watched.flow(at_s, others_w + heating_w, others_w + stuck_w)
        if self.journal is not None:
            self.journal.power_w[circuit].append((at_s, others_w + heating_w, others_w))

    def _breaker(self, circuit: str, at_s: float) -> None:
        """Trip, or close again."""
        supply = self.supplies[circuit]
        if supply.tripped:
            supply.rearm(at_s)
            self.happened.append(Happening(at_s, Kind.REARMED, circuit))
        else:
            supply.trip(
                at_s,
                avoidable=self._ideal_holds(supply, at_s),
                rearm_s=at_s + self._rearm_after_s,
            )
            self.happened.append(Happening(at_s, Kind.TRIPPED, circuit))
        self._due_s[self._trip_slots[circuit]] = min(supply.trips_at_s, supply.rearm_s)
        self._power_loads(at_s)

    def _power_loads(self, at_s: float) -> None:
        """Give and take the mains from loads after a breaker has moved."""
        self._count_shares(at_s)
        dark = {circuit for circuit in self.supplies if self.dark(circuit)}
        for load, heater in self._heaters.items():
            powered = dark.isdisjoint(self._parts[load])
            if powered == heater.powered:
                continue
            heater.powered = powered
            if powered:
                heater.contact = self.boot_contact[load]
            self.happened.append(Happening(at_s, Kind.BOOTED if powered else Kind.DARK, load))
            if self.journal is not None:
                self.journal.relays[load].append((at_s, powered and heater.allowed))
            self._look_heater(load, at_s)
        for circuit in self.supplies:
            self._flow(circuit, at_s)

    def _ideal_holds(self, supply: Supply, at_s: float) -> bool:
        """Return whether the best policy's breaker stays shut until the overload is over."""
        circuit = supply.name
        ideal = supply.ideal_twin(at_s)
        if ideal is None:
            return False
        twin, at_s = ideal
        others = self._others[circuit]
        until_s = at_s + DAY_S
        while at_s < until_s:
            next_s = others.next_change_s(at_s)
            if twin.trips_at_s <= next_s:
                return False
            power_w = others.power_at(next_s) + self._plugged_w[circuit]
            if power_w <= supply.limit_w:
                return True
            twin.carry(next_s, supply.load_of(power_w))
            at_s = next_s
        return True

    def _count_shares(self, at_s: float, old: dict[str, bool] | None = None) -> None:
        """Count who wanted and who was on until now; ``old``: answers just given up."""
        loads = self.setup.house.loads
        wanted = {zone: each.thermostat.requested for zone, each in self._zones.items()}
        if old:
            wanted |= old
        heaters = self._heaters
        self.shares.count(
            at_s,
            {name: wanted[load.zone] and heaters[name].powered for name, load in loads.items()},
            {name: heater.allowed and heater.powered for name, heater in heaters.items()},
        )

    def _available_w(self, circuit: Circuit) -> float:
        return circuit.limit_w - circuit.reserve_w - self.non_heating_w(circuit.name)

    def _day_s(self) -> float:
        return (self._day_from_s + self.now_s) % DAY_S


def build(
    setup: Setup,
    *,
    seed: int,
    trace: Trace,
    weather: Weather,
    breaker: str | None = None,
    watched: Sequence[str] = (),
    reaction_s: float = 0.25,
    rearm_after_s: float = 600.0,
    first_day: int = 0,
    oversize: float | None = None,
    draws: tuple[float, float] = FOUND,
    journal: bool = False,
) -> SimHouse:
    """Return a house for a configuration; the same arguments give the same house.

    Args:
        setup: Its circuits, zones and loads; rooms are made to fit the loads.
        seed: Draws everything that differs between houses.
        trace: What everything but the heaters takes; it repeats when it is over.
        weather: Outdoor temperature by hour of the year.
        breaker: Profile of every breaker; None: as configured, and where nothing is configured
            (``worst_norm``) a breaker drawn from the band of curve C.
        watched: Profiles of further breakers that only count, see ``SimHouse``.
        reaction_s: From a meter's sample to the opening of a relay, for the oracle.
        rearm_after_s: Somebody closes a tripped breaker after so long.
        first_day: Day of the trace at which the run starts.
        oversize: Power of the heaters by the loss of their rooms on the coldest day; well below
            1 everybody asks for heat all day long. None: drawn as installers choose it.
        draws: Least and greatest draw of the heaters at 230 V, as multiples of what is configured.
        journal: Keep what a report draws.
    """
    house = setup.house
    # somewhere within the first minute: ticks at full minutes do not fall on samples of the trace
    within_s = round(Random(f"{seed}/start").uniform(5.0, 55.0), 1)
    start = (trace.start or MIDWINTER) + timedelta(days=first_day, seconds=within_s)
    moved = trace.from_day(first_day)
    circuits = house.circuits.values()
    behind = partial(supply_for, seed=seed, reaction_s=reaction_s)
    return SimHouse(
        setup,
        seed=seed,
        start=start,
        others=others_for(house, moved, Random(f"{seed}/others")),
        weather=weather,
        supplies={each.name: behind(each, breaker) for each in circuits},
        watched={each.name: tuple(behind(each, name) for name in watched) for each in circuits},
        inverted=[name for name, each in setup.relays.items() if getattr(each, "inverted", False)],
        rearm_after_s=rearm_after_s,
        oversize=oversize,
        draws=draws,
        journal=journal,
    )


__all__: Sequence[str] = ("Happening", "Journal", "Kind", "SimHouse", "build")
