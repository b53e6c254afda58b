"""Faults of time, process and host: F71 to F79 of the catalogue, as far as they can be simulated."""

from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING

from balancer.sim.faults.base import fault
from balancer.wire import Message

if TYPE_CHECKING:
    from balancer.sim.world import World

HOUR_S = 3600.0
YEAR_S = 31_536_000.0


@fault("F71", "the wall clock jumps", lasts_s=(600.0, 7200.0))
def jump(world: "World", chance: Random, for_s: float) -> bool:
    by_s = chance.choice((-1.0, 1.0)) * chance.choice((HOUR_S, 7 * HOUR_S, YEAR_S, 10 * YEAR_S))
    world.clock.jump_wall(by_s)
    world.troubles.on_heal(None, lambda: world.clock.jump_wall(-by_s), after_s=for_s)
    return True


@fault("F72", "summer time begins or ends", lasts_s=(3600.0, 7200.0))
def summer_time(world: "World", chance: Random, for_s: float) -> bool:
    change = chance.choice(
        (datetime(2026, 3, 29, 0, 50, tzinfo=UTC), datetime(2026, 10, 25, 0, 50, tzinfo=UTC))
    )
    by_s = change.timestamp() - world.clock.wall_s
    world.clock.jump_wall(by_s)
    world.troubles.on_heal(None, lambda: world.clock.jump_wall(-by_s), after_s=for_s)
    return True


@fault("F74", "the machine sleeps", lasts_s=(5.0, 600.0))
def sleep(world: "World", _chance: Random, for_s: float) -> bool:
    if not world.troubles.take("process"):
        return False
    world.process.pause()
    world.troubles.on_heal("process", world.process.resume, after_s=for_s)
    return True


def _restart(world: "World", for_s: float, *, kind: str) -> bool:
    if not world.process.running or not world.troubles.take("process"):
        return False
    {"kill": world.process.kill, "term": world.process.stop, "crash": world.process.crash}[kind]()

    def start() -> None:
        world.process.kill()
        world.process.start()

    world.troubles.on_heal("process", start, after_s=for_s)
    return True


@fault("F75", "the balancer is killed and started again", lasts_s=(0.2, 20.0))
def killed(world: "World", _chance: Random, for_s: float) -> bool:
    return _restart(world, for_s, kind="kill")


@fault("F76", "the balancer is stopped and started again", lasts_s=(4.0, 60.0))
def stopped(world: "World", _chance: Random, for_s: float) -> bool:
    return _restart(world, for_s, kind="term")


@fault("F77", "the kept status is missing, broken or from the future", lasts_s=(0.5, 10.0))
def forgotten(world: "World", chance: Random, for_s: float) -> bool:
    if not _restart(world, for_s, kind="kill"):
        return False
    status = world.topics.status
    payload = chance.choice(
        (b"", b"{", b"[]", b'{"version": 99}', b"\xff", b'{"version":1,"loads":7}')
    )
    if payload:
        world.broker.retained[status] = Message(status, payload, 1, retain=True)
    else:
        world.broker.retained.pop(status, None)
    return True


@fault("F79", "the balancer fails inside", lasts_s=(0.5, 10.0))
def crashed(world: "World", _chance: Random, for_s: float) -> bool:
    return _restart(world, for_s, kind="crash")
