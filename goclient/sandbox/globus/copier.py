"""Copies what an item of a transfer names, file by file, each whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from goclient.sandbox.globus.permissions import reached, rights
from goclient.sandbox.globus.storage import StorageError, check_mode, problem, written
from goclient.sandbox.state import State

# The code of a task's event for each kind of trouble with a path: those that the service has, as its maintainers
# listed them for the developers' mailing list of Globus in April 2020.
FAULTS = {
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


def permitted(state: State, task: dict[str, Any], end: str, path: str, *, write: bool, follow: bool = True) -> Path:
    """Return the real path at one end of a task, if the task's owner may use it now; raise StorageError."""
    row = state.collection(task[end])
    if row is None:
        raise StorageError("GCDisconnected", f"the endpoint {task[end]} is gone")
    return reached(row, rights(state, row, task["owner"]), path, write=write, follow=follow)


def copied(state: State, task: dict[str, Any], item: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Copy one item; give the code and the details of its fault, if it has one."""
    source, target = item["source_path"], item["destination_path"]
    try:
        try:
            start = _source(state, task, source)
            end = permitted(state, task, "destination", target, write=True)
            files = _files(start, recursive=item.get("recursive"))
            if start.is_dir():
                end.mkdir(parents=True, exist_ok=True)
            for one in files:
                below = one.relative_to(start)
                ends = (_joined(source, below), _joined(target, below))
                _copy(state, task["task_id"], one, end / below, paths=ends)
        except OSError as error:
            raise problem(error) from error
    except StorageError as error:
        yield FAULTS.get(error.kind, OTHER), f"Error (transfer): {error}: {source} -> {target}"


def _source(state: State, task: dict[str, Any], path: str) -> Path:
    """Return the real path of an item's source, links followed; raise StorageError or OSError."""
    start = permitted(state, task, "source", path, write=False)
    if not start.exists() and permitted(state, task, "source", path, write=False, follow=False).is_symlink():
        raise StorageError("InvalidSymlink", "The symbolic link leads nowhere")
    start.stat()
    check_mode(start, stat.S_IRUSR)
    return start


def _joined(path: str, below: Path) -> str:
    """Return the path of a file below an item's, as the service writes it."""
    return "/".join([path.rstrip("/"), *map(written, below.parts)]) if below.parts else path


def _files(start: Path, *, recursive: bool | None) -> list[Path]:
    """The file, or the files below a directory, that an item means; raises StorageError.

    An item that does not say whether it is a directory's is what is found.
    """
    if recursive is not None and start.is_dir() != recursive:
        kind = "IsDirectory" if start.is_dir() else "NotDirectory"
        raise StorageError(kind, "Is a directory" if start.is_dir() else "Not a directory")
    if start.is_dir():  # as the service, which passes over links and over what is no file
        return sorted(path for path in start.rglob("*") if path.is_file() and not path.is_symlink())
    if not start.is_file():
        raise StorageError("NotFile", "Not a regular file")
    return [start]


def _copy(state: State, task_id: str, source: Path, target: Path, *, paths: tuple[str, str]) -> None:
    """Copy a file to its place, whole or not at all, once; raise StorageError or OSError."""
    if state.row("select 1 from transferred where task_id = ? and destination_path = ?", task_id, paths[1]):
        return
    if target.is_dir():
        raise StorageError("IsDirectory", "Is a directory")
    check_mode(source, stat.S_IRUSR)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise StorageError("NotDirectory", "Not a directory") from error
    part = target.parent / f".{task_id}.part"  # a name of its own: the target's may have all of the 255 bytes
    try:
        checksum = _written(source, part)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    size = target.stat().st_size
    values = {"source_path": paths[0], "destination_path": paths[1], "checksum": checksum, "size": size}
    with state.transaction():
        state.insert("transferred", {"task_id": task_id, **values})
        state.run(
            "update tasks set files = files + 1, files_transferred = files_transferred + 1, "
            "bytes_transferred = bytes_transferred + ?, nice_status = 'OK' where task_id = ?",
            size,
            task_id,
        )


def _written(source: Path, part: Path) -> str:
    """Copy a file; return its MD5; raise StorageError if it changed meanwhile, or if the copy differs."""
    size = source.stat().st_size
    shutil.copyfile(source, part)
    if source.stat().st_size != size or part.stat().st_size != size:
        raise StorageError("Changed", "The size of the file changed while it was copied")
    checksum = _md5(source)
    if checksum != _md5(part):
        raise StorageError("Checksum", "The checksums differ")
    return checksum


def _md5(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
