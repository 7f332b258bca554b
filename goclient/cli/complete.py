"""Complete the words of a command line, for the shells: ``goclient __complete``, which their scripts call.

What can be typed comes from the table of commands and from the parser of each: nothing is listed twice.  A mistake
completes nothing, and says nothing: a shell shows what is printed in the middle of the line that is typed.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import Field
from importlib.util import find_spec
from typing import Any, NamedTuple

from goclient.cli.main import COMMANDS, SENDJOB, find
from goclient.cli.output import TerminalReporter
from goclient.cli.parser import DESCRIBE, Described
from goclient.config import kept
from goclient.model.option import is_flag

_OPERATORS = re.compile(r"(?:&&|\|\|?|;)\s")  # before which is another command
_SPECIAL = re.compile(r"([^\w@%+=:,./~#^-])")  # what a shell reads as more than a letter
_THEIRS = re.compile(r'"(--\w[\w-]*)"')
_ARGUMENTS = ("CommonArgs.py", "PrunArgs.py", "PathenaArgs.py")  # of panda-client 2.2.0, which tools have which


class Candidate(NamedTuple):
    """A word that can be typed, and what it does."""

    text: str
    help: str = ""


class Line(NamedTuple):
    """Hold what a program, or one of its commands, takes: its options, its arguments by name, and its actions."""

    options: Mapping[str, Field[Any]]  # by each name with dashes
    arguments: tuple[Field[Any], ...] = ()
    actions: Mapping[str, str] = {}
    more: tuple[str, ...] = ()  # options of another program

    def takes_value(self, word: str) -> bool:
        """Return True if the next word is the value of this one."""
        return word in self.options and not is_flag(self.options[word])


def answer(argv: Sequence[str]) -> int:
    """Print what completes the words of a shell's, a line for each; return 0.

    ``zsh WORD… CURRENT``, and ``fish`` alike, whose last word is as it was typed: what each does is behind a tab.
    ``bash LINE BREAKS``, whose words end at more letters.  ``tcsh``, whose line is in COMMAND_LINE.
    """
    with suppress(Exception):
        shell, *words = argv
        breaks = words.pop() if shell == "bash" else ""
        if shell in ("bash", "tcsh"):
            words = _words(words[0] if words else os.environ["COMMAND_LINE"])
        elif shell == "fish" and words[-1]:
            words[-1] = _words(words[-1])[-1]
        cut = max(words[-1].rfind(one) + 1 if one in breaks else 0 for one in "=:@")
        for one in complete(words[:-1], words[-1]):
            if shell == "bash":
                print(_SPECIAL.sub(r"\\\1", one.text[cut:]))
            elif shell != "tcsh":
                print(f"{one.text}\t{one.help}" if one.help else one.text)
            elif not _SPECIAL.search(one.text):  # which it would read as its own
                print(one.text)
    return 0


def _words(text: str) -> list[str]:
    """Return the words of the last command of a line, the last of which is not complete, and may be empty."""
    text = _OPERATORS.split(text)[-1]
    for close in ("", "'", '"'):
        try:
            words = shlex.split(text + close)
        except ValueError:
            continue
        return words if text and not (text[-1].isspace() and not close) else [*words, ""]
    return [""]


def complete(words: Sequence[str], current: str) -> Iterator[Candidate]:
    """Yield what completes the current word, behind those of a line that are complete."""
    program = os.path.basename(words[0])
    if program == "goclient" and len(words) == 1:
        found: Iterator[Candidate] = (Candidate(one.name, one.help) for one in COMMANDS.values())
    else:
        name, typed = (words[1], words[2:]) if program == "goclient" else (SENDJOB, words[1:])
        found = _of_command(name, typed, current)
    yielded = set()
    for one in found:
        if one.text.startswith(current) and one.text.isprintable() and one.text not in yielded:
            yielded.add(one.text)
            yield one


def _of_command(name: str, typed: Sequence[str], current: str) -> Iterator[Candidate]:
    """Yield what may be typed next of a command: the value of an option, an option, an action or an argument."""
    line = describe(name, typed)
    option, equals, _ = current.partition("=")
    if "--" in typed:
        return
    if equals and line.takes_value(option):
        yield from _values(line.options[option], current, len(option) + 1)
    elif typed and line.takes_value(typed[-1]) and not current.startswith("-"):
        yield from _values(line.options[typed[-1]], current, 0)
    elif current.startswith("-"):
        yield from _options(line, typed)
    else:
        before = ("", *typed)
        bare = [one for last, one in zip(before, typed, strict=False) if one[:1] != "-" and not line.takes_value(last)]
        if line.actions and not bare:
            yield from (Candidate(*one) for one in line.actions.items())
        elif name == "help" and not bare:
            yield from (Candidate(one.name, one.help) for one in COMMANDS.values())
            yield Candidate(SENDJOB)
        elif name == "endpoint" and bare in (["show"], ["remove"]):
            yield from map(Candidate, kept.endpoints())
        elif line.arguments and not line.actions:
            yield from _values(line.arguments[0], current, 0)
        if not current:
            yield from _options(line, typed)


def describe(name: str, typed: Sequence[str]) -> Line:
    """Return what a command takes; of one whose options depend on its action, with these words."""
    command = find(name)
    if name in ("prun", "pathena"):
        from goclient.tasks.command_line import TABLES  # 10 ms, and other commands need none of it

        return Line({f"--{one}": field for one, field in TABLES[name].items()}, more=tuple(_theirs(name)))
    run = command.load()
    actions = getattr(sys.modules[run.__module__], "ACTIONS", ())
    by_name = isinstance(actions, Mapping) and all(isinstance(one, str) for one in actions.values())
    texts = dict(actions) if by_name else dict.fromkeys(actions, "")
    try:
        run([*(one for one in typed[:1] if one in texts), DESCRIBE], TerminalReporter(name))
    except Described as found:
        options = {word: one for one in found.fields for word in one.metadata["args"] if word.startswith("-")}
        arguments = tuple(one for one in found.fields if not one.metadata["args"][0].startswith("-"))
        return Line(options, arguments, {} if name == "myproxy" and typed[:1] else texts)
    except Exception:
        return Line({}, (), texts)
    return Line({}, (), texts)


def _theirs(tool: str) -> Iterator[str]:
    """Yield the options that panda-client's own text of a tool has."""
    spec = find_spec("pandaclient")
    for path in (spec.submodule_search_locations or ()) if spec else ():
        for name in _ARGUMENTS:
            if name.startswith(("Common", tool.capitalize())):
                with open(os.path.join(path, name), encoding="utf-8") as file:
                    yield from dict.fromkeys(_THEIRS.findall(file.read()))


