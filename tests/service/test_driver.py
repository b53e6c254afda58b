"""What drives the engine: at once, in order, and down in order when it breaks."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest_asyncio

from balancer.engine import Outgoing
from balancer.service.driver import Driver
from balancer.service.packets import DISCONNECT, Received, publish_packet
from balancer.views.counts import Session
from balancer.wire import Message
from tests.service.fake_engine import FakeClock, FakeEngine, FakeStream, any_of
from tests.service.patience import until

TOPICS = {"meter": 0, "plug": 0, "relay": 1, "away/set": 1, "trv": 1}
OFF = Message("relay/set", b"0")
STATUS = Message("b/status", b"{}", 1, True)


class Drive:
    """A driver with everything around it played."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.stream = FakeStream()
        self.clock = FakeClock()
        self.gaps: list[float] = []
        self.log: list[tuple[int, str, int]] = []  # level, text, messages sent before
        self.driver = Driver(
            any_of(self.engine),
            self.clock,
            Session(),
            meter_topics=frozenset({b"meter", b"plug"}),
            overtaken=frozenset({b"meter"}),
            wishes=frozenset({b"away/set", b"trv"}),
            log=lambda level, text: self.log.append((level, text, len(self.stream.sent))),
            on_gap=self.gaps.append,
        )
        self.driver.attach(any_of(self.stream), TOPICS)
        self.driver.connected()

    def receive(self, *messages: tuple[str, bytes]) -> None:
        self.driver.messages(received(*messages), self.clock.now_s, {})


def received(*messages: tuple[str, bytes]) -> list[Received]:
    return [Received(topic.encode(), payload, None, False, False) for topic, payload in messages]


@pytest_asyncio.fixture
async def drive() -> AsyncIterator[Drive]:
    made = Drive()
    yield made
    made.driver.close()


async def test_commands_are_sent_before_receive_returns(drive: Drive) -> None:
    """R9: no timer, await or queue stands between the reading and the commands."""
    drive.engine.answer = lambda _: Outgoing((OFF, OFF), (STATUS,))
    drive.receive(("meter", b"9000"))
    assert drive.stream.sent == [OFF, OFF]
    # and the rest follows when nothing better is to do
    await asyncio.sleep(0)
    assert drive.stream.sent == [OFF, OFF, STATUS]


async def test_reaction_is_measured_from_meter_messages_only(drive: Drive) -> None:
    drive.engine.answer = lambda _: Outgoing((OFF,))
    drive.receive(("relay", b"1"))
    assert sum(drive.driver.counts.reaction.counts) == 0
    drive.receive(("meter", b"9000"))
    drive.receive(("plug", b"9000"))
    assert sum(drive.driver.counts.reaction.counts) == 2


async def test_readings_overtaken_unread_are_counted_and_reports_are_kept(drive: Drive) -> None:
    """F13."""
    drive.receive(*[("meter", b"1")] * 100, ("relay", b"1"), ("plug", b"1"), ("plug", b"2"))
    assert [each.topic for each in drive.engine.received] == ["meter", "relay", "plug", "plug"]
    assert drive.engine.counts.conflated == 99
    assert drive.engine.passed_over == [Message("meter", b"1")] * 99  # what is none is counted


async def test_reading_is_decided_on_although_rubbish_comes_right_after_it(drive: Drive) -> None:
    """R13."""
    drive.receive(("meter", b"1"), ("meter", b"2"), ("meter", b"?"))
    assert [each.payload for each in drive.engine.received] == [b"2", b"?"]


async def test_topic_that_was_not_subscribed_is_ignored(drive: Drive) -> None:
    drive.receive(
        ("other", b"1"), ("\udcff".encode("utf-8", "surrogateescape").decode("latin1"), b"")
    )
    assert drive.engine.received == []


async def test_what_comes_before_anything_was_subscribed_is_ignored(drive: Drive) -> None:
    """A broker may speak first; it does not speak to the connection of before."""
    drive.driver.detach()
    drive.receive(("meter", b"1"), ("relay", b"1"))
    assert drive.engine.received == []


async def test_what_comes_before_all_subscriptions_are_granted_waits(drive: Drive) -> None:
    """R15: a relay's retained state is one of the new connection."""
    drive.driver.detach()
    drive.engine.calls.clear()
    drive.driver.attach(any_of(drive.stream), {"relay": 1})
    drive.receive(("relay", b"1"))
    assert drive.engine.received == []
    drive.driver.connected()
    assert drive.engine.calls == ["connected"]
    assert [each.payload for each in drive.engine.received] == [b"1"]


async def test_what_waits_for_the_subscriptions_is_bounded(drive: Drive) -> None:
    """A flood between SUBSCRIBE and its answer costs traffic, not memory."""
    drive.driver.attach(any_of(drive.stream), {"relay": 1})
    drive.receive(("relay", b"first"))
    for _ in range(100):
        drive.receive(("relay", b"x" * 1_000_000))
    drive.driver.connected()
    assert drive.engine.received[0].payload == b"first"
    assert sum(len(each.payload) for each in drive.engine.received) < 20_000_000


