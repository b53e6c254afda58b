"""An engine with the house around it."""

from pathlib import Path

import pytest

from tests.engine.rig import EngineRig


@pytest.fixture
def rig(tmp_path: Path) -> EngineRig:
    return EngineRig(tmp_path)
