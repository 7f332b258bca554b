"""The answers of a transfer service: an entry of a directory, and the state of a transfer task.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class FileInfo:
    """One entry of a directory; ``size`` in bytes.

    ``type`` is the service's word: file, dir, invalid_symlink, pipe, chr, blk, other; ``permissions`` is the mode in
    octal digits; ``link_target`` is what a symbolic link says.  Each is empty where it is not known.
    """

    name: str
    is_directory: bool
    size: int
    type: str = ""
    permissions: str = ""
    link_target: str = ""

    @property
    def mode(self) -> int | None:
        """Return the permission bits, None if they are not known."""
        return int(self.permissions, 8) if re.fullmatch("[0-7]{1,6}", self.permissions) else None


@dataclass(frozen=True)
class TaskState:
    """A transfer task as it stands: ``status`` is ACTIVE, INACTIVE, SUCCEEDED or FAILED; sizes in bytes."""

    task_id: str
    label: str
    status: str
    files: int
    bytes: int
    faults: int
    reason: str

    @property
    def has_succeeded(self) -> bool:
        """Return True if everything was transferred."""
        return self.status == "SUCCEEDED"

    @property
    def is_active(self) -> bool:
        """Return True while the service works on it."""
        return self.status == "ACTIVE"

    @property
    def is_paused(self) -> bool:
        """Return True if somebody has to do something before the service goes on."""
        return self.status == "INACTIVE"
