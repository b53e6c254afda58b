"""Fuzzes whatever reads what others wrote: python -m tests.fuzz --payloads 2000000 --seed 1.

Targets: the decoders of all families; a whole engine, whose every ON is judged and whose memory
is weighed; the service from its socket on, with odd topics and damaged packets; configuration
files. Without --target all of them get their share.
"""

import argparse
import sys
from collections.abc import Callable

from tests.fuzz.campaign import Campaign, run
from tests.fuzz.config_target import ConfigTarget
from tests.fuzz.engine_target import EngineTarget
from tests.fuzz.targets import Decoders, Target
from tests.fuzz.wire_target import WireTarget

TARGETS: dict[str, Callable[[], Target]] = {
    "decoders": Decoders,
    "engine": EngineTarget,
    "wire": WireTarget,
    "config": ConfigTarget,
}
SHARES = {"engine": 0.03, "wire": 0.05, "config": 0.004}  # the decoders get the rest


def main(arguments: list[str] | None = None) -> int:
    """Run a campaign; return 1 if there is a counterexample."""
    parser = argparse.ArgumentParser(description="Sends nearly right payloads until one hurts.")
    parser.add_argument("--payloads", type=int, default=200_000, help="how many (200000)")
    parser.add_argument("--seed", type=int, default=1, help="of everything (1)")
    parser.add_argument("--target", choices=["all", *TARGETS], default="all")
    options = parser.parse_args(arguments)
    counts = {options.target: options.payloads}
    if options.target == "all":
        counts = {name: round(share * options.payloads) for name, share in SHARES.items()}
        counts["decoders"] = options.payloads - sum(counts.values())
    status = 0
    for target, count in counts.items():
        campaign = run(TARGETS[target](), count=count, seed=options.seed)
        report(campaign, seed=options.seed, target=target)
        status |= campaign.counterexample is not None
    return status


def report(campaign: Campaign, *, seed: int, target: str) -> None:
    """Print what was done and found."""
    per_s = campaign.sent / max(campaign.took_s, 1e-9)
    print(
        f"{campaign.sent} payloads to {target}, seed {seed}: {per_s:.0f}/s, "
        f"{campaign.accepted} accepted"
    )
    print(f"slowest {campaign.slowest_s * 1e3:.1f} ms: {campaign.slowest}")
    if (found := campaign.counterexample) is None:
        print("no counterexample")
        return
    print(f"counterexample {found.number}: {found.family} {found.kind} on {found.topic}")
    print(f"  payload {found.payload[:500]!r}")
    print(f"  smaller {found.smaller[:500]!r}")
    print(f"  raises  {type(found.error).__name__}: {found.error}")
    print(
        f"  again   python tests/fuzz/run.py --target {target} --seed {seed} "
        f"--payloads {found.number + 1}"
    )


if __name__ == "__main__":
    sys.exit(main())
