"""Parsers made from frozen option dataclasses; the only importer of ``argparse_dataclass``.

argparse_dataclass 2.0.0 makes the options.  This module adds what it lacks: titled groups, options
and flags that may be given once only, list options, shown defaults, no abbreviations, and all mistakes
of a command line in one report instead of the first one.

Neither this module nor one with an option dataclass may use ``from __future__ import annotations`` or
``X | None``: argparse_dataclass looks at the real ``Optional[X]`` type of each field.
"""

import argparse
import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn, Optional, TypeVar, get_args

import argparse_dataclass

import goclient
from goclient.cli.untaken import Line, untaken
from goclient.errors import GoclientError, RepeatedOption, UsageError, quoted, raise_all

T = TypeVar("T")

_NO_VALUE = object()  # stands for the value in "--option" at the end of the line


def option(
    *names: str,
    help: str,
    group: str,
    default: Any = None,
    metavar: Optional[str] = None,
    required: bool = False,
    many: bool = False,
    count: bool = False,
    minimum: Optional[int] = None,
    maximum: Optional[int] = None,
    choices: Optional[tuple[str, ...]] = None,
) -> Any:  # as dataclasses.field: the caller's annotation says the type
    """A dataclass field for one option (names begin with dashes) or positional argument (one bare name).

    ``many``: may be repeated, the field is a tuple of strings.  ``count``: a flag that counts (-vv).
    ``minimum`` and ``maximum`` bound an int field.
    """
    metadata = {
        "args": list(names),
        "help": help,
        "metavar": metavar,
        "group": group,
        "must": required,
        "many": many,
        "count": count,
        "minimum": minimum,
        "maximum": maximum,
        "one_of": choices,
    }
    return dataclasses.field(default=() if many and default is None else default, metadata=metadata)


class Parser(argparse_dataclass.ArgumentParser[T]):  # type: ignore[misc]  # argparse_dataclass has no types
    """Gives an instance of the option dataclass, or every mistake; ``needs_nothing``: no option is required."""

    def __init__(
        self,
        options_class: type[T],
        *,
        prog: str,
        description: str,
        usage: str,
        epilog: str = "",
        needs_nothing: bool = False,
    ) -> None:
        self._by_name: dict[str, dataclasses.Field[Any]] = {
            field.name: field
            for field in dataclasses.fields(options_class)  # type: ignore[arg-type]  # T is a dataclass
        }
        self._titled: dict[str, Any] = {}
        self._needs_nothing = needs_nothing
        super().__init__(
            options_class,
            prog=prog,
            description=description,
            epilog=epilog,
            usage=usage,
            allow_abbrev=False,
            add_help=False,
            formatter_class=_formatter,
        )
        common = self._in_group("general")
        common.add_argument(
            "--version", action="version", version=f"goclient {goclient.__version__}", help="show the version and exit"
        )
        common.add_argument("-h", "--help", action="help", help="show this help and exit")

    def _in_group(self, title: str) -> Any:
        if title not in self._titled:
            self._titled[title] = self.add_argument_group(title)
        return self._titled[title]

    def add_argument(self, *names: Any, **kwargs: Any) -> Any:
        """The argparse action of a field, in its group, collecting what was typed for :meth:`parse`."""
        field = self._by_name[kwargs.get("dest") or names[0]]
        meta = field.metadata
        shown: dict[str, Any] = {"help": _help_text(field, self._needs_nothing), "action": _Collect, "default": None}
        if names[0].startswith("-"):
            shown["dest"] = field.name
            if _is_flag(field):
                shown["nargs"] = 0
            else:
                shown.update(nargs="?", const=_NO_VALUE, metavar=_Metavar(meta["metavar"] or field.name.upper()))
        else:
            shown.update(nargs="*", metavar=meta["metavar"] or names[0])
        return self._in_group(meta["group"]).add_argument(*names, **shown)

    def parse(self, argv: Sequence[str]) -> T:
        """The options that ``argv`` gives; raises all usage errors together."""
        options, errors = self.read(argv)
        raise_all(errors)
        return options

    def read(self, argv: Sequence[str]) -> tuple[T, list[GoclientError]]:
        """The options that ``argv`` gives, defaults in place of what is wrong, and all usage errors."""
        errors: list[GoclientError] = []
        typed = argparse.Namespace()
        words = self._without_flags_values(argv, errors)
        _, extras = super(argparse_dataclass.ArgumentParser, self).parse_known_args(words, typed)
        known = [one for action in self._actions for one in action.option_strings]
        lists = [name for field in self._by_name.values() if field.metadata["many"] for name in field.metadata["args"]]
        errors += untaken(extras, Line(self.prog, known, lists, argv))
        values: dict[str, Any] = {}
        for name, field in self._by_name.items():
            given: list[tuple[str, Any]] = getattr(typed, name, None) or []
            found = [] if not given and self._needs_nothing else list(_mistakes(field, given))
            errors += found
            if given and not found:
                values[name] = _value(field, given)
        return self._options_type(**values), errors

    def error(self, message: str) -> NoReturn:
        """Raises what argparse itself has found wrong as a usage error."""
        raise UsageError(message, hint=f"{self.prog} --help lists the options")

    def _without_flags_values(self, argv: Sequence[str], errors: list[GoclientError]) -> list[str]:
        """The words without values of flags, which argparse would stop at; an error for each."""
        flags = {action.option_strings[-1] for action in self._actions if action.option_strings and action.nargs == 0}
        end = argv.index("--") if "--" in argv else len(argv)
        words = list(argv)
        for index, word in enumerate(argv[:end]):
            name, equals, value = word.partition("=")
            if equals and name in flags:
                words[index] = name
                message = f"{name} takes no value, but is given {quoted(value)}"
                errors.append(UsageError(message, hint=f"write {name} alone", code="flag-value", subject=name))
        return words


