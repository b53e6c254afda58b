"""Chaos on a real Mosquitto: python tests/chaos/run.py --minutes 60 --seed 1.

Prints what was broken how often, how long it took to recover, and every violation. Ends with
1 if there is one. With --only, breaks nothing but these faults.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.chaos.campaign import Campaign, report
from tests.chaos.faults import KINDS
from tests.chaos.rig import Rig


async def chaos(folder: Path, options: argparse.Namespace) -> int:
    """Run a campaign; return the exit status."""
    kinds = [
        kind.at_most(options.longest)
        for kind in KINDS
        if not options.only or kind.name in options.only
    ]
    rig = Rig(folder, options.seed)
    rig.house.noise_w = options.noise
    campaign = Campaign()
    began_s = time.monotonic()
    try:
        async with rig.open():
            service = await rig.add("first")
            await service.start()
            await rig.calm()
            shown = 0
            until_s = began_s + 60.0 * options.minutes
            while time.monotonic() < until_s:
                left = min(1.0, (until_s - time.monotonic()) / 60.0)
                await campaign.random(rig, left, kinds)
                for each in rig.judge.violations[shown:]:
                    print(each)
                shown = len(rig.judge.violations)
                done = sum(map(len, campaign.outcomes.values()))
                print(f"{(time.monotonic() - began_s) / 60:.1f} min: {done} faults", flush=True)
            await service.stop()
    finally:
        print(f"seed {options.seed}\n{report(campaign, rig)}", flush=True)
    return 1 if rig.judge.violations else 0


def main() -> int:
    """Read the options and run."""
    names = [kind.name for kind in KINDS]
    parser = argparse.ArgumentParser(description="Breaks everything around a running balancer.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--noise", type=float, default=0.0, help="of the meter, in watts")
    parser.add_argument("--longest", type=float, default=120.0, help="of a fault, in seconds")
    parser.add_argument("--only", nargs="*", choices=names, metavar="FAULT", help=", ".join(names))
    parser.add_argument("--folder", type=Path, help="keeps configuration and logs there")
    options = parser.parse_args()
    if options.folder is not None:
        options.folder.mkdir(parents=True, exist_ok=True)
        return asyncio.run(chaos(options.folder, options))
    with tempfile.TemporaryDirectory(prefix="chaos") as folder:
        return asyncio.run(chaos(Path(folder), options))


if __name__ == "__main__":
    sys.exit(main())
