"""How soon the service is there, how much memory it holds, how soon it is back.

python tests/bench/start.py --times 10 --json start.json
"""

import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.stand import Client, Process, bench_parser, conclude, config, processes, quantile
from tests.integration.mosquitto import Mosquitto
from tests.machine import free_port

PATIENCE_S = 20.0
SETTLED_S = 2.5  # two seconds after its start it freezes what lives by then


def seconds_until(client: Client, topic: str, payload: bytes | None) -> float:
    """Return how long it takes until a live message comes, in seconds."""
    began_s = time.monotonic()
    while time.monotonic() - began_s < PATIENCE_S:
        for each in client.take(0.5):
            right = payload is None or each.payload == payload
            if each.topic == topic.encode() and right and not each.retain:
                return time.monotonic() - began_s
    raise AssertionError(f"no {topic} within {PATIENCE_S} s")


def settled_mib(service: Process) -> float:
    """Return the memory that it holds once that has stayed the same for a while."""
    began_s = since_s = time.monotonic()
    held_mib = service.resident_mib
    while (now_s := time.monotonic()) - since_s < SETTLED_S:
        assert now_s - began_s < PATIENCE_S, f"it grew to {held_mib:.1f} MiB and goes on"
        time.sleep(0.1)
        before_mib, held_mib = held_mib, service.resident_mib
        if held_mib != before_mib:
            since_s = now_s
    return held_mib


def measure(loads: int, times: int) -> dict[str, Any]:
    """Return the figures of a house with so many loads."""
    online_s, back_s, resident_mib, scraped_mib = [], [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder, stock=True)
        broker.start()
        topics = {"balancer/h/availability": 0, "balancer/h/status": 0}
        try:
            for number in range(times):
                file = folder / "config.toml"
                port = free_port()
                file.write_text(config(loads, broker.port, name="h", http_port=port))
                with processes() as started:
                    client = Client(broker.port, topics)
                    command = ("-m", "balancer", "run", "--config", str(file))
                    service = Process(*command, log=folder / "log")
                    started.append(service)
                    online_s.append(seconds_until(client, "balancer/h/availability", b"online"))
                    seconds_until(client, "balancer/h/status", None)
                    resident_mib.append(settled_mib(service))
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read()
                    scraped_mib.append(service.resident_mib)
                    client.close()
                    broker.kill()
                    time.sleep(0.1 + 0.37 * number)  # back-off is caught at every point of it
                    broker.start()
                    client = Client(broker.port, topics)
                    back_s.append(seconds_until(client, "balancer/h/status", None))
                    client.close()
        finally:
            broker.stop()
    return {
        "loads": loads,
        "times": times,
        "online_p50_s": quantile(online_s, 0.5),
        "online_worst_s": max(online_s),
        "resident_mib": max(resident_mib),
        "resident_scraped_mib": max(scraped_mib),
        "back_p50_s": quantile(back_s, 0.5),
        "back_worst_s": max(back_s),
    }


def main() -> None:
    """Measure every size of house."""
    parser = bench_parser(__doc__)
    parser.add_argument("--loads", type=int, nargs="+", default=[7, 50])
    parser.add_argument("--times", type=int, default=5)
    asked = parser.parse_args()
    rows = [measure(loads, asked.times) for loads in asked.loads]
    conclude("start", rows, ("loads",), asked)


main()
