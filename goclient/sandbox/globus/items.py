"""One item of a task: a transfer copies it file by file, each whole or not at all; a deletion removes it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goclient.sandbox.globus.permissions import Rights, find_collection, find_rights
from goclient.sandbox.globus.storage import (
    Kind,
    StorageError,
    check_connected,
    check_mode,
    encode_name,
    system_errors,
)
from goclient.sandbox.state import Row, State

# The code of a task's event for each kind of error with a path: those that the service has, as its maintainers
# listed them for the developers' mailing list of Globus in April 2020.
CODES: dict[Kind, str] = {
    "NotFound": "FILE_NOT_FOUND",
    "PermissionDenied": "PERMISSION_DENIED",
    "NotDirectory": "NOT_A_DIRECTORY",
    "IsDirectory": "IS_A_DIRECTORY",
    "NotFile": "NOT_A_FILE",
    "InvalidPath": "INVALID_PATH_NAME",
    "InvalidSymlink": "INVALID_SYMLINK",
    "NoSpace": "NO_SPACE_LEFT",
    "Quota": "QUOTA_EXCEEDED",
    "Changed": "FILE_SIZE_CHANGED",
    "Checksum": "VERIFY_CHECKSUM",
    "GCDisconnected": "GC_NOT_CONNECTED",
}
OTHER = "ENDPOINT_ERROR"
PIECE = 0.05  # seconds of a slow copy between looks at what it depends on
PIECE_AT_ONCE = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """Event of a task, such as the failure of an item."""

    code: str
    description: str


class Interrupted(Exception):
    """A task has ended, or the sandbox stops, while the task is carried out."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Speed of a transfer, at most, in bytes a second (0: as fast as the disk), and whether the sandbox stops."""

    rate: float
    stops: Callable[[], bool]


def carry_out(state: State, task: Row, item: dict[str, Any], pace: Pace) -> TaskEvent | None:
    """Copy or remove what an item of a task names; return why that failed, or None; raise Interrupted."""
    deletion = task["type"] == "DELETE"
    try:
        with system_errors():
            if deletion:
                _remove(state, task, item)
            else:
                _copy(state, task, item, pace)
    except StorageError as error:
        named = item.get("path", "") if deletion else f"{item['source_path']} -> {item['destination_path']}"
        word = "delete" if deletion else "transfer"
        return TaskEvent(CODES.get(error.kind, OTHER), f"Error ({word}): {error}: {named}")
    return None


def _rights(state: State, task: Row, end: str) -> Rights:
    """Return what a task's owner may do now at one end of it; raise StorageError if that end is gone."""
    row = find_collection(state, task[end])
    if row is None:
        raise StorageError("GCDisconnected", f"the endpoint {task[end]} is gone")
    return find_rights(state, row, task["owner"])


# --- transfers ---


def _copy(state: State, task: Row, item: dict[str, Any], pace: Pace) -> None:
    """Copy the files of one item; raise StorageError, OSError or Interrupted."""
    source, target = item["source_path"], item["destination_path"]

    def check() -> None:
        """Raise if the task is over, or an end of it is gone."""
        active = "select 1 from tasks where task_id = ? and status = 'ACTIVE'"
        if pace.stops() or not state.row(active, task["task_id"]):
            raise Interrupted
        for side in ("source", "destination"):
            check_connected(_rights(state, task, side).collection)

    check()
    rights = _rights(state, task, "source")
    start = rights.local_path(source, write=False)
    if not start.exists() and rights.local_path(source, write=False, follow=False).is_symlink():
        raise StorageError("InvalidSymlink", "The symbolic link leads nowhere")
    start.stat()
    check_mode(start, stat.S_IRUSR)
    end = _rights(state, task, "destination").local_path(target, write=True)
    files = _files(start, recursive=item.get("recursive"))
    if start.is_dir():  # empty directories are made, too
        for one in (start, *start.rglob("*")):
            if one.is_dir() and not one.is_symlink():
                (end / one.relative_to(start)).mkdir(parents=True, exist_ok=True)
    for one in files:
        below = one.relative_to(start)
        paths = {"source_path": _join(source, below), "destination_path": _join(target, below)}
        known = "select 1 from transferred where task_id = ? and destination_path = ?"
        if state.row(known, task["task_id"], paths["destination_path"]):
            continue
        check()
        part = (end / below).parent / f".{task['task_id']}.part"  # the name of the target may have all of the 255 bytes
        checksum = _copy_file(one, end / below, part, lambda: _wait(pace, check))
        size = (end / below).stat().st_size
        with state.transaction():
            state.insert("transferred", {"task_id": task["task_id"], **paths, "checksum": checksum, "size": size})
            state.run(
                "update tasks set files = files + 1, files_transferred = files_transferred + 1, "
                "bytes_transferred = bytes_transferred + ?, nice_status = 'OK' where task_id = ?",
                size,
                task["task_id"],
            )


