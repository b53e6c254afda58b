"""The simulated house: everything physical behind the meters and the relays, in virtual time.

Power is constant between events. ``advance`` goes from event to event: a sample of the trace, a
thermostat, a heater's own thermostat, the mains voltage, the weather, a breaker. Nothing is
stepped by the second. Whoever drives the house moves relays with ``set_relay``, reads meters with
``meter_w`` and asks when it changes by itself with ``next_change_s``.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from math import inf

from balancer.config.setup import Setup
from balancer.sim.home.board import Board
from balancer.sim.home.happenings import Happening, Journal, Kind
from balancer.sim.home.heaters import Heater
from balancer.sim.home.metering import measures_of
from balancer.sim.home.shares import Shares
from balancer.sim.home.supply import Trip, Voltage
from balancer.sim.home.thermostats import DAY_S
from balancer.sim.home.traces import Weather
from balancer.sim.home.zones import Zone

HOUR_S = 3600.0
OTHERS, HOUR, TEN_MINUTES, DAY = range(4)  # slots of events that are no zone's, load's or circuit's
LOOK_EVERY_S = 600.0  # cold is added up, and the voltage wanders, in steps of ten minutes


def second_of_day(start: datetime) -> float:
    """Return the seconds since midnight."""
    return start.hour * 3600.0 + start.minute * 60.0 + start.second


def second_of_year(start: datetime) -> float:
    """Return the seconds since the year began."""
    year = start.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    return (start - year).total_seconds()


class SimHouse:
    """A house in which electricity flows. Made by ``building.build``.

    Attributes:
        now_s: The present, in seconds from the start.
        start: Local time of the start.
        happened: What happened by itself since it was last cleared; the driver clears it.
        boot_contact: The relay's contact after power returns, by load (False: open).
        supplies, watched, unsheddable: Of its ``Board``.
        shares: Who was served of those who wanted.
        journal: What a report draws, or None.
    """

    def __init__(
        self,
        setup: Setup,
        *,
        start: datetime,
        weather: Weather,
        voltage: Voltage,
        zones: Mapping[str, Zone],
        heaters: Mapping[str, Heater],
        board: Board,
        rearm_after_s: float,
        journal: Journal | None,
    ) -> None:
        """Put it together and let everything take its first state."""
        house = setup.house
        self.setup = setup
        self.start = start
        self.now_s = 0.0
        self.happened: list[Happening] = []
        self.boot_contact = dict.fromkeys(house.loads, False)
        self.supplies = board.supplies
        self.watched = board.watched
        self.unsheddable = board.unsheddable
        self.shares = Shares(house)
        self.journal = journal
        self._weather = weather
        self._voltage = voltage
        self._zones = zones
        self._heaters = heaters
        self._board = board
        self._rearm_after_s = rearm_after_s
        self._day_from_s = second_of_day(start)
        self._year_from_s = second_of_year(start)
        self._measures = measures_of(
            house, supply_w=self._read_w, others_w=self.non_heating_w, heater_w=self.heater_w
        )
        self._due_s: list[float] = []
        self._due_calls: list[Callable[[float], None]] = []
        self._zone_slots: dict[str, int] = {}
        self._heater_slots: dict[str, int] = {}
        self._turn_slots: dict[str, int] = {}
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
        return self._board.trips

    def power_w(self, circuit: str) -> float:
        """Return the power that flows through a circuit now, in watts."""
        return self.supplies[circuit].power_w

    def non_heating_w(self, circuit: str) -> float:
        """Return what everything but the loads takes on a circuit, in watts; 0 while dark."""
        return self._board.others_w(circuit, self.now_s)

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

    def dark(self, circuit: str) -> bool:
        """Return whether a circuit has no mains: its breaker, or one above it, is open."""
        return self._board.dark(circuit)

    def meter_w(self, meter: str) -> float:
        """Return what a meter of the configuration measures now, in watts.

        A circuit's meter is thereby taken to publish a reading: the oracle counts it.
        """
        return self._measures[meter]()

    def seen(self, circuit: str | None = None, *, reaction_s: float | None = None) -> None:
        """Tell the oracle that a meter samples a circuit, or all of them, now.

        ``reaction_s``: How long this reading and the relays after it take; None: as built.
        """
        self._board.seen(self.now_s, circuit, reaction_s)

    def _read_w(self, circuit: str) -> float:
        self.seen(circuit)
        return self.power_w(circuit)

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
        self._board.plug(circuit, watts)
        for each in self.setup.house.ancestors[circuit]:
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
        first_hour_s = HOUR_S - self._year_from_s % HOUR_S
        self._due_s += (0.0, first_hour_s, LOOK_EVERY_S, DAY_S)
        self._due_calls += (self._other_power, self._hour, self._ten_minutes, self._day)
        for zone in self._zones:
            self._zone_slots[zone] = self._slot(0.0, partial(self._look_zone, zone))
        for load in self._heaters:
            self._heater_slots[load] = self._slot(inf, partial(self._look_heater, load))
        for circuit in self.supplies:
            self._turn_slots[circuit] = self._slot(inf, partial(self._turn, circuit))
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
        self._due_s[OTHERS] = self._board.others_change_s(at_s)
        for circuit in self.supplies:
            self._flow(circuit, at_s)

    def _hour(self, at_s: float) -> None:
        self._due_s[HOUR] = at_s + HOUR_S
        for zone in self._zones:
            self._warm(zone, at_s)

    def _ten_minutes(self, at_s: float) -> None:
        self._due_s[TEN_MINUTES] = at_s + LOOK_EVERY_S
        self._voltage.change()
        for name, zone in self._zones.items():
            air_c, set_c = zone.room.air_c(at_s), zone.programme.at(self._day_s())
            zone.count_cold(air_c, set_c, LOOK_EVERY_S)
            if self.journal is not None:
                self.journal.rooms[name].append((at_s, air_c, set_c))
        for load, heater in self._heaters.items():
            if heater.power_w > 0.0:
                self._look_heater(load, at_s)

    def _day(self, at_s: float) -> None:
        self._due_s[DAY] = at_s + DAY_S
        self._count_shares(at_s)
        self.shares.end_day()

    def _look_zone(self, name: str, at_s: float) -> None:
        """Let a thermostat judge its room."""
        zone = self._zones[name]
        before = zone.thermostat.requested
        self._due_s[self._zone_slots[name]] = zone.look(at_s, self._day_s())
        if zone.thermostat.requested != before:
            # the time until now counts with the old answer
            self._count_shares(at_s, old={name: before})
            self.happened.append(Happening(at_s, Kind.REQUESTED, name))
            if self.journal is not None:
                self.journal.requests[name].append((at_s, not before))

    def _warm(self, name: str, at_s: float) -> None:
        """Let the heaters' present power and the weather act on a room."""
        self._zones[name].warm(at_s, self.outside_c)
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
            for circuit in self.setup.house.power_w[name]:
                self._flow(circuit, at_s)

    def _flow(self, circuit: str, at_s: float) -> None:
        """Let the present power flow through a circuit's breaker."""
        self._board.flow(circuit, at_s)
        self._due_s[self._turn_slots[circuit]] = self._board.turns_s(circuit)

    def _turn(self, circuit: str, at_s: float) -> None:
        """Let a breaker trip, or close again."""
        kind = self._board.turn(circuit, at_s, rearm_after_s=self._rearm_after_s)
        self.happened.append(Happening(at_s, kind, circuit))
        self._due_s[self._turn_slots[circuit]] = self._board.turns_s(circuit)
        self._power_loads(at_s)

    def _power_loads(self, at_s: float) -> None:
        """Give and take the mains from loads after a breaker has moved."""
        self._count_shares(at_s)
        dark = {circuit for circuit in self.supplies if self.dark(circuit)}
        for load, heater in self._heaters.items():
            powered = dark.isdisjoint(self.setup.house.power_w[load])
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

    def _day_s(self) -> float:
        return (self._day_from_s + self.now_s) % DAY_S
