"""Words of messages: values in quotes, what somebody else wrote, numbers with their nouns; all of it on one line.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

from goclient.secrets import hidden


def quoted(value: object, limit: int = 200) -> str:
    """Return the value in double quotes on one line, control characters escaped, cut after ``limit`` characters."""
    return f'"{said(value, limit)}"'


def said(value: object, limit: int = 600) -> str:
    """Return what somebody else wrote, without quotes, on one line, cut after ``limit`` characters."""
    text = hidden(str(value))  # before it is cut: half a credential is not recognised
    return printable(text if len(text) <= limit else text[:limit] + "…")


def counted(number: int, noun: str) -> str:
    """Return the number with its noun, as in ``1 file`` or ``2 files``."""
    return f"{number} {noun}{'s' * (number != 1)}"


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
