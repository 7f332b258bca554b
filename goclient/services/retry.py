"""Rules for asking a service again: after pauses that grow, or when it says so (HTTP's Retry-After).

Standard library only, of Python 3.9: the code that runs on a node uses it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from goclient.errors import GoclientError
from goclient.errors.conditions import ServerFailed
from goclient.errors.wording import utc
from goclient.services.deadline import LONGEST_WAIT

T = TypeVar("T")
_AGAIN = (0.05, 10.0)  # seconds between two tries of what may pass: at first, and at most
_MOST_FAILURES = 2  # of a server that says it has failed, which it may say for ever
TOO_MANY = 429  # HTTP's Too Many Requests
AWAY = (500, 502, 503, 504)  # HTTP's answers of a service, or of what stands before it, that may pass


def pauses(first: float, longest: float, *, factor: float = 1.5) -> Iterator[float]:
    """Yield the seconds of pauses that grow from first to longest, without end."""
    pause = first
    while True:
        yield pause
        pause = min(pause * factor, longest)


def turns(first: float, longest: float, *, factor: float = 1.5) -> Iterator[float]:
    """Yield the seconds since the first turn, again and again, after pauses that grow from first to longest."""
    started = time.monotonic()
    for pause in pauses(first, longest, factor=factor):
        yield time.monotonic() - started
        time.sleep(pause)


def insist(
    call: Callable[[], T], patience: float, *, wait: Callable[[float], object], progress: Callable[[], int] = lambda: 0
) -> T:
    """Return what a call gives; what may pass is tried again while ``progress`` changes, and for ``patience`` seconds.

    ``wait`` is called with the seconds of each pause; if it returns True, the last failure is raised.
    """
    last, reached, failures, again = time.monotonic() + patience, progress(), 0, pauses(*_AGAIN, factor=2.0)
    while True:
        try:
            return call()
        except GoclientError as error:  # of the server; or of what its credential comes from
            if (now := progress()) != reached:
                last, reached, failures, again = time.monotonic() + patience, now, 0, pauses(*_AGAIN, factor=2.0)
            failures += isinstance(error, ServerFailed)
            may_pass, pause = error.transient or 0 < failures <= _MOST_FAILURES, next(again)
            if not may_pass or time.monotonic() + pause > last or wait(pause) is True:
                raise


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds after which a service wants to be asked again; None if it does not say."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) < 10 and int(text) <= LONGEST_WAIT else None
    if not text or len(text) > 40:
        return None
    from email.utils import parsedate_to_datetime  # few answers have a date

    try:
        seconds = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(seconds, 0.0) if seconds <= LONGEST_WAIT else None


def explain_limit(status: int, headers: Mapping[str, str]) -> str:
    """Return what a service says of being asked again, for a message; the empty string if it says nothing."""
    seconds = retry_after(headers) if status in (TOO_MANY, *AWAY) else None
    if seconds is None:
        return "it limits how often it is asked" if status == TOO_MANY else ""
    until = utc(time.time() + seconds)
    span = f"{seconds:.0f} s" if seconds < 300 else f"{seconds / 60:.0f} minutes"
    why = "it limits how often it is asked" if status == TOO_MANY else "it is not available"
    return f"{why}, for {span if seconds < 18_000 else f'{seconds / 3600:.0f} hours'}, until {until}"
