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
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Optional, TextIO, TypeVar

import argparse_dataclass

import goclient
from goclient.cli.general import GROUP, GeneralOptions
from goclient.errors import Collector, GoclientError, UsageError, raise_all
from goclient.errors.wording import quote
from goclient.model.option import help_text, is_flag, is_number, number_mistakes
from goclient.model.typed import Defaults, Typed, choice_mistakes, fill

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

_NO_VALUE = object()  # stands for the value in "--option" at the end of the line


DESCRIBE = "\0describe"  # no user can type it


class Described(Exception):  # nothing is wrong
    """Tell what a parser takes, to the completion of words, which gives its command :data:`DESCRIBE`."""

    def __init__(self, fields: tuple["dataclasses.Field[Any]", ...]) -> None:
        super().__init__()
        self.fields = fields


class Parser(argparse_dataclass.ArgumentParser[T]):  # type: ignore[misc]  # argparse_dataclass has no types
    """Read a line into a dataclass of options, or report every mistake."""

    needs_nothing = False  # no option is required

    def __init__(
        self,
        options_class: type[T],
        *,
        prog: str,
        arguments: str = "[OPTION ...]",
        description: str = "",
        epilog: str = "",
    ) -> None:
        self._by_name: dict[str, dataclasses.Field[Any]] = {
            field.name: field for field in dataclasses.fields(options_class)
        }
        self._titled: dict[str, Any] = {}
        super().__init__(
            options_class,
            prog=prog,
            description=description,
            epilog=epilog,
            usage=f"{prog} {arguments}",
            allow_abbrev=False,
            add_help=False,
            formatter_class=_formatter,
        )
        for field in dataclasses.fields(GeneralOptions):
            if field.name not in self._by_name:  # as retrieve's own --quiet of the C tools
                self._by_name[field.name] = field
                self.add_argument(*field.metadata["args"], dest=field.name)
        common = self._in_group(GROUP)
        common.add_argument(
            "--version", action="version", version=f"goclient {goclient.__version__}", help="show the version and exit"
        )
        common.add_argument("-h", "--help", action="help", help="show this help and exit")

    def _print_message(self, message: str, file: Optional[TextIO] = None) -> None:
        """Print help or a version; unlike argparse's own, let a write error be reported."""
        (file or sys.stderr).write(message)

    def format_help(self) -> str:
        """Return the help, with examples at its end."""
        from goclient.cli.examples import examples_of  # other lines need none

        return f"{super().format_help()}{examples_of(self.prog)}"

    def _in_group(self, title: str) -> Any:
        if title not in self._titled:
            self._titled[title] = self.add_argument_group(title)
        return self._titled[title]

    def add_argument(self, *names: Any, **kwargs: Any) -> Any:
        """Return the argparse action of a field, in its group, collecting what was typed for :meth:`parse`."""
        field = self._by_name[kwargs.get("dest") or names[0]]
        meta = field.metadata
        text = help_text(field, shows_required=not self.needs_nothing).replace("%", "%%")
        shown: dict[str, Any] = {"help": text, "action": _Collect, "default": None}
        if names[0].startswith("-"):
            shown["dest"] = field.name
            if is_flag(field):
                shown["nargs"] = 0
            else:
                shown.update(nargs="?", const=_NO_VALUE, metavar=_Metavar(meta["metavar"] or field.name.upper()))
        else:
            shown.update(nargs="*", metavar=meta["metavar"] or names[0])
        return self._in_group(meta["group"]).add_argument(*names, **shown)

    def parse(self, argv: Sequence[str]) -> T:
        """Return the options that ``argv`` gives; raises all usage errors together."""
        options, errors = self.read(argv)
        raise_all(errors)
        return options

    def read(self, argv: Sequence[str], defaults: Defaults = dict) -> Typed[T]:
        """Return the options that ``argv`` gives, defaults in place of wrong ones, and all usage errors.

        ``defaults`` gives those of the settings, and is not called for ``--help`` and ``--version``.  Raises all usage
        errors, and what is wrong with the settings, if these cannot be read.
        """
        if DESCRIBE in argv:
            raise Described(tuple(self._by_name.values()))
        errors: list[GoclientError] = []
        typed = argparse.Namespace()
        words = self._without_flags_values(argv, errors)
        _, extras = super(argparse_dataclass.ArgumentParser, self).parse_known_args(words, typed)
        if extras:
            from goclient.cli.untaken import Line, list_untaken  # a thirtieth of the time of --help

            known = [one for action in self._actions for one in action.option_strings]
            many = (field for field in self._by_name.values() if field.metadata["many"])
            lists = [name for field in many for name in field.metadata["args"]]
            grave = [name for one in self._by_name.values() if one.metadata["grave"] for name in one.metadata["args"]]
            errors += list_untaken(extras, Line(self.prog, known, lists, argv, grave))
        unread, settings = Collector(), dict[str, Any]()
        with unread:
            settings.update(defaults())
        values: dict[str, Any] = {}
        for name, field in self._by_name.items():
            given: list[tuple[str, Any]] = getattr(typed, name, None) or []
            may_lack = self.needs_nothing or name in settings or unread.errors  # bad settings may have it
            found = [] if may_lack and not given else list(_mistakes(field, given))
            errors += found
            if given and (not found or is_flag(field)):  # a flag that is typed badly is meant all the same
                values[name] = _value(field, given)
        if unread.errors:
            raise_all([*errors, *unread.errors])
        own = {field.name for field in dataclasses.fields(self._options_type)}
        return Typed(fill(self._options_type, {name: values[name] for name in own & values.keys()}, settings), errors)

    def error(self, message: str) -> NoReturn:
        """Raise what argparse itself finds wrong as a usage error."""
        raise UsageError(message, hint=f"{self.prog} --help lists the options")

    def _without_flags_values(self, argv: Sequence[str], errors: list[GoclientError]) -> list[str]:
        """Return the words without values of flags, which argparse would stop at; keep an error for each."""
        flags = {action.option_strings[-1] for action in self._actions if action.option_strings and action.nargs == 0}
        end = argv.index("--") if "--" in argv else len(argv)
        words = list(argv)
        for index, word in enumerate(argv[:end]):
            name, equals, value = word.partition("=")
            if equals and name in flags:
                words[index] = name
                message = f"{name} takes no value, but is given {quote(value)}"
                errors.append(UsageError(message, hint=f"write {name} alone", code="flag-value", subject=name))
        return words


