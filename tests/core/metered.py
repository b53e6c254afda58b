"""Houses whose meter is known well: what it shows late, and when it speaks."""

import itertools

from tests.core.fakes import FakeMeter
from tests.core.house import FREE, METER, A, a_house
from tests.core.rig import Rig


def publish_on_change(rig: Rig, meter: FakeMeter, *, heartbeat_s: float) -> None:
    """Let a meter speak only when what it shows has changed, or after a while."""
    said = [(-heartbeat_s, 0.0)]

    def shown(power_w: float) -> float | None:
        at_s, last_w = said[-1]
        if power_w == last_w and rig.now_s < at_s + heartbeat_s:
            return None
        said.append((rig.now_s, power_w))
        return power_w

    meter.shown = shown


def with_known_lag(
    period_s: float = 1.0,
    *,
    heartbeat_s: float | None = None,
    lead_s: float | None = None,
    times: int = 8,
) -> Rig:
    """Return four heaters of 5 A that are on, each having been switched alone.

    Args:
        period_s: Of the meter.
        heartbeat_s: It speaks on change, or after so long.
        lead_s: Each was switched so long before a reading.
        times: So many switchings alone; at most eight.
    """
    rig = Rig(a_house(4, load_options=FREE), base_w=4 * A, requested=True, period_s=period_s)
    if heartbeat_s is not None:
        publish_on_change(rig, rig.meter(), heartbeat_s=heartbeat_s)
    rig.run(200.0)
    for name, requested in list(itertools.product("abcd", (False, True)))[:times]:
        if lead_s is not None:
            last = rig.state.meters[METER].last
            assert last is not None
            rig.run_until(last.at_s + 2.0 * period_s - lead_s)
        rig.request(name, requested)
        rig.run(50.0 if requested else 53.0)
    assert rig.on() == {"a", "b", "c", "d"}
    return rig
