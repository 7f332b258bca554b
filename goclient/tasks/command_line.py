"""A command line of prun or pathena: our options in its help, and our words taken out before panda-client parses it.

Ours are the exact names of a ``Table``, each ``--name``, ``--name value`` or ``--name=value``; there are no
abbreviations of ours, and those of panda-client mean what they did.  Without a word of ours nothing is changed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import Field, fields
from itertools import pairwise
from typing import Any, NamedTuple

from goclient.errors import GoclientError, UsageError, raise_all
from goclient.errors.wording import quote
from goclient.model.nearest import CLOSE, nearest
from goclient.model.option import help_text, is_flag, is_number
from goclient.model.other_words import options_of
from goclient.model.task_options import PathenaOptions, TaskOptions
from goclient.tasks import panda_client
from goclient.tasks.panda_client import Function

# panda-client takes words that it had in 2012, such as --useGOForOutput, off the command line before it parses it.
# Until then ours begin so; nobody's option has a colon.
HIDDEN = "--goclient:"
DUMP = "dumpTaskParams"  # of prun; pathena, which has none, gets it from us
_PASTED = ("\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2212")  # what word processors make of a hyphen


Table = Mapping[str, Field[Any]]  # our options, by their names without dashes
TABLES: dict[str, Table] = {
    tool: {one.name: one for one in fields(kind)} for tool, kind in (("prun", TaskOptions), ("pathena", PathenaOptions))
}


def find_option(word: str, table: Table) -> Field[Any] | None:
    """Return the option of a word ``--name`` or ``--name=value``; None if it is not ours."""
    return table.get(word[2:].partition("=")[0]) if word.startswith("--") else None


class Divided(NamedTuple):
    """Hold panda-client's words as they stood, and ours, each as one word: ``--name`` or ``--name=value``."""

    stock: list[str]
    ours: list[str]


def hide(argv: Sequence[str], table: Table) -> list[str]:
    """Return the words with ours under another name; :func:`show` gives them back."""
    end = argv.index("--") if "--" in argv else len(argv)
    ours = (word.startswith(HIDDEN) or find_option(word, table) for word in argv[:end])
    return [HIDDEN + word[2:] if own else word for word, own in zip(argv, ours, strict=False)] + list(argv[end:])


def show(argv: Sequence[str]) -> list[str]:
    """Return the words as they were before :func:`hide`."""
    end = argv.index("--") if "--" in argv else len(argv)
    return [f"--{word[len(HIDDEN) :]}" if word.startswith(HIDDEN) else word for word in argv[:end]] + list(argv[end:])


def divide(argv: Sequence[str], table: Table, takes_value: Callable[[str], bool]) -> Divided:
    """Divide the words into panda-client's and ours; what follows a bare ``--`` is never ours.

    ``takes_value`` tells of a word of panda-client's whether the next one is its value, and so not ours.
    """
    found = Divided([], [])
    words = iter(range(len(argv)))
    awaited = False
    for at in words:
        word = argv[at]
        if word == "--":
            found.stock.extend(argv[at:])
            break
        option = None if awaited and _may_be_value(word) else find_option(word, table)
        if option is None:
            found.stock.append(word)
            awaited = not (awaited and _may_be_value(word)) and takes_value(word)
            continue
        if not is_flag(option) and "=" not in word and at + 1 < len(argv) and _may_be_value(argv[at + 1]):
            word = f"{word}={argv[next(words)]}"
        found.ours.append(word)
    return found


def _may_be_value(word: str) -> bool:
    """Return True if argparse takes a word as the value of the option before it."""
    return not word.startswith("-") or word == "-" or " " in word


def values_of(ours: Sequence[str], table: Table) -> dict[str, Any]:
    """Return what the words give, by name, as --dumpJson has it: true, a text, a number, or a list of texts."""
    found: dict[str, Any] = {}
    for word in ours:
        name, _, value = word[2:].partition("=")
        option = table[name]
        if is_flag(option):
            found[name] = True
        elif option.metadata["many"]:
            found.setdefault(name, []).append(value)
        else:
            found[name] = int(value) if is_number(option) and value.isdecimal() else value
    return found


def words_of(given: Mapping[str, Any], table: Table) -> list[str]:
    """Return the words that give these values of --loadJson; raise all that cannot be values of an option."""
    found: list[str] = []
    errors: list[GoclientError] = []
    for name, value in given.items():
        option = table[name]
        flag, number = is_flag(option), is_number(option)
        each = value if option.metadata["many"] and isinstance(value, list) else [value]
        if flag and isinstance(value, bool):
            found += [f"--{name}"] if value else []
        elif not flag and all(isinstance(one, str) or (number and type(one) is int) for one in each):
            found += [f"--{name}={one}" for one in each]
        elif value is not None:
            kind = "true or false" if flag else "a number" if number else "a text"
            message = f"--loadJson: {name} is {quote(json.dumps(value))}, not {kind}"
            errors.append(UsageError(message, hint="correct the file", code="load-json", subject=f"--{name}"))
    raise_all(errors)
    return found


def find_nearest(word: str, table: Table) -> str:
    """Return the name of ours, with its dashes, that an unknown word was probably meant for; or the empty string.

    Another number or kind of dashes, and a colon for the equals sign, are told only of a name that is ours, whatever
    its case: the words of pathena's job options begin with one dash.
    """
    name = re.split("[=:]", word.lstrip("".join(_PASTED) + "-"))[0].lower()
    if find_option(word, table) or len(name) > 32:
        return ""
    known = {one.lower(): one for one in table}
    if name in known and (word.startswith(("-", *_PASTED)) or "=" in word):
        return f"--{known[name]}"
    if not word.startswith(("--", *_PASTED)):
        return ""
    near = [one for one in known if len(name) > 4 and one.startswith(name)] or nearest(name, known, ratio=CLOSE)
    return f"--{known[near[0]]}" if near else ""