class LenientParser(Parser[T]):
    """Read a line in which no option is required."""

    needs_nothing = True


class _Collect(argparse.Action):
    """Keep the option as typed, and its raw value, for each time it is given; judge nothing."""

    def __call__(self, _parser: Any, namespace: Any, values: Any, option_string: Optional[str] = None) -> None:
        given = getattr(namespace, self.dest) or []
        if option_string is None:
            given = given + [(self.dest, value) for value in values]
        else:
            given = [*given, (option_string, values)]
        setattr(namespace, self.dest, given)


class _Metavar(str):
    """A metavar that prints as "NAME" for an optional value: a missing one is our error to report."""


class _Formatter(argparse.HelpFormatter):
    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        if isinstance(action.metavar, _Metavar):
            return str(action.metavar)
        return super()._format_args(action, default_metavar)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return _wrap(text, width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(indent + line for line in _wrap(text, width - len(indent)))


def _wrap(text: str, width: int) -> list[str]:
    """Return the lines of a text, broken at blanks: textwrap takes a thirtieth of the time of --help to load."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines


def _formatter(prog: str) -> argparse.HelpFormatter:
    """Return argparse's formatter with the width given: left to itself it would import shutil, which is slow."""
    try:
        width = int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        try:
            width = os.get_terminal_size(1).columns
        except OSError:
            width = 80
    return _Formatter(prog, width=max(width, 40) - 2, max_help_position=30)


def _mistakes(field: "dataclasses.Field[Any]", given: list[tuple[str, Any]]) -> Iterator[UsageError]:
    """Yield every usage error of one option, given as typed."""
    meta = field.metadata
    name = meta["args"][-1]
    if not given and meta["must"]:
        hint = f"add {name}={meta['metavar'] or 'VALUE'}"
        if is_flag(field) or not name.startswith("-"):
            hint = f"add {name}" if is_flag(field) else f"type at least one {name}"
        yield UsageError(f"{name} is missing", hint=hint, code="missing-option", subject=name)
    if len(given) > 1 and not (meta["many"] or meta["count"]):
        each = ", ".join(
            typed if is_flag(field) else f"{typed}={'(no value)' if value is _NO_VALUE else quote(value)}"
            for typed, value in given
        )
        yield UsageError(f"{name} is given {len(given)} times: {each}", hint=meta["once"], code="twice", subject=name)
    for typed, value in given:
        if not is_flag(field):
            yield from _value_mistakes(field, typed, value)


def _value_mistakes(field: "dataclasses.Field[Any]", typed: str, value: Any) -> Iterator[UsageError]:
    if value is _NO_VALUE:
        hint = f"write {typed}=VALUE (with the = sign if the value begins with a dash)"
        yield UsageError(f"{typed} needs a value", hint=hint, code="no-value", subject=typed)
    elif value == "" and (typed.startswith("-") or not field.metadata["many"]):
        shown = typed if typed.startswith("-") else field.metadata["metavar"] or typed.upper()
        hint = f"leave {shown} out, or give it a value"
        yield UsageError(f"{shown} has an empty value", hint=hint, code="empty-value", subject=shown)
    elif is_number(field):
        yield from number_mistakes(field, typed, value)
    else:
        yield from choice_mistakes(field, typed, value)


def _value(field: "dataclasses.Field[Any]", given: list[tuple[str, Any]]) -> Any:
    """Return the value of an option that has no mistakes."""
    if field.metadata["count"]:
        return len(given)
    if field.type is bool:
        return True
    values = [int(value) if is_number(field) else value for _, value in given]
    return tuple(values) if field.metadata["many"] else values[0]
