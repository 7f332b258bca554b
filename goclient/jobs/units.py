"""Words for sizes and times as a person reads them; a program gets the numbers."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def size(number: float) -> str:
    """Return bytes in the largest unit of which there is one, with two digits at least: ``1.2 GB``, ``350 MB``."""
    unit = 0
    while number >= 999.5 and unit < len(_UNITS) - 1:
        number, unit = number / 1000, unit + 1
    return f"{number:.{1 if unit > 0 and number < 9.95 else 0}f} {_UNITS[unit]}"


def duration(seconds: float) -> str:
    """Return a time span in its two largest units: ``45 s``, ``12 min 5 s``, ``3 h 20 min``, ``2 d 4 h``."""
    left = round(seconds)
    if left < _MINUTE:
        return f"{left} s"
    if left < _HOUR:
        return f"{left // _MINUTE} min {left % _MINUTE} s"
    if left < _DAY:
        return f"{left // _HOUR} h {left % _HOUR // _MINUTE} min"
    return f"{left // _DAY} d {left % _DAY // _HOUR} h"


def moment(time: float) -> str:
    """Return a time in seconds since 1970 as a date and the time of day, in UTC."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M")


def day(time: float, *, to_seconds: bool = False) -> str:
    """Return a time as :func:`moment` does, where the year is known: ``28 Nov 21:06``, or ``28 Nov 21:06:55``."""
    when = datetime.fromtimestamp(time, UTC)
    clock = f"{when:%H:%M:%S}" if to_seconds else f"{when:%H:%M}"
    return f"{when.day} {_MONTHS[when.month - 1]} {clock}"  # %b would be in the user's language
