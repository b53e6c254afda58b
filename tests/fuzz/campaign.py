"""Sends payloads to a target until one is a counterexample, and makes that one small."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Self

from tests.fuzz.documents import CONFIG, documents
from tests.fuzz.payloads import KINDS, payloads
from tests.fuzz.targets import Target

STRAY = 0.1  # share of payloads that go to a topic of another kind


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A payload that must not do what it did.

    Attributes:
        number: Its position in the campaign, from 0.
        smaller: The smallest payload found that raises the same kind of error.
    """

    number: int
    family: str
    kind: str
    topic: str
    payload: bytes
    smaller: bytes
    error: Exception


@dataclass(frozen=True, slots=True)
class Campaign:
    """What was done.

    Attributes:
        sent: Payloads.
        accepted: Those that were a report.
        took_s: Seconds of wall clock.
        slowest_s: Processor time of the slowest one, in seconds.
        slowest: Its kind and its beginning.
    """

    sent: int
    accepted: int
    took_s: float
    slowest_s: float
    slowest: str
    counterexample: Counterexample | None


class Caught:
    """Keeps what a target raises, of whatever kind: that is what is looked for."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, raised: BaseException | None, _at: object
    ) -> bool:
        if isinstance(raised, Exception):
            self.error = raised
        return self.error is not None


def run(target: Target, *, count: int, seed: int) -> Campaign:
    """Send ``count`` payloads; stop at the first counterexample.

    Args:
        target: Where to.
        count: How many.
        seed: Everything follows from it.
    """
    accepted = sent = 0
    slowest_s, slowest = 0.0, ""
    counterexample = None
    began_s = time.perf_counter()
    for number, (family, kind, topic, payload) in enumerate(_messages(target, seed)):
        if sent == count:
            break
        sent += 1
        before_s = time.thread_time()
        with Caught() as caught:
            accepted += target(topic, payload) is True
        if caught.error is not None:
            smaller = shrink(target, topic, payload, type(caught.error))
            counterexample = Counterexample(
                number, family, kind, topic, payload, smaller, caught.error
            )
            break
        if (spent_s := time.thread_time() - before_s) > slowest_s:
            slowest_s = spent_s
            slowest = f"{family} {kind}, {len(payload)} bytes: {payload[:40]!r}"
    took_s = time.perf_counter() - began_s
    return Campaign(sent, accepted, took_s, slowest_s, slowest, counterexample)


def _messages(target: Target, seed: int) -> Iterator[tuple[str, str, str, bytes]]:
    """Yield family, kind, topic and payload for ever."""
    if target.topics(*CONFIG):
        for document in documents(seed):
            yield *CONFIG, target.topics(*CONFIG)[0], document
    topics = {key: tuple(known) for key in KINDS if (known := target.topics(*key))}
    every = sorted({topic for known in topics.values() for topic in known})
    stray = Random(seed)
    for family, kind, payload in payloads(seed, tuple(topics)):
        known = topics[family, kind]
        yield family, kind, stray.choice(every if stray.random() < STRAY else known), payload


def shrink(target: Target, topic: str, payload: bytes, error: type[Exception]) -> bytes:
    """Return a smallest part of a payload that still raises the same kind of error."""

    def fails(part: bytes) -> bool:
        with Caught() as caught:  # another kind is another counterexample
            target(topic, part)
        return isinstance(caught.error, error)

    step = len(payload)
    while step:
        at = 0
        while at < len(payload):
            part = payload[:at] + payload[at + step :]
            if fails(part):
                payload = part
            else:
                at += step
        step //= 2
    return payload
