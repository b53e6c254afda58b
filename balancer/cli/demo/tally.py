"""What a demo comes to: how often and how fast it shed, and what it cost in switchings."""

from collections import Counter
from dataclasses import dataclass, field
from statistics import median

from balancer.core.model import House

WITHIN_S = 1.0  # an OFF later than this after a reading answers something else


@dataclass(slots=True)
class Tally:
    """Counts at the devices' side of the broker, where commands arrive.

    Attributes:
        house: For the names.
        sheds_ms: For each reading over the limit that made the balancer shed: from its
            publication to the arrival of the last OFF, in milliseconds.
        switchings: Of the relays, by load.
        trips: Of the breaker.
        over_s: Time over the limit, in seconds; ``longest_over_s`` the longest of it.
    """

    house: House
    sheds_ms: list[float] = field(default_factory=list)
    switchings: Counter[str] = field(default_factory=Counter)
    trips: int = 0
    over_s: float = 0.0
    longest_over_s: float = 0.0
    _read_s: float | None = None
    _shed_ms: float | None = None
    _over_since_s: float | None = None

    def read(self, power_w: float, limit_w: float, now_s: float) -> None:
        """A reading is being published."""
        self._close()
        self._read_s = now_s if power_w > limit_w else None

    def commanded(self, load: str, on: bool, now_s: float) -> None:
        """A command has arrived at its relay."""
        del load
        if not on and self._read_s is not None and now_s - self._read_s < WITHIN_S:
            self._shed_ms = (now_s - self._read_s) * 1000.0

    def switched(self, load: str) -> None:
        """A contact has moved."""
        self.switchings[load] += 1

    def over(self, over: bool, now_s: float) -> None:
        """The house takes more than the limit, or no longer does."""
        if over and self._over_since_s is None:
            self._over_since_s = now_s
        elif not over and self._over_since_s is not None:
            lasted_s = now_s - self._over_since_s
            self.over_s += lasted_s
            self.longest_over_s = max(self.longest_over_s, lasted_s)
            self._over_since_s = None

    def _close(self) -> None:
        if self._shed_ms is not None:
            self.sheds_ms.append(self._shed_ms)
            self._shed_ms = None

    def lines(self, *, ran_s: float, heat_kwh: float, house_h: float) -> list[str]:
        """Return the summary for people."""
        self._close()
        shed = "never had to shed"
        if self.sheds_ms:
            times = "once" if len(self.sheds_ms) == 1 else f"{len(self.sheds_ms)} times"
            shed = (
                f"shed {times}: reading to last OFF {median(self.sheds_ms):.1f} ms (median), "
                f"{max(self.sheds_ms):.1f} ms (slowest)"
            )
        total = sum(self.switchings.values())
        most = self.switchings.most_common(1)
        busiest = ""
        if most:
            load = self.house.loads[most[0][0]]
            busiest = f", {load.title or load.name} most often ({most[0][1]})"
        return [
            f"{ran_s:.0f} s in real time, {house_h:.1f} h in the house",
            shed,
            f"over the limit for {self.over_s:.1f} s, {self.longest_over_s:.1f} s at most at once",
            f"breaker trips: {self.trips}",
            f"heat delivered: {heat_kwh:.2f} kWh",
            f"relay switchings: {total}{busiest}",
        ]
