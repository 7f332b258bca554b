"""PEM files of certificates and keys: read with care, and taken apart."""

from __future__ import annotations

import binascii
import codecs
import errno
import os
import stat
from collections.abc import Callable
from typing import NamedTuple

from goclient import secrets
from goclient.errors import MyproxyError, printable, quoted, raise_all
from goclient.files.text import credential_in, decoded, lines_joined, split_command, unmark_command
from goclient.services.gsi.der import Damaged

MAX_FILE = 1 << 20  # bytes
_OTHERS = 0o077
_MAX_MARKER = 64  # characters: no label is longer
_BEGIN, _END, _DASHES = "-----BEGIN ", "-----END ", "-----"


class Block(NamedTuple):
    """One block: its label, its DER, and whether that is encrypted."""

    label: str
    data: bytes
    encrypted: bool


class Refusal(MyproxyError):
    """A file of an identity cannot be used."""

    code = "identity-file"


class Mendable(Damaged):
    """A PEM file that a command mends, which ``command`` gives for its path."""

    def __init__(self, why: str, command: Callable[[str], str]) -> None:
        super().__init__(why)
        self.command = command


def blocks(content: bytes) -> list[Block]:
    """Return the blocks of a PEM file in order; raises Damaged, which never says what is in the file."""
    text = content.decode("ascii", "replace")
    if content.startswith(codecs.BOM_UTF8):
        raise Mendable("it begins with a byte order mark, which no grid tool skips", unmark_command)
    if lines_joined(text):
        if "Proc-Type:" in text:  # its headers cannot be told from its key any more
            raise Damaged("its line breaks are lost")
        raise Mendable("its line breaks are lost", split_command)
    found: list[Block] = []
    label = ""
    lines: list[str] = []
    headers: list[str] = []
    for line in text.splitlines():
        line = line.strip()
        if line.startswith(_BEGIN) and line.endswith(_DASHES) and len(line) < _MAX_MARKER:
            label, lines, headers = line[len(_BEGIN) : -len(_DASHES)], [], []
        elif label and line == f"{_END}{label}{_DASHES}":
            encrypted = label.startswith("ENCRYPTED") or any("ENCRYPTED" in header for header in headers)
            found.append(Block(label, _decoded("".join(lines)), encrypted))
            label = ""
        elif label and ":" in line:
            headers.append(line)
        elif label:
            lines.append(line)
    if label:
        raise Damaged(f"its {label} has no end")
    if not found:
        raise Damaged(_something_else(content))
    return found


def _something_else(content: bytes) -> str:
    """Return what a file is that has no block in it."""
    try:
        kind = credential_in(decoded(content))
    except ValueError as error:
        return str(error)
    return f"it is {kind}, not a certificate" if kind else "it has no certificate and no key in it"


def _decoded(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise Damaged("what should be base64 in it is something else") from None


def read_file(path: str, *, what: str, uid: int, secret: bool, follow: bool = True) -> bytes:
    """The content of a regular file; raises a Refusal for each thing that is wrong with it.

    ``secret``: it must be its owner's, who is ``uid``, and nobody else may read it.  ``follow``: it may be a link.
    """
    # Without waiting, as for a pipe that nobody writes to; the rights are those of what was opened.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError) as error:
        raise _unreadable(path, what, error) from error
    try:
        raise_all(_faults(path, what, os.fstat(descriptor), uid=uid, secret=secret))
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise _unreadable(path, what, error) from error
    finally:
        os.close(descriptor)
    secrets.register_keys(content)
    if len(content) > MAX_FILE:
        raise _refusal(path, f"the {what} {quoted(path)} is larger than {MAX_FILE} bytes", "name the right file")
    return content


def _faults(path: str, what: str, state: os.stat_result, *, uid: int, secret: bool) -> list[Refusal]:
    if not stat.S_ISREG(state.st_mode):
        kind = "a folder" if stat.S_ISDIR(state.st_mode) else "no regular file"
        return [_refusal(path, f"the {what} {quoted(path)} is {kind}", "name the file itself")]
    if not secret:
        return []
    found = []
    if state.st_uid != uid:
        message = f"the {what} {quoted(path)} belongs to the user with the number {state.st_uid}, not to you ({uid})"
        found.append(_refusal(path, message, "use a file of your own", code="identity-owner"))
    mode = stat.S_IMODE(state.st_mode)
    if mode & _OTHERS:
        message = f"the {what} {quoted(path)} can be read or changed by others (mode {mode:04o})"
        hint = f"type: chmod 600 {_shell_word(path)} (if nobody else can have read it)"
        found.append(_refusal(path, message, hint, code="identity-mode"))
    return found


def _shell_word(text: str) -> str:
    """The text as one word for a shell."""
    import shlex  # only a mistake pays for it

    return shlex.quote(printable(text))


def _unreadable(path: str, what: str, error: OSError | ValueError) -> Refusal:
    number = getattr(error, "errno", None)
    if number in (errno.ENOENT, errno.ENOTDIR):
        return _refusal(path, f"the {what} {quoted(path)} is not there", f"check the path of the {what}",
                        code="identity-missing")  # fmt: skip
    if number == errno.ENXIO:
        return _refusal(path, f"the {what} {quoted(path)} is no regular file", "name the file itself")
    if number == errno.ELOOP:
        return _refusal(path, f"the {what} {quoted(path)} is a link", "remove it, and name the file itself")
    why = getattr(error, "strerror", None) or error
    return _refusal(path, f"the {what} {quoted(path)} cannot be read: {why}", f"look at it: ls -lL {quoted(path)}")


def _refusal(path: str, message: str, hint: str, *, code: str = "") -> Refusal:
    return Refusal(message, hint=hint, code=code, subject=path)
