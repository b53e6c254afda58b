"""What the broker remembers when it is killed, and how seldom it writes."""

import signal

from tests.deploy.house_broker import Broker, until

AUTOSAVE = 30
"""`autosave_interval` in mosquitto.conf: changes between two saves."""


def test_kill_9_costs_at_most_the_changes_since_the_last_save(own_broker: Broker) -> None:
    # given a hundred retained states, one after the other
    topics = [f"balancer/house/load/load{n}/state" for n in range(100)]
    with own_broker.person("balancer") as balancer:
        for topic in topics:
            balancer.publish(topic, "ON", retain=True)
    # when the broker is killed and started again
    own_broker.end(signal.SIGKILL)
    own_broker.start()
    # then at most the last thirty are gone, and none of those before
    kept = retained(own_broker)
    assert len(kept) >= len(topics) - AUTOSAVE
    assert kept == topics[: len(kept)]


def test_stop_and_start_costs_nothing(own_broker: Broker) -> None:
    with own_broker.person("balancer") as balancer:
        balancer.publish("balancer/house/away", "ON", retain=True)
    own_broker.end(signal.SIGTERM)
    own_broker.start()
    assert retained(own_broker) == ["balancer/house/away"]


def test_few_changes_write_nothing_and_many_write_once(own_broker: Broker) -> None:
    """An SD card wears by writes of the whole database."""
    database = own_broker.folder / "data" / "mosquitto.db"
    with own_broker.person("balancer") as balancer:
        # when one change less than the interval is made
        for number in range(AUTOSAVE - 1):
            balancer.publish("balancer/house/status", str(number), retain=True)
        # then nothing has been written
        assert not database.exists()
        # when the thirtieth is made, then it is written
        balancer.publish("balancer/house/status", "last", retain=True)
        until(database.exists, "the database is saved")


def retained(broker: Broker) -> list[str]:
    """Return the topics below the balancer's that the broker has kept, in number order."""
    with broker.person("observer") as observer:
        observer.subscribe("balancer/#")
        observer.publish("balancer/live", "after what was kept")
        observer.waits_for("balancer/live", "after what was kept")
        topics = [topic for topic, _ in observer.heard if topic != "balancer/live"]
    return sorted(topics, key=lambda topic: (len(topic), topic))
