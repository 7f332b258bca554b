"""Requests to a transfer service, and its answers.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from goclient.model.plan import TransferItem


@dataclass(frozen=True)
class FileInfo:
    """One entry of a directory; ``size`` in bytes.

    ``type`` is the service's word: file, dir, invalid_symlink, pipe, chr, blk, other; ``permissions`` is the mode in
    octal digits; ``link_target`` is what a symbolic link says.  Each is empty where it is not known.  ``rights`` is
    what the asking identity may do, in the letters of RFC 3659 (7.5.5, the fact Perm), None if the server tells none.
    """

    name: str
    is_directory: bool
    size: int
    type: str = ""
    permissions: str = ""
    link_target: str = ""
    rights: str | None = None

    @property
    def mode(self) -> int | None:
        """Return the permission bits, None if they are not known."""
        return int(self.permissions, 8) if re.fullmatch("[0-7]{1,6}", self.permissions) else None

    @property
    def is_unreadable(self) -> bool:
        """Return True if the server says that the asking identity may not read a file, or list a directory."""
        return self.rights is not None and ("l" if self.is_directory else "r") not in self.rights

    @property
    def is_closed(self) -> bool:
        """Return True if the server says that the asking identity may make nothing in a directory."""
        return self.rights is not None and not {"c", "m"}.intersection(self.rights)


class Listing(dict[str, FileInfo]):
    """Entries of a directory, by name; ``can_rename`` is False if its storage gives nothing another name.

    ``cut`` are the beginnings of names that the server's protocol cannot tell: they have a line break.
    """

    def __init__(self, entries: Mapping[str, FileInfo], *, can_rename: bool = True, cut: Collection[str] = ()) -> None:
        super().__init__(entries)
        self.can_rename = can_rename
        self.cut = cut


@dataclass(frozen=True)
class TaskState:
    """A transfer task as it stands: ``status`` is ACTIVE, INACTIVE, SUCCEEDED or FAILED; sizes in bytes.

    ``is_queued``: it waits until others of the same identity have ended.  ``is_copy``: its files were copied on the
    node, and went over no network.
    """

    task_id: str
    label: str
    status: str
    files: int
    bytes: int
    faults: int
    reason: str
    destination: str = ""  # the id of the collection
    is_queued: bool = False
    is_copy: bool = False

    @property
    def has_succeeded(self) -> bool:
        """Return True if everything was transferred."""
        return self.status == "SUCCEEDED"

    @property
    def is_active(self) -> bool:
        """Return True while the service works on it."""
        return self.status == "ACTIVE"

    @property
    def is_over(self) -> bool:
        """Return True if nothing more comes of it."""
        return self.status in ("SUCCEEDED", "FAILED")

    @property
    def is_paused(self) -> bool:
        """Return True if somebody has to do something before the service goes on."""
        return self.status == "INACTIVE"


@dataclass(frozen=True)
class TransferredFile:
    """A file that a task has transferred: its path at the destination; its size in bytes and checksum, if known."""

    path: str
    size: int | None
    checksum: str | None  # behind its algorithm, as in MD5:d41d…


@dataclass(frozen=True)
class TransferRequest:
    """A transfer to submit, between two collections by their ids; it ends after ``seconds`` at the latest."""

    source: str
    destination: str
    items: tuple[TransferItem, ...]
    label: str
    submission_id: str
    seconds: float


@dataclass(frozen=True)
class NewEndpoint:
    """An endpoint that was created, and the key that sets it up, once."""

    id: str
    setup_key: str = field(repr=False)
