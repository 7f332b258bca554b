"""A command line of prun or pathena, divided: the words that are panda-client's, and ours.

Ours are the exact names of a :class:`Table`, each ``--name``, ``--name value`` or ``--name=value``; there are no
abbreviations of ours, and those of panda-client mean what they did.  Without a word of ours nothing is changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from goclient.errors import GoclientError, UsageError, quoted, raise_all

# panda-client takes words that it had in 2012, such as --useGOForOutput, off the command line before it parses it.
# Until then ours begin so; nobody's option has a colon.
HIDDEN = "--goclient:"
_PASTED = ("\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2212")  # what word processors make of a hyphen


class Option(NamedTuple):
    """One option of ours: its name without dashes, what its value is called, and its help."""

    name: str
    metavar: str
    help: str
    flag: bool = False
    many: bool = False
    number: bool = False


class Table(NamedTuple):
    """Our options, by their names without dashes."""

    options: Mapping[str, Option]

    def named(self, word: str) -> Option | None:
        """Return the option of a word ``--name`` or ``--name=value``; None if it is not ours."""
        return self.options.get(word[2:].partition("=")[0]) if word.startswith("--") else None


class Divided(NamedTuple):
    """panda-client's words as they stood, and ours, each as one word: ``--name`` or ``--name=value``."""

    stock: list[str]
    ours: list[str]


def hidden(argv: Sequence[str], table: Table) -> list[str]:
    """Return the words with ours under another name; :func:`shown` gives them back."""
    end = argv.index("--") if "--" in argv else len(argv)
    return [_hidden(word, table) for word in argv[:end]] + list(argv[end:])


def _hidden(word: str, table: Table) -> str:
    return HIDDEN + word[2:] if word.startswith(HIDDEN) or table.named(word) else word


def shown(argv: Sequence[str]) -> list[str]:
    """Return the words as they were before :func:`hidden`."""
    end = argv.index("--") if "--" in argv else len(argv)
    return [f"--{word[len(HIDDEN) :]}" if word.startswith(HIDDEN) else word for word in argv[:end]] + list(argv[end:])


def divided(argv: Sequence[str], table: Table, takes_value: Callable[[str], bool]) -> Divided:
    """Return the words, divided; what follows a bare ``--`` is never ours.

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
        option = None if awaited and _may_be_value(word) else table.named(word)
        if option is None:
            found.stock.append(word)
            awaited = not (awaited and _may_be_value(word)) and takes_value(word)
            continue
        if not option.flag and "=" not in word and at + 1 < len(argv) and _may_be_value(argv[at + 1]):
            word = f"{word}={argv[next(words)]}"
        found.ours.append(word)
    return found


def _may_be_value(word: str) -> bool:
    """Return true if argparse takes a word as the value of the option before it."""
    return not word.startswith("-") or word == "-" or " " in word


def values(ours: Sequence[str], table: Table) -> dict[str, Any]:
    """Return what the words give, by name, as --dumpJson has it: true, a text, a number, or a list of texts."""
    found: dict[str, Any] = {}
    for word in ours:
        name, _, value = word[2:].partition("=")
        option = table.options[name]
        if option.flag:
            found[name] = True
        elif option.many:
            found.setdefault(name, []).append(value)
        else:
            found[name] = int(value) if option.number and value.isdecimal() else value
    return found


def words_of(given: Mapping[str, Any], table: Table) -> list[str]:
    """Return the words that give these values of --loadJson; raises all that cannot be values of an option."""
    found: list[str] = []
    errors: list[GoclientError] = []
    for name, value in given.items():
        option = table.options[name]
        each = value if option.many and isinstance(value, list) else [value]
        if option.flag and isinstance(value, bool):
            found += [f"--{name}"] if value else []
        elif not option.flag and all(_is_value(one, option) for one in each):
            found += [f"--{name}={one}" for one in each]
        elif value is not None:
            kind = "true or false" if option.flag else "a number" if option.number else "a text"
            message = f"--loadJson: {name} is {quoted(json.dumps(value))}, not {kind}"
            errors.append(UsageError(message, hint="mend the file", code="load-json", subject=f"--{name}"))
    raise_all(errors)
    return found


def _is_value(value: object, option: Option) -> bool:
    return isinstance(value, str) or (option.number and type(value) is int)


def nearest(word: str, table: Table) -> str:
    """Return the name of ours, with its dashes, that an unknown word was probably meant for; or the empty string.

    Another number or kind of dashes, and a colon for the equals sign, are told only of a name that is ours, whatever
    its case: the words of pathena's job options begin with one dash.
    """
    name = re.split("[=:]", word.lstrip("".join(_PASTED) + "-"))[0]
    if table.named(word) or len(name) > 32:
        return ""
    lower = {known.lower(): known for known in table.options}
    if name.lower() in lower and (word.startswith(("-", *_PASTED)) or "=" in word):
        return f"--{lower[name.lower()]}"
    if not word.startswith(("--", *_PASTED)):
        return ""
    begun = [known for known in table.options if len(name) > 4 and known.lower().startswith(name.lower())]
    meant = begun[0] if begun else _closest(name.lower(), lower)
    return f"--{lower.get(meant.lower(), meant)}" if meant else ""


def _closest(name: str, known: Collection[str]) -> str:
    import difflib  # only such words pay for it

    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0.8)), "")
