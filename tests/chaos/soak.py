"""Hours of ordinary work on a real Mosquitto: python tests/chaos/soak.py --minutes 60.

A fast house (a reading every 20 ms, ovens, thermostats, ticks) and the service with its HTTP
endpoint. With --speed 20 the balancer's clocks and timers go twenty times as fast and the meter
reports once in one of its seconds: a day in 72 minutes. Prints resident memory, file descriptors,
threads and tasks, first and last, and their slope; ends with 1 if one of them grows or a rule was
broken.
"""

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression, median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from balancer.core.wish import DEAD_RETRY_S
from tests.chaos.rig import ALIVE_S, Rig
from tests.machine import free_port

METER_PERIOD_S = 0.02
WARM_S = 30.0  # what lives by then lives on
EVERY_S = 2.0
TIMELESS = ("alive", "log", "online", "retained", "sequence", "standby", "stranded", "stop", "two")
MOST_GROWN_KIB = 5 * 1024  # over the whole soak
MOST_KIB_PER_HOUR = 2 * 1024
_KIB_PER_PAGE = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass(frozen=True)
class Sample:
    """What the process takes at one instant."""

    at_s: float
    resident_kib: int
    descriptors: int
    threads: int
    tasks: int


def sample(pid: int, at_s: float, tasks: int) -> Sample:
    """Look at a process."""
    own = Path(f"/proc/{pid}")
    pages = int((own / "statm").read_text().split()[1])
    status = dict(
        each.split(":", 1) for each in (own / "status").read_text().splitlines() if ":" in each
    )
    return Sample(
        at_s,
        pages * _KIB_PER_PAGE,
        len(list((own / "fd").iterdir())),
        int(status["Threads"]),
        tasks,
    )


def slope_per_hour(samples: list[Sample], name: str) -> float:
    """Return how fast something grows, by linear regression."""
    if len(samples) < 3:
        return 0.0
    times = [each.at_s / 3600.0 for each in samples]
    return linear_regression(times, [float(getattr(each, name)) for each in samples]).slope


async def soak(folder: Path, options: argparse.Namespace) -> int:
    """Work for so long; return the exit status."""
    hurried = options.speed > 1.0
    period_s = 1.0 / options.speed if hurried else METER_PERIOD_S
    rig = Rig(folder, options.seed, meter_period_s=period_s)
    rig.house.speed = options.speed
    samples: list[Sample] = []
    async with rig.open():
        http_port = free_port()
        service = await rig.add("first", http_port=http_port)
        service.speed = options.speed
        await service.start()
        rig.house.ask(*rig.house.relays)
        await rig.calm()
        rig.house.restless = True
        began_s = time.monotonic()
        scrape_s = began_s
        scrapes = 0
        while (now_s := time.monotonic()) < began_s + 60.0 * options.minutes:
            assert service.pid is not None, "the service has ended"
            samples.append(sample(service.pid, now_s - began_s, await service.tasks()))
            if now_s >= scrape_s:
                scrape_s = now_s + 15.0
                with contextlib.suppress(OSError):  # its patience is short when it hurries
                    await asyncio.to_thread(_scrape, http_port)
                    scrapes += 1
            if len(samples) % 30 == 0:
                print(samples[-1], flush=True)
            await asyncio.sleep(EVERY_S)
        # in a hurry a busy machine makes relays answer too late: each is tried again ten minutes on
        await rig.calm(max(ALIVE_S, 1.5 * DEAD_RETRY_S / options.speed if hurried else 0.0))
        await service.stop()
    days = options.speed * samples[-1].at_s / 86_400.0
    print(f"{samples[-1].at_s / 60.0:.1f} minutes, {days:.2f} days of its own, {scrapes} scrapes")
    return report(samples, rig, hurried=hurried)


def _scrape(port: int) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10.0) as answer:
        answer.read()


def report(samples: list[Sample], rig: Rig, *, hurried: bool) -> int:
    """Print the result; return 1 if something grew or a rule was broken.

    Args:
        samples: In order.
        rig: With what was seen.
        hurried: The observer's clock was another: rules about time say nothing.
    """
    warm_s = min(WARM_S, samples[-1].at_s / 3.0)
    kept = [each for each in samples if each.at_s >= warm_s]
    third = max(1, len(kept) // 3)
    grown = False
    for name in ("resident_kib", "descriptors", "threads", "tasks"):
        first = median(getattr(each, name) for each in kept[:third])
        last = median(getattr(each, name) for each in kept[-third:])
        per_hour = slope_per_hour(kept, name)
        print(
            f"{name:<14} first {first:>9.0f}  last {last:>9.0f}  slope {per_hour:>10.1f} per hour"
        )
        if name == "resident_kib":
            grown |= last - first > MOST_GROWN_KIB
            grown |= kept[-1].at_s > 1800.0 and per_hour > MOST_KIB_PER_HOUR
        else:
            grown |= last > first
    violations = [each for each in rig.judge.violations if not hurried or each.rule in TIMELESS]
    for each in violations:
        print(each)
    print(f"messages {rig.observer.seen}, movements {len(rig.house.movements)}")
    return 1 if grown or violations else 0


def main() -> int:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description="Lets a balancer work and watches what it takes.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=1.0, help="of the balancer's time (1)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak") as folder:
        return asyncio.run(soak(Path(folder) / "rig", options))


if __name__ == "__main__":
    sys.exit(main())
