"""Options as they were given: on a command line, or as keywords of a call from Python."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import Field, fields
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from goclient.errors import GoclientError, UsageError, raise_all
from goclient.errors.conditions import UnknownOption
from goclient.errors.wording import quote
from goclient.model.nearest import hint_of_known, nearest
from goclient.model.option import is_flag, is_number, number_mistakes, setting_fields
from goclient.model.options import SubmitOptions
from goclient.model.select import SelectOptions

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")
T_co = TypeVar("T_co", bound="DataclassInstance", covariant=True)
_FOR_EVER = 1e9  # seconds: no process waits as long, and time.sleep takes no more than ten times that
Defaults = Callable[[], Mapping[str, Any]]  # of a settings file, which is read only where options are


class Typed(NamedTuple, Generic[T_co]):
    """Options, with defaults in place of wrong ones, and every mistake in single ones."""

    options: T_co
    errors: list[GoclientError]


def fill(kind: type[T], values: Mapping[str, Any], defaults: Mapping[str, Any]) -> T:
    """Return the options with these values; the others have those of the settings, or the built-in ones."""
    known = {one.name for one in setting_fields(kind)}
    return kind(**{name: value for name, value in defaults.items() if name in known} | dict(values))


def read_keywords(kind: type[T], given: Mapping[str, Any], defaults: Defaults, *, requires: bool) -> Typed[T]:
    """Return the options that a program gives; ``requires``: those that are required must be there.

    Options are named as on the command line, without dashes.  A list is a list, and None is an option left out.
    """
    known = {one.name: one for one in fields(kind)}
    errors: list[GoclientError] = []
    values: dict[str, Any] = {}
    present = {name: value for name, value in given.items() if value is not None and value not in ([], ())}
    for name, value in given.items():
        if name not in known:
            offered = [other for other, field in known.items() if not field.metadata["grave"]]
            near = "".join(nearest(name, offered, most=1))
            hint = f"did you mean {near}?" if near else "options are named as on the command line, without dashes"
            message, code = f"{quote(name)} is not an option", UnknownOption.code
            errors.append(UnknownOption(message, hint=hint, code=code, subject=name, option=near))
        elif name in present:
            found = list(_mistakes(known[name], value))
            errors += found
            if not found:
                values[name] = tuple(value) if known[name].metadata["many"] else value
    settings = defaults()
    missing = [one for one in known.values() if one.metadata["must"] and one.name not in {*present, *settings}]
    for one in missing if requires else ():
        errors.append(
            UsageError(f"{one.name} is missing", hint=f'add {one.name}="…"', code="missing-option", subject=one.name)
        )
    return Typed(fill(kind, values, settings), errors)


def _mistakes(one: Field[Any], value: object) -> Iterator[UsageError]:
    """Yield what is wrong with the value that a program gives an option."""
    name = one.name
    if one.metadata["many"]:
        yield from _list_mistakes(name, value)
    elif is_flag(one):
        if not isinstance(value, bool):
            said = value in ("False", "false", "no", "0", 0)
            yield _wrong_type(name, value, "True or False", f"write {name}={not said}, or leave it out")
    elif is_number(one):
        if not isinstance(value, int) or isinstance(value, bool):
            is_near = isinstance(value, str | float) and re.fullmatch(r"[0-9]{1,9}(\.0)?", str(value))
            right = int(str(value).partition(".")[0]) if is_near else one.default or 1
            yield _wrong_type(name, value, "a whole number", f"write {name}={right}")
        else:
            yield from number_mistakes(one, name, value)
    elif not isinstance(value, str):
        yield _no_text(name, value)
    elif not value:
        yield _empty(name, f"leave {name} out, or give it a value")
    else:
        yield from choice_mistakes(one, name, value)


def check_text(name: str, value: object, *, empty: str = "") -> None:
    """Raise UsageError for the argument of a call that is not a text; ``empty``: the hint if it must not be empty."""
    if not isinstance(value, str) or "\0" in value:
        raise _no_text(name, value)
    if empty and not value:
        raise _empty(name, empty)


def read_texts(name: str, value: Iterable[str]) -> tuple[str, ...]:
    """Return the texts that a call is given, one after the other; raise UsageError for anything else."""
    found = value if isinstance(value, str | bytes) or not isinstance(value, Iterable) else tuple(value)
    raise_all(_list_mistakes(name, found))
    return tuple(found)


def check_seconds(name: str, value: object) -> None:
    """Raise UsageError for the argument of a call that is not a number of seconds."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < _FOR_EVER:
        is_near = isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value)
        raise _wrong_type(name, value, "a number of seconds", f"write {name}={value if is_near else 30}")


def check_kind(kind: type[object], name: str, value: object, hint: str) -> None:
    """Raise UsageError for the argument of a call that is not of this kind."""
    if not isinstance(value, kind):
        raise _wrong_type(name, value, f"a {kind.__name__}", hint)


def _list_mistakes(name: str, value: object) -> Iterator[UsageError]:
    if not (isinstance(value, list | tuple) and all(isinstance(item, str) and item for item in value)):
        texts = [value] if isinstance(value, str) and value else ["…", "…"]
        yield _wrong_type(name, value, "a list of texts", f"write {name}=[{', '.join(map(quote, texts))}]")


def _no_text(name: str, value: object) -> UsageError:
    text = str(value) if isinstance(value, int | os.PathLike) and not isinstance(value, bool) else "…"
    return _wrong_type(name, value, "a text", f"write {name}={quote(text)}")


def _empty(name: str, hint: str) -> UsageError:
    return UsageError(f"{name} is empty", hint=hint, code="empty-value", subject=name)


def choice_mistakes(one: Field[Any], typed: str, value: str) -> Iterator[UsageError]:
    """Yield what is wrong with the value of an option that takes one of a few words."""
    words = one.metadata["one_of"]
    if words and value not in words:
        hint = hint_of_known(value, words)
        yield UsageError(f"{typed} {quote(value)} is not known", hint=hint, code="unknown-value", subject=typed)


def _wrong_type(name: str, value: object, wanted: str, hint: str) -> UsageError:
    shown = quote(value) if isinstance(value, str) else quote(repr(value))
    return UsageError(f"{name} must be {wanted}, not {shown}", hint=hint, code="wrong-type", subject=name)


def as_keywords(text: str) -> str:
    """Return a message, or a hint, with its options as a program writes them, such as ``goOverwrite=True``.

    What is in quotes stays, and so do the options of a command line.
    """
    known = {one.name: one for kind in (SelectOptions, SubmitOptions) for one in fields(kind)}

    def keyword(found: re.Match[str]) -> str:
        one = known.get(found[1] or "")
        return found[0] if one is None else f"{one.name}=True" if is_flag(one) else one.name

    return re.sub(_OPTION, keyword, text)


_OPTION = r'"[^"]*"|goclient [a-z ]*--.*|(?<![\w-])--([A-Za-z]+)\b(?!-)'  # re compiles it when it is needed


@contextmanager
def in_keywords() -> Iterator[None]:
    """Word the errors of the body for a program, which gives options as keywords."""
    try:
        yield
    except GoclientError as error:
        raise error.reword(as_keywords) from error.__cause__
