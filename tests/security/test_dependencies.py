"""What is installed with us: little, nothing without bounds, nothing without a reason."""

import re
import tomllib
from pathlib import Path

PYPROJECT = (Path(__file__).parents[2] / "pyproject.toml").read_text()
PROJECT = tomllib.loads(PYPROJECT)["project"]
_BOUNDED = re.compile(r"[a-z][a-z0-9-]*>=[0-9.]+,<[0-9.]+")


def test_dependencies_are_few_and_have_both_bounds() -> None:
    assert len(PROJECT["dependencies"]) <= 6  # one of them is another's, and bounded here
    extras = PROJECT["optional-dependencies"]
    for each in (*PROJECT["dependencies"], *(one for some in extras.values() for one in some)):
        assert _BOUNDED.fullmatch(each) or each.startswith(f"{PROJECT['name']}["), each


def test_every_dependency_of_users_says_what_it_is_for() -> None:
    extras = PROJECT["optional-dependencies"]
    for each in (*PROJECT["dependencies"], *extras["demo"], *extras["simulate"]):
        lines = [line for line in PYPROJECT.splitlines() if f'"{each}"' in line]
        assert lines, each
        assert all(re.search(r"#\s*\S.{5,}", line) for line in lines), each