def _join(path: str, below: Path) -> str:
    """Return the path of a file below an item's, as the service writes it."""
    return "/".join([path.rstrip("/"), *map(encode_name, below.parts)]) if below.parts else path


def _files(start: Path, *, recursive: bool | None) -> list[Path]:
    """Return the file, or the files below a directory, that an item names; raise StorageError.

    An item that does not say whether it is a directory's is what is found.
    """
    if recursive is not None and start.is_dir() != recursive:
        if start.is_dir():
            raise StorageError("IsDirectory", "Is a directory")
        raise StorageError("NotDirectory", "Not a directory")
    if start.is_dir():  # like the service, which passes over links and over what is not a file
        return sorted(path for path in start.rglob("*") if path.is_file() and not path.is_symlink())
    if not start.is_file():
        raise StorageError("NotFile", "Not a regular file")
    return [start]


def _copy_file(source: Path, target: Path, part: Path, piece: Callable[[], int]) -> str:
    """Copy a file by way of ``part``, whole or not at all; return its MD5; raise StorageError or OSError.

    ``piece`` waits, and gives the number of bytes that may be copied then.
    """
    if target.is_dir():
        raise StorageError("IsDirectory", "Is a directory")
    check_mode(source, stat.S_IRUSR)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise StorageError("NotDirectory", "Not a directory") from error
    try:
        size = source.stat().st_size
        with open(source, "rb") as original, open(part, "wb") as copy:
            while data := original.read(piece()):
                copy.write(data)
        if source.stat().st_size != size or part.stat().st_size != size:
            raise StorageError("Changed", "The size of the file changed while it was copied")
        checksum = _md5(source)
        if checksum != _md5(part):
            raise StorageError("Checksum", "The checksums differ")
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return checksum


def _wait(pace: Pace, check: Callable[[], None]) -> int:
    """Wait as long as a piece of a file takes; return its size; raise as ``check`` does."""
    if not pace.rate:
        return PIECE_AT_ONCE
    size = max(int(pace.rate * PIECE), 1)
    time.sleep(size / pace.rate)
    check()
    return size


def _md5(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


# --- deletions ---


def _remove(state: State, task: Row, item: dict[str, Any]) -> None:
    """Remove what one item names, of links the links themselves; raise StorageError or OSError."""
    options, path = json.loads(task["options"]), str(item.get("path", ""))
    rights = _rights(state, task, "source")
    parent, slash, last = path.rstrip("/").rpartition("/")
    if options.get("interpret_globs") and any(sign in last for sign in "*?["):
        found = sorted(rights.local_path(parent + slash, write=True).glob(last))
    else:
        real = rights.local_path(path, write=True, follow=False)
        found = [real] if real.exists() or real.is_symlink() else []
    if not found and not options.get("ignore_missing"):
        raise StorageError("NotFound", "No such file or directory")
    for one in found:
        if not one.is_dir() or one.is_symlink():
            one.unlink()
        elif options.get("recursive"):
            shutil.rmtree(one)
        else:
            raise StorageError("IsDirectory", "Is a directory")
        state.run("update tasks set files = files + 1 where task_id = ?", task["task_id"])
