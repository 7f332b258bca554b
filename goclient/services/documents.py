"""Reads a service's JSON documents: what comes back has the type that the service documents, or it is an error.

Each of these raises KeyError, TypeError or ValueError for a document that is none, which ``globus_errors.translated``
turns into the service's fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from goclient.errors import quoted
from goclient.model.location import is_uuid

Document = Mapping[str, object]
_Kind = TypeVar("_Kind", str, int, bool)


def text(document: Document, key: str) -> str:
    """The text under a key that must be there."""
    return _of_kind(str, document[key], key)


def text_or_none(document: Document, key: str) -> str:
    """The text under a key, the empty string for null or without it."""
    value = document.get(key)
    return "" if value is None else _of_kind(str, value, key)


def number(document: Document, key: str) -> int:
    """The whole number under a key, 0 for null or without it."""
    value = document.get(key)
    return 0 if value is None else _of_kind(int, value, key)


def flag(document: Document, key: str) -> bool:
    """The truth value under a key, False for null or without it."""
    value = document.get(key)
    return False if value is None else _of_kind(bool, value, key)


def uuid(document: Document, key: str) -> str:
    """The UUID under a key that must be there."""
    value = text(document, key)
    if not is_uuid(value):
        raise ValueError(f"{key} is {quoted(value)}, no UUID")
    return value


def texts(document: Document, key: str) -> tuple[str, ...]:
    """The texts in the list under a key, none for null or without it."""
    value = document.get(key)
    return () if value is None else tuple(_of_kind(str, one, key) for one in _list(value, key))


def documents(document: Document, key: str) -> Iterator[Document]:
    """The documents in the list under a key that must be there."""
    for one in _list(document[key], key):
        if not isinstance(one, Mapping):
            raise TypeError(f"{key} holds {quoted(one)}")
        yield one


def part(document: Document, key: str) -> Document:
    """The document under a key, an empty one for null or without it."""
    value = document.get(key)
    if not isinstance(value, Mapping | None):
        raise TypeError(f"{key} is {quoted(value)}")
    return value or {}


def _of_kind(kind: type[_Kind], value: object, key: str) -> _Kind:
    if type(value) is not kind:  # True is an int
        raise TypeError(f"{key} is {quoted(value)}")
    return value


def _list(value: object, key: str) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"{key} is {quoted(value)}")
    return value
