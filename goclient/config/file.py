"""Files of a user's and a site's configuration: read with care, because they say where data goes."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

from goclient.errors import GoclientError, RequestError
from goclient.errors.wording import quote
from goclient.files.text import credential_in, decode
from goclient.model.syntax.shell import shell_word

LIMIT = 4 * 1024 * 1024  # bytes of a file; an entry of a catalogue has some 80
OPEN = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY  # a pipe that nobody writes to is not waited for


class ConfigFile(NamedTuple):
    """A file of ``kind``, such as "endpoint catalogue", that ``variable`` may name; ``code`` is that of its errors."""

    path: str
    kind: str
    variable: str
    code: str

    def read(self) -> tuple[str, list[GoclientError]]:
        """Return the text, empty if there is no file, and everything that is wrong with the file itself.

        A file that cannot be read, or that others may change, is wrong.
        """
        try:
            descriptor = os.open(self.path, os.O_RDONLY | OPEN)
        except FileNotFoundError:
            return "", []
        except OSError as error:
            return "", [self._unreadable(error)]
        try:
            return self.text_of(descriptor)
        finally:
            os.close(descriptor)

    def text_of(self, descriptor: int) -> tuple[str, list[GoclientError]]:
        """Return the text of the open file, empty if it has none, and everything that is wrong with the file itself."""
        status = os.fstat(descriptor)
        if stat.S_ISCHR(status.st_mode) and status.st_rdev == os.stat(os.devnull).st_rdev:
            return "", []  # /dev/null is an empty file
        if not stat.S_ISREG(status.st_mode):
            return "", [self.not_a_file()]
        there = shell_word(os.path.realpath(self.path))
        errors: list[GoclientError] = [
            self.wrong(f"{problem}: check its content first", f"{mend} {there}")
            for problem, mend in access_problems(status, os.geteuid())
        ]
        try:
            with open(descriptor, "rb", closefd=False) as file:
                data = file.read(LIMIT + 1)
        except OSError as error:
            return "", [*errors, self._unreadable(error)]
        if len(data) > LIMIT:
            return "", [*errors, self.wrong(f"it has more than {LIMIT} bytes", self.remedy)]
        try:
            text = decode(data)
        except ValueError as error:
            return "", [*errors, self.wrong(f"it is not TOML: {error}", self.remedy)]
        if kind := credential_in(text):
            return "", [*errors, self.wrong(f"it has {kind} in it, and cannot be the {self.kind}", self._another)]
        return text, errors

    def wrong(self, problem: str, hint: str, *, line: int = 0) -> RequestError:
        """Return the error of a problem, on this line if it is not 0."""
        at = f", line {line}" if line else ""
        message = f"the {self.kind} {quote(self.path)}{at}: {problem}"
        return RequestError(message, hint=hint, code=self.code, subject=self.path)

    def not_a_file(self) -> RequestError:
        """Return the error of a directory, a pipe or a device in place of the file."""
        return self.wrong("it is not a regular file", self._another)

    @property
    def remedy(self) -> str:
        """Return what to do with a file whose text is wrong."""
        there = os.path.abspath(self.path)  # so that no name begins with a dash
        return f"correct it with an editor, or move it away: mv {shell_word(there)} {shell_word(there + '.old')}"

    @property
    def _another(self) -> str:
        return f"set {self.variable} to a file, or unset it"

    def _unreadable(self, error: OSError) -> RequestError:
        return self.wrong(f"it cannot be read: {error.strerror}", "make it readable, or remove it")


def access_problems(status: os.stat_result, user: int) -> list[tuple[str, str]]:
    """Return why a file could send a user's data anywhere, each reason with the command that mends it, without path."""
    if not stat.S_ISREG(status.st_mode):
        return []  # /dev/null
    problems = []
    if status.st_uid not in (user, 0):
        problems.append((f"it belongs to the user {status.st_uid}, not to you or root", f"sudo chown {user}"))
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        whose = "others" if status.st_mode & stat.S_IWOTH else "its group"
        problems.append((f"it can be changed by {whose} (mode {stat.S_IMODE(status.st_mode):04o})", "chmod go-w"))
    return problems
