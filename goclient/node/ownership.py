"""Ownership of files: what an attempt of a job has left, and what a later one may replace.

The hidden directory ``.goclient-<origin>-<number>`` of an attempt is in the directory where its files will be.  In it,
``new`` has what has arrived, and ``old`` what was replaced.  Before the first file gets its name, empty directories are
made there whose names are marks: they say what this attempt calls its own.  Many such names may be the lines of one
file instead, where a server takes files as it takes directories.  Nothing here asks for anything.
Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256

from goclient.model.plan import TransferItem
from goclient.model.remote import FileInfo
from goclient.node.engines.base import Attempt

NEW, OLD = "new", "old"
_HIDDEN = re.compile(r"\.goclient-([0-9]{1,30}|t[0-9]{1,30}-[0-9a-f]{16})-([0-9]{1,30})")
_ARRIVING = re.compile(rf"/{_HIDDEN.pattern}/{NEW}/")
_OWN = "own."  # begins the name of a directory that has marks
_LIST = f"{_OWN}list."  # begins the name of a file whose lines are such names; a digest of them ends it
_DIGITS = 8  # hexadecimal digits of a name, and of what it has: a mark has both
_MARKS = 15  # marks in one name, which a file system gives 255 bytes


def attempt_at(attempt: Attempt, items: Sequence[TransferItem]) -> Attempt:
    """Return the attempt as it delivers these items.

    A task has many jobs: those that deliver the same are attempts of one another, others have nothing to do with it.
    """
    if not attempt.is_of_task:
        return attempt
    delivered = digest("\0".join(sorted(item.destination for item in items)), digits=16)
    return Attempt(f"{attempt.origin}-{delivered}", attempt.number)


def name_hidden(attempt: Attempt) -> str:
    """Return the name of the hidden directories of an attempt."""
    return f".goclient-{attempt.origin}-{attempt.number}"


def attempts_in(names: Iterable[str]) -> list[Attempt]:
    """Return the attempts whose hidden directories have these names, the earliest first."""
    found = [Attempt(one[1], int(one[2])) for one in map(_HIDDEN.fullmatch, names) if one]
    return sorted(found, key=lambda one: one.number)


def attempts_of(origin: str, names: Iterable[str]) -> list[Attempt]:
    """Return the attempts of a job whose hidden directories have these names, the earliest first."""
    return [one for one in attempts_in(names) if one.origin == origin]


def final_path(path: str) -> str:
    """Return the path that a file gets which has arrived at this one."""
    return _ARRIVING.sub("/", path)


@dataclass(frozen=True)
class Left:
    """Marks that an attempt has left in a directory, and what still waits there for its name."""

    number: int
    marks: Mapping[str, str]
    waiting: Mapping[str, FileInfo]

    def has_delivered(self, name: str, contents: str | None) -> bool:
        """Return True if the attempt gave its file this name; ``contents`` of what has it now, None if nothing has."""
        mark = self.marks.get(digest(name))
        return mark is not None and name not in self.waiting and contents in (None, mark)


class Fate(Enum):
    """Fate of a file under its name."""

    FREE = "nothing has the name"
    REPLACE = "what has the name may be replaced"
    DELIVERED = "this attempt has delivered it"
    REFUSE = "somebody else's file has the name"


def judge(name: str, contents: str | None, left: Iterable[Left], *, number: int, overwrite: bool) -> Fate:
    """Return what becomes of a file of attempt ``number``; ``contents`` are of what has its name, None if nothing has.

    ``left``: what this attempt and earlier ones of the same job have left beside it.
    """
    of_attempt = [one.number for one in left if one.has_delivered(name, contents)]
    if number in of_attempt:
        return Fate.DELIVERED
    if contents is None:
        return Fate.FREE
    return Fate.REPLACE if overwrite or min(of_attempt, default=number) < number else Fate.REFUSE


def marks_of(contents: Mapping[str, str]) -> list[str]:
    """Return the names of the directories that mark files as one's own; ``contents`` by name."""
    found = sorted(digest(name) + contents[name] for name in contents)
    return [_OWN + "".join(found[start : start + _MARKS]) for start in range(0, len(found), _MARKS)]


def list_of(names: Sequence[str]) -> tuple[str, bytes]:
    """Return the name and the content of a file that stands for names with marks."""
    text = "\n".join(names)
    return _LIST + digest(text, digits=16), text.encode()


def is_list(name: str) -> bool:
    """Return True for the name of such a file."""
    return name.startswith(_LIST)


def read_list(name: str, content: bytes) -> list[str]:
    """Return the names that such a file stands for; none if it is not whole."""
    names = content.decode("ascii", "replace").split("\n")
    return names if list_of(names)[0] == name else []


def read_marks(names: Iterable[str]) -> dict[str, str]:
    """Return the marks that a hidden directory has in these names of its entries."""
    width = 2 * _DIGITS
    texts = (name[len(_OWN) :] for name in names if name.startswith(_OWN))
    found = (text[start : start + width] for text in texts for start in range(0, len(text), width))
    return {one[:_DIGITS]: one[_DIGITS:] for one in found}


def digest(text: str, *, digits: int = _DIGITS) -> str:
    """Return the digits that stand for a name, or for a content."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
