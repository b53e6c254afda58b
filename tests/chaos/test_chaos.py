"""The short form: the main kinds of fault once each, twenty kills of the service, a dead-man.

The long one is ``python tests/chaos/run.py --minutes 60``.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from tests.chaos import broker_faults, faults, line_faults, service_faults
from tests.chaos.campaign import Campaign, report
from tests.chaos.outcome import Fault
from tests.chaos.rig import Rig
from tests.machine import needed

SEED = 7
KILLS = 20


@contextlib.asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Rig]:
    """Seven heaters, all wanted, and a balancer that serves them."""
    needed("mosquitto")
    rig = Rig(folder, SEED)
    async with rig.open():
        service = await rig.add("first")
        await service.start()
        rig.house.ask(*rig.house.relays)
        await rig.calm()
        yield rig


async def suffer(folder: Path, *what: tuple[Fault, float]) -> None:
    """Break these things for so many seconds each; fail with a table if a rule was broken."""
    campaign = Campaign()
    async with served(folder) as rig:
        for fault, hold_s in what:
            kind = faults.kind(fault)
            if fault is service_faults.service_killed:
                campaign.people(rig)
            await campaign.once(rig, kind, hold_s)
        await rig.observer.audit()
    text = report(campaign, rig)
    print(text)
    assert not rig.judge.violations, text


async def test_nothing_that_is_broken_breaks_a_rule(tmp_path: Path) -> None:
    """F43 to F48, F50, F52, F53, F57, F75, I16, I17, L03, L04.

    Four houses at once, since they mostly wait; one of them for thirty seconds, its lease.
    """
    half = KILLS // 2
    lives: dict[str, list[tuple[Fault, float]]] = {
        "network": [
            (line_faults.repeating_line, 3.0),
            (line_faults.sliced_line, 2.0),
            (line_faults.slow_line, 3.0),
            (line_faults.reset_line, 0.0),
            (line_faults.half_open, 3.0),
            (line_faults.lost_suback, 0.0),
        ],
        "broker": [
            (broker_faults.broker_frozen, 4.0),
            (broker_faults.broker_frozen, 1.0),
            (broker_faults.broker_killed, 0.3),
            (broker_faults.broker_wiped, 0.8),
            (service_faults.service_frozen, 3.5),
            (service_faults.second_instance, 2.0),
        ],
        "killed": [
            *[(service_faults.quiet_service_killed, 0.5)] * half,
            *[(service_faults.service_killed, 1.0)] * half,
        ],
        "alone": [(broker_faults.everything_dead, 30.0)],
    }
    async with asyncio.TaskGroup() as tasks:
        for name, what in lives.items():
            tasks.create_task(suffer(tmp_path / name, *what))
