"""Lists as users type them: separated by commas, or one item a line in a file."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence

from goclient.errors import GoclientError, RequestError
from goclient.errors.conditions import UnreadWord
from goclient.errors.wording import quote

ReadLines = Callable[[str], list[str]]


def split_items(word: str, values: Iterable[str], read_lines: ReadLines | None = None) -> list[str]:
    """Return the items of a list: its values split at commas; a value ``@FILE`` is one item a line of that file.

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
            raise UnreadWord(f"{word}={quote(value)} {problem}", hint=hint, code="empty-item", subject=word)
        items += found
    return items


def _lines_of(word: str, value: str, read_lines: ReadLines) -> list[str]:
    try:
        return read_lines(value[1:])
    except RequestError as error:
        once = shlex.quote(f"@{value.lstrip('@')}")
        hint = f"write {word}={once}" if value.startswith("@@") else error.hint
        raise error.replace(hint=hint, subject=word) from error


def list_some(items: Sequence[str]) -> str:
    """Return the items, quoted, in a few words: the first five, and how many more there are."""
    shown = ", ".join(quote(item) for item in items[:5])
    return shown if len(items) <= 5 else f"{shown}, and {len(items) - 5} more"


MISTAKES_SHOWN = 20  # of one kind in one list


def shorten(errors: Sequence[GoclientError]) -> list[GoclientError]:
    """Return the errors, of each kind and subject the first twenty, and one that says how many more there are."""
    found: dict[tuple[str, str], int] = {}
    kept: list[GoclientError] = []
    for error in errors:
        kind = (error.subject, error.code)
        found[kind] = found.get(kind, 0) + 1
        if found[kind] <= MISTAKES_SHOWN:
            kept.append(error)
    for (subject, code), count in found.items():
        if count > MISTAKES_SHOWN:
            message = f"{subject}: {count - MISTAKES_SHOWN} more mistakes of the same kind"
            kept.append(
                RequestError(message, hint="correct these, and type the command again", code=code, subject=subject)
            )
    return kept
