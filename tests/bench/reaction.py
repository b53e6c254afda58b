"""How long from a meter's message to the last of the commands that it needs.

    python tests/bench/reaction.py --loads 7 50 --samples 1000 --json reaction.json
    python tests/bench/reaction.py --loads 7 --needed 5 --qos 0 --background 0

A spike goes to a balancer and, in turns, to the bare echo of ``echo.py``, which answers with as
many OFFs as are needed, and to a threshold rule, the same echo that sheds everything, on a
Mosquitto with its stock configuration. Time runs from just before the meter's ``send`` until the
last OFF has been read, by one client with one clock. Relays confirm every command. A house needs
a good second between two spikes to heat again, so several balancers take turns.
"""

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
    Client,
    Process,
    balancer,
    bench_parser,
    conclude,
    config,
    processes,
    quantile,
    spike,
)
from tests.integration.mosquitto import Mosquitto

HERE = Path(__file__).parent
CALM_S = 0.12  # between readings while a house waits to heat again
SETTLED_S = 0.3
PAUSE_S = 0.02


class Bench:
    """A client that is meter and relays of every house.

    Attributes:
        loads: Of each house.
        rules: How many OFFs each rival answers a spike with.
    """

    def __init__(
        self, port: int, houses: list[str], rules: dict[str, int], loads: int, qos: int
    ) -> None:
        houses = [*houses, *rules]
        topics = {f"{house}/+/set": qos for house in houses}
        ready = {f"{house}/ready": 0 for house in houses}
        self._client = Client(port, topics | ready | {"balancer/+/availability": 0})
        self._qos = qos
        self.loads = loads
        self.rules = rules
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
        return len(self._on[house]) == self.loads and calm_s > SETTLED_S

    def calm(self, *houses: str) -> None:
        """Publish a reading that leaves room for everything."""
        self._client.publish(*(Message(f"{house}/meter", CALM, self._qos) for house in houses))

    def say(self, *messages: Message) -> None:
        self._client.publish(*messages)

    def spike(self, house: str, power: bytes, needed: int) -> float:
        """Publish a reading that needs so many OFFs; return the seconds until the last."""
        client = self._client
        began_s = time.perf_counter()
        client.publish(Message(f"{house}/meter", power, self._qos))
        off: set[bytes] = set()
        batches = []
        prefix = house.encode() + b"/"
        while len(off) < needed:
            batch = client.take(PATIENCE_S)
            assert batch, f"{house}: {len(off)} of {needed} commands came"
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


def measure(
    loads: int, needed: int, qos: int, background: int, samples: int, instances: int
) -> dict[str, Any]:
    """Return the figures of one cell."""
    # a house under a flood of its own: only one, or the machine would be the bottleneck
    houses = [f"h{number}" for number in range(1 if background else instances)]
    others = min(loads, 5) if background else 0
    with tempfile.TemporaryDirectory() as folder, processes() as started:
        broker, log = Mosquitto(Path(folder), stock=True), Path(folder) / "log"
        broker.start()
        try:
            bench = Bench(broker.port, houses, {"echo": needed, "threshold": loads}, loads, qos)
            for house in houses:
                file = Path(folder) / f"{house}.toml"
                text = config(loads, broker.port, name=house, qos=qos, others=others)
                file.write_text(text)
                started.append(balancer(file, log))
            for rule, answers in bench.rules.items():
                arguments = (str(broker.port), rule, str(answers), str(qos), str(others))
                started.append(Process(str(HERE / "echo.py"), *arguments, log=log))
            wait_until_ready(bench, houses)
            if background:
                flood = (str(broker.port), str(background), str(others), str(qos))
                names = (*houses, *bench.rules)
                started.append(Process(str(HERE / "flood.py"), *flood, *names, log=log))
            took_s = samples_of(bench, houses, spike(loads, needed), needed, samples)
        finally:
            broker.stop()
    row: dict[str, Any] = {"loads": loads, "needed": needed, "qos": qos, "background": background}
    row["samples"] = samples
    for who, each_s in took_s.items():
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            row[f"{who}_{name}_ms"] = 1000.0 * quantile(each_s, share)
    row["ratio_p50"] = row["balancer_p50_ms"] / row["echo_p50_ms"]
    row["worst_ms"] = 1000.0 * max(took_s["balancer"])
    return row


def wait_until_ready(bench: Bench, houses: list[str]) -> None:
    """Wait until every balancer and its rivals are there; then ask for heat everywhere."""
    until_s = time.monotonic() + 30.0
    while not {*houses, *bench.rules} <= bench.ready:
        assert time.monotonic() < until_s, bench.ready
        bench.live(0.05)
    bench.live(1.0)
    bench.say(*(Message(f"balancer/{house}/zone/all/set", b"ON", 1) for house in houses))


def samples_of(
    bench: Bench, houses: list[str], power: bytes, needed: int, samples: int
) -> dict[str, list[float]]:
    """Return the seconds of so many spikes by who answers, all in turns."""
    took_s: dict[str, list[float]] = {who: [] for who in ("balancer", *bench.rules)}
    shown_s = 0.0
    while len(took_s["balancer"]) < samples:
        if time.monotonic() - shown_s > CALM_S:
            shown_s = time.monotonic()
            bench.calm(*houses)
        ready = [house for house in houses if bench.heating(house)]
        if not ready:
            bench.live(PAUSE_S)
            continue
        bench.live(PAUSE_S)  # nothing else is on its way
        took_s["balancer"].append(bench.spike(ready[0], power, needed))
        for rule, answers in bench.rules.items():
            bench.live(PAUSE_S)
            took_s[rule].append(bench.spike(rule, power, answers))
            bench.calm(rule)
        houses.append(houses.pop(houses.index(ready[0])))  # the longest calm is next
    return took_s


def main() -> None:
    """Measure every cell that is asked for."""
    parser = bench_parser(__doc__)
    parser.add_argument("--loads", type=int, nargs="+", default=[7, 50])
    parser.add_argument("--needed", type=int, help="OFFs that a spike needs; as a rule all")
    parser.add_argument("--qos", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--background", type=int, nargs="+", default=[0, 100, 1000])
    parser.add_argument("--samples", type=int, default=40)
    parser.add_argument("--instances", type=int, default=4)
    asked = parser.parse_args()
    rows = []
    for loads in asked.loads:
        for qos in asked.qos:
            for background in asked.background:
                needed = asked.needed or loads
                row = measure(loads, needed, qos, background, asked.samples, asked.instances)
                rows.append(row)
                print(row, file=sys.stderr)
    conclude("reaction", rows, ("loads", "needed", "qos", "background"), asked)


if __name__ == "__main__":
    main()
