"""PEM files of certificates, keys and proxies: read with care, taken apart, and written for their owner only."""

from __future__ import annotations

import binascii
import codecs
import errno
import os
import shlex
import stat
from collections.abc import Callable
from typing import NamedTuple

from goclient import secrets
from goclient.errors import MyproxyError, raise_all
from goclient.errors.myproxy import IdentityError, IdentityMendable, IdentityMissing
from goclient.errors.wording import printable, quote
from goclient.files.private import replace
from goclient.files.text import credential_in, decode, lines_joined, split_command, unmark_command
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


class Mendable(Damaged):
    """A PEM file that a command mends, which ``command`` gives for its path."""

    def __init__(self, why: str, command: Callable[[str], str]) -> None:
        super().__init__(why)
        self.command = command


class NotWritten(MyproxyError):
    """A file for a proxy cannot be written."""

    code = "proxy-file"


def blocks(content: bytes) -> list[Block]:
    """Return the blocks of a PEM file in order; raise Damaged, which never says what is in the file."""
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
            try:
                data = binascii.a2b_base64("".join(lines), strict_mode=True)
            except ValueError:
                raise Damaged("what should be base64 in it is something else") from None
            encrypted = label.startswith("ENCRYPTED") or any("ENCRYPTED" in header for header in headers)
            found.append(Block(label, data, encrypted))
            label = ""
        elif label:
            (headers if ":" in line else lines).append(line)
    if label:
        raise Damaged(f"its {label} has no end")
    if not found:
        raise Damaged(_name_content(content))
    return found


def _name_content(content: bytes) -> str:
    """Return what a file holds that has no block in it."""
    try:
        kind = credential_in(decode(content))
    except ValueError as error:
        return str(error)
    return f"it is {kind}, not a certificate" if kind else "it has no certificate and no key in it"


def read_file(path: str, *, what: str, uid: int, secret: bool, follow: bool = True) -> bytes:
    """Return the content of a regular file; raise an IdentityError for each thing that is wrong with it.

    ``secret``: it must be its owner's, who is ``uid``, and nobody else may read it.  ``follow``: it may be a link.
    """
    # Without waiting, as for a pipe that nobody writes to; the rights are those of what was opened.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError) as error:
        raise _unreadable(path, what, error=error) from error
    try:
        raise_all(_faults(path, what, state=os.fstat(descriptor), owner=uid if secret else None))
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise _unreadable(path, what, error=error) from error
    finally:
        os.close(descriptor)
    secrets.register_keys(content)
    if len(content) > MAX_FILE:
        message = f"the {what} {quote(path)} is larger than {MAX_FILE} bytes"
        raise IdentityError(message, hint="name the right file", code="identity-file", subject=path)
    return content


def _faults(path: str, what: str, *, state: os.stat_result, owner: int | None) -> list[IdentityError]:
    """Return what is wrong with the kind, the owner and the mode of a file; without an ``owner`` it is not secret."""
    name = f"the {what} {quote(path)}"
    if not stat.S_ISREG(state.st_mode):
        message = f"{name} is {'a directory' if stat.S_ISDIR(state.st_mode) else 'not a regular file'}"
        return [IdentityError(message, hint="name the file itself", code="identity-file", subject=path)]
    found = []
    if owner is not None and state.st_uid != owner:
        message = f"{name} belongs to the user with the number {state.st_uid}, not to you ({owner})"
        found.append(IdentityError(message, hint="use a file of your own", code="identity-owner", subject=path))
    mode = stat.S_IMODE(state.st_mode)
    if owner is not None and mode & _OTHERS:
        message = f"{name} can be read or changed by others (mode {mode:04o})"
        hint = f"type: chmod 600 {shlex.quote(printable(path))} (if nobody else can have read it)"
        found.append(IdentityMendable(message, hint=hint, code="identity-mode", subject=path))
    return found


def _unreadable(path: str, what: str, *, error: OSError | ValueError) -> IdentityError:
    """Return the error of a file that cannot be opened or read."""
    number = getattr(error, "errno", None)
    name = f"the {what} {quote(path)}"
    if number in (errno.ENOENT, errno.ENOTDIR):
        message, hint = f"{name} is not there", f"check the path of the {what}"
        return IdentityMissing(message, hint=hint, subject=path)
    if number == errno.ENXIO:
        message, hint = f"{name} is not a regular file", "name the file itself"
    elif number == errno.ELOOP:
        message, hint = f"{name} is a link", "remove it, and name the file itself"
    else:
        message = f"{name} cannot be read: {getattr(error, 'strerror', None) or error}"
        hint = f"look at it: ls -lL {shlex.quote(printable(path))}"
    return IdentityError(message, hint=hint, code="identity-file", subject=path)


def write_proxy(path: str | os.PathLike[str], pem: bytes) -> None:
    """Write a proxy with the mode 0600, whole at any time, in place of a former one; raise NotWritten.

    A link in its place is replaced, not followed.
    """
    secrets.register_keys(pem)
    path = os.fspath(path)
    try:
        if os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, "it is a directory")
        replace(path, pem)
    except (OSError, ValueError) as error:
        message = f"the proxy {quote(path)} cannot be written: {getattr(error, 'strerror', None) or error}"
        raise NotWritten(message, hint="name another file: --out FILE", subject=path) from error
