"""After everything was healed: does the house come to rest, and is everybody served (L01 to L06)?"""

import json
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from balancer.sim.world import World

READY_S = 60.0  # broker, devices and balancer are all back by then; Tasmota waits up to 40 s
AGREE_S = 30.0  # L06
LEARNED = 1.05 / 0.9  # the highest draw and 5 %; the mains voltage was higher then
LEAD = 0.03  # of a share, by which others have to be behind to take a place (R6)
DAY_S = 86_400.0  # what was longer ago is forgotten
CLEAR_LEAD = 1.25  # so many times the share of its equals is no accident of turns
LONGEST_WAIT_S = 4200.0  # of a recovery of an hour and a half


def judge_recovery(world: "World", *, until_s: float) -> None:
    """Heal everything, let the world run until an instant, and note what did not come right."""
    world.troubles.heal_all()
    _switch_everything_on(world)
    dark = True
    while dark:  # somebody closes the breaker again, perhaps on relays that boot switched on
        if world.clock.now_s >= until_s:
            return
        trips = len(world.house.trips)
        dark = any(world.house.dark(name) for name in world.setup.house.circuits)
        world.run_until(world.clock.now_s + READY_S)
        dark = dark or len(world.house.trips) > trips
    process = world.process
    found = world.findings.found
    if process.started_s is None or process.ready_s is None:
        found("L04", f"not ready {READY_S:.0f} s after everything was healed")
        return
    kept = world.broker.retained.get(world.topics.availability)
    if kept is None or kept.payload != b"online":
        found("L04", "availability is not online after everything was healed")
    _watch(world, until_s)


def _switch_everything_on(world: "World") -> None:
    """Make sure that nobody is away, and broker and balancer run."""
    world.people.insist(f"{world.topics.away}/set", "OFF")
    if not world.broker.up:
        world.broker.restart()
    if not world.process.running:
        world.process.start()


def _watch(world: "World", until_s: float) -> None:
    """Watch who is served while all is well."""
    could_s: dict[str, float] = {}
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
                    world.findings.found("L05", f"{name} stays blind with a healthy meter")
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
                world.findings.found(
                    "L06",
                    f"{load} is {'on' if on else 'off'} and the balancer wants the other: "
                    f"{json.dumps(shown)}",
                )
            zone = house.loads[load].zone
            if on or not world.people.requested(zone) or world.witness.wishes.away:
                could_s[load] = 0.0
            elif _could_run(world, load) and not is_ahead(world, load):
                could_s[load] = could_s.get(load, 0.0) + step_s
    _judge_served(world, could_s)


def _could_run(world: "World", load: str) -> bool:
    """Return whether a load would fit alone now, and nobody of a higher class asks."""
    house = world.setup.house
    model = house.loads[load]
    higher = any(
        each.priority > model.priority and world.people.requested(each.zone)
        for each in house.loads.values()
    )
    return not higher and all(
        world.house.non_heating_w(circuit) + watts
        <= world.witness.wishes.limit_w[circuit] - house.circuits[circuit].reserve_w
        for circuit, watts in _needs_w(world, load).items()
    )


def _needs_w(world: "World", load: str) -> dict[str, float]:
    """Return what a load may be counted as on each circuit: what it takes may be learned (R14)."""
    house = world.setup.house
    ratio = max(1.0, LEARNED * world.house.takes_w(load) / house.rated_w[load])
    return {circuit: ratio * watts for circuit, watts in house.power_w[load].items()}


def is_ahead(world: "World", load: str) -> bool:
    """Return whether all that are on instead are its equals, and have had clearly less.

    Loads are equal that have the same priority and nearest circuits; only their shares compare.
    """
    house, real = world.setup.house, world.house
    mine = _share(world, load)
    beside = all(
        real.supplies[circuit].power_w + watts
        <= world.witness.wishes.limit_w[circuit] - house.circuits[circuit].reserve_w
        for circuit, watts in _needs_w(world, load).items()
    )
    if beside or mine is None:
        return False
    model = house.loads[load]
    return all(
        each.priority == model.priority
        and each.power_w_by_circuit.keys() == model.power_w_by_circuit.keys()
        and (share := _share(world, name)) is not None
        and CLEAR_LEAD * share < mine
        for name, each in house.loads.items()
        if real.heating(name) and not house.power_w[name].keys().isdisjoint(house.power_w[load])
    )


def _share(world: "World", load: str) -> float | None:
    """Return how much of the time that it contended a load was really on, by its turns."""
    share = world.house.shares.share(load)
    return None if share is None else share / world.setup.house.loads[load].turns


def _judge_served(world: "World", could_s: dict[str, float]) -> None:
    """Find loads that could have run for long, and did not since (L01)."""
    turn_s = _turn_s(world)
    for load, waited_s in could_s.items():
        rivals = _rivals(world, load)
        turns_s = (_rounds(world, load, rivals) + 2) * turn_s  # a lead may have to grow for two
        if waited_s > min(2.0 * len(rivals) * turn_s, max(LONGEST_WAIT_S, turns_s)):
            world.findings.found(
                "L01", f"{load} could have run for {waited_s:.0f} s and was not served"
            )


def _turn_s(world: "World") -> float:
    """Return how long a place is held, in seconds: ticks pass until a lead has grown (R6)."""
    schedule = world.setup.schedule
    first = schedule.next_after(datetime.fromtimestamp(world.clock.wall_s, UTC))
    tick_s = (schedule.next_after(first) - first).total_seconds()
    return max(tick_s, LEAD * min(world.clock.now_s, DAY_S))


def _rivals(world: "World", load: str) -> list[str]:
    """Return all who ask, no lower than a load, itself among them."""
    loads = world.setup.house.loads
    return [
        name
        for name, each in loads.items()
        if world.people.requested(each.zone) and each.priority >= loads[load].priority
    ]


def _rounds(world: "World", load: str, rivals: list[str]) -> int:
    """Return how many turns it takes until all rivals had theirs."""
    house = world.setup.house
    most = 1.0
    for circuit in house.power_w[load]:
        beside = [name for name in rivals if circuit in house.power_w[name]]
        limit_w = world.witness.wishes.limit_w[circuit] - house.circuits[circuit].reserve_w
        room_w = limit_w - world.house.non_heating_w(circuit)
        asked_w = sum(_needs_w(world, name)[circuit] * house.loads[name].turns for name in beside)
        most = max(most, asked_w / max(room_w, _needs_w(world, load)[circuit]))
        steps = house.circuits[circuit].steps
        if steps is not None:
            mode = world.witness.wishes.mode[circuit]
            places = steps[0 if mode is None else mode]
            most = max(most, sum(house.loads[name].turns for name in beside) / max(places, 1))
    return ceil(most)
