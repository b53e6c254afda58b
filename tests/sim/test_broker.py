"""The virtual broker keeps, forgets, delays and loses what real ones do."""

from balancer.sim.broker import Link
from balancer.wire import Message
from tests.sim.wires import Bench, Ears

WILL = Message("a/will", b"gone", 1, retain=True)


def test_what_is_retained_is_delivered_at_subscription_and_marked_so() -> None:
    # given a retained and a plain message
    bench = Bench("a/live")
    bench.say("a/kept", "1", retain=True)
    bench.say("a/live", "2")
    # when somebody subscribes later
    late = bench.join(Ears("late"), "a/kept", "a/live")
    # then only what was kept comes, marked; who was there got the live one unmarked
    assert late.heard == [("a/kept", "1", True)]
    assert bench.ears.heard == [("a/live", "2", False)]


def test_an_empty_retained_message_clears_the_topic() -> None:
    bench = Bench()
    bench.say("a/kept", "1", retain=True)
    bench.say("a/kept", "", retain=True)
    assert bench.join(Ears("late"), "a/kept").heard == []


def test_a_will_is_published_when_the_client_dies_and_not_when_it_leaves() -> None:
    for clean, expected in ((False, ["gone"]), (True, [])):
        bench = Bench("a/will")
        mortal = bench.join(Ears("mortal"), will=WILL)
        assert mortal.session is not None
        mortal.session.close(clean=clean)
        bench.run(1.0)
        assert bench.ears.on("a/will") == expected


def test_what_a_client_sent_last_arrives_before_its_end_does() -> None:
    # given a slow link
    bench = Bench("a/last", "a/will")
    slow = bench.join(Ears("slow"), will=WILL, link=Link(latency_s=(0.5, 0.9)))
    bench.run(2.0)
    # when it publishes and dies at once
    assert slow.session is not None
    slow.session.publish(Message("a/last", b"word"))
    slow.session.close(clean=False)
    bench.run(3.0)
    # then both arrive, in order
    assert [topic for topic, _, _ in bench.ears.heard] == ["a/last", "a/will"]


def test_a_second_client_of_the_same_name_takes_the_place_of_the_first() -> None:
    bench = Bench("a/will")
    first = bench.join(Ears("twin"), "a/x", will=WILL)
    second = bench.join(Ears("twin"), "a/x")
    bench.say("a/x", "1")
    assert first.losses == 1
    assert first.on("a/x") == []
    assert second.on("a/x") == ["1"]
    assert bench.ears.on("a/will") == ["gone"]


def test_a_frozen_broker_loses_nothing_and_a_killed_one_everything() -> None:
    # given a frozen broker to which somebody speaks
    bench = Bench("a/x")
    bench.broker.freeze()
    bench.say("a/x", "1")
    bench.run(60.0)
    assert bench.ears.heard == []
    # when it thaws, then the message comes
    bench.broker.thaw()
    bench.run(1.0)
    assert bench.ears.on("a/x") == ["1"]
    # when it freezes again and is killed, then it never comes
    bench.broker.freeze()
    bench.say("a/x", "2")
    bench.broker.kill(wipe=False)
    bench.broker.restart()
    bench.run(60.0)
    assert bench.ears.on("a/x") == ["1"]
    assert bench.ears.losses == 1


def test_retained_messages_survive_a_kill_unless_they_are_wiped() -> None:
    for wipe, expected in ((False, ["1"]), (True, [])):
        bench = Bench()
        bench.say("a/kept", "1", retain=True)
        bench.broker.kill(wipe=wipe)
        bench.broker.restart()
        assert bench.join(Ears("late"), "a/kept").on("a/kept") == expected


def test_a_blocked_direction_holds_messages_until_it_is_free() -> None:
    bench = Bench("a/x")
    link = Link(up_blocked=False)
    speaker = bench.join(Ears("speaker"), link=link)
    assert speaker.session is not None
    link.up_blocked = True
    speaker.session.publish(Message("a/x", b"1"))
    bench.run(10.0)
    assert bench.ears.heard == []
    bench.broker.unblock(link)
    bench.run(1.0)
    assert bench.ears.on("a/x") == ["1"]


def test_a_link_keeps_order_unless_it_is_told_to_reorder() -> None:
    for reorder, ordered in ((0.0, True), (0.5, False)):
        bench = Bench("a/x")
        link = Link(latency_s=(0.01, 0.2), reorder=reorder)
        speaker = bench.join(Ears("speaker"), link=link)
        bench.run(1.0)
        assert speaker.session is not None
        for number in range(50):
            speaker.session.publish(Message("a/x", str(number).encode()))
        bench.run(10.0)
        heard = [int(each) for each in bench.ears.on("a/x")]
        assert len(heard) == 50
        assert (heard == sorted(heard)) is ordered


def test_a_link_drops_and_doubles_about_as_many_as_it_is_told() -> None:
    bench = Bench("a/x")
    speaker = bench.join(Ears("speaker"), link=Link(drop=0.3, duplicate=0.2))
    assert speaker.session is not None
    for number in range(1000):
        speaker.session.publish(Message("a/x", str(number).encode()))
    bench.run(10.0)
    heard = bench.ears.on("a/x")
    assert 600 < len(set(heard)) < 800
    assert 100 < len(heard) - len(set(heard)) < 300


def test_refused_subscriptions_and_denied_messages_are_silent() -> None:
    bench = Bench()
    bench.broker.refused_topics.add("a/refused")
    bench.broker.silent_topics.add("a/denied")
    ears = bench.join(Ears("late"), "a/refused", "a/denied")
    bench.say("a/refused", "1")
    bench.say("a/denied", "1")
    assert ears.heard == []