async def test_a_flood_of_readings_hides_nothing_that_was_retained(drive: Drive) -> None:
    """R15: they count no more than the last of them."""
    drive.driver.attach(any_of(drive.stream), TOPICS)
    drive.receive(("relay", b"first"))
    for number in range(20_000):
        drive.receive(("meter", b"%d" % number))
    for number in range(20_000):
        drive.receive(("meter", b"?%d" % number))
    drive.receive(("relay", b"last"))
    drive.driver.connected()
    found = [each.payload for each in drive.engine.received]
    assert found == [b"first", b"19999", b"?19999", b"last"]


async def test_readings_that_newer_ones_replace_take_no_place(drive: Drive) -> None:
    drive.driver.attach(any_of(drive.stream), TOPICS)
    for _ in range(20):
        drive.receive(("meter", b"1" * 1_000_000))
    drive.receive(("relay", b"last"))
    drive.driver.connected()
    assert [each.topic for each in drive.engine.received] == ["meter", "relay"]


async def test_log_lines_come_after_the_commands(drive: Drive) -> None:
    def answer(_: Message) -> Outgoing:
        drive.driver.note(logging.INFO, "shed")
        return Outgoing((OFF,))

    drive.engine.answer = answer
    drive.receive(("meter", b"9000"))
    assert drive.log == [(logging.INFO, "shed", 1)]


async def test_engine_is_woken_at_its_deadline(drive: Drive) -> None:
    drive.engine.deadline_s = drive.clock.now_s
    drive.receive(("meter", b"1"))
    await until(lambda: "wake" in drive.engine.calls)


async def test_error_in_the_engine_turns_heaters_off_and_ends_all_deciding(drive: Drive) -> None:
    """R16, F79."""
    drive.driver.prepare((OFF, Message("b/availability", b"offline", 1, True)))

    def broken(_: Message) -> Outgoing:
        raise AssertionError("cannot be")

    drive.engine.answer = broken
    drive.receive(("meter", b"9000"))
    off = publish_packet(OFF)
    assert len(drive.stream.last) == 1
    assert drive.stream.last[0].startswith(off)
    assert b"offline" in drive.stream.last[0]
    assert drive.stream.last[0].endswith(DISCONNECT)
    # nothing is decided any more
    count = len(drive.engine.received)
    drive.receive(("meter", b"9000"))
    drive.driver.tell(any_of(drive.engine).wake)
    assert len(drive.engine.received) == count
    assert "wake" not in drive.engine.calls
    assert isinstance(drive.driver.failed.exception(), AssertionError)


async def test_messages_after_a_pause_are_not_looked_at(drive: Drive) -> None:
    """F74: also after a sleep that the monotonic clock did not count."""
    drive.clock.slept_s = 600.0
    drive.receive(("meter", b"500"))
    assert drive.gaps == [600.0]
    assert drive.engine.received == []
    drive.receive(("meter", b"500"))
    assert len(drive.engine.received) == 1


async def test_what_people_wanted_during_a_pause_is_done_on_the_next_connection(
    drive: Drive,
) -> None:
    """F74: a reading of a minute ago is no reading, but whoever left is still away."""
    # given a pause during which people and devices have spoken
    drive.clock.slept_s = 60.0
    # when the process goes on, and the rest follows
    drive.receive(("meter", b"500"), ("away/set", b"OFF"), ("away/set", b"ON"), ("relay", b"1"))
    drive.driver.keep_wishes(received(("trv", b"OFF"), ("relay", b"1"), ("trv", b"ON")))
    drive.driver.keep_wishes(received(("away/set", b"yes please"), ("trv", b"")))  # no wishes
    assert drive.engine.received == []
    # then the last that each wanted follows, after the engine knows of the new connection
    drive.driver.attach(any_of(drive.stream), TOPICS)
    assert drive.engine.received == []
    drive.driver.connected()
    assert drive.engine.calls[-1] == "connected"
    found = [(each.topic, each.payload, each.retain) for each in drive.engine.received]
    assert found == [("away/set", b"ON", False), ("trv", b"ON", False)]
    # and only once
    drive.driver.attach(any_of(drive.stream), TOPICS)
    drive.driver.connected()
    assert len(drive.engine.received) == 2


async def test_one_that_stands_by_forgets_what_people_wanted_of_it(drive: Drive) -> None:
    drive.clock.slept_s = 60.0
    drive.receive(("away/set", b"ON"))
    drive.driver.rest(any_of(drive.engine))
    drive.driver.attach(any_of(drive.stream), TOPICS)
    drive.driver.connected()
    assert drive.engine.received == []


async def test_retained_and_huge_wishes_do_not_outlast_a_pause(drive: Drive) -> None:
    drive.clock.slept_s = 60.0
    drive.driver.messages(
        [
            Received(b"away/set", b"ON", 1, True, False),
            Received(b"trv", b"x" * 100_000, 2, False, False),
        ],
        drive.clock.now_s,
        {},
    )
    drive.driver.attach(any_of(drive.stream), TOPICS)
    drive.driver.connected()
    assert drive.engine.received == []


async def test_short_delay_is_no_gap(drive: Drive) -> None:
    drive.clock.now_s += 2.9
    drive.receive(("meter", b"500"))
    assert drive.gaps == []
    assert len(drive.engine.received) == 1
