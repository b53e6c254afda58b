"""R15: heaters that were off before an outage, whose own meters show that they are on."""

import pytest

from balancer.core.commands import NoteKind
from balancer.core.events import Started
from balancer.core.memory import LoadMemory, Memory
from balancer.core.model import Meter
from tests.core.fakes import FakeRelay
from tests.core.house import FREE, A, a_house, a_load, a_meter
from tests.core.rig import Rig

OWN = "loads.a.meter"
DRAWS_W = 5 * A
WAS_OFF = Memory(loads={"a": LoadMemory(on=False)})


def own_meter() -> Meter:
    return a_meter(OWN, 10 * A, 900.0)


class OnChange(Rig):
    """Relays that do not repeat what they have said."""

    def _arrive(self, load: str, *, on: bool) -> None:
        if self.relays[load].on is not on:
            super()._arrive(load, on=on)


def told(rig: Rig, since_s: float) -> list[tuple[float, bool]]:
    """Return what the load was told, and how long after an instant."""
    return [(round(each.at_s - since_s, 1), each.on) for each in rig.commands(since_s)]


@pytest.mark.parametrize("period_s", [1.0, 60.0])
@pytest.mark.parametrize("anew", [False, True])
def test_a_heater_that_its_own_meter_shows_is_not_off(anew: bool, period_s: float) -> None:
    """F60: it booted switched on, and said so when nobody listened; nobody can ask it."""
    rig = Rig(
        a_house([a_load("a", meter=own_meter(), **FREE)]), relays={"a": FakeRelay(unasked=True)}
    )
    rig.meters[OWN].period_s = period_s
    rig.run(65.0)
    # given a heater that is off, and goes on while there is no broker
    since_s = rig.now_s
    if not anew:
        rig.disconnect()
    rig.move("a", on=True)
    if anew:
        rig.restart()
    else:
        rig.connect()
    # when its meter has spoken, then it is told OFF, once
    rig.run(2.0 * period_s + 6.0)
    assert [each.on for each in rig.commands(since_s)] == [False]
    assert rig.on() == set()
    # and afterwards it is like any other
    rig.request("a")
    rig.run(10.0 * period_s)
    assert rig.on() == {"a"}


def test_what_its_own_meter_showed_before_the_question_was_given_up_is_not_forgotten() -> None:
    """R8: the meter speaks at once, and then no more; the heater has to rest after its OFF."""
    load = a_load("a", meter=own_meter(), min_on_s=0.0, min_off_s=120.0)
    rig = Rig(a_house([load]), relays={"a": FakeRelay(unasked=True)})
    rig.run(65.0)
    # given a heater that went on while there was no broker, and is wanted
    rig.disconnect()
    rig.move("a", on=True)
    rig.run(1.0)
    since_s = rig.now_s
    rig.connect()
    rig.request("a")
    rig.run(1.5)
    # when its meter has spoken once, then it is told OFF as soon as nobody waits for an answer
    rig.meters[OWN].silent = True
    rig.run(300.0)
    assert told(rig, since_s) == [(5.0, False), (125.1, True)]


def test_on_paper_a_heater_may_draw_though_it_was_off() -> None:
    """R17: somebody else switches it, and nothing is decided."""
    rig = Rig(a_house([a_load("a", meter=own_meter(), **FREE)], dry_run=True))
    rig.run(65.0)
    rig.move("a", on=True)
    rig.restart()
    since_s = rig.now_s
    rig.run(20.0)
    assert [each for at_s, each in rig.decided if at_s >= since_s] == []


def test_a_meter_may_still_show_what_was_drawn_before_the_outage() -> None:
    """R2: a relay that is off and does not repeat itself is no fault."""
    relays = {"a": FakeRelay(unasked=True)}
    rig = OnChange(a_house([a_load("a", meter=own_meter(), **FREE)]), relays=relays, memory=WAS_OFF)
    rig.meters[OWN].silent = True
    rig.run(40.0)
    rig.request("a")
    rig.run(60.0)
    # given a heater that goes off just before an outage
    rig.request("a", False)
    rig.run(2.0)
    rig.disconnect()
    rig.run(0.5)
    since_s = rig.now_s
    rig.connect()
    # when its meter tells late of what it drew, then nothing comes of it
    rig.run(1.0)
    rig.read(OWN, DRAWS_W)
    rig.run(30.0)
    rig.read(OWN, DRAWS_W)
    rig.run(600.0)
    assert told(rig, since_s) == []


def test_a_heater_that_takes_next_to_nothing_is_off() -> None:
    rig = Rig(
        a_house([a_load("a", meter=own_meter(), **FREE)]),
        relays={"a": FakeRelay(unasked=True)},
        memory=WAS_OFF,
    )
    rig.run(120.0)
    rig.read(OWN, 0.4 * DRAWS_W)
    rig.run(60.0)
    assert rig.commands() == []


@pytest.mark.parametrize("starts_after_s", [0.0, 0.1], ids=["after the start", "before it"])
def test_memory_does_not_overrule_what_a_relay_has_just_said(starts_after_s: float) -> None:
    rig = Rig(a_house([a_load("a", meter=own_meter(), **FREE)]), start=False)
    rig.meters[OWN].silent = True
    since_s = rig.now_s
    rig.connect()
    rig.run(starts_after_s)
    # given a relay that has answered that it is off
    rig.tell(Started(rig.now_s, WAS_OFF))
    rig.run(1.0)
    # when its meter shows something, then the relay is believed
    rig.read(OWN, DRAWS_W)
    rig.run(60.0)
    assert told(rig, since_s) == []


def test_a_heater_that_is_left_alone_stays_so() -> None:
    """R11: somebody insists that it is on."""
    rig = Rig(
        a_house([a_load("a", meter=own_meter(), **FREE)]), relays={"a": FakeRelay(unasked=True)}
    )
    rig.run(40.0)
    for _ in range(5):
        rig.push("a", on=True)
        rig.run(20.0)
        rig.push("a", on=False)
        rig.run(20.0)
    assert rig.noted(NoteKind.LEFT_ALONE)
    rig.run(60.0)
    # given that it goes on once more while there is no broker
    rig.disconnect()
    rig.push("a", on=True)
    rig.meters[OWN].silent = True
    since_s = rig.now_s
    rig.connect()
    rig.run(10.0)
    # when its meter shows it, then it is on, and nobody's business
    rig.read(OWN, DRAWS_W)
    rig.run(10.0)
    assert told(rig, since_s) == []
    assert rig.load("a").on


def test_a_hand_is_a_hand_though_the_meter_tells_of_it_first() -> None:
    """R11: hours after the start."""
    rig = Rig(
        a_house([a_load("a", meter=own_meter(), **FREE)]),
        relays={"a": FakeRelay(unasked=True)},
        memory=WAS_OFF,
    )
    rig.run(7200.0)
    rig.meters[OWN].silent = True
    rig.move("a", on=True)
    rig.read(OWN, DRAWS_W)
    rig.run(0.02)
    rig.report("a")
    rig.run(30.0)
    assert len(rig.noted(NoteKind.FOREIGN)) == 1
    assert rig.on() == set()


def test_of_a_relay_that_never_speaks_nothing_is_known_but_what_it_was_told() -> None:
    """R9, R15: what its meter says late starts nothing anew."""
    load = a_load("a", meter=own_meter(), relay={"confirms": False}, **FREE)
    rig = Rig(a_house([load]), memory=WAS_OFF)
    rig.meters[OWN].silent = True
    rig.run(120.0)
    since_s = rig.now_s
    rig.read(OWN, DRAWS_W)
    rig.run(60.0)
    assert told(rig, since_s) == []
