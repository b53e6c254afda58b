"""Documents of others are read without coming near the interpreter's limit."""

import json
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.nesting import MAX_DEPTH, TooDeepError, parse_json, parse_toml

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("[]{}\"'\\#,:\n a"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("[{\"'\\#a"), inner),
)
REFUSALS = (TooDeepError, json.JSONDecodeError, tomllib.TOMLDecodeError)
MARKS = ('"', "'", '"""', "'''", "#", "\\", "\n", "[", "{", "]", "}", "a", "=", ",", " ")


def boxed(depth: int, inside: str = "") -> str:
    return "[" * depth + inside + "]" * depth


def test_as_deep_as_the_bound_and_no_deeper() -> None:
    parse_json(boxed(MAX_DEPTH))
    parse_json('{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH)
    parse_toml("a = " + boxed(MAX_DEPTH - 1))  # the document is a table itself
    parse_toml(".".join(["a"] * MAX_DEPTH) + " = 1")
    with pytest.raises(TooDeepError):
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


@given(DOCUMENTS, st.integers(0, MAX_DEPTH))
def test_brackets_in_strings_do_not_count(document: Any, depth: int) -> None:
    many = [document, "[" * 200, {"{" * 200: 'a"[\\'}, document]
    text = json.dumps(many, ensure_ascii=False)
    assert parse_json(text) == many
    if depth < 90:
        assert parse_json(boxed(depth, '"' + "[" * 200 + '"'))


def test_brackets_in_comments_and_strings_of_toml_do_not_count() -> None:
    for text in (
        "# " + "[" * 200 + "\na = 1 # " + "{" * 200,
        'a = "' + "[" * 200 + '\\""',
        "a = '" + "[" * 200 + "\\'",
        'a = """' + '["\n""' * 200 + '\\""""""',
        "a = '''" + "['\n''" * 200 + "x'''''",
        "a = '''it's [''" + "'" * 3 + "\nb = [" + "[1]," * 200 + "]",
        'a = """"[""""' + "\nb = [" + "[1]," * 200 + "]",
    ):
        assert parse_toml(text) == tomllib.loads(text)


@given(st.lists(st.sampled_from(MARKS), max_size=60).map("".join), st.integers(0, 200))
def test_whatever_can_be_read_is_refused_only_for_its_depth(text: str, depth: int) -> None:
    for before in ("", "a = "):
        whole = before + boxed(depth, text)
        for parse, plain in ((parse_json, json.loads), (parse_toml, tomllib.loads)):
            try:
                expected = plain(whole)
            except ValueError:
                with pytest.raises(REFUSALS):
                    parse(whole)
                continue
            if depth_of(expected) <= MAX_DEPTH:
                assert parse(whole) == expected
            else:
                with pytest.raises(TooDeepError):
                    parse(whole)


def depth_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(depth_of, inner), default=0) if isinstance(value, dict | list) else 0


@pytest.mark.parametrize("piece", ['"""\\', "'''", '"\\', '""', "'", "#", "[]", '"""\\""'])
def test_the_depth_of_a_large_document_is_found_in_one_pass(piece: str) -> None:
    # a scan that went back for each piece would take hours
    with pytest.raises(REFUSALS):
        parse_toml("[]" * (MAX_DEPTH + 1) + piece * 300_000)
