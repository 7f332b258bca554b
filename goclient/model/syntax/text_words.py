"""Words of transfers among a payload's own words: found in a text, and taken out of it.

Ours are whole words: the seven ``--Name=value``, and, in a text that tells so, the ten bare ``name=value`` of the
globusPilot.  Everything else is the payload's and stays byte for byte: what stands after a bare ``--``, a word with a
backslash in front, a bare word whose name is in quotes.  In a text that tells so, a word that is nearly one of the ten
is a mistake.
"""

from __future__ import annotations

import shlex
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from goclient.errors import GoclientError, RequestError
from goclient.errors.conditions import UnreadWord
from goclient.errors.findings import Finding
from goclient.errors.wording import quote
from goclient.model.mode import Mode
from goclient.model.syntax.keywords import NAMES, TELLING
from goclient.model.syntax.lists import ReadLines, split_items
from goclient.model.syntax.near_words import find_glued, find_near_words, judge
from goclient.model.syntax.options import IN_MODE, KEYS, LOCAL_ENDPOINT, MYPROXY, OUT_MODE, OVERWRITE
from goclient.model.syntax.shell import JOB_PARAMETERS, Source, Word, words
from goclient.model.syntax.suggestions import GLOBUS, likely_bare, nearest_bare, plain_name


@dataclass(repr=False, eq=False)
class TextWords:
    """Our words in a text: items of KEYS, words of the globusPilot, and the rest.

    ``columns`` has for each item of KEYS where its word stands, ``first`` the first of these words.
    ``misspelt`` are the names of the globusPilot that were meant by words which are nearly so.
    """

    payload: str
    items: dict[str, list[str]] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)
    first: dict[str, Word] = field(default_factory=dict)
    globus: list[Word] = field(default_factory=list)
    misspelt: list[str] = field(default_factory=list)
    errors: list[GoclientError] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)


def find_words(
    text: str,
    read_lines: ReadLines | None = None,
    options: Collection[str] = (),
    *,
    source: Source = JOB_PARAMETERS,
) -> TextWords:
    """Return our words in a text as typed, and the payload's own, byte for byte; mistakes are in ``errors``.

    Mistakes are an unbalanced quote, a word without a value, and a word that is nearly one of ours.  ``options`` are
    the names of those that stand beside the text.
    """
    found = TextWords(text)
    try:
        all_words = words(text, source)
    except RequestError as error:
        found.errors.append(error)
        return found
    candidates = list(_candidates(text, all_words))
    joined = find_glued(candidates)
    found.errors += joined.values()
    ours = [word for word in candidates if _key(word) and word not in joined]
    for word in ours:
        _take(found, word, read_lines, _behind(all_words, word))
    others = [word for word in candidates if not _key(word) and word not in joined]
    bare = [word for word in others if _is_plain(text, word)]
    globus = [word for word in bare if word.name in NAMES]
    if _tells(bare, globus):
        _take_globus(found, bare, globus)
        ours += globus
    else:
        found.warnings = [_warn(word) for word in globus if "=" in word.value]
    found.warnings += [_warn_of_record(word) for word in others if word.name in _TYPED_AS and "=" in word.value]
    mistakes, warnings = judge(find_near_words(text, candidates, joined), {*found.items, *options})
    found.errors += mistakes
    found.warnings += warnings
    found.payload = _without(text, all_words, set(ours))
    return found


def _candidates(text: str, all_words: Sequence[Word]) -> Iterator[Word]:
    """Yield the words that may be ours: those before a bare ``--`` that have no backslash in front."""
    for word in all_words:
        if word.value == "--":
            return
        if text[word.start] != "\\":
            yield word


def _key(word: Word) -> str:
    """Return which of KEYS a word gives, or the empty string."""
    name = word.name
    return name[2:] if name.startswith("--") and name[2:] in KEYS else ""


# Words of a record that nobody types: explain shows them, and what says the same.
_TYPED_AS = {
    f"--{IN_MODE}": "--goVia beside --jobParameters",
    f"--{OUT_MODE}": "--goVia beside --jobParameters",
    f"--{LOCAL_ENDPOINT}": "--WorkingendpointGO=UUID",
    f"--{MYPROXY}": "--myproxy beside --jobParameters",
    f"--{OVERWRITE}": "--goOverwrite beside --jobParameters",
}


def _warn_of_record(word: Word) -> Finding:
    message = f"{word.source.option}: {word} is left to the payload: only a record has that word"
    return Finding("warning", "left-to-payload", word.name, message, f"type {_TYPED_AS[word.name]}, if that is meant")


def _is_plain(text: str, word: Word) -> bool:
    """Return True if the name of a word is typed plainly, without quotes, up to its equals sign or its end."""
    name = word.name
    return bool(name) and text.startswith(name, word.start) and text[word.start + len(name) :][:1] in ("=", *_ENDS)


_ENDS = ("", " ", "\t", "\r", "\n", "\\")  # what may stand behind a word


