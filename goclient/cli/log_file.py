"""File in which a command keeps what it told, with times: ``--log-file``."""

from __future__ import annotations

import os
import platform
import re
import shlex
import time
from collections.abc import Sequence
from contextlib import suppress

import goclient
from goclient.errors import choose_write_error
from goclient.errors.wording import printable, quote, timestamp
from goclient.files.private import FILE, regular
from goclient.secrets import MASK, hide, is_called_secret, mask_forms

_PASSWORD, _QUERY = r"(?<=://)[^/\s@]*(?=@)", r"(?<=\?)\S+"  # of a URL
_VALUE = r"((?<!\S)--?[\w-]+ +|[\w-]+=)([^\s=]\S{7,})"  # of a name, "--name value" or "name=value"


class LogFile:
    """A file that lines are appended to, each with its time and process, and without any credential."""

    def __init__(self, path: str, prog: str, argv: Sequence[str]) -> None:
        """Open the file, from now on its owner's only, and write which command begins.

        Tokens, keys and passwords that may be among its words are left out.  Raise GoclientError if that fails.
        """
        self._began = time.monotonic()
        self.failure: OSError | None = None  # the first of ``write``
        typed = shlex.join([*prog.split(), *map(_mask, argv)])
        try:
            self._file = regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            with suppress(PermissionError):  # somebody else's, who lets this user write
                os.fchmod(self._file, FILE)
            self._append(f"begin: goclient {goclient.__version__}, Python {platform.python_version()}: {typed}")
        except OSError as error:
            message = f"the log file {quote(path)} cannot be written: {error.strerror}"
            hint, kind = "name another file", choose_write_error(error)
            raise kind(message, hint=hint, code="log-file", subject="--log-file") from error

    def end(self, code: int) -> None:
        """Write how the command ended, and close the file."""
        self.write(f"end: exit code {code} after {time.monotonic() - self._began:.3f} s")
        os.close(self._file)

    def write(self, text: str) -> None:
        """Append a line, or several; a disk that gets full stops no command, and is kept as ``failure``."""
        try:
            self._append(text)
        except OSError as error:
            self.failure = self.failure or error

    def _append(self, text: str) -> None:
        head = f"{timestamp(time.time())} [{os.getpid()}] "
        lines = "".join(f"{head}{printable(line)}\n" for line in hide(text).splitlines())
        rest = lines.encode(errors="backslashreplace")
        while rest:
            rest = rest[os.write(self._file, rest) :]


def _mask(word: str) -> str:
    """Return a word of a command line without what may be a credential."""
    word = re.sub(
        _VALUE, lambda found: found[1] + MASK if is_called_secret(_name(found[1])) else found[0], mask_forms(word)
    )
    return re.sub(_QUERY, MASK, re.sub(_PASSWORD, MASK, word)) if "://" in word else word


def _name(typed: str) -> str:
    """Return the name of an option or a variable as a variable's."""
    return typed.strip("- =").replace("-", "_")
