"""Ask the user before something that cannot be taken back, or that lets more people in than one may mean."""

from __future__ import annotations

import sys

from goclient.errors import Interrupted, UsageError
from goclient.errors.wording import printable


def confirm(question: str, *, unasked: str, hint: str, stopped: str) -> None:
    """Return once the user agrees; raises UsageError if there is no terminal to ask, Interrupted if they do not.

    ``unasked`` says what would happen, ``hint`` what to type to agree beforehand, ``stopped`` what did not happen.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        message = f"{unasked}, and there is no terminal to ask"
        raise UsageError(message, hint=hint, code="confirm", subject="--yes")
    print(f"{printable(question)} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Interrupted(stopped, hint="answer y, or add --yes")