def _options(line: Line, typed: Sequence[str]) -> Iterator[Candidate]:
    """Yield the options that may be typed still, by their longest names."""
    given = {word.partition("=")[0] for word in typed}
    for name, field in line.options.items():
        names, again = field.metadata["args"], field.metadata["many"] or field.metadata["count"]
        if name == names[-1] and (again or given.isdisjoint(names)):
            yield Candidate(name, field.metadata["help"])
    yield from map(Candidate, [*line.more, "--version", "--help"])


def _values(field: Field[Any], current: str, start: int) -> Iterator[Candidate]:
    """Yield what an option may be given, which begins at a letter of the current word, or behind its last comma."""
    kinds: dict[str, Callable[[str], list[str]]] = {
        "QUEUE": lambda _: kept.queues(),
        **dict.fromkeys(("CAMPAIGN", "campaign"), lambda _: kept.campaigns()),
        "ENDPOINT:/PATH": lambda _: [f"{one}:/" for one in kept.endpoints()],
        **dict.fromkeys(("collection", "endpoint", "https"), lambda _: kept.endpoints()),
        **dict.fromkeys(("FILE", "DIR", "DIRECTORY", "URL", "WHERE"), _files),
    }
    if field.metadata["many"]:
        start = max(start, current.rfind(",") + 1)
    before, typed = current[:start], current[start:]
    if choices := field.metadata["one_of"]:
        found = list(choices)
    elif typed.startswith("@") and field.metadata["many"]:
        found = [f"@{one}" for one in _files(typed[1:])]
    else:
        kind = kinds.get(field.metadata["metavar"] or field.name) or kinds.get(field.name)
        found = kind(typed) if kind else []
    yield from (Candidate(before + one) for one in found)


def _files(typed: str) -> list[str]:
    """Return the files and directories, with a slash, whose paths begin so; hidden ones if a dot is typed."""
    directory, _, name = typed.rpartition("/")
    directory += "/" * ("/" in typed)
    try:
        with os.scandir(os.path.expanduser(directory) or ".") as found:
            return sorted(
                f"{directory}{one.name}{'/' * one.is_dir()}" for one in found if one.name[0] != "." or name[:1] == "."
            )
    except OSError:
        return []
