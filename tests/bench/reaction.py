"""How long from a meter's message to the last of the commands that it needs.

    python tests/bench/reaction.py --loads 7 50 --samples 1000 --json reaction.json

A spike goes to a balancer and, in turns, to the bare echo of ``echo.py``, on a Mosquitto with
its stock configuration. Time runs from just before the meter's ``send`` until the last OFF has
been read, by one client with one clock. Relays confirm every command. A house needs a good
second between two spikes to heat again, so several balancers take turns.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from balancer.service.packets import Received
from balancer.wire import Message
from tests.bench.stand import (
    CALM,
    PATIENCE_S,
    SPIKE,
    Client,
    Process,
    conclude,
    config,
    processes,
    quantile,
)
from tests.integration.mosquitto import Mosquitto

HERE = Path(__file__).parent
CALM_S = 0.12  # between readings while a house waits to heat again
SETTLED_S = 0.3
PAUSE_S = 0.02


class Bench:
    """A client that is meter and relays of every house."""

    def __init__(self, port: int, houses: list[str], loads: int, qos: int) -> None:
        topics = {f"{house}/+/set": qos for house in houses}
        ready = {f"{house}/ready": 0 for house in houses}
        self._client = Client(port, topics | ready | {"balancer/+/availability": 0})
        self._qos = qos
        self._loads = loads
        self._on: dict[str, set[str]] = {house: set() for house in houses}
        self._changed_s = dict.fromkeys(houses, 0.0)
        self.ready: set[str] = set()

    def live(self, for_s: float) -> None:
        """Be the relays for so long, in seconds."""
        until_s = time.monotonic() + for_s
        while (left_s := until_s - time.monotonic()) > 0.0:
            self._answer(left_s)

    def _answer(self, wait_s: float) -> None:
        commands = []
        for each in self._client.take(wait_s):
            parts = each.topic.decode().split("/")
            if parts[-1] in {"availability", "ready"}:
                self.ready.add(parts[-2])
            else:
                commands.append(each)
        if commands:
            self._confirm(commands)

    def heating(self, house: str) -> bool:
        """Return whether every load has been on for so long that nobody is busy with it."""
        calm_s = time.monotonic() - self._changed_s[house]
        return len(self._on[house]) == self._loads and calm_s > SETTLED_S

    def calm(self, *houses: str) -> None:
        """Publish a reading that leaves room for everything."""
        self._client.publish(*(Message(f"{house}/meter", CALM, self._qos) for house in houses))

    def say(self, *messages: Message) -> None:
        self._client.publish(*messages)

    def spike(self, house: str) -> float:
        """Publish a reading far too high; return the seconds until the last OFF."""
        client = self._client
        began_s = time.perf_counter()
        client.publish(Message(f"{house}/meter", SPIKE, self._qos))
        off: set[bytes] = set()
        batches = []
        prefix = house.encode() + b"/"
        while len(off) < self._loads:
            batch = client.take(PATIENCE_S)
            assert batch, f"{house}: {len(off)} of {self._loads} commands came"
            batches.append(batch)
            off.update(
                each.topic
                for each in batch
                if each.payload == b"0" and each.topic.startswith(prefix)
            )
        took_s = time.perf_counter() - began_s
        self._confirm([each for batch in batches for each in batch])
        return took_s

    def _confirm(self, commands: list[Received]) -> None:
        answers = []
        for each in commands:
            house, relay = each.topic.decode().split("/")[:2]
            (self._on[house].add if each.payload == b"1" else self._on[house].discard)(relay)
            self._changed_s[house] = time.monotonic()
            answers.append(Message(f"{house}/{relay}", each.payload, self._qos))
        self._client.publish(*answers)


def measure(loads: int, qos: int, background: int, samples: int, instances: int) -> dict[str, Any]:
    """Return the figures of one cell."""
    # a house under a flood of its own: only one, or the machine would be the bottleneck
    houses = [f"h{number}" for number in range(1 if background else instances)]
    others = min(loads, 5) if background else 0
    with tempfile.TemporaryDirectory() as folder, processes() as started:
        broker = Mosquitto(Path(folder), stock=True)
        broker.start()
        try:
            bench = Bench(broker.port, [*houses, "echo"], loads, qos)
            for house in houses:
                file = Path(folder) / f"{house}.toml"
                text = config(loads, broker.port, name=house, qos=qos, others=others)
                file.write_text(text)
                command = ("-m", "balancer", "run", "--config", str(file), "--log-level", "error")
                started.append(Process(*command, log=Path(folder) / "log"))
            arguments = (str(broker.port), "echo", str(loads), str(qos), str(others))
            started.append(Process(str(HERE / "echo.py"), *arguments, log=Path(folder) / "log"))
            wait_until_ready(bench, houses)
            if background:
                arguments = (str(broker.port), str(background), str(others), str(qos))
                flood = Process(
                    str(HERE / "flood.py"), *arguments, *houses, "echo", log=Path(folder) / "log"
                )
                started.append(flood)
            balancer_s, echo_s = samples_of(bench, houses, samples)
        finally:
            broker.stop()
    row = {"loads": loads, "qos": qos, "background": background, "samples": len(balancer_s)}
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        row[f"balancer_{name}_ms"] = 1000.0 * quantile(balancer_s, share)
        row[f"echo_{name}_ms"] = 1000.0 * quantile(echo_s, share)
    row["ratio_p50"] = row["balancer_p50_ms"] / row["echo_p50_ms"]
    row["worst_ms"] = 1000.0 * max(balancer_s)
    return row


def wait_until_ready(bench: Bench, houses: list[str]) -> None:
    """Wait until every balancer and the echo are there; then ask for heat everywhere."""
    until_s = time.monotonic() + 30.0
    while not {*houses, "echo"} <= bench.ready:
        assert time.monotonic() < until_s, bench.ready
        bench.live(0.05)
    bench.live(1.0)
    bench.say(*(Message(f"balancer/{house}/zone/all/set", b"ON", 1) for house in houses))


def samples_of(bench: Bench, houses: list[str], samples: int) -> tuple[list[float], list[float]]:
    """Return the seconds of so many spikes for a balancer, and in turns for the echo."""
    balancer_s: list[float] = []
    echo_s: list[float] = []
    shown_s = 0.0
    while len(balancer_s) < samples:
        if time.monotonic() - shown_s > CALM_S:
            shown_s = time.monotonic()
            bench.calm(*houses)
        ready = [house for house in houses if bench.heating(house)]
        if not ready:
            bench.live(PAUSE_S)
            continue
        bench.live(PAUSE_S)  # nothing else is on its way
        balancer_s.append(bench.spike(ready[0]))
        bench.live(PAUSE_S)
        echo_s.append(bench.spike("echo"))
        bench.calm("echo")
        houses.append(houses.pop(houses.index(ready[0])))  # the longest calm is next
    return balancer_s, echo_s


def main() -> None:
    """Measure every cell that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loads", type=int, nargs="+", default=[7, 50])
    parser.add_argument("--qos", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--background", type=int, nargs="+", default=[0, 100, 1000])
    parser.add_argument("--samples", type=int, default=40)
    parser.add_argument("--instances", type=int, default=4)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--compare", type=Path)
    asked = parser.parse_args()
    rows = []
    for loads in asked.loads:
        for qos in asked.qos:
            for background in asked.background:
                row = measure(loads, qos, background, asked.samples, asked.instances)
                rows.append(row)
                print(row, file=sys.stderr)
    conclude("reaction", rows, ("loads", "qos", "background"), asked.json, asked.compare)


if __name__ == "__main__":
    main()
