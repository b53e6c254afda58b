"""A small share of the fuzzing that campaigns do, and that the fuzzer itself can find something."""

from collections import Counter
from itertools import islice
from random import Random

import pytest

from tests.fuzz.__main__ import main
from tests.fuzz.campaign import run, shrink
from tests.fuzz.engine_target import EngineTarget
from tests.fuzz.payloads import GRAMMARS, MUTATIONS, payloads
from tests.fuzz.targets import CODECS_OF_RELAYS, Decoders


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_payload_makes_a_decoder_raise_anything_else(seed: int) -> None:
    """I11."""
    campaign = run(Decoders(), count=5_000, seed=seed)
    assert campaign.counterexample is None
    assert campaign.sent == 5_000
    # the payloads are neither all right nor all wrong
    assert 0.1 < campaign.accepted / campaign.sent < 0.8


def test_no_payload_makes_the_engine_raise_or_say_what_it_must_not() -> None:
    """I09, I11."""
    target = EngineTarget()
    campaign = run(target, count=1_500, seed=1)
    assert campaign.counterexample is None
    assert campaign.accepted > 300
    # it was no sleeping engine: heaters were switched on and off
    relays = [relay for known in CODECS_OF_RELAYS.values() for relay in known]
    for on in (False, True):
        assert sum(target.sent[relay.switch(on=on)] for relay in relays) > 10


def test_the_same_seed_gives_the_same_payloads() -> None:
    first = list(islice(payloads(7), 2_000))
    assert first == list(islice(payloads(7), 2_000))
    assert first != list(islice(payloads(8), 2_000))


def test_every_kind_of_payload_comes_whole_and_damaged() -> None:
    made = list(islice(payloads(1), 10_000))
    kinds = Counter((family, kind) for family, kind, _ in made)
    assert set(kinds) == set(GRAMMARS)
    assert len({payload for _, _, payload in made}) > 6_000
    for sign in (b"", b"\xef\xbb\xbf", b"\xff\xfe", b"[[[[", b"NaN", b"1e999", b"\xed\xa0\x80"):
        assert any(payload.startswith(sign) or sign in payload for _, _, payload in made), sign
    assert max(len(payload) for _, _, payload in made) > 65_536


def test_every_mutation_takes_whatever_another_left() -> None:
    random = Random(1)
    for whole in (b"", b"x", b'{"power":1}', b"\xff\xfe", b"[" * 100):
        for mutation in MUTATIONS:
            assert type(mutation(random, whole)) is bytes


class Fragile(Decoders):
    """Decoders with a mistake: they fall over a payload with NaN in a list."""

    def __call__(self, topic: str, payload: bytes) -> bool:
        if b"[NaN" in payload:
            raise ZeroDivisionError(topic)
        return super().__call__(topic, payload)


def test_a_mistake_is_found_and_its_payload_made_small() -> None:
    found = run(Fragile(), count=50_000, seed=1).counterexample
    assert found is not None
    assert isinstance(found.error, ZeroDivisionError)
    assert found.smaller == b"[NaN"
    assert shrink(Fragile(), found.topic, found.payload, ZeroDivisionError) == b"[NaN"


def test_the_command_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--payloads", "500", "--seed", "4"]) == 0
    said = capsys.readouterr().out
    assert "500 payloads to decoders, seed 4" in said
    assert "no counterexample" in said
