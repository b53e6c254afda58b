"""Which metrics there are, and which ones an expression names."""

import re
from collections.abc import Iterable

from balancer.views.counts import Counts, Session
from balancer.views.metrics import Metrics
from tests.views.small_house import a_house, a_snapshot

WORD = re.compile(r"\b(?:(?:balancer|process)_[a-z_]+|up)\b")


def known() -> set[str]:
    """Return the names of all series that the service can show."""
    metrics = Metrics(
        a_house(), version="1", seen=a_snapshot, counts=Counts(), session=Session(connected=True)
    )
    text = metrics.render().decode()
    found = set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            found.add(name)
            if kind == "histogram":
                found |= {f"{name}_bucket", f"{name}_count", f"{name}_sum"}
    return found


def used(expressions: Iterable[str]) -> set[str]:
    """Return the metrics that PromQL expressions name."""
    found: set[str] = set()
    for expression in expressions:
        found |= set(WORD.findall(re.sub(r'"[^"]*"', '""', expression)))
    return found
