"""Option: a field of a dataclass that says all of it, and what the parsers, the settings and the keywords ask of one.

This module may not use ``from __future__ import annotations`` or ``X | None``: argparse_dataclass needs the real
``Optional[X]`` type of each field.  It is loaded for ``--help``, too, and imports nothing slow.
"""

from collections.abc import Iterator
from dataclasses import Field, field, fields
from typing import Any, Optional, get_args

from goclient.errors import UsageError
from goclient.errors.wording import quote


def option(  # noqa: PLR0913  # all that an option may say
    *names: str,
    help: str,
    group: str,
    default: Any = None,
    metavar: Optional[str] = None,
    required: bool = False,
    many: bool = False,
    count: bool = False,
    setting: bool = False,
    minimum: Optional[int] = None,
    maximum: Optional[int] = None,
    choices: Optional[tuple[str, ...]] = None,
    once: str = "give it once",
    grave: bool = False,
) -> Any:  # as dataclasses.field: the caller's annotation says the type
    """Return a dataclass field for one option (names begin with dashes) or positional argument (one bare name).

    ``many``: may be repeated, the field is a tuple of strings.  ``count``: a flag that counts (-vv).  ``setting``: a
    settings file may give its default.  ``minimum`` and ``maximum`` bound an int field.  ``once``: the hint if it
    is given again.  ``grave``: it sends, removes, overwrites or gives away; no hint offers it for a mere likeness.
    """
    metadata = {
        "args": list(names),
        "help": help,
        "metavar": metavar,
        "group": group,
        "must": required,
        "many": many,
        "count": count,
        "setting": setting,
        "minimum": minimum,
        "maximum": maximum,
        "one_of": choices,
        "once": once,
        "grave": grave,
    }
    return field(default=() if many and default is None else default, metadata=metadata)


def is_flag(one: "Field[Any]") -> bool:
    """Decide whether an option takes no value."""
    return one.type is bool or bool(one.metadata["count"])


def is_number(one: "Field[Any]") -> bool:
    """Decide whether an option takes a whole number."""
    return one.type is int or int in get_args(one.type)


def setting_fields(kind: type[Any]) -> list["Field[Any]"]:
    """Return the options that may have their defaults in a settings file."""
    return [one for one in fields(kind) if one.metadata["setting"]]


def help_text(one: "Field[Any]", *, shows_required: bool = True) -> str:
    """Return the help of an option with its default."""
    text = str(one.metadata["help"])
    if one.metadata["must"] and shows_required:
        return f"{text} (required)"
    if one.default in (None, False, (), "") or one.metadata["count"]:
        return text
    return f"{text} (default: {one.default})"


def number_mistakes(one: "Field[Any]", typed: str, value: object) -> Iterator[UsageError]:
    """Yield what is wrong with a number as typed: text of a command line, or what a program gives."""
    low, high = one.metadata["minimum"], one.metadata["maximum"]
    bounds = f"from {low} " if high is None else f"from {low} to {high} "
    hint = f"{typed} takes a whole number {bounds if low is not None else ''}".rstrip()
    digits = str(value)[1:] if str(value)[:1] in ("+", "-") else str(value)
    if isinstance(value, bool | float) or not (digits.isascii() and digits.isdigit() and len(digits) < 19):
        yield UsageError(f"{typed} {quote(value)} is not a number", hint=hint, code="not-a-number", subject=typed)
    elif (low is not None and int(str(value)) < low) or (high is not None and int(str(value)) > high):
        yield UsageError(f"{typed} {quote(value)} is out of range", hint=hint, code="out-of-range", subject=typed)
