"""The files of the endpoint catalogue: read with care, changed without losing anything."""

from __future__ import annotations

import codecs
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from goclient.config.catalogue_toml import command, read_entries, with_entry, without_entry
from goclient.errors import Collector, GoclientError, RequestError, quoted, raise_all
from goclient.files.private import make_directory, private, replace
from goclient.files.text import credential_in, decoded
from goclient.model.syntax.shell import shell_word

LIMIT = 4 * 1024 * 1024  # bytes of a file; an entry has some 80
_OPEN = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY  # a pipe that nobody writes to is not waited for


def merged(user: str, site: str) -> dict[str, str]:
    """What each name means, in the user's file or else in the site's; raises everything wrong with both."""
    found = Collector()
    entries: dict[str, str] = {}
    for path in (site, user):
        with found:
            entries |= read(path)
    raise_all(found.errors)
    return entries


def read(path: str) -> dict[str, str]:
    """What each name of a file means; nothing if there is no file.

    Raises RequestError for a file that cannot be read, that others may change, or that is no catalogue.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | _OPEN)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        text, errors = _text(path, descriptor)
    finally:
        os.close(descriptor)
    entries, problems = read_entries(text)
    errors += [_wrong(path, one.text, _remedy(path, one.name), line=one.line) for one in problems]
    raise_all(errors)
    return entries


def add(path: str, name: str, where: str) -> bool:
    """True once the file has the entry, False if it had it before; raises RequestError for another of that name."""

    def change(text: str) -> str:
        entries, problems = read_entries(text)
        raise_all(_wrong(path, one.text, _remedy(path, one.name), line=one.line) for one in problems)
        if entries.get(name, where) != where:
            raise taken(path, name, entries[name])
        return text if name in entries else _proven(path, text, with_entry(text, name, where), name, where)

    return _changed(path, change)


def remove(path: str, name: str) -> bool:
    """True once the file has no entry of that name any more, False if it had none; a wrong entry goes, too."""

    def change(text: str) -> str:
        _, problems = read_entries(text)
        raise_all(_wrong(path, one.text, _remedy(path, None), line=one.line) for one in problems if one.name is None)
        return _proven(path, text, without_entry(text, name), name, None)

    return os.path.exists(path) and _changed(path, change)


def taken(path: str, name: str, where: str) -> RequestError:
    """The error of a name that means something else already."""
    message = f"{quoted(name)} is in {quoted(path)} already: it is {where}"
    hint = f"{command('remove', name)} takes it out; or choose another name"
    return RequestError(message, hint=hint, code="name-taken", subject=name)


def access_problems(status: os.stat_result, user: int) -> list[tuple[str, str]]:
    """Why a file could send a user's data anywhere, and the words of the command that mends it, of each reason."""
    if not stat.S_ISREG(status.st_mode):
        return []  # /dev/null
    problems = []
    if status.st_uid not in (user, 0):
        problems.append((f"it belongs to the user {status.st_uid}, not to you or root", f"sudo chown {user}"))
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        whose = "others" if status.st_mode & stat.S_IWOTH else "its group"
        problems.append((f"it can be changed by {whose} (mode {stat.S_IMODE(status.st_mode):04o})", "chmod go-w"))
    return problems


# --- files --------------------------------------------------------------------------------------------------


def _text(path: str, descriptor: int) -> tuple[str, list[GoclientError]]:
    """The text of an open file, empty if it is none, and what is wrong with the file itself."""
    status = os.fstat(descriptor)
    if _is_null(status):
        return "", []
    if not stat.S_ISREG(status.st_mode):
        return "", [_no_file(path)]
    there = shell_word(os.path.realpath(path))
    errors: list[GoclientError] = [
        _wrong(path, f"{problem}: look at what is in it, then mend that", f"{mend} {there}")
        for problem, mend in access_problems(status, os.geteuid())
    ]
    try:
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(LIMIT + 1)
    except OSError as error:
        return "", [*errors, _unreadable(path, error)]
    if len(data) > LIMIT:
        return "", [*errors, _wrong(path, f"it has more than {LIMIT} bytes", _remedy(path, None))]
    try:
        text = decoded(data)
    except ValueError as error:
        return "", [*errors, _wrong(path, f"it is no TOML: {error}", _remedy(path, None))]
    if kind := credential_in(text):
        return "", [*errors, _wrong(path, f"it has {kind} in it, and is no catalogue", _ANOTHER_FILE)]
    return text, errors


def _is_null(status: os.stat_result) -> bool:
    """True for the null device, which is an empty catalogue."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == os.stat(os.devnull).st_rdev


def _changed(path: str, change: Callable[[str], str]) -> bool:
    """True once the file has the text that ``change`` makes of its own, False if that is the same.

    Nobody else changes the file meanwhile.  A reader sees the old text or the new one, whole.
    """
    real = Path(os.path.realpath(path))  # a link to the file stays one
    try:
        with _locked(real) as descriptor:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise _no_file(path)
            before, errors = _text(path, descriptor)
            raise_all(errors)
            after = change(before)
            if after != before:
                mark = codecs.BOM_UTF8 if os.pread(descriptor, 3, 0) == codecs.BOM_UTF8 else b""
                replace(real, mark + after.encode(), mode=stat.S_IMODE(status.st_mode), group=status.st_gid)
            return after != before
    except OSError as error:
        hint = "look at the permissions and the room there, or set GOCLIENT_ENDPOINTS to another file"
        raise _wrong(path, f"it cannot be changed: {error.strerror}", hint) from error


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """A descriptor of the file while nobody else has it; the file and its folder are made if they are missing."""
    make_directory(path.parent)
    while True:
        descriptor = private(path, os.O_RDWR | os.O_CREAT | _OPEN)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_at(descriptor, path):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    """False if another file has replaced this one while its lock was waited for."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _proven(path: str, before: str, after: str, name: str, where: str | None) -> str:
    """The changed text, if all other entries are what they were; raises RequestError if they are not."""
    old, old_problems = read_entries(before)
    new, new_problems = read_entries(after)
    old.pop(name, None)
    others = [one.name for one in old_problems if one.name != name]
    expected = old if where is None else {**old, name: where}
    if new != expected or [one.name for one in new_problems] != others:
        raise _wrong(path, f"it cannot be changed for {quoted(name)} without a loss", "change it with an editor")
    return after


_ANOTHER_FILE = "set GOCLIENT_ENDPOINTS to a file, or unset it"

# --- errors -------------------------------------------------------------------------------------------------


def _remedy(path: str, name: str | None) -> str:
    """What to do with a file that has this wrong entry, or that is no TOML."""
    if name is None:
        there = os.path.abspath(path)  # so that no name begins with a dash
        return f"mend it with an editor, or move it away: mv {shell_word(there)} {shell_word(there + '.old')}"
    return f"mend it with an editor, or type {command('remove', name)} if the file is your own"


def _unreadable(path: str, error: OSError) -> RequestError:
    return _wrong(path, f"it cannot be read: {error.strerror}", "mend or remove it")


def _no_file(path: str) -> RequestError:
    return _wrong(path, "it is no regular file", _ANOTHER_FILE)


def _wrong(path: str, problem: str, hint: str, *, line: int = 0) -> RequestError:
    at = f", line {line}" if line else ""
    message = f"the endpoint catalogue {quoted(path)}{at}: {problem}"
    return RequestError(message, hint=hint, code="catalogue", subject=path)
