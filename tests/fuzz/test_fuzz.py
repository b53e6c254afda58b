"""A small share of the fuzzing that campaigns do, and that the fuzzer itself can find something."""

from collections import Counter
from dataclasses import replace
from itertools import islice
from random import Random

import pytest

from balancer.core.snapshot import Snapshot
from balancer.engine import Engine
from balancer.views.topics import Topics
from balancer.wire import Message
from tests.fuzz import engine_target
from tests.fuzz.__main__ import main
from tests.fuzz.campaign import run, shrink
from tests.fuzz.config_target import ConfigTarget
from tests.fuzz.engine_target import WALL_S, EngineTarget, a_setup
from tests.fuzz.payloads import GRAMMARS, MUTATIONS, payloads
from tests.fuzz.targets import CODECS_OF_RELAYS, Decoders
from tests.fuzz.topics import odd_topic
from tests.fuzz.wire_target import WireTarget
from tests.fuzz.witness import Witness


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
    assert main(["--payloads", "1000", "--seed", "4"]) == 0
    said = capsys.readouterr().out
    for sent in ("916 payloads to decoders", "30 payloads to engine", "50 payloads to wire"):
        assert f"{sent}, seed 4" in said
    assert said.count("no counterexample") == 4


def test_no_topic_and_no_damaged_packet_harms_the_service() -> None:
    """F61, I11."""
    target = WireTarget()
    campaign = run(target, count=3_000, seed=1)
    assert campaign.counterexample is None
    # some ended their connection, and the service went on
    assert target.ended > 10
    assert target.published > 500


def test_every_odd_topic_comes() -> None:
    random = Random(1)
    made = [odd_topic(random, b"balancer/house/away/set") for _ in range(5_000)]
    assert max(map(len, made)) == 65_535
    for sign in (b"\0", b"$SYS/", b"#", b"+", b"\xff"):
        assert any(sign in each for each in made), sign


def test_no_configuration_does_more_than_be_refused_in_words() -> None:
    """F83."""
    campaign = run(ConfigTarget(), count=150, seed=2)
    assert campaign.counterexample is None
    assert 0.05 < campaign.accepted / campaign.sent < 0.6


def test_a_wrong_on_is_seen() -> None:
    setup = a_setup()
    names = Topics("balancer", "house")
    on = setup.relays["load0"].switch(on=True)
    engine = Engine(setup, at_s=0.0, wall_s=WALL_S)
    engine.connected(0.0)
    engine.start(0.0)
    witness = Witness(setup, names)
    witness.began(engine.snapshot(0.0))
    with pytest.raises(AssertionError, match="nobody wants"):
        witness.judge([on], engine.snapshot(1.0))
    witness.began(engine.snapshot(0.0))
    witness.heard(Message("balancer/house/zone/load0/set", b" on "), 1.0)
    witness.judge([on], engine.snapshot(1.0))
    # but not while away, where the meter says that there is no room, or blindly
    engine.receive(Message("tele/main/SENSOR", b'{"ENERGY":{"Power":5500}}'), 1.5)
    with pytest.raises(AssertionError, match="W are left"):
        Witness(setup, names).judge([on], replace_request(engine.snapshot(1.5)))
    engine.wake(60.0)
    with pytest.raises(AssertionError, match="blind"):
        Witness(setup, names).judge([on], replace_request(engine.snapshot(60.0)))
    witness.heard(Message("balancer/house/away/set", b"ON"), 2.0)
    with pytest.raises(AssertionError, match="away"):
        witness.judge([on], engine.snapshot(2.0))


def replace_request(seen: Snapshot) -> Snapshot:
    """Let load0 be wanted."""
    load = replace(seen.loads["load0"], requested=True)
    return replace(seen, loads={**seen.loads, "load0": load})


def test_growth_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_target, "WEIGHED", (200, 400))
    leak: list[bytes] = []

    class Leaky(EngineTarget):
        def __call__(self, topic: str, payload: bytes) -> bool:
            leak.append(payload + bytes(1_000))
            vars(self._engine)["leak"] = leak
            return super().__call__(topic, payload)

    found = run(Leaky(), count=450, seed=1).counterexample
    assert found is not None
    assert found.number == 399
