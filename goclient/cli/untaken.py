"""Errors for words that no option takes."""

import shlex
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from goclient.errors.conditions import UnknownOption, UntakenWord
from goclient.errors.wording import quote
from goclient.model.names import CURLY_QUOTES
from goclient.model.nearest import nearest

_DASHES = tuple("\u2010\u2011\u2012\u2013\u2014\u2212")  # what word processors make of a hyphen
SHOWN = 5  # words of one error


class Line(NamedTuple):
    """A command line: its program, that program's options, and its words.

    ``lists`` are the options that take lists, ``grave`` those that are not to be typed for a mere likeness.
    """

    prog: str
    known: Sequence[str]
    lists: Collection[str] = ()
    words: Sequence[str] = ()
    grave: Collection[str] = ()


def list_untaken(words: Sequence[str], line: Line) -> Iterator[UntakenWord]:
    """Yield an error for each unknown option, and one for each group of other words.

    A bare word after an unknown option is its value.
    """
    prog = line.prog
    after_unknown, strays = False, []
    for word in words:
        if word.startswith("-") and word != "-":
            name = word.split("=", 1)[0]
            message = f"{quote(name)} is not an option of {prog}"
            option, hint = _nearest(word, line)
            yield UnknownOption(message, hint=hint, code=UnknownOption.code, subject=name, option=option)
            after_unknown = "=" not in word
        else:
            strays += [] if after_unknown else [word]
            after_unknown = False
    for group in _group(strays, line) if strays else ():
        yield _stray_error(group, line)


def _group(strays: Sequence[str], line: Line) -> list[list[str]]:
    """Return the words in groups: each that is an option but for its form begins one, and has its value behind it."""
    from goclient.model.syntax.suggestions import respell_option  # only a mistake pays for it

    groups: list[list[str]] = []
    for word in strays:
        if not groups or respell_option(word, line.known):
            groups.append([])
        groups[-1].append(word)
    return groups


def _stray_error(words: Sequence[str], line: Line) -> UntakenWord:
    """Return the error of words that no option takes: most often a value that was not quoted."""
    from goclient.model.syntax.suggestions import respell_option  # only a mistake pays for it

    shown = " ".join(map(quote, words[:SHOWN])) + (f" and {len(words) - SHOWN} more" if len(words) > SHOWN else "")
    message = f"{shown} {'is' if len(words) == 1 else 'are'} not expected here"
    option = respell_option(words[0], line.known).partition("=")[0]
    return UntakenWord(message, hint=_remedy(words, line), code="unexpected-word", subject=words[0], option=option)


def _remedy(words: Sequence[str], line: Line) -> str:
    """Return what to type instead of words that no option takes, by what has made them so."""
    from goclient.model.syntax.suggestions import respell_option  # only a mistake pays for it

    right = shlex.join([respell_option(word, line.known) or word for word in words])
    before = line.words[: line.words.index(words[0])] if words[0] in line.words else ()
    if any(word.startswith(_DASHES) for word in words):
        return f"its first dash is not a hyphen (-), as in pasted text: write {right}"
    if right != shlex.join(words):
        return f"write {right}"
    if any(mark in " ".join(words) for mark in CURLY_QUOTES):
        return "curly quotes, as in pasted text, quote nothing: retype them as '"
    if "".join(before[-1:]) == "=":
        return f"write {shlex.quote('='.join((*before[-2:-1], words[0])))} without blanks at the ="
    if list_option := _list_before(before, line.lists):
        option, first = list_option
        items = [word.strip(",") for word in (first, *words) if word.strip(",")]
        return f"separate the items of {option} with a comma alone: write {option}={shlex.quote(','.join(items))}"
    if len(words) > 1:
        return (
            f"a value with blanks needs quotes around all of it, as in --jobParameters='a b c'; see {line.prog} --help"
        )
    return f"every value belongs to an option; quote values with blanks; see {line.prog} --help"


def _list_before(before: Sequence[str], lists: Collection[str]) -> tuple[str, str] | None:
    """Return the option with a list that ends a line, and its value."""
    last = "".join(before[-1:])
    option, equals, value = last.partition("=") if last.startswith("--") else ("".join(before[-2:-1]), "=", last)
    return (option, value) if option in lists and equals else None


def _nearest(word: str, line: Line) -> tuple[str, str]:
    """Return the option that is nearest to this word, or the empty string, and a hint with all that are near."""
    from goclient.model.syntax.suggestions import respell_option  # only a mistake pays for it

    name, prog, known = word.split("=", 1)[0], line.prog, line.known
    if right := respell_option(word, known):
        option = right.partition("=")[0]
        return option, f"did you mean {option}?" + (f" write {shlex.quote(right)}" if right != option else "")
    from goclient.model.other_words import options_of  # as above

    if same := list(options_of(name, known)):
        return same[0], f"did you mean {' or '.join(same)}?"
    offered = [one for one in known if one not in line.grave]
    longer = [one for one in offered if len(name) > 2 and one.lower().startswith(name.lower())]
    dashed = {one.lstrip("-"): one for one in offered}
    found = longer or [dashed[one] for one in nearest(name.lstrip("-"), dashed)]
    if not found:
        return "", f"{prog} --help lists the options"
    return found[0], f"did you mean {' or '.join(found)}?" + (" Options are written in full" if longer else "")
