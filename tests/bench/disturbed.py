"""Whether anything at the HTTP port moves the time from a meter's message to the last OFF.

    python tests/bench/disturbed.py --samples 100 --json disturbed.json

The same house is measured in turns: left alone, and molested at its HTTP port by ``molest.py``,
a few samples each, so that both see the same machine. Beside them the bare echo of ``echo.py``,
which has no such port: what it loses, it loses because the machine is busy.
"""

import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.reaction import HERE, Bench, samples_of, wait_until_ready
from tests.bench.stand import (
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
from tests.machine import free_port

KINDS = ("scrape", "hang", "crowd", "garbage")
TURN = 10  # samples in a row
WARM_S = 1.0  # until somebody who molests is at it
CALM_S = 0.5  # until the rest of it is gone


def measure(loads: int, kind: str, samples: int, instances: int) -> dict[str, Any]:
    """Return the figures of one house, left alone and molested in turns."""
    houses = [f"h{number}" for number in range(instances)]
    ports = [free_port() for _ in houses]
    found: dict[tuple[bool, str], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, processes() as started:
        log = Path(folder) / "log"
        broker = Mosquitto(Path(folder), stock=True)
        broker.start()
        try:
            bench = Bench(broker.port, houses, {"echo": loads}, loads, qos=0)
            for house, http_port in zip(houses, ports, strict=True):
                file = Path(folder) / f"{house}.toml"
                file.write_text(config(loads, broker.port, name=house, http_port=http_port))
                started.append(balancer(file, log))
            echo = (str(HERE / "echo.py"), str(broker.port), "echo", str(loads), "0", "0")
            started.append(Process(*echo, log=log))
            wait_until_ready(bench, houses)
            for turn in range(2 * -(-samples // TURN)):
                molested = bool(turn % 2)
                with processes() as molesting:
                    if molested:
                        for port in ports:
                            it = Process(str(HERE / "molest.py"), str(port), kind, log=log)
                            molesting.append(it)
                    bench.live(WARM_S if molested else CALM_S)
                    took_s = samples_of(bench, houses, spike(loads, loads), loads, TURN)
                for who, each_s in took_s.items():
                    found[molested, who] += each_s
        finally:
            broker.stop()
    row: dict[str, Any] = {"loads": loads, "http": kind, "samples": len(found[True, "balancer"])}
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        for molested, word in ((False, "alone"), (True, "molested")):
            row[f"{word}_{name}_ms"] = 1000.0 * quantile(found[molested, "balancer"], share)
            row[f"echo_{word}_{name}_ms"] = 1000.0 * quantile(found[molested, "echo"], share)
    row["ratio_p50"] = row["molested_p50_ms"] / row["alone_p50_ms"]
    row["echo_ratio_p50"] = row["echo_molested_p50_ms"] / row["echo_alone_p50_ms"]
    return row


def main() -> None:
    """Measure every kind that is asked for."""
    parser = bench_parser(__doc__)
    parser.add_argument("--loads", type=int, default=7)
    parser.add_argument("--kinds", choices=KINDS, nargs="+", default=list(KINDS))
    parser.add_argument("--samples", type=int, default=40)
    parser.add_argument("--instances", type=int, default=1)
    asked = parser.parse_args()
    rows = []
    for kind in asked.kinds:
        row = measure(asked.loads, kind, asked.samples, asked.instances)
        rows.append(row)
        print(row, file=sys.stderr)
    conclude("disturbed", rows, ("loads", "http"), asked)


if __name__ == "__main__":
    main()
