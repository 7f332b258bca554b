"""Lines of a TOML text: which of them say what, for messages with line numbers and for changes by lines."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_BARE_KEY = r"[A-Za-z0-9_-]+"  # TOML 1.0: what a key without quotes may have
_AT = r" \(at (?:line (\d+), column (\d+)|end of document)\)$"  # how tomllib says where


class NotToml(ValueError):
    """A text is not TOML; ``line`` counts from 1, and is 0 if it is not known."""

    def __init__(self, text: str, line: int) -> None:
        super().__init__(text)
        self.line = line


class Statement(NamedTuple):
    """Lines from ``first`` to before ``last``, from 0: a header, or a key with its value; or neither.

    ``keys`` are those of the tables that it is in, or makes, and its own; none for a comment or a blank line.
    """

    first: int
    last: int
    keys: tuple[str, ...]
    is_header: bool


def parse(text: str) -> dict[str, Any]:
    """Return the tables of a text; raises NotToml with the reason."""
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise NotToml("it is nested too deeply", 0) from error
    except ValueError as error:
        words = str(error)
        at = re.search(_AT, words)
        line = int(at[1]) if at and at[1] else len(lines(text)) if at else 0
        column = f" (column {at[2]})" if at and at[2] else ""
        raise NotToml(f"{re.sub(_AT, '', words)}{column}", line) from error


def key(name: str) -> str:
    """Return the name as a key of TOML, in quotes if it needs them."""
    if re.fullmatch(_BARE_KEY, name):
        return name
    return json.dumps(name, ensure_ascii=False)  # a string without control characters is written alike in both


def lines(text: str) -> list[str]:
    """Return the lines with their ends; only what ends a line of TOML ends one."""
    return re.findall(r"[^\n]*\n|[^\n]+\Z", text)


def statements(text: str) -> Iterator[Statement]:
    """Yield the statements of a text that is TOML, in order; each is the fewest lines that are TOML by themselves."""
    found, first = lines(text), 0
    table: tuple[str, ...] = ()
    while first < len(found):
        last = first + 1
        while (parsed := _parse("".join(found[first:last]))) is None and last < len(found):
            last += 1
        own = _keys(parsed or {})
        is_header = bool(own) and found[first].lstrip(" \t").startswith("[")
        table = own if is_header else table
        yield Statement(first, last, own if is_header else (*table, *own) if own else (), is_header)
        first = last


def line_of(text: str, keys: tuple[str, ...]) -> int:
    """Return the line, from 1, on which a text that is TOML first has these keys, or what they are in; 0 if nowhere."""
    found = list(statements(text))
    for length in range(len(keys), 0, -1):
        for one in found:
            if one.keys[:length] == keys[:length]:
                return one.first + 1
    return 0


def _keys(tables: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys of a statement, the outermost first."""
    keys: list[str] = []
    inside: Any = tables
    while isinstance(inside, dict) and len(inside) == 1:
        (name,) = inside
        keys.append(name)
        inside = inside[name]
    return tuple(keys)


def _parse(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None
