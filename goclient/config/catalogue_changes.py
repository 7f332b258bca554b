"""Changes to files of the endpoint catalogue, without losing anything."""

from __future__ import annotations

import codecs
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from goclient.config.catalogue import file_at, wrong_entry
from goclient.config.catalogue_toml import command, read_entries, with_entry, without_entry
from goclient.config.file import OPEN
from goclient.errors import RequestError, raise_all
from goclient.errors.wording import quote
from goclient.files.private import make_directory, private, replace


def add(path: str, name: str, where: str) -> bool:
    """Add an entry, and return True, or False if it was there; raises RequestError for another of that name."""

    def change(text: str) -> str:
        entries, problems = read_entries(text)
        raise_all(wrong_entry(path, one) for one in problems)
        if entries.get(name, where) != where:
            raise refuse_taken(path, name, entries[name])
        return text if name in entries else _verify(path, text, with_entry(text, name, where), name, where)

    return _change(path, change)


def remove(path: str, name: str) -> bool:
    """Remove the entry of that name, and return True; return False if there was none; a wrong entry goes, too."""

    def change(text: str) -> str:
        _, problems = read_entries(text)
        raise_all(wrong_entry(path, one) for one in problems if one.name is None)
        return _verify(path, text, without_entry(text, name), name, None)

    return os.path.exists(path) and _change(path, change)


def refuse_taken(path: str, name: str, where: str) -> RequestError:
    """Return the error of a name that means something else already."""
    message = f"{quote(name)} is in {quote(path)} already: it is {where}"
    hint = f"{command('remove', name)} takes it out; or choose another name"
    return RequestError(message, hint=hint, code="name-taken", subject=name)


def _change(path: str, change: Callable[[str], str]) -> bool:
    """Give the file the text that ``change`` makes of its own; return False if that is the same.

    Nobody else changes the file meanwhile.  A reader sees the old text or the new one, whole.
    """
    file, real = file_at(path), Path(os.path.realpath(path))  # a link to the file stays one
    try:
        with _lock(real) as descriptor:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise file.not_a_file()
            before, errors = file.text_of(descriptor)
            raise_all(errors)
            after = change(before)
            if after != before:
                mark = codecs.BOM_UTF8 if os.pread(descriptor, 3, 0) == codecs.BOM_UTF8 else b""
                replace(real, mark + after.encode(), mode=stat.S_IMODE(status.st_mode), group=status.st_gid)
            return after != before
    except OSError as error:
        hint = "check the permissions and the free space there, or set GOCLIENT_ENDPOINTS to another file"
        raise file.wrong(f"it cannot be changed: {error.strerror}", hint) from error


@contextmanager
def _lock(path: Path) -> Iterator[int]:
    """Give a descriptor of the file while nobody else has it; make the file and its directory if they are missing."""
    make_directory(path.parent)
    while True:
        descriptor = private(path, os.O_RDWR | os.O_CREAT | OPEN)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_at(descriptor, path):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    """Return False if another file has replaced this one while its lock was waited for."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _verify(path: str, before: str, after: str, name: str, where: str | None) -> str:
    """Return the changed text, if all other entries are what they were; raises RequestError if they are not."""
    old, old_problems = read_entries(before)
    new, new_problems = read_entries(after)
    old.pop(name, None)
    others = [one.name for one in old_problems if one.name != name]
    expected = old if where is None else {**old, name: where}
    if new != expected or [one.name for one in new_problems] != others:
        raise file_at(path).wrong(f"it cannot be changed for {quote(name)} without a loss", "change it with an editor")
    return after
