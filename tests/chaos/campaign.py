"""Breaks one thing after the other, and keeps what was measured."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import quantiles

from tests.chaos.faults import KINDS, Kind
from tests.chaos.judge import Judge
from tests.chaos.observer import PROMISE_S
from tests.chaos.outcome import Outcome
from tests.chaos.rig import Rig

_SLOW_S = 1.5
_HANDICAPPED = 0.3  # share of faults during which a relay is bad too
_LATE = 1.0  # of a second that a busy machine may add to what is judged


@dataclass
class Campaign:
    """What has been broken, and what came of it."""

    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    took_s: float = 0.0

    async def once(self, rig: Rig, kind: Kind, hold_s: float | None = None) -> Outcome:
        """Break one thing, heal it, see that the house is served again."""
        held_s = rig.random.uniform(kind.least_s, kind.most_s) if hold_s is None else hold_s
        rig.judge.during = f"{kind.name} {held_s:.1f} s"
        outcome = await kind.fault(rig, held_s)
        self.outcomes.setdefault(kind.name, []).append(outcome)
        if outcome.ready_s is not None and outcome.ready_s > _SLOW_S:
            at_s = time.monotonic() - rig.judge.began_s
            print(f"slow: ready {outcome.ready_s:.2f} s after {rig.judge.during}, at {at_s:.0f} s")
        slack_s = _LATE + 4.0 * rig.judge.lag_s
        if kind.noticed_s is not None and outcome.noticed_s is not None:
            rig.judge.check(
                "noticed",
                outcome.noticed_s <= kind.noticed_s + 0.1 + rig.judge.lag_s,
                f"{kind.name} was noticed after {outcome.noticed_s:.2f} s",
            )
        if kind.ready_s is not None and outcome.ready_s is not None:
            rig.judge.check(
                "ready",
                outcome.ready_s <= kind.ready_s + slack_s,
                f"ready {outcome.ready_s:.2f} s after {kind.name} of {held_s:.1f} s",
            )
        rig.judge.during = f"after {rig.judge.during}"
        await rig.calm()
        await asyncio.sleep(kind.rest_s)
        for each in rig.services.values():
            each.read_log()
        return outcome

    async def random(self, rig: Rig, minutes: float, kinds: Sequence[Kind] = KINDS) -> None:
        """Break things at random for so many minutes."""
        until_s = time.monotonic() + 60.0 * minutes
        weights = [kind.weight for kind in kinds]
        while time.monotonic() < until_s:
            kind = rig.random.choices(kinds, weights)[0]
            rig.judge.during = "restless"
            if not kind.quiet:
                self.people(rig)
                if rig.random.random() < _HANDICAPPED:
                    rig.handicap()
                    rig.broken(PROMISE_S)
            await self.once(rig, kind)
            if rig.random.random() < 0.1:
                await rig.observer.audit()
        await rig.observer.audit()

    def people(self, rig: Rig) -> None:
        """Let the house have another state than the last time."""
        house = rig.house
        for name in house.wants:
            house.ask(name, heat=rig.random.random() < 0.8)
        house.restless = rig.random.random() < 0.5
        house.take(rig.random.uniform(300.0, 3000.0))


def share(values: Sequence[float], percent: int) -> float:
    """Return a percentile."""
    if len(values) < 2:
        return max(values, default=0.0)
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def table(campaign: Campaign, judge: Judge) -> str:
    """Return what was injected how often, and how long everything took."""
    lines = [f"{'fault':<22}{'times':>6}{'noticed p50':>13}{'p99':>7}{'ready p50':>12}{'p99':>7}"]
    for name, outcomes in sorted(campaign.outcomes.items()):
        columns = [f"{name:<22}{len(outcomes):>6}"]
        for values, width in (
            ([each.noticed_s for each in outcomes if each.noticed_s is not None], 13),
            ([each.ready_s for each in outcomes if each.ready_s is not None], 12),
        ):
            if values:
                columns.append(f"{share(values, 50):>{width}.2f}{share(values, 99):>7.2f}")
            else:
                columns.append(f"{'':>{width}}{'':>7}")
        lines.append("".join(columns))
    lines.append("")
    lines.append(f"{'rule':<22}{'checked':>9}{'violated':>10}")
    lines += [
        f"{rule:<22}{number:>9}{judge.counts[rule]:>10}"
        for rule, number in sorted(judge.checks.items())
    ]
    return "\n".join(lines)


def report(campaign: Campaign, rig: Rig) -> str:
    """Return the whole result."""
    judge, observer = rig.judge, rig.observer
    facts = {
        "overloads": observer.overloads,
        "longest under guard": f"{observer.longest_over_s:.2f} s",
        "movements": len(rig.house.movements),
        "messages": observer.seen,
        "our own lag": f"{judge.lag_s:.2f} s",
    }
    told = ", ".join(f"{name} {value}" for name, value in facts.items())
    lines = [table(campaign, judge), "", told]
    lines += map(str, judge.violations)
    return "\n".join(lines)
