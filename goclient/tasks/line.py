"""The command line: our options in its help, our words taken out before panda-client parses, and kept beside."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from goclient.errors import GoclientError, UsageError, quoted, raise_all
from goclient.tasks import hooks, words
from goclient.tasks.hooks import Function
from goclient.tasks.words import Table

DUMP = "dumpTaskParams"  # of prun; pathena, which has none, gets it from us


class Line:
    """The command line of one run.

    ``judged`` gives the mistakes in words of ours, for a report of all.  ``ready`` is called once there is work to do.
    ``typed`` are our words and ``options`` what panda-client keeps, once ``parsed``.
    """

    def __init__(
        self,
        tool: str,
        table: Table,
        *,
        judged: Callable[[Sequence[str]], Sequence[GoclientError]],
        ready: Callable[[], None],
    ) -> None:
        self.table = table
        self.parsed = False
        self.typed: list[str] = []
        self.options = argparse.Namespace()
        self._tool = tool
        self._judged = judged
        self._ready = ready

    def add_help(self, original: Function) -> Function:
        """Add our group, for -h and --helpGroup alone: panda-client's abbreviations mean what they meant."""

        def add_help_group(parser: Any, addHelp: Any = None) -> Any:  # noqa: N803  # as panda-client calls it
            group = parser.add_group("globus", "transfers with Globus, by goclient")
            for option in self.table.options.values():
                text = option.help.replace("%", "%%")
                action: argparse.Action = (
                    argparse._StoreTrueAction([f"--{option.name}"], option.name, help=text)
                    if option.flag
                    else argparse._StoreAction([f"--{option.name}"], option.name, help=text, metavar=option.metavar)
                )
                group._group_actions.append(action)
            return original(parser, addHelp)

        return add_help_group

    def parse(self, original: Function) -> Function:
        """Take our words out of the line, and keep what the rest says; ours are in it, too, for --dumpJson."""

        def parse_known_args(parser: Any, args: Any = None, _: Any = None) -> Any:
            self.parsed = True
            self.table = table = self._own(parser)
            line = words.shown(sys.argv[1:] if args is None else args)
            sys.argv[1:] = line  # panda-client writes it down for pbook and the monitor
            stock, self.typed = words.divided(line, table, lambda word: _takes_value(parser, word))
            # names that --loadJson may set; what was not given is not in vars() of it
            kind = type("Namespace", (argparse.Namespace,), dict.fromkeys(table.options))
            found, extras = original(parser, stock, kind())
            self._refuse_misspelt(extras)
            for name, value in words.values(self.typed, table).items():
                setattr(found, name, value)
            self.options = found
            if not getattr(found, "version", False):
                self._ready()
            return found, extras

        return parse_known_args

    def _own(self, parser: Any) -> Table:
        """Return our options without one that pathena has got of its own; raises RequestError for any other such."""
        theirs = {name for name in self.table.options if f"--{name}" in parser._option_string_actions}
        if theirs - {DUMP}:
            raise hooks.changed(f"{self._tool} has options of its own called {', '.join(sorted(theirs))}")
        return Table({name: option for name, option in self.table.options.items() if name not in theirs})

    def _refuse_misspelt(self, extras: Sequence[str]) -> None:
        """Raise every mistake in our words if one that nobody takes is nearly one of ours, or was to belong to one."""
        meant = {word: name for word in extras if (name := words.nearest(word, self.table))}
        errors = [self._misspelt(word, name) for word, name in meant.items()]
        if self.typed and self._tool == "prun":  # pathena takes such words for job options
            errors += [_stray(word) for word in extras if not word.startswith("-") and word not in meant]
        if errors:
            raise_all([*errors, *self._judged(self.typed)])

    def _misspelt(self, word: str, name: str) -> GoclientError:
        message = f"{quoted(word)} is not an option of goclient {self._tool}"
        return UsageError(message, hint=f"did you mean {name}?", code="unknown-option", subject=word)


def _stray(word: str) -> GoclientError:
    """Return the error of a word that stands alone beside options of ours, of which it may be the end."""
    hint = "write a list with commas and without blanks, no blanks around =, and no value after a flag"
    return UsageError(f"{quoted(word)} belongs to no option", hint=hint, code="stray-word", subject=word)


def _takes_value(parser: Any, word: str) -> bool:
    """Return true if the next word may be the value of this one, an option of panda-client's or its abbreviation."""
    if not word.startswith("-") or "=" in word:
        return False
    known = parser._option_string_actions
    action = known.get(word)
    if action is None and word.startswith("--"):
        meant = {id(one): one for name, one in known.items() if name.startswith(word)}
        action = next(iter(meant.values())) if len(meant) == 1 else None
    return action is not None and action.nargs != 0
