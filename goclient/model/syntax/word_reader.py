"""Read the items of the words ``--Name=value``, and keep every mistake in them for one report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from goclient.errors import GoclientError, RequestError
from goclient.model.syntax.lists import list_some

Items = Mapping[str, Sequence[str]]
T = TypeVar("T")


class WordReader:
    """Items by their words; ``columns`` says of some words where each item stands, as the end of a message."""

    def __init__(self, items: Items, columns: Items) -> None:
        self.items = items
        self.columns = columns
        self.errors: list[GoclientError] = []

    def get(self, key: str) -> Sequence[str]:
        """Return the items of a word."""
        return self.items.get(key, ())

    def wrong(
        self, key: str, message: str, hint: str, code: str = "", *, kind: type[RequestError] = RequestError
    ) -> None:
        """Keep a mistake, with the column of the first item."""
        self._keep(key, kind(message, hint=hint, code=code))

    def refuse(self, key: str, error: RequestError, *, item: int = 0) -> None:
        """Keep the error that an item of a word raised."""
        self._keep(key, error.replace(message=f"--{key}={error.message}"), item)

    def _keep(self, key: str, error: RequestError, item: int = 0) -> None:
        """Keep an error, with the column of the item of that number."""
        columns = self.columns.get(key)
        column = columns[item] if columns else ""
        self.errors.append(error.replace(message=error.message + column, subject=f"--{key}"))

    def one(self, key: str, what: str) -> str | None:
        """Return the value of a word that takes one; None if there is none, or it is wrong."""
        values = self.get(key)
        if len(values) > 1:
            message = f"--{key} takes one {what}, not {len(values)}: {list_some(values)}"
            self.wrong(key, message, "give one", "one-value")
        return values[0] if len(values) == 1 else None

    def value(self, key: str, what: str, read: Callable[[str], T]) -> T | None:
        """Return what ``read`` makes of a word that takes one value; None if there is none, or it is wrong."""
        text = self.one(key, what)
        try:
            return None if text is None else read(text)
        except RequestError as error:
            self.refuse(key, error)
            return None
