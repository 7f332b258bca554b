"""Read a service's JSON documents: a value has the type that the service documents, or it is an error.

Each function raises KeyError, TypeError or ValueError for another value, which ``refusals.check_document`` turns into
the service's fault.
Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from goclient.errors.wording import cite, quote
from goclient.model.endpoint import is_uuid

Document = Mapping[str, object]
_Kind = TypeVar("_Kind", str, int, bool)
_Value = TypeVar("_Value")

MAX_DEPTH = 50  # lists and objects inside each other; no service documents more than ten
MAX_VALUES = 3_000_000  # separate values: a listing has 100,000 entries at most, of about fifteen
MAX_CONTAINERS = 400_000  # lists and objects, each of which takes a hundred times the room that it has in JSON
MAX_RUN = 256 << 10  # bytes of one text in an answer: those of Globus have some thousand
MAX_TEXT = 4096  # characters: PATH_MAX, and no name, id or policy is longer
MAX_WORDS = 500  # characters of what a service says of a fault
_MOST = 1 << 63  # sizes and counts are 64-bit


def parse(content: bytes, *, longest: int = 0) -> Any:
    """Return the value of some JSON; raise ValueError for anything else, or for more than a service sends.

    Few bytes of JSON can take a lot of room, and deep ones end whatever walks through them.  ``longest``: the bytes
    that a text in it may have, 0 for as many as there are.
    """
    containers = content.count(b"[") + content.count(b"{")
    if containers > MAX_CONTAINERS or containers + content.count(b",") > MAX_VALUES:
        raise ValueError("it has more values than any answer")
    start = 0
    while longest and len(content) - start > longest:
        start = content.rfind(b'"', start, start + longest) + 1
        if not start:
            raise ValueError("it has a text that is longer than any")
    try:
        value = json.loads(content.decode("utf-8-sig", "replace"))
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    level, depth = [value], 0
    while level:
        if (depth := depth + 1) > MAX_DEPTH:
            raise ValueError(_TOO_DEEP)
        inside = (one.values() if isinstance(one, dict) else one for one in level if isinstance(one, (dict, list)))
        level = [one for values in inside for one in values if isinstance(one, (dict, list))]
    return value


_TOO_DEEP = "its values are nested too deeply"


def text(document: Document, key: str) -> str:
    """Return the text under a key that must be there."""
    return _of_kind(str, document[key], key)


def text_or_none(document: Document, key: str) -> str:
    """Return the text under a key, the empty string for null or without it."""
    value = document.get(key)
    return "" if value is None else _of_kind(str, value, key)


def words(document: Document, key: str) -> str:
    """Return a service's own words under a key, cut and printable; the empty string for null or without it."""
    value = document.get(key)
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{key} is {quote(value)}")
    return cite(value or "", MAX_WORDS)


def number(document: Document, key: str) -> int:
    """Return the whole number of 64 bits under a key, 0 for null or without it."""
    value = document.get(key)
    found = 0 if value is None else _of_kind(int, value, key)
    if not -_MOST <= found < _MOST:
        raise ValueError(f"{key} is a number of {found.bit_length()} bits")
    return found


def flag(document: Document, key: str) -> bool:
    """Return the truth value under a key, False for null or without it."""
    value = document.get(key)
    return False if value is None else _of_kind(bool, value, key)


def uuid(document: Document, key: str) -> str:
    """Return the UUID under a key that must be there."""
    value = text(document, key)
    if not is_uuid(value):
        raise ValueError(f"{key} is {quote(value)}, not a UUID")
    return value


def texts(document: Document, key: str) -> tuple[str, ...]:
    """Return the texts in the list under a key, none for null or without it."""
    value = document.get(key)
    return () if value is None else tuple(_of_kind(str, one, key) for one in _check_list(value, key))


def rows(document: Document, key: str) -> list[object]:
    """Return the list under a key that must be there, whatever is in it."""
    return _check_list(document[key], key)


def documents(document: Document, key: str) -> Iterator[Document]:
    """Yield the documents in the list under a key that must be there."""
    for one in rows(document, key):
        yield _check_document(one, key)


def read_each(document: Document, key: str, read: Callable[[Document], _Value]) -> list[_Value]:
    """Return what is read of each document in a list: one that cannot be read hides no other.

    Raises what is wrong with the first one if none of them can.
    """
    found, wrong = [], []
    for one in rows(document, key):
        try:
            found.append(read(_check_document(one, key)))
        except (KeyError, TypeError, ValueError) as error:
            wrong.append(error)
    if wrong and not found:
        raise wrong[0]
    return found


def _check_document(one: object, key: str) -> Document:
    if not isinstance(one, Mapping):
        raise TypeError(f"{key} holds {quote(one)}")
    return one


def check_result(document: Document) -> None:
    """Check that a document says what has become of a change: no other answer does, though its status is good."""
    text(document, "code")


def part(document: Document, key: str) -> Document:
    """Return the document under a key, an empty one for null or without it."""
    value = document.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"{key} is {quote(value)}")
    return value


def _of_kind(kind: type[_Kind], value: object, key: str) -> _Kind:
    if type(value) is not kind:  # True is an int
        raise TypeError(f"{key} is {quote(value)}")
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise ValueError(f"{key} is a text of {len(value)} characters")
    return value


def _check_list(value: object, key: str) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"{key} is {quote(value)}")
    return value
