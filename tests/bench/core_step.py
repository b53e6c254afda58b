"""How long one step of the core takes: python tests/bench/core_step.py [LOADS]."""

import statistics
import sys
import time

from balancer.core.commands import SwitchRelay
from balancer.core.events import Connected, MeterReadings, RelayReported, RequestReported, Started
from balancer.core.memory import Memory
from balancer.core.model import Breaker, Circuit, House, Load, Meter, Zone
from balancer.core.state import initial_state
from balancer.core.step import step

LOADS = int(sys.argv[1]) if len(sys.argv) > 1 else 50
LIMIT_W = LOADS * 700.0


def main() -> None:
    meter = Meter(name="m", stale_after_s=15.0, min_w=-1e7, max_w=1e7)
    breaker = Breaker(profile="worst_norm", rating_w=LIMIT_W)
    circuit = Circuit(name="main", limit_w=LIMIT_W, meter=meter, breaker=breaker)
    names = tuple(f"load{number}" for number in range(LOADS))
    loads = {name: Load(name=name, zone="z", power_w_by_circuit={"main": 1000.0}) for name in names}
    house = House(
        name="house",
        circuits={"main": circuit},
        zones={"z": Zone(name="z")},
        loads=loads,
        order=names,
    )
    state = initial_state(house, 0.0)
    for event in (Connected(0.0), Started(0.0, Memory())):
        state = step(house, state, event).state
    for name in names:
        state = step(house, state, RelayReported(0.1, name, on=False)).state
    at_s = 1.0
    for _ in range(40):
        state = step(house, state, MeterReadings(at_s, {"m": 1000.0})).state
        at_s += 1.0
    decision = step(house, state, RequestReported(at_s, "z", requested=True))
    state = decision.state
    on = [each.load for each in decision.commands if isinstance(each, SwitchRelay) and each.on]
    for name in on:
        state = step(house, state, RelayReported(at_s + 0.1, name, on=True)).state
    power_w = 1000.0 * (1 + len(on))
    took: list[float] = []
    for number in range(2000):
        at_s += 1.0
        reading = MeterReadings(at_s, {"m": power_w - 50.0 + number % 7})
        before_s = time.perf_counter()
        state = step(house, state, reading).state
        took.append(time.perf_counter() - before_s)
    print(f"{LOADS} loads, {len(on)} on")
    print(f"quiet reading: median {statistics.median(took) * 1e6:.1f} us")
    took.clear()
    spike = MeterReadings(at_s + 1.0, {"m": LIMIT_W + 7000.0})
    for _ in range(300):
        before_s = time.perf_counter()
        decision = step(house, state, spike)
        took.append(time.perf_counter() - before_s)
    off = len(decision.commands)
    print(f"shed of {off}: median {statistics.median(took) * 1e6:.1f} us")


if __name__ == "__main__":
    main()
