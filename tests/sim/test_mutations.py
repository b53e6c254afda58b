"""The checkers can fail: each of these mistakes, built into the controller, is caught."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import pytest

from balancer.core import (
    act,
    breaker,
    estimate,
    fill,
    hear,
    quiet,
    restrain,
    rotate,
    shed,
    step,
    wish,
)
from balancer.core.draft import Draft
from balancer.core.events import AwaySet
from balancer.engine import Engine, Outgoing
from balancer.sim import faults, scenarios
from balancer.sim.liveness import judge_recovery
from balancer.sim.world import World

Patch = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Mutation:
    """A mistake, the house that it shows in, and the rules of which one has to notice it."""

    name: str
    build: Patch
    rules: frozenset[str]
    house: str = "flat"
    prepare: Callable[[World], None] = lambda _world: None

    def __str__(self) -> str:
        return self.name


def _always(value: Any) -> Callable[..., Any]:
    return lambda *_args, **_kwargs: value


def _trusts_commands(patch: pytest.MonkeyPatch) -> None:
    """Take a command for done when it is sent: an ON does not wait for the OFF before it."""
    transmit = act.transmit

    def transmitted(draft: Any) -> None:
        transmit(draft)
        for name, load in draft.state.loads.items():
            if load.flight is not None:
                hear.report(draft, name, on=load.on)

    patch.setattr(act, "transmit", transmitted)


def _retained(patch: pytest.MonkeyPatch) -> None:
    whole = Engine.receive

    def receive(self: Engine, *args: Any) -> Outgoing:
        out = whole(self, *args)
        return Outgoing(tuple(replace(each, retain=True) for each in out.commands), out.rest)

    patch.setattr(Engine, "receive", receive)


def _forgets_in_flight(patch: pytest.MonkeyPatch) -> None:
    """Judge an ON by the meter alone: what was switched on since is not in it yet."""
    patch.setattr(estimate, "contained", _always(True))


def _everything_fits(patch: pytest.MonkeyPatch) -> None:
    rated = estimate.rated_w
    patch.setattr(estimate, "rated_w", lambda *args: 0.3 * rated(*args))
    patch.setattr(quiet, "quiet", _always(None))


def _never_blind(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(restrain, "go_blind", _always(None))
    patch.setattr(step, "_silence_s", _always(inf))


def _no_min_off(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(restrain, "rested_s", _always(-inf))


def _no_min_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(restrain, "released_s", _always(-inf))


def _never_sheds(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(shed, "shed", _always(False))
    patch.setattr(quiet, "quiet", _always(None))


def _sheds_everything(patch: pytest.MonkeyPatch) -> None:
    pick = shed.pick

    def all_of_them(draft: Any, constraints: Any) -> Any:
        _, left = pick(draft, constraints)
        return tuple(dict.fromkeys(name for each in constraints for name in each.relief_w)), left

    patch.setattr(shed, "pick", all_of_them)


def _ignores_away(patch: pytest.MonkeyPatch) -> None:
    take_in = step._take_in
    patch.setattr(
        step,
        "_take_in",
        lambda draft, event: None if isinstance(event, AwaySet) else take_in(draft, event),
    )


def _heats_unasked(patch: pytest.MonkeyPatch) -> None:
    def everybody(draft: Draft) -> None:
        draft.state.wanted = frozenset(() if draft.state.away else draft.house.loads)

    patch.setattr(wish, "review", everybody)


def _requests_never_end(patch: pytest.MonkeyPatch) -> None:
    end = step._end_requests

    def never(draft: Draft) -> None:
        for zone in draft.state.zones:
            draft.zone(zone).reported_s = inf
        end(draft)

    patch.setattr(step, "_end_requests", never)


def _starts_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(wish, "ready", _always(True))
    patch.setattr(estimate, "admission_meter_w", _always(1000.0))


def _no_caps(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(restrain, "cap", _always(None))


def _never_on_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fill, "fill", _always(inf))
    patch.setattr(rotate, "rotate", _always(None))


def _margins_in_milliseconds(patch: pytest.MonkeyPatch) -> None:
    margin_s = breaker.trip_margin_s
    patch.setattr(breaker, "trip_margin_s", lambda *args: 1000.0 * margin_s(*args))


def _no_repeats(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(act, "run_timers", _always(False))
    patch.setattr(hear, "run_timers", _always(None))


def _spikes(world: World) -> None:
    """Let the kettle boil every four minutes."""
    for number in range(30):
        world.at(120.0 + 240.0 * number, lambda w: w.plug("main", 3000.0, for_s=60.0))


def _overloads(world: World) -> None:
    """Let the oven and its friends take more than the limit, for minutes, beside no heater."""
    for number in range(6):
        world.at(600.0 + 900.0 * number, lambda w: w.plug("main", 8000.0, for_s=120.0))


def _silences(world: World) -> None:
    for number in range(4):
        _begin(world, "F01", at_s=600.0 + 1500.0 * number, for_s=120.0)


def _restarts(world: World) -> None:
    for number in range(8):
        _begin(world, "F75", at_s=600.0 + 800.0 * number, for_s=3.0)


def _goes_away(world: World) -> None:
    world.at(1200.0, lambda w: w.people.say(f"{w.topics.away}/set", "ON"))


def _falls_silent(world: World) -> None:
    """Let a thermostat ask for heat and say nothing any more; its heater has to go off and on."""
    world.at(300.0, lambda w: w.people.hold("bath", True))
    world.at(330.0, lambda w: w.people.silent.add("bath"))
    world.at(3000.0, lambda w: w.plug("main", 5500.0, for_s=60.0))


def _saves(world: World) -> None:
    world.at(30.0, lambda w: w.people.say(f"{w.topics.mode('main')}/set", "3"))


def _loses(world: World) -> None:
    for number in range(6):
        _begin(world, "F54", at_s=300.0 + 600.0 * number, for_s=200.0)


def _begin(world: World, id_: str, *, at_s: float, for_s: float) -> None:
    world.at(at_s, lambda w: faults.FAULTS[id_].begin(w, w.random, for_s=for_s))


MUTATIONS = (
    Mutation("ON does not wait for OFF", _trusts_commands, frozenset({"I02", "I03", "I06"})),
    Mutation("commands are retained", _retained, frozenset({"I09"})),
    Mutation("loads in flight are forgotten", _forgets_in_flight, frozenset({"I06"})),
    Mutation("loads count as a third", _everything_fits, frozenset({"I06"})),
    Mutation("a silent meter is believed", _never_blind, frozenset({"I01"}), prepare=_silences),
    Mutation("no min_off", _no_min_off, frozenset({"I03"}), prepare=_spikes),
    Mutation("no min_on", _no_min_on, frozenset({"I03"})),
    Mutation("nothing is shed", _never_sheds, frozenset({"I13"}), prepare=_spikes),
    Mutation("everything is shed", _sheds_everything, frozenset({"I14"}), prepare=_spikes),
    Mutation("away is ignored", _ignores_away, frozenset({"I05"}), prepare=_goes_away),
    Mutation("heats what nobody asked for", _heats_unasked, frozenset({"I04"})),
    Mutation(
        "a request never ends",
        _requests_never_end,
        frozenset({"I04"}),
        house="surplus",
        prepare=_falls_silent,
    ),
    Mutation("starts before it has read", _starts_at_once, frozenset({"I08"}), prepare=_restarts),
    Mutation("caps are ignored", _no_caps, frozenset({"I06"}), house="seed", prepare=_saves),
    Mutation("nothing comes on again", _never_on_again, frozenset({"L01"})),
    Mutation(
        "trip margins are in milliseconds",
        _margins_in_milliseconds,
        frozenset({"I24"}),
        prepare=_overloads,
    ),
    Mutation("nothing is repeated", _no_repeats, frozenset({"L06", "I13"}), prepare=_loses),
)


@pytest.fixture(autouse=True)
def _unpatched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield
    monkeypatch.undo()


def _run(mutation: Mutation) -> list[str]:
    rarely = {
        "circuits.main.meter": "on_change"
    }  # a meter that speaks when it has something to say
    scenario = replace(scenarios.ALL[mutation.house], cadences=rarely)
    world = World(scenario, seed=3, changes_s=30.0)
    mutation.prepare(world)
    world.run_until(5400.0)
    judge_recovery(world, until_s=10_800.0)
    return [each.rule for each in world.findings.violations]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_the_checkers_catch(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a controller with a mistake
    mutation.build(monkeypatch)
    # when it runs a house for three hours
    found = _run(mutation)
    # then one of the rules that it breaks is reported
    assert mutation.rules & set(found), sorted(set(found))


def test_a_heater_that_had_as_much_as_others_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """L01: being a little ahead of the others when they are served is no excuse for an hour."""
    # given a house in which everybody has had turns
    world = World(scenarios.ALL["seed"], seed=5, changes_s=30.0)
    world.run_until(16_200.0)
    # when one of them gets none from now on
    waiting = wish.waiting
    monkeypatch.setattr(
        wish, "waiting", lambda draft: [name for name in waiting(draft) if name != "lounge_window"]
    )
    judge_recovery(world, until_s=21_600.0)
    # then that is found
    assert "L01" in [each.rule for each in world.findings.violations]


@pytest.mark.parametrize(
    "mutation",
    [
        each
        for each in MUTATIONS
        if each.prepare in {_spikes, _overloads, _saves} or each.name == "no min_on"
    ],
    ids=str,
)
def test_the_same_houses_are_sound_without_the_mistake(mutation: Mutation) -> None:
    assert _run(mutation) == []
