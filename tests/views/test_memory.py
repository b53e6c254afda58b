"""What the previous run showed is remembered; what it left behind is cleared."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.core.memory import CircuitMemory, LoadMemory, Memory
from balancer.core.model import House
from balancer.views.memory import Left, read_back
from balancer.views.status import dump
from tests.views.reading_back import NOW_S, mended, restored, the_status
from tests.views.small_house import TOPICS, a_house, a_snapshot, a_status, to_monotonic


def test_a_restart_remembers_what_the_status_says() -> None:
    """R15."""
    remembered, sentences, left = restored(the_status())
    assert sentences == ()
    assert remembered == Memory(
        away=False,
        circuits={
            "main": CircuitMemory(mode=None, limit_w=None),
            "garage": CircuitMemory(mode=None, limit_w=3000.0),
        },
        requests={"lounge": True, "bathroom": True, "workshop": False},
        loads={
            "lounge_window": LoadMemory(
                on=True,
                claim=True,
                served_s=7200.5,
                wanted_s=10_108.125,
                switched_s=120.25,
                switches=112,
                learned_w=1104.0,
                learned_low_w=1080.5,
                learned_steps=6,
            ),
            "towels": LoadMemory(
                on=False, served_s=7200.5, wanted_s=10_108.125, switches=112, shed=True
            ),
            "bench": LoadMemory(
                on=False,
                served_s=7200.5,
                wanted_s=10_108.125,
                boost_until_s=3600.0,
                switched_s=-86_400.0,
                switches=112,
            ),
        },
    )
    assert left.sequence == 4711
    assert left.switches_today["lounge_window"] == 9
    assert left.at is not None
    assert to_monotonic(left.at) == pytest.approx(720.123)
    assert left.gone == ()


@given(
    served_s=st.floats(0.0, 40_000.0),
    waited_s=st.floats(0.0, 40_000.0),
    switched_s=st.floats(-1e6, 700.0) | st.none(),
    switches=st.integers(0, 10**7),
    on=st.booleans(),
)
@settings(max_examples=50, deadline=None)
def test_what_is_shown_is_remembered_to_the_millisecond(
    served_s: float,
    waited_s: float,
    switched_s: float | None,
    switches: int,
    on: bool,
) -> None:
    seen = a_snapshot()
    towels = replace(
        seen.loads["towels"],
        on=on,
        served_s=served_s,
        wanted_s=served_s + waited_s,
        switched_s=switched_s,
        switches=switches,
    )
    seen = replace(seen, away=on, loads={**seen.loads, "towels": towels})
    remembered, sentences, _ = restored(the_status(seen))
    load = remembered.loads["towels"]
    assert sentences == ()
    assert (remembered.away, load.on, load.switches) == (on, on, switches)
    assert load.served_s == pytest.approx(served_s, abs=0.001)
    assert load.wanted_s == pytest.approx(served_s + waited_s, abs=0.001)
    if switched_s is None:
        assert load.switched_s is None
    else:
        assert load.switched_s == pytest.approx(switched_s, abs=0.0011)


def test_small_topics_win_over_the_status() -> None:
    """R15."""
    small = {
        TOPICS.load_state("lounge_window"): b"OFF",
        TOPICS.load_state("towels"): b"on",
        TOPICS.away: b"ON",
        TOPICS.zone("lounge"): b"OFF",
        TOPICS.mode("main"): b"2",
        TOPICS.limit("garage"): b"2.5",
    }
    remembered, sentences, _ = restored(the_status() | small)
    assert sentences == ()
    assert remembered.away
    assert remembered.loads["lounge_window"].on is False
    assert remembered.loads["towels"].on is True
    assert remembered.requests["lounge"] is False
    assert remembered.circuits["main"].mode == 2
    assert remembered.circuits["garage"].limit_w == 2500.0


def test_small_topics_are_remembered_without_a_status() -> None:
    small = {
        TOPICS.load_state("towels"): b"OFF",
        TOPICS.zone("lounge"): b"ON",
        TOPICS.limit("main"): b"20",
    }
    remembered, sentences, left = restored(small)
    assert remembered.loads["towels"] == LoadMemory(on=False)
    assert remembered.requests == {"lounge": True}
    assert remembered.circuits["main"].limit_w == 4600.0
    assert left == Left(switches_today=dict.fromkeys(a_house().loads, 0))
    assert "first start" in sentences[0]


def test_a_mode_set_from_outside_is_remembered_and_auto_is_not() -> None:
    """R4."""
    seen = a_snapshot()
    main = replace(seen.circuits["main"], mode=3, mode_source="set")
    retained = the_status(replace(seen, circuits={**seen.circuits, "main": main}))
    assert restored(retained)[0].circuits["main"].mode == 3
    for auto in (b"auto", b"Auto", b"AUTO"):
        remembered, sentences, _ = restored(retained | {TOPICS.mode("main"): auto})
        assert remembered.circuits["main"].mode is None
        assert sentences == ()


def test_a_limit_that_nobody_set_follows_the_configuration_when_it_is_raised() -> None:
    # given a status and a limit topic from before, and a file with a greater limit
    retained = the_status() | {TOPICS.limit("main"): b"30.0"}
    house = a_house()
    raised = replace(house.circuits["main"], limit_w=9200.0)
    house = replace(house, circuits={**house.circuits, "main": raised})
    # then nothing holds the limit down
    assert restored(retained, house=house)[0].circuits["main"].limit_w is None


def test_a_limit_that_is_shown_rounded_is_still_the_configured_one() -> None:
    # given a limit of 32.12345 A, which the status and its small topic show with fewer digits
    house = a_house()
    odd = replace(house.circuits["main"], limit_w=32.12345 * 230.0)
    house = replace(house, circuits={**house.circuits, "main": odd})
    seen = a_snapshot()
    main = replace(seen.circuits["main"], limit_w=odd.limit_w)
    status = dump(a_status(replace(seen, circuits={**seen.circuits, "main": main}), house=house))
    for text in (b"32.123", b"32.1235", b"32.1234"):
        retained = {TOPICS.status: status, TOPICS.limit("main"): text}
        assert restored(retained, house=house)[0].circuits["main"].limit_w is None


def test_a_limit_that_is_shown_rounded_follows_the_configuration_when_it_is_raised() -> None:
    # given a limit of 1234.567 kW, of which its small topic shows six digits, and a greater one now
    house = a_house()
    before = replace(house.circuits["garage"], limit_w=1_234_567.0)
    seen = a_snapshot()
    garage = replace(seen.circuits["garage"], limit_w=before.limit_w)
    status = dump(
        a_status(
            replace(seen, circuits={**seen.circuits, "garage": garage}),
            house=replace(house, circuits={**house.circuits, "garage": before}),
        )
    )
    retained = {TOPICS.status: status, TOPICS.limit("garage"): b"1234.57"}
    raised = replace(before, limit_w=2_000_000.0)
    house = replace(house, circuits={**house.circuits, "garage": raised})
    # then nothing holds the limit down
    assert restored(retained, house=house)[0].circuits["garage"].limit_w is None
    # and what is a digit less was set by somebody
    retained[TOPICS.limit("garage")] = b"1234.52"
    assert restored(retained, house=house)[0].circuits["garage"].limit_w == 1_234_520.0


def test_a_limit_above_the_configured_one_is_not_remembered() -> None:
    """Design: Topics."""
    retained = the_status() | {TOPICS.limit("main"): b"31"}
    assert restored(retained)[0].circuits["main"].limit_w is None


@pytest.mark.parametrize(
    ("now_s", "until_s"),
    [(3599.9, 3600.0), (3600.0, None), (3600.1, None)],
    ids=["just before its end", "exactly", "just after"],
)
def test_a_boost_keeps_its_end_and_an_ended_one_is_dropped(
    now_s: float, until_s: float | None
) -> None:
    """R15."""
    assert restored(the_status(), now_s=now_s)[0].loads["bench"].boost_until_s == until_s


def test_a_boost_that_was_ended_after_the_last_status_stays_ended() -> None:
    for off in (b"OFF", b"off"):
        retained = the_status() | {TOPICS.boost("bench"): off}
        assert restored(retained)[0].loads["bench"].boost_until_s is None


def test_times_in_the_future_are_brought_to_the_present() -> None:
    """F77: the clock went back, or somebody wrote them."""
    ahead = "2027-01-01T00:00:00.000Z"
    retained = mended("loads", "towels", "switched", value=ahead)
    assert restored(retained)[0].loads["towels"].switched_s == NOW_S
    retained = mended("loads", "towels", "boost_until", value=ahead)
    assert restored(retained)[0].loads["towels"].boost_until_s == NOW_S + 7200.0


def test_the_sequence_goes_on_even_after_a_newer_version() -> None:
    """I23."""
    payload = b'{"version":2,"sequence":99}'
    assert restored({TOPICS.status: payload})[2].sequence == 99


def test_topics_of_what_left_the_configuration_are_named_for_clearing() -> None:
    """F70."""
    # given a house that has lost a load, its zone and its circuit
    house = a_house()
    left_over = House(
        name="house",
        circuits={"main": house.circuits["main"]},
        zones={name: zone for name, zone in house.zones.items() if name != "workshop"},
        loads={name: load for name, load in house.loads.items() if name != "bench"},
        order=("lounge_window", "towels"),
    )
    # when the status of before is read
    left = restored(the_status(), house=left_over)[2]
    # then exactly their topics are to be cleared
    assert set(left.gone) == {
        "balancer/house/load/bench/state",
        "balancer/house/load/bench/boost",
        "balancer/house/zone/workshop",
        "balancer/house/circuit/garage/mode",
        "balancer/house/circuit/garage/limit",
    }


def test_topics_that_a_zone_or_circuit_no_longer_has_are_cleared_while_retained() -> None:
    """F70: a zone got its own request, a circuit lost its steps."""
    retained = {TOPICS.zone("bathroom"): b"ON", TOPICS.mode("garage"): b"auto"}
    assert restored(the_status() | retained)[2].gone == tuple(retained)
    assert restored(the_status())[2].gone == ()


def test_every_topic_that_is_read_back_is_named_once_and_exactly() -> None:
    """Design: Layers (no wildcards)."""
    topics = read_back(a_house(), TOPICS)
    assert len(topics) == len(set(topics)) == 1 + 1 + 3 + 3 + 3 + 2 + 2
    assert not [topic for topic in topics if "#" in topic or "+" in topic]
