"""Read the numbers of jobs that a program, or a user, gives."""

from __future__ import annotations

from collections.abc import Iterable

from goclient.errors import UsageError, raise_all
from goclient.errors.wording import quoted


def read_panda_ids(ids: Iterable[int | str]) -> list[int]:
    """Return the numbers; raises every one that cannot be a PandaID, and UsageError for a number that is not a list."""
    if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):
        message = f"PandaIDs must be a list, not {quoted(ids)}"
        raise UsageError(message, hint="write them in brackets, such as [1, 2]", code="wrong-type", subject="ids")
    ids = list(ids)
    wrong = [one for one in ids if not (str(one).isascii() and str(one).isdigit() and len(str(one)) < 19)]
    hint = "a PandaID is a number"
    raise_all(
        UsageError(f"{quoted(one)} is not a PandaID", hint=hint, code="not-a-number", subject=str(one)) for one in wrong
    )
    return [int(one) for one in ids]
