"""Whatever stands in the file: a house or problems, never anything else."""

import copy
import tomllib
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.config.build import build
from balancer.config.findings import Findings
from balancer.config.read import read_tables
from tests.config.test_problem_texts import HOUSE, SCHEMA

EXAMPLE = tomllib.loads((Path(__file__).parents[2] / "config.toml").read_text())

VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=8),
        st.datetimes(),
        st.sampled_from(
            ["mqtt", "tasmota", "zigbee2mqtt", "main", "lounge", "5 A", "1 h", "global", "external"]
        ),
        st.just(10**400),
        st.just("\ud800"),
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "topic", "device", "path", "max", "profile", "x", ""]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)


def places(node: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the paths of all values in a document."""
    steps = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    return [path, *(each for step, value in steps for each in places(value, (*path, step)))]


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Return the example with a few values replaced, added or removed."""
    document: dict[str, Any] = copy.deepcopy(
        draw(st.sampled_from([EXAMPLE, tomllib.loads(SCHEMA), tomllib.loads(HOUSE)]))
    )
    for _ in range(draw(st.integers(1, 6))):
        path = draw(st.sampled_from([each for each in places(document) if each]))
        node: Any = document
        for step in path[:-1]:
            node = node[step]
        kind = draw(st.sampled_from(["replace", "remove", "add"]))
        if kind == "remove" and isinstance(node, dict):
            del node[path[-1]]
        elif kind == "add" and isinstance(node[path[-1]], dict):
            key = draw(st.sampled_from(["type", "meter", "unit", "circuit", "limit", "ne w", "x"]))
            node[path[-1]][key] = draw(VALUES)
        else:
            node[path[-1]] = draw(VALUES)
        if not document:
            break
    return document


@settings(max_examples=100, deadline=None)
@given(documents())
def test_any_document_gives_a_house_or_problems(document: dict[str, Any]) -> None:
    findings = Findings(document)
    setup = build(read_tables(findings), Path("/nowhere"), findings)
    assert (setup is None) is bool(findings.problems)
    for problem in findings.problems:
        text = str(problem)
        assert problem.where
        assert problem.what
        assert problem.allowed
        assert "\n" not in problem.where + problem.what + problem.allowed + problem.fix, text


@settings(max_examples=100, deadline=None)
@given(documents())
def test_a_document_gives_the_same_problems_each_time(document: dict[str, Any]) -> None:
    def problems() -> tuple[object, ...]:
        findings = Findings(document)
        build(read_tables(findings), Path("/nowhere"), findings)
        return findings.problems

    assert problems() == problems()
