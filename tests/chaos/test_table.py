"""The table in README.md: every fault that needs a real broker, and nothing that is not there."""

import re
from pathlib import Path

from tests.chaos.faults import KINDS

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
ROWS = re.findall(
    r"^\| (F\d\d) \| [^|]+ \| (.+) \|$", (FOLDER / "README.md").read_text(), re.MULTILINE
)
NEED_A_BROKER = {
    *("F01", "F04", "F05", "F06", "F09", "F10", "F11", "F12", "F13", "F14", "F19", "F31", "F37"),
    *("F38", "F42", *(f"F{number}" for number in range(43, 63)), "F68", "F69", "F70", "F71"),
    *("F74", "F75", "F76", "F77", "F78", "F81", "F82"),
}


def test_every_fault_that_needs_a_broker_has_one_row() -> None:
    names = [name for name, _ in ROWS]
    assert len(names) == len(set(names))
    assert set(names) >= NEED_A_BROKER


def test_every_test_and_fault_that_is_named_is_there() -> None:
    kinds = {kind.name for kind in KINDS}
    for name, shown in ROWS:
        named = re.findall(r"`([^`]+)`", shown)
        assert named, name
        for each in named:
            if each.startswith("--only "):
                assert set(each.split()[1:]) <= kinds, (name, each)
            elif "::" in each:
                path, test = each.split("::")
                assert f"def {test}(" in (ROOT / path).read_text(), (name, each)
            else:
                assert (ROOT / each.removeprefix("python ")).is_file(), (name, each)


def test_every_fault_of_the_campaign_is_named_somewhere() -> None:
    text = (FOLDER / "README.md").read_text()
    assert not {kind.name for kind in KINDS if not re.search(rf"\b{kind.name}\b", text)}
