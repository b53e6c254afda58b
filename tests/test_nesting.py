"""Documents of others are read without coming near the interpreter's limit."""

import json
import time
import tomllib
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from balancer.nesting import MAX_DEPTH, TooDeepError, parse_json, parse_toml, refuse_depth

BITS = st.text("[]{}#\"'\\a ,=\n", max_size=8)
JSON_VALUES = st.recursive(
    st.none() | st.integers() | BITS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(BITS, inner, max_size=3),
    max_leaves=20,
)
PLACES = ["", " ", "\n", "# ]\n", "# it's [\r\n", '\t# """ {\n']
TOML_VALUES = st.recursive(
    st.just("1")
    | BITS.map(json.dumps)
    | BITS.map(lambda bits: "'" + bits.replace("'", "").replace("\n", "") + "'")
    | st.tuples(BITS, st.sampled_from(["", '"', '""', "\\\n", '\\"', '\\"""a['])).map(
        lambda each: '"""' + each[0].replace("\\", "\\\\").replace('"', '"a') + each[1] + '"""'
    )
    | st.tuples(BITS, st.sampled_from(["", "'", "''"])).map(
        lambda each: "'''" + each[0].replace("'", "''a") + each[1] + "'''"
    ),
    lambda inner: (
        st.lists(
            st.tuples(st.sampled_from(PLACES), inner, st.sampled_from(PLACES)), max_size=3
        ).map(lambda each: "[" + ",".join("".join(one) for one in each) + "]")
        | st.lists(inner, max_size=3).map(
            lambda each: "{" + ",".join(f"'{{{i}' = {one}" for i, one in enumerate(each)) + "}"
        )
    ),
    max_leaves=20,
)
TOML_DOCUMENTS = st.lists(st.tuples(TOML_VALUES, st.sampled_from(["", " # [{'"])), max_size=3).map(
    lambda each: "\n".join(f'"{i}[" = {one}{after}' for i, (one, after) in enumerate(each))
)


def boxed(depth: int, inside: str = "") -> str:
    return "[" * depth + inside + "]" * depth


def depth_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(depth_of, inner), default=0) if isinstance(value, dict | list) else 0


def is_refused(text: str, most: int) -> bool:
    with patch("balancer.nesting.MAX_DEPTH", most):
        try:
            refuse_depth(text)
        except TooDeepError:
            return True
    return False


def test_as_deep_as_the_bound_and_no_deeper() -> None:
    parse_json(boxed(MAX_DEPTH))
    parse_json('{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH)
    parse_toml("a = " + boxed(MAX_DEPTH - 1))  # the document is a table itself
    parse_toml(".".join(["a"] * MAX_DEPTH) + " = 1")
    with pytest.raises(TooDeepError, match="more than 100 lists and tables"):
        parse_json(boxed(MAX_DEPTH + 1))
    with pytest.raises(TooDeepError):
        parse_json('{"a":[' * MAX_DEPTH)
    for deep in (boxed(MAX_DEPTH), "{a = " * MAX_DEPTH + "1" + "}" * MAX_DEPTH):
        with pytest.raises(TooDeepError):
            parse_toml("a = " + deep)
    for dotted in ("{} = 1", "[{}]", "[[{}]]", "x = {{ {} = 1 }}"):
        with pytest.raises(TooDeepError):
            parse_toml(dotted.format(".".join(["a"] * (MAX_DEPTH + 1))))


@pytest.mark.parametrize("parse", [parse_json, parse_toml])
def test_a_deep_document_never_reaches_the_interpreters_limit(
    parse: Callable[[str], Any],
) -> None:
    for text in ("[" * 30_000, boxed(30_000), '{"a":' * 9_000, "a = " + boxed(9_000)):
        with pytest.raises(TooDeepError):  # and no RecursionError
            parse(text)


@given(JSON_VALUES)
def test_the_depth_of_json_is_that_of_its_value(value: Any) -> None:
    text, depth = json.dumps(value, ensure_ascii=False), depth_of(value)
    assert parse_json(text) == value
    assert [is_refused(text, most) for most in (depth, depth - 1)] == [False, depth > 0]


@given(TOML_DOCUMENTS, st.none() | st.tuples(st.integers(0, 200), st.sampled_from("[]{}\"'#\n\\")))
@example("a = '''it's ['''", None)
def test_the_depth_of_toml_is_that_of_its_tables(text: str, change: tuple[int, str] | None) -> None:
    """Strings of four kinds and comments hide brackets, and quotes hide each other."""
    if change is not None:
        text = text[: change[0]] + change[1] + text[change[0] :]
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        if change is None:
            raise
        return
    depth = depth_of(document) - 1  # it has no brackets of its own
    assume(change is None or "\n[" not in f"\n{text}")  # nor have tables that begin with a line
    assert parse_toml(text) == document
    assert [is_refused(text, most) for most in (depth, depth - 1)] == [False, depth > 0]


@pytest.mark.parametrize(
    "text",
    [
        '"""\n' + '\\"""\n' * 10_000 + "\\",
        "'''\n" + "'''\n" * 10_000 + "'",
        '"""' + 'a"' * 30_000,
        "'''" + "a'" * 30_000,
        '"\\' * 30_000,
        "\"'" * 30_000,
        "#" * 60_000,
        '["' * 100 + "\\" * 60_000,
        "[]" * 30_000,
    ],
    ids=lambda text: repr(text[:10]),
)
def test_the_depth_of_what_is_no_document_is_found_in_one_pass(text: str) -> None:
    """No payload keeps the program from shedding: one that went back would take half a minute."""
    began_s = time.process_time()
    refuse_depth("[]" * (MAX_DEPTH + 1) + text)
    assert time.process_time() - began_s < 3.0
