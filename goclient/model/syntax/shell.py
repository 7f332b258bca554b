"""Splitting a text into words as a shell does, without losing where each word stands."""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple

from goclient.errors.conditions import UnbalancedQuote
from goclient.errors.wording import quoted

# A word as shlex.split(posix=True) sees it; a newline, or a backslash and a newline, is a blank as in the pages
# of 2012.  No text matches in two ways, so that a failure takes linear time: a repeat of alternatives is written as
# "a* (b a*)*".  A possessive quantifier would say the same, but Python 3.11.2 gets it wrong.
_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-][A-Za-z0-9_@%+=:,./#~-]*")  # a word that no shell changes
_BLANKS = re.compile(r"[ \t\r\n]*(?:\\\r?\n[ \t\r\n]*)*")
_DOUBLE = r"""[^"\\]*(?:\\[\s\S][^"\\]*)*"""
_WORD = re.compile(rf"""(?:[^ \t\r\n'"\\]+|\\(?!\r?\n)[\s\S]|'[^']*'|"{_DOUBLE}")+""")
_QUOTING = re.compile(rf"""'([^']*)'|"({_DOUBLE})"|\\([\s\S])""")
_IN_DOUBLE_QUOTES = re.compile(r'\\(["\\])')


def shell_word(text: str) -> str:
    """Return a text as one word of a shell, on one line: in quotes only where it needs them.

    What does not print is written in ``$'...'``, as bytes in octal, whatever the locale is.
    """
    if _PLAIN.fullmatch(text):
        return text
    if text.isprintable():
        return shlex.quote(text)
    return "$'" + "".join(_escaped(c) for c in text) + "'"


def command_line(*words: str) -> str:
    """Return a command line that a user can paste into a shell: each word as :func:`shell_word` writes it."""
    return " ".join(map(shell_word, words))


def _escaped(c: str) -> str:
    if c.isprintable():
        return f"\\{c}" if c in "\\'" else c
    return "".join(f"\\{byte:03o}" for byte in c.encode(errors="surrogatepass"))


class Word(NamedTuple):
    """A word of a text: its value without quotes, and where it stands."""

    value: str
    start: int
    end: int


def words(text: str) -> list[Word]:
    """Return the words of a text, split as ``shlex.split`` does; raises UnbalancedQuote for an unbalanced quote."""
    found = []
    position = _end(_BLANKS, text, 0)
    while position < len(text):
        end = _end(_WORD, text, position)
        if end == position or (end < len(text) and _end(_BLANKS, text, end) == end):
            raise UnbalancedQuote(
                f"--jobParameters has an unbalanced quote or a lone backslash at column {end + 1}: "
                f"{quoted(text[end : end + 30])}",
                hint="close the quote, or write a backslash before it",
                subject="--jobParameters",
            )
        found.append(Word(_unquoted(text[position:end]), position, end))
        position = _end(_BLANKS, text, end)
    return found


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position


def _unquoted(raw: str) -> str:
    def plain(match: re.Match[str]) -> str:
        single, double, escaped = match.groups()
        if double is not None:
            return _IN_DOUBLE_QUOTES.sub(r"\1", double)
        return single if single is not None else escaped

    return _QUOTING.sub(plain, raw) if "'" in raw or '"' in raw or "\\" in raw else raw
