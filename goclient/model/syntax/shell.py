"""Splitting a text into words as a shell does, without losing where each word stands."""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple

from goclient.errors.conditions import UnbalancedQuote
from goclient.errors.wording import quote

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
    return "$'" + "".join(_escape(c) for c in text) + "'"


def command_line(*words: str) -> str:
    """Return a command line that a user can paste into a shell: each word as :func:`shell_word` writes it."""
    return " ".join(map(shell_word, words))


def _escape(c: str) -> str:
    if c.isprintable():
        return f"\\{c}" if c in "\\'" else c
    return "".join(f"\\{byte:03o}" for byte in c.encode(errors="surrogatepass"))


class Source(NamedTuple):
    """An option whose value is a text with words of ours; ``has_payload``: the others are the payload's own."""

    option: str
    has_payload: bool = True


JOB_PARAMETERS = Source("--jobParameters")


class Word(NamedTuple):
    """A word of a text: its value without quotes, where it stands, and of which option the text is."""

    value: str
    start: int
    end: int
    source: Source = JOB_PARAMETERS

    @property
    def name(self) -> str:
        """Name before the equals sign."""
        return self.value.partition("=")[0]

    @property
    def argument(self) -> str:
        """Value behind it."""
        return self.value.partition("=")[2]

    @property
    def in_column(self) -> str:
        """Say where the word stands, as the end of a message."""
        return f" (column {self.start + 1} of {self.source.option})"

    def or_quoted(self, joint: str) -> str:
        """Return the end of a hint for a word that is meant for the payload, if it may be."""
        return f"{joint} it is the payload's own word, put it in quotes" if self.source.has_payload else ""

    def __str__(self) -> str:
        return f"{quote(self.value)} at column {self.start + 1}"


def words(text: str, source: Source = JOB_PARAMETERS) -> list[Word]:
    """Return the words of a text, split as ``shlex.split`` does; raises UnbalancedQuote for an unbalanced quote."""
    found = []
    position = _end(_BLANKS, text, 0)
    while position < len(text):
        end = _end(_WORD, text, position)
        if end == position or (end < len(text) and _end(_BLANKS, text, end) == end):
            raise UnbalancedQuote(
                f"{source.option} has an unbalanced quote or a lone backslash at column {end + 1}: "
                f"{quote(text[end : end + 30])}",
                hint="close the quote, or write a backslash before it",
                subject=source.option,
            )
        found.append(Word(_unquote(text[position:end]), position, end, source))
        position = _end(_BLANKS, text, end)
    return found


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position


def _unquote(raw: str) -> str:
    def plain(match: re.Match[str]) -> str:
        single, double, escaped = match.groups()
        if double is not None:
            return _IN_DOUBLE_QUOTES.sub(r"\1", double)
        return single if single is not None else escaped

    return _QUOTING.sub(plain, raw) if "'" in raw or '"' in raw or "\\" in raw else raw
