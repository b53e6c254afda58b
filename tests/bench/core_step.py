"""What one step of the core costs, and how it grows with loads and circuits.

python tests/bench/core_step.py --loads 7 50 1000 --circuits 1 10 100 --json core.json

With several circuits the first feeds the others; each has its own meter. A step that renews
nothing is set beside each: an empty house's, the least that a step can cost.
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from balancer.core.commands import SwitchRelay
from balancer.core.events import (
    Connected,
    Event,
    MeterReadings,
    RelayReported,
    RequestReported,
    Started,
)
from balancer.core.memory import Memory
from balancer.core.model import Breaker, Circuit, House, Load, Meter, Zone
from balancer.core.state import initial_state
from balancer.core.step import Decision, step
from tests.bench.stand import bench_parser, conclude, quantile

HEATER_W = 1000.0
PER_LOAD_W = 700.0  # of the limit: some wait
SHED = 10


@dataclass
class Running:
    """A house and its state."""

    house: House
    at_s: float = 0.0

    def __post_init__(self) -> None:
        self.state = initial_state(self.house, self.at_s)

    def tell(self, event: Event) -> Decision:
        decision = step(self.house, self.state, event)
        self.state = decision.state
        return decision


def build(loads: int, circuits: int) -> House:
    """Return a house whose loads are spread over the circuits below the first."""
    names = ["main", *(f"panel{number}" for number in range(1, circuits))]
    below = names[1:] or names
    spread = {f"load{number}": below[number % len(below)] for number in range(loads)}
    return House(
        name="house",
        circuits={
            name: Circuit(
                name=name,
                limit_w=PER_LOAD_W * max(1, loads),
                parent=None if name == "main" else "main",
                meter=Meter(name=f"meter/{name}", stale_after_s=15.0, min_w=-1e7, max_w=1e7),
                breaker=Breaker(profile="worst_norm", rating_w=PER_LOAD_W * max(1, loads)),
            )
            for name in names
        },
        zones={"z": Zone(name="z")},
        loads={
            name: Load(name=name, zone="z", power_w_by_circuit={circuit: HEATER_W})
            for name, circuit in spread.items()
        },
        order=tuple(spread),
    )


def heated(house: House) -> tuple[Running, int]:
    """Return a house that heats as much as it may, and how many loads are on."""
    running = Running(house)
    running.tell(Connected(0.0))
    running.tell(Started(0.0, Memory()))
    for name in house.loads:
        running.tell(RelayReported(0.1, name, on=False))
    on: set[str] = set()
    for second in range(1, 100):
        running.at_s = float(second)
        decision = running.tell(readings(running, on))
        if second == 45:
            decision = running.tell(RequestReported(running.at_s, "z", requested=True))
        for each in decision.commands:
            if isinstance(each, SwitchRelay):
                (on.add if each.on else on.discard)(each.load)
                running.tell(RelayReported(running.at_s, each.load, on=each.on))
    return running, len(on)


def readings(running: Running, on: set[str], more_w: float = 0.0) -> MeterReadings:
    """Return what every meter shows."""
    house = running.house
    return MeterReadings(
        running.at_s,
        {
            f"meter/{name}": more_w + sum(HEATER_W for load in names if load in on)
            for name, names in house.loads_of.items()
        },
    )


def measure(loads: int, circuits: int, steps: int) -> dict[str, Any]:
    """Return the figures of one house, in microseconds."""
    running, on = heated(build(loads, circuits))
    main = "meter/main"
    power_w = HEATER_W * on
    quiet: list[float] = []
    for number in range(steps):
        running.at_s += 0.01
        event = MeterReadings(running.at_s, {main: power_w - 50.0 + number % 7})
        began_s = time.perf_counter()
        running.tell(event)
        quiet.append(time.perf_counter() - began_s)
    over_w = running.state.circuits["main"].limit_w + 0.7 * HEATER_W * min(SHED, on)
    spike = MeterReadings(running.at_s + 0.01, {main: over_w})
    took: list[float] = []
    off = 0
    for _ in range(max(20, steps // 10)):
        began_s = time.perf_counter()
        decision = step(running.house, running.state, spike)
        took.append(time.perf_counter() - began_s)
        off = len(decision.commands)
    return {
        "loads": loads,
        "circuits": circuits,
        "on": on,
        "quiet_us": quantile(quiet, 0.5) * 1e6,
        "off": off,
        "shed_us": quantile(took, 0.5) * 1e6,
    }


def main() -> None:
    """Print the table."""
    parser = bench_parser(__doc__)
    parser.add_argument("--loads", type=int, nargs="+", default=[1, 7, 50, 200, 1000])
    parser.add_argument("--circuits", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--steps", type=int, default=1000)
    options = parser.parse_args()
    rows = [
        measure(loads, circuits, options.steps)
        for loads in options.loads
        for circuits in options.circuits
        if circuits <= max(1, loads)
    ]
    conclude("core_step", rows, ("loads", "circuits"), options)


if __name__ == "__main__":
    main()
