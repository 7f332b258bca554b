"""Words of a text that are nearly an option of transfers: which are mistakes, and which are warnings.

A payload may have any word of its own.  So a word that is nearly ours is a mistake if nobody else writes such a word,
or if it is the missing half of a pair of lists; else it is left to the payload, with a warning.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Sequence
from typing import NamedTuple

from goclient.errors import GoclientError
from goclient.errors.conditions import UnreadWord
from goclient.errors.findings import Finding
from goclient.model.confusable import skeleton
from goclient.model.syntax.lists import MISTAKES_SHOWN, shorten
from goclient.model.syntax.options import LISTS
from goclient.model.syntax.shell import Word
from goclient.model.syntax.suggestions import EXACT, WIDE_EQUALS, Near, Weight, is_location, near_option

# Blanks that part no words, and characters that nobody sees.
_ODD_BLANKS = "[\u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff]+"
_PARTNER = dict(LISTS) | {destinations: sources for sources, destinations in LISTS}
LONGEST_SHOWN = 1000  # characters of a value that a hint repeats
_OWN = "If it is the payload's own word, put it after a bare --"


class NearWord(NamedTuple):
    """A word of a text that is nearly an option: where it stands, what was meant, and what would be right."""

    word: Word
    near: Near
    right: str

    @property
    def message(self) -> str:
        """Beginning of the message, up to the judgement."""
        return f"{self.word.source.option}: {self.word}"

    @property
    def hint(self) -> str:
        """Word to type instead, or the way to keep it for the payload."""
        return f"did you mean {self.right}? {_OWN}"


def find_near_words(text: str, words: Sequence[Word], passed: Collection[Word]) -> list[NearWord]:
    """Return the words that are nearly an option of transfers, without those that are passed over.

    Quotes keep one without a hyphen for the payload.
    """
    near = (_near_word(text, words, number) for number, word in enumerate(words) if word not in passed)
    return [one for one in near if one is not None]


def judge(found: Sequence[NearWord], given: Collection[str]) -> tuple[list[GoclientError], list[Finding]]:
    """Return the mistakes and the warnings of near words, where these of KEYS are given rightly."""
    present = {*given, *(one.near.key for one in found if one.near.weight is Weight.SURE)}
    errors: list[GoclientError] = []
    warnings: list[Finding] = []
    for one in found:
        key = one.near.key
        completes = key not in given and _PARTNER.get(key) in present
        if one.near.weight is Weight.SURE or completes:
            message = f"{one.message} is not a word of transfers"
            errors.append(UnreadWord(message, hint=one.hint, code="misspelt", subject=f"--{key}"))
        elif one.near.weight is Weight.LIKELY:
            message = f"{one.message} is left to the payload"
            warnings.append(Finding("warning", "left-to-payload", one.word.name, message, one.hint))
    return shorten(errors), warnings[:MISTAKES_SHOWN]


def find_glued(words: Sequence[Word]) -> dict[Word, UnreadWord]:
    """Return a mistake for each word in which a blank that parts no words stands before one of ours.

    A word that has a quote or a backslash was meant to be one.
    """
    found = {}
    for word in words:
        plain = len(word.value) == word.end - word.start
        blank = None if word.value.isascii() or not plain else re.search(_ODD_BLANKS, word.value)
        pieces = [piece for piece in re.split(_ODD_BLANKS, word.value) if piece] if blank is not None else []
        ours = next((piece for piece in pieces[1:] if _is_option(piece)), None)
        if blank is not None and ours is not None:
            found[word] = UnreadWord(
                f"{word.source.option}: {word} is one word, because U+{ord(blank[0][0]):04X} is not a blank of a shell",
                hint=f"retype the blanks: {' '.join(map(shlex.quote, pieces))}",
                code="misspelt",
                subject=ours.partition("=")[0],
            )
    return found


def _is_option(piece: str) -> bool:
    name, _, value = piece.partition("=")
    near = near_option(name, value)
    return name in EXACT or (near is not None and near.weight is Weight.SURE)


def _near_word(text: str, words: Sequence[Word], number: int) -> NearWord | None:
    word = words[number]
    name, sign, value = _divide(word.value)
    near = near_option(name, value) if sign else None
    if sign in (":", WIDE_EQUALS) and name in EXACT:
        near = Near(EXACT[name], Weight.SURE if is_location(value) else Weight.LIKELY)
    dashed = name.startswith("-") or (not name.isascii() and skeleton(name).startswith("-"))
    if near is None and not sign and number + 1 < len(words):
        value = words[number + 1].value
        if not value.startswith("-") and (dashed or is_location(value)):  # else it is a word of a sentence
            near = near_option(name, value)
    if near is None or not (name.startswith("-") or text.startswith(name, word.start)):
        return None
    plain = value.strip("\u201c\u201d\u201e\u2018\u2019\u201a")
    right = shlex.quote(plain) if 0 < len(plain) < LONGEST_SHOWN else "VALUE"
    return NearWord(word, near, f"--{near.key}={right}")


def _divide(word: str) -> tuple[str, str, str]:
    """Return the name of a word, the sign behind it, which may be a colon, and its value."""
    if "=" in word or WIDE_EQUALS in word:
        return word.partition("=" if "=" in word else WIDE_EQUALS)
    return word.partition(":") if word.startswith("-") else (word, "", "")
