"""What may wait: the latest of each topic, events in order, nothing stale."""

from balancer.service.outbox import Outbox
from balancer.wire import Message
from tests.service.fake_engine import FakeStream, any_of


def retained(topic: str, payload: bytes) -> Message:
    return Message(topic, payload, 1, True)


def made() -> tuple[Outbox, FakeStream]:
    stream = FakeStream()
    outbox = Outbox()
    outbox.attach(any_of(stream))
    return outbox, stream


def test_everything_waits_while_the_socket_is_full() -> None:
    """F49: a relay command must find the buffer empty."""
    outbox, stream = made()
    stream.idle = False
    outbox.put([retained("a", b"1"), Message("event", b"1")])
    outbox.pump(0.0)
    assert stream.sent == []
    stream.idle = True
    outbox.pump(0.0)
    assert [each.topic for each in stream.sent] == ["a", "event"]


def test_only_the_latest_of_a_retained_topic_is_sent_and_every_event() -> None:
    outbox, stream = made()
    stream.idle = False
    for number in range(5):
        outbox.put([retained("status", b"%d" % number), Message("event", b"%d" % number)])
    stream.idle = True
    outbox.pump(0.0)
    assert [each.payload for each in stream.sent if each.retain] == [b"4"]
    assert [each.payload for each in stream.sent if not each.retain] == [
        b"0",
        b"1",
        b"2",
        b"3",
        b"4",
    ]


def test_little_is_on_its_way_at_a_time() -> None:
    """On a slow line a command must not queue behind a heap of discovery."""
    outbox, stream = made()
    outbox.put([retained(f"t{number}", b"x" * 5000) for number in range(6)])
    outbox.pump(0.0)
    assert len(stream.sent) == 2
    outbox.acknowledged(0x8001)
    outbox.pump(0.1)
    assert len(stream.sent) == 3
    # an acknowledgement that never comes is not waited for
    outbox.pump(6.0)
    assert len(stream.sent) == 5


def test_nothing_outlives_a_connection() -> None:
    """F60."""
    outbox, stream = made()
    stream.idle = False
    outbox.put([retained("a", b"1"), Message("event", b"1")])
    outbox.attach(None)
    outbox.put([retained("b", b"1")])
    stream.idle = True
    outbox.attach(any_of(stream))
    outbox.pump(0.0)
    assert stream.sent == []
    assert len(outbox) == 0


def test_events_are_bounded_and_the_loss_is_counted() -> None:
    outbox, stream = made()
    stream.idle = False
    outbox.put([Message("event", b"%d" % number) for number in range(1500)])
    assert len(outbox) == 1000
    assert outbox.dropped_events == 500
    stream.idle = True
    outbox.pump(0.0)
    assert [each.payload for each in stream.sent[:2]] == [b"0", b"1"]
    outbox.put([Message("event", b"new")])
    outbox.pump(0.0)
    assert stream.sent[-1].payload == b"new"


def silent(outbox: Outbox, stream: FakeStream, at_s: float) -> bool:
    """Let a connection choke on a long message."""
    outbox.attach(any_of(stream))
    outbox.put([retained("long", b"x" * 5000), retained("short", b"x")])
    outbox.pump(at_s)
    return outbox.fell_silent(at_s + 2.0, 2.0)


def test_second_connection_in_a_row_that_chokes_puts_long_messages_off() -> None:
    """F49: or every connection would end the same way."""
    outbox, stream = made()
    assert not silent(outbox, stream, 0.0)
    assert silent(outbox, stream, 5.0)
    # then only what is short goes
    stream.sent.clear()
    outbox.attach(any_of(stream))
    outbox.put([retained("long", b"x" * 5000), retained("short", b"x")])
    outbox.pump(10.0)
    assert [each.topic for each in stream.sent] == ["short"]
    # until a minute has passed
    outbox.pump(68.0)
    assert [each.topic for each in stream.sent] == ["short", "long"]


def test_broker_that_stood_still_puts_nothing_off() -> None:
    """F43: status at once when it is back."""
    outbox, stream = made()
    for at_s in (0.0, 100.0, 200.0):
        outbox.attach(any_of(stream))
        outbox.put([retained("long", b"x" * 5000)])
        outbox.pump(at_s)
        assert not outbox.fell_silent(at_s + 60.0, 60.0)


def test_long_message_that_arrives_ends_the_suspicion() -> None:
    outbox, stream = made()
    assert not silent(outbox, stream, 0.0)
    outbox.attach(any_of(stream))
    outbox.put([retained("long", b"x" * 5000)])
    outbox.pump(5.0)
    outbox.acknowledged(stream._packet_id)
    assert not silent(outbox, stream, 10.0)


def test_what_is_withdrawn_is_not_sent_after_the_last_word() -> None:
    """Or an ``online`` that waited would follow the ``offline``."""
    outbox, stream = made()
    outbox.put([retained("availability", b"online"), retained("status", b"{}")])
    outbox.withdraw("availability")
    outbox.withdraw("nothing")
    outbox.pump(0.0)
    assert [each.topic for each in stream.sent] == ["status"]


def test_line_that_is_thin_no_more_is_told_everything() -> None:
    """L04: heartbeats that take no time ride on no thin line."""
    outbox, stream = made()
    assert not silent(outbox, stream, 0.0)
    assert silent(outbox, stream, 5.0)
    stream.sent.clear()
    outbox.attach(any_of(stream))
    outbox.put([retained("long", b"x" * 5000)])
    # given heartbeats of which one in four is slow
    for number in range(12):
        outbox.echoed(0.13 if number % 4 == 0 else 0.001, 8.0 + number / 2.0)
    outbox.pump(14.0)
    assert stream.sent == []
    # when all are quick
    for number in range(4):
        outbox.echoed(0.001, 14.0 + number / 2.0)
    outbox.pump(15.6)
    assert [each.topic for each in stream.sent] == ["long"]
