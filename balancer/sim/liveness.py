"""After everything was healed: does the house come to rest, and is everybody served (L01 to L06)?"""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from balancer.sim.world import World

READY_S = 60.0  # broker, devices and balancer are all back by then; Tasmota waits up to 40 s
AGREE_S = 30.0  # L06
LEFT_ALONE_S = 3600.0


def judge_recovery(world: "World", *, until_s: float) -> None:
    """Heal everything, let the world run until an instant, and note what did not come right."""
    world.heal_all()
    world.everything_up()
    while any(world.house.dark(name) for name in world.setup.house.circuits):
        world.run_until(world.clock.now_s + READY_S)  # somebody closes the breaker again
        if world.clock.now_s >= until_s:
            return
    process = world.process
    world.run_until(world.clock.now_s + READY_S)
    found = world.checkers.found
    if process.started_s is None or process.ready_s is None:
        found("L04", f"not ready {READY_S:.0f} s after everything was healed")
        return
    kept = world.broker.retained.get(world.topics.availability)
    if kept is None or kept.payload != b"online":
        found("L04", "availability is not online after everything was healed")
    _watch(world, until_s)


def _watch(world: "World", until_s: float) -> None:
    """Watch who is served while all is well."""
    served: set[str] = set()
    wanted_at: dict[str, float] = {}
    step_s = 10.0
    apart_s: dict[str, float] = {}
    reported: set[str] = set()
    house = world.setup.house
    started_s = world.clock.now_s
    while world.clock.now_s < until_s - step_s:
        world.run_until(world.clock.now_s + step_s)
        now_s = world.clock.now_s
        status = world.witness.status
        if status is None or not world.process.running:
            continue  # a trip of the physical house
        for name, circuit in status["circuits"].items():
            if circuit["blind"] and now_s - started_s > READY_S and not world.house.dark(name):
                if name not in reported:
                    world.checkers.found("L05", f"{name} stays blind with a healthy meter")
                reported.add(name)
        for load in house.loads:
            shown = status["loads"][load]
            on = world.house.heating(load)
            known = house.loads[load].relay.confirms  # others cannot be known to obey
            if known and world.house.powered(load) and shown["on"] != on:
                apart_s[load] = apart_s.get(load, 0.0) + step_s
            else:
                apart_s[load] = 0.0
            excused = shown["reason"] == "fault" or "alone" in (shown["detail"] or "")
            if apart_s[load] > AGREE_S + step_s and load not in reported and not excused:
                reported.add(load)
                world.checkers.found(
                    "L06",
                    f"{load} is {'on' if on else 'off'} and the balancer wants the other: "
                    f"{json.dumps(shown)}",
                )
            if on:
                served.add(load)
            zone = house.loads[load].zone
            if world.requested(zone) and not world.witness.away:
                wanted_at.setdefault(load, now_s)
            else:
                wanted_at.pop(load, None)
                served.discard(load)
    _judge_served(world, wanted_at, served)


def _judge_served(world: "World", wanted_at: dict[str, float], served: set[str]) -> None:
    """Find loads that wanted all the while, would have fitted, and never had a turn (L01)."""
    house = world.setup.house
    now_s = world.clock.now_s
    tick_s = 900.0  # the slowest rotation of the shipped houses
    for load, since_s in wanted_at.items():
        model = house.loads[load]
        rivals = [each for each in wanted_at if house.loads[each].priority >= model.priority]
        bound_s = 2.0 * len(rivals) * tick_s
        waited_s = now_s - since_s
        higher = any(house.loads[each].priority > model.priority for each in wanted_at)
        fits = all(
            world.highest_others_w(circuit, since_s) + watts
            <= world.witness.limit_w[circuit] - house.circuits[circuit].reserve_w
            for circuit, watts in house.power_w[load].items()
        )
        if load not in served and fits and not higher and waited_s > min(bound_s, 4200.0):
            world.checkers.found("L01", f"{load} waited {waited_s:.0f} s and was never served")
