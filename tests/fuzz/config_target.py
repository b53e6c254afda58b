"""Whatever stands in config.toml: a house that can be run, or problems in words."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from balancer.cli.check import show_acl, show_house
from balancer.config.load import read_setup
from balancer.config.problems import ConfigError
from balancer.engine import Engine
from tests.fuzz.documents import CONFIG, PASSWORD
from tests.fuzz.engine_target import WALL_S

_IN_ITS_PLACE = re.compile(rb"^\s*password\s*=.*", re.MULTILINE)
_MOST_TEXT = 100_000


class ConfigTarget:
    """Reads documents as ``balancer check`` and ``balancer run`` do."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="fuzz")
        self._path = Path(self._folder.name) / "config.toml"

    def topics(self, family: str, kind: str) -> Sequence[str]:
        return ("config.toml",) if (family, kind) == CONFIG else ()

    def __call__(self, topic: str, payload: bytes) -> bool:
        """Take a document; return whether it was accepted."""
        self._path.write_bytes(payload)
        try:
            setup = read_setup(self._path, environ={})
        except ConfigError as error:
            text = str(error)
            for problem in error.problems:
                words = (problem.where, problem.what, problem.allowed, problem.fix)
                assert problem.where, problem
                assert problem.what, problem
                assert "\n" not in "".join(words), problem
            self._judge(payload, text)
            return False
        self._judge(payload, show_house(setup) + show_acl(setup) + repr(setup))
        engine = Engine(setup, at_s=0.0, wall_s=WALL_S)
        for each in engine.subscriptions():
            assert 0 < len(each.encode()) <= 65_535, each
            assert not set("#+\0") & set(each), each
        engine.connected(0.0)
        engine.start(0.1)
        engine.wake(1.0)
        assert len(engine.emergency) in {0, len(setup.house.loads)}
        return True

    def _judge(self, document: bytes, text: str) -> None:
        text.encode()  # every terminal takes it
        assert len(text) < _MOST_TEXT + 10 * len(document), len(text)
        kept = _IN_ITS_PLACE.sub(b"", document)
        if PASSWORD.encode() not in kept:
            assert PASSWORD not in text, "a password is shown"
