"""Text files that users name: UTF-8, with or without a byte order mark, and judged before a word of them is shown."""

from __future__ import annotations

import codecs
import re
import shlex

from goclient.errors.conditions import UnreadWord
from goclient.errors.wording import printable, quote
from goclient.secrets import register, register_keys, tokens_in

_MARKS = {  # the longer ones first: one begins as another
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_BREAK = r"(?:[ \t\r]|\\[rn])*"
_JOINED = (
    rf"(?m)-----BEGIN [A-Z0-9 ]{{1,40}}-----{_BREAK}[A-Za-z0-9+/]{{16}}|[A-Za-z0-9+/=]{{4}}{_BREAK}-----END "
    r"|^[A-Za-z0-9+/]{60,}(?:[ \t]|\\n)+[A-Za-z0-9+/]"
)


def decode(content: bytes) -> str:
    """Return the text of a file without its byte order mark; raises ValueError with what it is instead of UTF-8."""
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            raise ValueError(f"it is {encoding} text: save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"it is not UTF-8 text, see line {line}") from None  # the cause would hold what is in it


def credential_in(text: str) -> str:
    """Return which kind of credential a text has in it, as "a private key", or the empty string.

    What was found is registered: no part of such a file is ever shown.
    """
    if "PRIVATE KEY-----" in text:
        register_keys(text.encode())
        return "a private key"
    found = tokens_in(text)
    register(*found)
    return "a token" if found else ""


def list_lines(path: str) -> list[str]:
    """Return the lines of a list with one item a line; raise UnreadWord with the reason if there is none.

    A file with a key or a token in it is refused: the items of a list are shown, and sent.
    """
    try:
        with open(path, "rb") as file:
            text = decode(file.read())
        if kind := credential_in(text):
            raise ValueError(f"it has {kind} in it, and is not a list")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = "@FILE names a file with one item a line"
        if isinstance(error, FileNotFoundError):
            hint = f"check the name of the file: {hint}"
        raise UnreadWord(f"the list {quote('@' + path)}: {reason}", hint=hint, code="list-file") from error
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def lines_joined(text: str) -> bool:
    """Return True for PEM text whose line breaks became blanks, CR alone, or the letters ``\\n``, or are gone."""
    return re.search(_JOINED, text) is not None


def split_command(path: str) -> str:
    """Return the command that gives a PEM file its line breaks back, in its place."""
    file, part = shlex.quote(printable(path)), shlex.quote(printable(f"{path}.mended"))
    return (
        rf"(umask 077; sed -E 's/\\[rn]/ /g; s/-----(BEGIN|END) [A-Z0-9 ]+-----/\n&\n/g' {file}"
        rf" | sed '/^-----/!s/[[:space:]]//g' | fold -w 64 | sed '/^$/d' >{part}) && mv {part} {file}"
    )


def unmark_command(path: str) -> str:
    """Return the command that takes the byte order mark of UTF-8 out of a file."""
    return rf"sed -i '1s/^\xef\xbb\xbf//' {shlex.quote(printable(path))}"
