"""A value of a document has the type that the service documents, or it is the service's fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.services.globus import documents
from goclient.services.globus.documents import (
    MAX_CONTAINERS,
    MAX_DEPTH,
    MAX_TEXT,
    check_result,
    flag,
    number,
    parse,
    part,
    text,
    text_or_none,
    texts,
    uuid,
    words,
)
from tests.strategies import SOME

UUID = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES, st.booleans())
@SOME
def test_any_json_comes_back(value: Any, marked: bool) -> None:
    assert parse(json.dumps(value).encode("utf-8-sig" if marked else "utf-8")) == value


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nested too deeply"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b"[" + b"[]," * MAX_CONTAINERS + b"[]]", "more values than any answer"),
        (b"x", "Expecting value"),
        (b"", "Expecting value"),
    ],
)
def test_what_is_no_answer_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(content)


def test_a_text_may_be_as_long_as_is_allowed() -> None:
    content = json.dumps(["a" * 50, "b" * 50]).encode()
    assert parse(content, longest=60) == ["a" * 50, "b" * 50]
    with pytest.raises(ValueError, match="a text that is longer than any"):
        parse(content, longest=40)


@pytest.mark.parametrize(
    ("read", "value", "found"),
    [
        (text, "a", "a"),
        (text_or_none, None, ""),
        (text_or_none, "a", "a"),
        (words, None, ""),
        (words, "a\nb", "a\\nb"),
        (number, None, 0),
        (number, -(1 << 63), -(1 << 63)),
        (flag, None, False),
        (flag, True, True),
        (uuid, UUID, UUID),
        (texts, None, ()),
        (texts, ["a", "b"], ("a", "b")),
        (part, None, {}),
        (part, {"a": 1}, {"a": 1}),
        (check_result, "Deleted", None),
    ],
)
def test_a_value_is_what_is_documented(read: Callable[..., object], value: object, found: object) -> None:
    key = "code" if read is check_result else "key"
    assert read({key: value}, *([] if key == "code" else [key])) == found


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (text, None), (text, 1), (text, "x" * (MAX_TEXT + 1)), (text_or_none, []), (words, 1), (number, "1"),
        (number, True), (number, 1.0), (number, 1 << 63), (flag, 1), (flag, "true"), (uuid, "x"), (uuid, None),
        (texts, "a"), (texts, [1]), (part, []), (part, "a"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_an_error(read: Callable[..., object], value: object) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        read({"key": value}, "key")


def test_a_list_of_documents_holds_documents() -> None:
    assert list(documents.documents({"key": [{"a": 1}, {}]}, "key")) == [{"a": 1}, {}]
    wrong: tuple[object, ...] = (None, {}, [1], ["a"])
    for value in wrong:
        with pytest.raises((KeyError, TypeError)):
            list(documents.documents({"key": value}, "key"))
    with pytest.raises(KeyError):
        check_result({})
