"""Lists as users type them: separated by commas, or one item a line in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from goclient.errors import RequestError, quoted

ReadLines = Callable[[str], list[str]]


def split_items(word: str, values: Iterable[str], read_lines: ReadLines | None = None) -> list[str]:
    """The items of a list: its values split at commas; a value ``@FILE`` is one item a line of that file.

    In a file, blank lines and lines that begin with ``#`` do not count, and commas are part of a name.
    ``word`` is what the values were typed for, such as ``--Data``.
    Raises RequestError for an empty item, and what ``read_lines`` raises.
    """
    items: list[str] = []
    for value in values:
        if value.startswith("@") and read_lines is not None:
            lines = (line.strip(" \t\r") for line in _lines_of(word, value, read_lines))
            found = [line for line in lines if line and not line.startswith("#")]
            problem, hint = "" if found else "lists nothing", "write one item a line into the file"
        else:
            found = value.split(",")
            problem = "has an empty item" if "" in found else ""
            hint = "separate items with one comma, without a comma at either end"
        if problem:
            raise RequestError(f"{word}={quoted(value)} {problem}", hint=hint, code="empty-item", subject=word)
        items += found
    return items


def _lines_of(word: str, value: str, read_lines: ReadLines) -> list[str]:
    try:
        return read_lines(value[1:])
    except RequestError as error:
        error.subject = word
        raise


def listed(items: Sequence[str]) -> str:
    """The items, quoted, in a few words: the first five, and how many more there are."""
    shown = ", ".join(quoted(item) for item in items[:5])
    return shown if len(items) <= 5 else f"{shown}, and {len(items) - 5} more"
