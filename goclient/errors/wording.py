"""Words of messages: values in quotes, what somebody else wrote, times, numbers with their nouns; all on one line.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import time

from goclient.secrets import hide, mask_forms


def quote(value: object, limit: int = 200) -> str:
    """Return the value in double quotes on one line, control characters escaped, cut after ``limit`` characters."""
    return f'"{cite(value, limit)}"'


def cite(value: object, limit: int = 600) -> str:
    """Return what somebody else wrote, without quotes, on one line, cut after ``limit`` characters."""
    text = mask_forms(hide(str(value)))  # before it is cut: half a credential is not recognised
    return printable(text if len(text) <= limit else text[:limit] + "…")


def pluralize(number: int, noun: str) -> str:
    """Return the number with its noun, as in ``1 file`` or ``2 files``."""
    return f"{number} {noun}{'s' * (number != 1)}"


def utc(seconds: float) -> str:
    """Return a Unix time for a message: ``2026-11-24 19:30:05 UTC``."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def timestamp(seconds: float) -> str:
    """Return a Unix time as programs read it (ISO 8601): ``2026-11-24T19:30:05Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def printable(text: str) -> str:
    """Return the text with what does not print, such as control characters, written as an escape."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def innermost(error: BaseException) -> str:
    """Return the words of the error at the bottom of a chain, which are the ones that say something."""
    for _ in range(20):
        inside = [
            getattr(error, "reason", None),
            getattr(error, "underlying_exception", None),
            error.__cause__,
            *error.args,
        ]
        below = next((one for one in inside if isinstance(one, BaseException)), None)
        if below is None:
            break
        error = below
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
