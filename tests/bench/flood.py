"""Publishes readings of other meters at a steady rate until it is ended."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from balancer.wire import Message
from tests.bench.stand import Client

PERIOD_S = 0.01


def main(port: int, rate: int, others: int, qos: int, *houses: str) -> None:
    """Publish to all meters of all houses in turn."""
    client = Client(port, {}, f"flood-{rate}")
    topics = [f"{house}/other/{number}" for number in range(others) for house in houses]
    sent, began_s = 0, time.monotonic()
    while True:
        due = int((time.monotonic() - began_s) * rate) - sent
        for _ in range(due):  # one packet at a time, as from many devices
            client.publish(Message(topics[sent % len(topics)], b"%d" % (100 + sent % 7), qos))
            sent += 1
        client.take(PERIOD_S if rate < 500 else 0.001)


port, rate, others, qos = map(int, sys.argv[1:5])
main(port, rate, others, qos, *sys.argv[5:])
