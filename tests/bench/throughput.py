"""What a reading costs: processor time of the balancer and of the bare echo, at steady rates.

    python tests/bench/throughput.py --rates 50 1000 --json throughput.json

Readings of five loads' meters and of the circuit's meter come one packet at a time; nothing has
to be switched. The balancer decides on each; the echo of ``echo.py`` only reads it.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.stand import Client, Process, balancer, bench_parser, conclude, config, processes
from tests.integration.mosquitto import Mosquitto

HERE = Path(__file__).parent
WARM_S = 4.0
METERS = 5


def measure(program: str, loads: int, rate: int, seconds: float) -> dict[str, Any]:
    """Return the figures of one program at one rate, in messages a second."""
    with tempfile.TemporaryDirectory() as name, processes() as started:
        folder = Path(name)
        broker = Mosquitto(folder, stock=True)
        broker.start()
        try:
            log = folder / "log"
            if program == "balancer":
                file = folder / "config.toml"
                file.write_text(config(loads, broker.port, name="h", others=METERS))
                tested = balancer(file, log)
            else:
                echo = (str(HERE / "echo.py"), str(broker.port), "h", str(loads), "0")
                tested = Process(*echo, str(METERS), log=log)
            started.append(tested)
            client = Client(broker.port, {"balancer/h/availability": 0, "h/ready": 0})
            while not client.take(1.0):
                pass
            arguments = (str(broker.port), str(rate), str(METERS), "0")
            started.append(Process(str(HERE / "flood.py"), *arguments, "h", log=log))
            time.sleep(WARM_S)
            before_s, began_s = tested.cpu_s, time.monotonic()
            time.sleep(seconds)
            used_s, took_s = tested.cpu_s - before_s, time.monotonic() - began_s
        finally:
            broker.stop()
    return {
        "program": program,
        "loads": loads,
        "rate": rate,
        "cpu_us_a_message": 1e6 * used_s / (rate * took_s),
        "share_of_a_core": used_s / took_s,
    }


def main() -> None:
    """Measure every rate, in turns."""
    parser = bench_parser(__doc__)
    parser.add_argument("--rates", type=int, nargs="+", default=[50, 1000])
    parser.add_argument("--loads", type=int, nargs="+", default=[7, 50])
    parser.add_argument("--seconds", type=float, default=10.0)
    asked = parser.parse_args()
    rows = []
    for loads in asked.loads:
        for rate in asked.rates:
            both = [
                measure(program, loads, rate, asked.seconds) for program in ("balancer", "echo")
            ]
            ratio = both[0]["cpu_us_a_message"] / both[1]["cpu_us_a_message"]
            rows += [{**row, "ratio": ratio if row is both[0] else 1.0} for row in both]
            print(rows[-2:], file=sys.stderr)
    conclude("throughput", rows, ("program", "loads", "rate"), asked)


main()