def _behind(all_words: Sequence[Word], word: Word) -> str:
    """Return the value that stands behind a word without one, with or without a sign between; or the empty string."""
    if "=" in word.value:
        return ""
    after = bisect_right(all_words, word.start, key=lambda one: one.start)
    following = [one.value for one in all_words[after : after + 2]]
    value = next((one.removeprefix("=") for one in following if one != "="), "")
    return value if not value.startswith("-") else ""


def _take(found: TextWords, word: Word, read_lines: ReadLines | None, behind: str) -> None:
    """Add the items of one of our dashed words to those found, or its mistake; ``behind`` is the word after it."""
    key, value = _key(word), word.argument
    found.first.setdefault(key, word)
    items = found.items.setdefault(key, [])
    try:
        if not value:
            right = f"--{key}={shlex.quote(behind)}" if behind else f"--{key}=VALUE"
            hint = f"write {right} without a blank at the =; "
            hint += "if the payload needs this word itself, put it after a bare --"
            raise UnreadWord(f"{quote(word.value)} has no value", hint=hint, code="no-value", subject=f"--{key}")
        if value.startswith("@") and read_lines is None and key in _OF_LOCATIONS:
            raise _list_error(word, found.payload)
        more = split_items(f"--{key}", [value], read_lines)
    except RequestError as error:
        found.errors.append(error.replace(message=error.message + word.in_column))
        return
    items += more
    found.columns.setdefault(key, []).extend([word.in_column] * len(more))


_OF_LOCATIONS = {"StageinGOsrc", "StageinGOdest", "StageoutGOdest", "OutputGO"}  # a name may begin with @


def _list_error(word: Word, text: str) -> UnreadWord:
    """Return the mistake of a list in a file, which is read when sendJob.py or a line of it is typed."""
    line = shlex.quote(text if text == word.value else f"--jobParameters={text}")
    hint = f"to explain what is in it, type: goclient explain sendJob.py {line}"
    message = f"{quote(word.value)}: lists in files are not read here"
    return UnreadWord(message, hint=hint, code="list-file", subject=word.name)


def _take_globus(found: TextWords, bare: Sequence[Word], globus: Sequence[Word]) -> None:
    """Add the words of the globusPilot to those found, and judges the other bare words of the text."""
    found.globus = list(globus)
    for word in bare:
        name = word.name
        if near := _nearest(word):
            found.misspelt.append(near)
            value = word.value.partition("=" if "=" in word.value else ":")[2]
            found.errors.append(
                _spelling_error(word, f"did you mean {near}={shlex.quote(value) if value else 'VALUE'}?")
            )
        elif name not in NAMES and name.startswith(GLOBUS) and "=" in word.value:
            found.errors.append(_spelling_error(word, f"the words are {', '.join(NAMES)}"))
        elif "=" in word.value and (near := likely_bare(name)):
            found.warnings.append(_warn(word, f"{near}="))


# --- words that are nearly ours -------------------------------------------------------------------------------


def _tells(bare: Sequence[Word], globus: Sequence[Word]) -> bool:
    """Return True if bare words, of which some are the globusPilot's, show that a text means transfers.

    Nobody else has words like TELLING; one of them that is misspelt shows it, too, if it begins like no other word, or
    has a mode and stands beside others, which may be misspelt as well.
    """
    if any(word.name in TELLING and ("=" in word.value or word.name.startswith(GLOBUS)) for word in globus):
        return True
    near_words = [(word, near) for word in bare if (near := _nearest(word))]
    for word, near in near_words:
        begins = near.startswith(GLOBUS) and plain_name(word.name).lower().startswith("globus")
        if near in TELLING and (begins or (Mode.read(word.argument) and len(globus) + len(near_words) > 1)):
            return True
    return False


def _nearest(word: Word) -> str:
    """Return the word of the globusPilot that a bare word is nearly; or the empty string."""
    name, equals, _ = word.value.partition("=")
    if not equals:
        return name.partition(":")[0] if name.partition(":")[0] in NAMES and ":" in name else ""
    return nearest_bare(name)


def _spelling_error(word: Word, hint: str) -> UnreadWord:
    return UnreadWord(
        f"{word.source.option}: {word} is not a word of transfers",
        hint=f"{hint}{word.or_quoted(' If')}",
        code="misspelt",
        subject=word.name,
    )


def _warn(word: Word, near: str = "") -> Finding:
    message = f"{word.source.option}: {word} is left to the payload"
    hint = f"did you mean {near}?" if near else "to transfer files, say with which mode: in-mode=… or out-mode=…"
    own = "if it is the payload's own word, put it in quotes or after a bare --"
    return Finding("warning", "left-to-payload", word.name, message, f"{hint}; {own}")


# --- the payload's own words ------------------------------------------------------------------------------------------


def _without(text: str, all_words: Sequence[Word], removed: set[Word]) -> str:
    """Return the text without some of its words, each cut with the blanks after it, or before it at the end."""
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
