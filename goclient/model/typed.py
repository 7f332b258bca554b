"""Transfers as users type them: options, and words of both syntaxes of 2012 among a payload's own words.

Ours are whole words: the seven ``--Name=value``, and, in a text with one of ``globus_words.TELLING``, the ten bare
``name=value``.  Everything else is the payload's and stays byte for byte: what stands after a bare ``--``, a word
with a backslash in front, a bare word whose name is in quotes.  A word that is nearly one of the ten is a mistake.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from goclient.errors import GoclientError, RequestError, quoted
from goclient.model.finding import Finding
from goclient.model.globus_words import NAMES, TELLING, GlobusWord, read_globus_words
from goclient.model.grammar import KEYS, OVERWRITE, Items, read_spec
from goclient.model.lists import ReadLines, split_items
from goclient.model.spec import TransferSpec
from goclient.model.words import Word, words


class Typed(NamedTuple):
    """What a user has typed: the transfers, the payload's own words as they stood, every mistake, and warnings.

    What is wrong is left out of the spec.
    """

    spec: TransferSpec
    payload: str
    errors: list[GoclientError]
    doubts: list[Finding]


def read_typed(text: str, *, options: Items | None = None, read_lines: ReadLines | None = None) -> Typed:
    """What the words of a text and the ``options`` beside it (items of KEYS and OVERWRITE) mean.

    ``read_lines`` reads the file of a list that was typed as ``@FILE``; without it, that is a name like any other.
    """
    options = options or {}
    found = find_words(text, read_lines)
    errors = [*found.errors, *_twice(found, options)]
    if found.globus:
        read = read_globus_words(
            found.globus, overwrite=OVERWRITE in options, read_lines=read_lines, misspelt=found.misspelt
        )
        errors += read.errors
        if not (found.items or options.keys() - {OVERWRITE}):
            return Typed(read.spec, found.payload, errors, read.doubts)
        errors.append(_both(found, options))
    where = {key: _where(column) for key, column in found.columns.items() if key not in options}
    spec, mistakes = read_spec({**found.items, **options}, where)
    return Typed(spec, found.payload, errors + mistakes, [] if spec else found.doubts)


# --- finding our words ----------------------------------------------------------------------------------------


@dataclass
class Found:
    """Our words in a text: items of KEYS with the column of each word, words of the globusPilot, and the rest.

    ``misspelt`` are the names of the globusPilot that were meant by words which are nearly so.
    """

    payload: str
    items: dict[str, list[str]] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    globus: list[GlobusWord] = field(default_factory=list)
    misspelt: list[str] = field(default_factory=list)
    errors: list[GoclientError] = field(default_factory=list)
    doubts: list[Finding] = field(default_factory=list)


def find_words(text: str, read_lines: ReadLines | None = None) -> Found:
    """Our words in a text as typed, and the payload's own, byte for byte; mistakes are in ``errors``.

    Mistakes are an unbalanced quote, an option without a value, and a word that is nearly one of ours.
    """
    found = Found(text)
    try:
        all_words = words(text)
    except RequestError as error:
        found.errors.append(error)
        return found
    candidates = list(_candidates(text, all_words))
    ours = [word for word in candidates if _key(word)]
    for word in ours:
        _take(found, word, read_lines)
    bare = [word for word in candidates if not _key(word) and _is_bare(text, word)]
    globus = [word for word in bare if _name(word) in NAMES]
    if any(_tells(word, beside_others=bool(globus)) for word in bare):
        found.globus = [GlobusWord(*_split(word), word.start + 1) for word in globus]
        nearly = [(word, near) for word in bare if (near := _nearest(_name(word)))]
        found.misspelt = [near for _, near in nearly]
        found.errors += [_misspelt(word, near) for word, near in nearly]
        ours += globus
    else:
        found.doubts = [_left(word) for word in globus]
    found.payload = _without(text, all_words, set(ours))
    return found


def _candidates(text: str, all_words: Sequence[Word]) -> Iterator[Word]:
    """The words that may be ours: those before a bare ``--`` that have no backslash in front."""
    for word in all_words:
        if word.value == "--":
            return
        if text[word.start] != "\\":
            yield word


def _split(word: Word) -> tuple[str, str]:
    name, _, value = word.value.partition("=")
    return name, value


def _name(word: Word) -> str:
    return _split(word)[0]


def _key(word: Word) -> str:
    """Which of KEYS a word gives, or the empty string."""
    name = _name(word)
    return name[2:] if name.startswith("--") and name[2:] in KEYS else ""


def _is_bare(text: str, word: Word) -> bool:
    """True if a word is ``name=…`` with its name typed plainly, without quotes."""
    name, equals, _ = word.value.partition("=")
    return bool(equals and name) and text.startswith(f"{name}=", word.start)


def _take(found: Found, word: Word, read_lines: ReadLines | None) -> None:
    """Puts the items of one of our dashed words to those found, or its mistake."""
    key, (_, value) = _key(word), _split(word)
    column = str(word.start + 1)
    found.columns[key] = f"{found.columns[key]}, {column}" if key in found.columns else column
    items = found.items.setdefault(key, [])
    where = _where(column)
    if not value:
        hint = f"write --{key}=VALUE; if the payload needs this word itself, put it after a bare --"
        message = f"{quoted(word.value)} has no value{where}"
        found.errors.append(RequestError(message, hint=hint, code="no-value", subject=f"--{key}"))
        return
    try:
        items += split_items(f"--{key}", [value], read_lines)
    except RequestError as error:
        message = f"{error.message}{where}"
        found.errors.append(RequestError(message, hint=error.hint, code=error.code, subject=error.subject))


def _where(column: str) -> str:
    return f" (column {column} of --jobParameters)"


# --- words that are nearly ours -------------------------------------------------------------------------------


def _tells(word: Word, *, beside_others: bool) -> bool:
    """True if a word shows that the text means transfers: it is one of TELLING, or was meant to be.

    ``beside_others``: there are words of the globusPilot in the text, so that ``inmode=`` is no payload's own word.
    """
    name = _name(word)
    if beside_others or name.lstrip("-")[:6].lower() == "globus":
        return (_nearest(name) or name) in TELLING
    return False


@lru_cache(4096)
def _nearest(name: str) -> str:
    """The word of the globusPilot that a name is nearly, but not quite; or the empty string."""
    plain = name.lower().replace("_", "-").lstrip("-")
    if name in NAMES or not 4 <= len(plain) <= 32 or (name.startswith("-") and not plain.startswith("globus")):
        return ""
    import difflib  # only such texts pay for it

    return next(iter(difflib.get_close_matches(plain, NAMES, n=1, cutoff=0.8)), "")


def _misspelt(word: Word, near: str) -> RequestError:
    return RequestError(
        f"--jobParameters: {quoted(word.value)} at column {word.start + 1} is no word of transfers",
        hint=f"did you mean {near}=? If it is the payload's own word, put it in quotes",
        code="misspelt",
        subject=_name(word),
    )


def _left(word: Word) -> Finding:
    message = f"--jobParameters: {quoted(word.value)} at column {word.start + 1} is left to the payload"
    hint = "to move files, say with which mode: in-mode=… or out-mode=…; if it is the payload's own, put it in quotes"
    return Finding("warning", "left-to-payload", _name(word), message, hint)


# --- one job, one syntax, each word once ----------------------------------------------------------------------


def _twice(found: Found, options: Items) -> Iterator[RequestError]:
    """A mistake for each word that is an option and also in the text."""
    for key in found.items:
        if key in options:
            yield RequestError(
                f"--{key} is given as an option ({quoted(','.join(options[key]))}) and inside --jobParameters "
                f"({quoted(','.join(found.items[key]))} at column {found.columns[key]})",
                hint="give it once; if the payload needs this word itself, put it after a bare -- in --jobParameters",
                code="twice",
                subject=f"--{key}",
            )


def _both(found: Found, options: Items) -> RequestError:
    """The mistake of both syntaxes in one job."""
    dashed = [f"--{key} (an option)" for key in KEYS if key in options]
    dashed += [f"--{key}{_where(column)}" for key, column in found.columns.items()]
    return RequestError(
        f"two ways to write transfers in one job: {', '.join(dashed)} and {found.globus[0]} of --jobParameters",
        hint="use one of them; if the second is the payload's own word, put it in quotes",
        code="two-syntaxes",
        subject="--jobParameters",
    )


# --- the rest -------------------------------------------------------------------------------------------------


def _without(text: str, all_words: Sequence[Word], removed: set[Word]) -> str:
    """The text without some of its words, each cut with the blanks after it, or before it at the end."""
    kept = [word for word in all_words if word not in removed]
    if not removed or not kept:
        return "" if removed else text
    pieces, position = [], 0
    for word, following in pairwise(all_words):
        if word in removed and word.start < kept[-1].start:
            pieces.append(text[position : word.start])
            position = following.start
    end = kept[-1].end if all_words[-1] in removed else len(text)
    return "".join(pieces) + text[position:end]