def hint_of_near(word: str, name: str, table: Table) -> str:
    """Return the hint for an unknown word that is nearly this option of ours; a grave one must be typed whole."""
    typed = re.split("[=:]", word.lstrip("".join(_PASTED) + "-"))[0]
    if table[name[2:]].metadata["grave"] and typed.lower() != name[2:].lower():
        return "goclient prun --helpGroup ALL lists the options"
    return f"did you mean {name}?"


class CommandLine:
    """Take our words out of the command line of one run, and keep what the rest says.

    ``find_mistakes`` gives the mistakes in words of ours, for a report of all.  ``begin`` is called once there is work
    to do.  ``words`` are ours and ``options`` what panda-client keeps, once it has ``parsed``.
    """

    def __init__(
        self,
        tool: str,
        table: Table,
        *,
        find_mistakes: Callable[[Sequence[str]], Sequence[GoclientError]],
        begin: Callable[[], None],
    ) -> None:
        self.table = table
        self.parsed = False
        self.words: list[str] = []
        self.options = argparse.Namespace()
        self._tool = tool
        self._find_mistakes = find_mistakes
        self._begin = begin

    def add_help(self, original: Function, parser: Any, addHelp: Any = None) -> Any:  # noqa: N803  # panda-client's
        """Add our group, for -h and --helpGroup alone: panda-client's abbreviations mean what they meant."""
        group = parser.add_group("globus", "transfers with Globus, by goclient")
        for option in self.table.values():
            words, text = [f"--{option.name}"], help_text(option).replace("%", "%%")
            metavar = option.metadata["metavar"] or option.name.upper()
            action: argparse.Action = (
                argparse._StoreTrueAction(words, option.name, help=text)
                if is_flag(option)
                else argparse._StoreAction(words, option.name, help=text, metavar=metavar)
            )
            group._group_actions.append(action)
        return original(parser, addHelp)

    def parse(self, original: Function, parser: Any, args: Any = None, _: Any = None) -> Any:
        """Let panda-client parse its own words; what ours give is in its options, too, for --dumpJson."""
        self.parsed = True
        self.table = table = self._without_theirs(parser)
        line = show(sys.argv[1:] if args is None else args)
        sys.argv[1:] = line  # panda-client writes it down for pbook and the monitor
        stock, self.words = divide(line, table, lambda word: _takes_value(parser, word))
        # names that --loadJson may set; what was not given is not in vars() of it
        kind = type("Namespace", (argparse.Namespace,), dict.fromkeys(table))
        found, extras = original(parser, stock, kind())
        self._refuse_misspelt(extras, parser._option_string_actions)
        for name, value in values_of(self.words, table).items():
            setattr(found, name, value)
        self.options = found
        if not getattr(found, "version", False):
            self._begin()
        return found, extras

    def _without_theirs(self, parser: Any) -> Table:
        """Return our options without one that pathena has got of its own; raise RequestError for any other such."""
        theirs = {name for name in self.table if f"--{name}" in parser._option_string_actions}
        if theirs - {DUMP}:
            raise panda_client.incompatible(f"{self._tool} has options of its own called {', '.join(sorted(theirs))}")
        return {name: option for name, option in self.table.items() if name not in theirs}

    def _refuse_misspelt(self, extras: Sequence[str], theirs: Collection[str]) -> None:
        """Raise every mistake in our words if one that nobody takes is nearly one of ours, or was to belong to one.

        A bare word behind an unknown option is its value, and no mistake of its own.
        """
        strict = self.words and self._tool == "prun"  # pathena takes such words for job options
        long = [word for word in extras if strict and word.startswith("--")]
        same = {word: name for word in long for name in options_of(word.partition("=")[0], theirs)}
        near = {word: name for word in extras if word not in same and (name := find_nearest(word, self.table))}
        errors = [self._option_error(word, f"did you mean {name}?") for word, name in same.items()]
        errors += [self._option_error(word, hint_of_near(word, name, self.table)) for word, name in near.items()]
        near |= same
        for before, word in pairwise(("", *extras)) if strict else ():
            if word.startswith("-") or word in near:
                continue
            if not before.startswith("--") or "=" in before:
                hint = "write a list with commas and without blanks, no blanks around =, and no value after a flag"
                message = f"{quote(word)} belongs to no option"
                errors.append(UsageError(message, hint=hint, code="stray-word", subject=word))
            elif before not in near:  # panda-client would leave it out without a word
                right = "".join(nearest(before, theirs, most=1))
                hint = f"did you mean {right}?" if right else f"goclient {self._tool} --helpGroup ALL lists them"
                errors.append(self._option_error(before, hint))
        if errors:
            raise_all([*errors, *self._find_mistakes(self.words)])

    def _option_error(self, word: str, hint: str) -> UsageError:
        message = f"{quote(word)} is not an option of goclient {self._tool}"
        return UsageError(message, hint=hint, code="unknown-option", subject=word)


def _takes_value(parser: Any, word: str) -> bool:
    """Return True if the next word may be the value of this one, an option of panda-client's or its abbreviation."""
    if not word.startswith("-") or "=" in word:
        return False
    known = parser._option_string_actions
    action = known.get(word)
    if action is None and word.startswith("--"):
        near = {id(one): one for name, one in known.items() if name.startswith(word)}
        action = next(iter(near.values())) if len(near) == 1 else None
    return action is not None and action.nargs != 0