class _Collect(argparse.Action):
    """Keeps (option as typed, raw value) for each time the option is given; judges nothing."""

    def __call__(self, _parser: Any, namespace: Any, values: Any, option_string: Optional[str] = None) -> None:
        given = getattr(namespace, self.dest) or []
        if option_string is None:
            given = given + [(self.dest, value) for value in values]
        else:
            given = [*given, (option_string, values)]
        setattr(namespace, self.dest, given)


class _Metavar(str):
    """A metavar that prints as "NAME" for an optional value, because a missing one is our error to report."""


class _Formatter(argparse.HelpFormatter):
    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        if isinstance(action.metavar, _Metavar):
            return str(action.metavar)
        return super()._format_args(action, default_metavar)


def _formatter(prog: str) -> argparse.HelpFormatter:
    """argparse's formatter with the width given: asking for it would import shutil, which is slow."""
    try:
        width = int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        try:
            width = os.get_terminal_size(1).columns
        except OSError:
            width = 80
    return _Formatter(prog, width=max(width, 40) - 2, max_help_position=30)


def _help_text(field: "dataclasses.Field[Any]", needs_nothing: bool) -> str:
    text = str(field.metadata["help"]).replace("%", "%%")
    if field.metadata["must"] and not needs_nothing:
        return f"{text} (required)"
    if field.default in (None, False, (), "") or field.metadata["count"]:
        return text
    return f"{text} (default: {field.default})"


def _is_flag(field: "dataclasses.Field[Any]") -> bool:
    return field.type is bool or bool(field.metadata["count"])


def _wants_int(field: "dataclasses.Field[Any]") -> bool:
    return field.type is int or int in get_args(field.type)


def _mistakes(field: "dataclasses.Field[Any]", given: list[tuple[str, Any]]) -> Iterator[UsageError]:
    """Every usage error of one option, given as typed."""
    meta = field.metadata
    name = meta["args"][-1]
    if not given and meta["must"]:
        hint = f"add {name}={meta['metavar'] or 'VALUE'}"
        if _is_flag(field) or not name.startswith("-"):
            hint = f"add {name}" if _is_flag(field) else f"type at least one {name}"
        yield UsageError(f"{name} is missing", hint=hint, code="missing-option", subject=name)
    if len(given) > 1 and not (meta["many"] or meta["count"]):
        each = ", ".join(typed if _is_flag(field) else f"{typed}={_shown(value)}" for typed, value in given)
        yield RepeatedOption(f"{name} is given {len(given)} times: {each}", hint="give it once", subject=name)
    for typed, value in given:
        if not _is_flag(field):
            yield from _value_mistakes(field, typed, value)


def _shown(value: Any) -> str:
    return "(no value)" if value is _NO_VALUE else quoted(value)


def _value_mistakes(field: "dataclasses.Field[Any]", typed: str, value: Any) -> Iterator[UsageError]:
    meta = field.metadata
    if value is _NO_VALUE:
        hint = f"write {typed}=VALUE (with the = sign if the value begins with a dash)"
        yield UsageError(f"{typed} needs a value", hint=hint, code="no-value", subject=typed)
    elif value == "" and typed.startswith("-"):
        hint = f"leave {typed} out, or give it a value"
        yield UsageError(f"{typed} has an empty value", hint=hint, code="empty-value", subject=typed)
    elif meta["one_of"] and value not in meta["one_of"]:
        hint = f"one of {', '.join(meta['one_of'])}"
        yield UsageError(f"{typed} {quoted(value)} is not known", hint=hint, code="unknown-value", subject=typed)
    elif _wants_int(field):
        yield from _number_mistakes(field, typed, value)


def _number_mistakes(field: "dataclasses.Field[Any]", typed: str, value: str) -> Iterator[UsageError]:
    low, high = field.metadata["minimum"], field.metadata["maximum"]
    bounds = f"from {low} " if high is None else f"from {low} to {high} "
    hint = f"{typed} takes a whole number {bounds if low is not None else ''}".rstrip()
    digits = value[1:] if value[:1] in "+-" else value
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
        yield UsageError(f"{typed} {quoted(value)} is not a number", hint=hint, code="not-a-number", subject=typed)
    elif (low is not None and int(value) < low) or (high is not None and int(value) > high):
        yield UsageError(f"{typed} {quoted(value)} is out of range", hint=hint, code="out-of-range", subject=typed)


def _value(field: "dataclasses.Field[Any]", given: list[tuple[str, Any]]) -> Any:
    """What the dataclass gets for an option that has no mistakes."""
    if field.metadata["count"]:
        return len(given)
    if field.type is bool:
        return True
    values = [int(value) if _wants_int(field) else value for _, value in given]
    return tuple(values) if field.metadata["many"] else values[0]
