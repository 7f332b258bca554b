"""Copies what an item of a transfer names, file by file, each whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from goclient.sandbox.permissions import rights
from goclient.sandbox.state import State
from goclient.sandbox.storage import StorageError, local_path

FAULTS = {"NotFound": "FILE_NOT_FOUND", "GCDisconnected": "GC_NOT_CONNECTED", "PermissionDenied": "PERMISSION_DENIED"}


def permitted(state: State, task: dict[str, Any], end: str, path: str, *, write: bool) -> Path:
    """The real path at one end of a task, if the task's owner may use it now; raises StorageError."""
    row = state.collection(task[end])
    if row is None:
        raise StorageError("GCDisconnected", f"the endpoint {task[end]} is gone")
    real = local_path(row, path)
    if not rights(state, row, task["owner"]).may(path, write=write):
        raise StorageError("PermissionDenied", f"Path not allowed: {path}")
    return real


def copied(state: State, task: dict[str, Any], item: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Copies one item; gives the code and the details of each fault."""
    source, target = item["source_path"], item["destination_path"]
    try:
        start = permitted(state, task, "source", source, write=False)
        end = permitted(state, task, "destination", target, write=True)
        files = _files(start, recursive=item.get("recursive"))
        if start.is_dir():
            end.mkdir(parents=True, exist_ok=True)
        for one in files:
            below = one.relative_to(start)
            _copy(
                *(state, task["task_id"], one, end / below),
                source_path=f"{source.rstrip('/')}/{below}" if below.parts else source,
                target_path=f"{target.rstrip('/')}/{below}" if below.parts else target,
            )
    except StorageError as error:
        yield FAULTS.get(error.kind, "ENDPOINT_ERROR"), f"Error (transfer): {error}: {source} -> {target}"
    except OSError as error:
        code = "FILE_NOT_FOUND" if isinstance(error, FileNotFoundError) else "PERMISSION_DENIED"
        yield code, f"Error (transfer): {error.strerror}: {source} -> {target}"


def _files(start: Path, *, recursive: bool | None) -> list[Path]:
    """The file, or the files below a directory, that an item means; raises StorageError.

    An item that does not say whether it is a directory's is what is found.
    """
    if not start.exists():
        raise StorageError("NotFound", "No such file or directory")
    if recursive is not None and start.is_dir() != recursive:
        raise StorageError("IsDirectory", "Is a directory" if start.is_dir() else "Not a directory")
    if not start.is_dir():
        return [start]
    return sorted(path for path in start.rglob("*") if path.is_file() and not path.is_symlink())  # as the service


def _copy(state: State, task_id: str, source: Path, target: Path, *, source_path: str, target_path: str) -> None:
    """Copies a file to its place, whole or not at all, once."""
    if state.row("select 1 from transferred where task_id = ? and destination_path = ?", task_id, target_path):
        return
    if target.is_dir():
        raise OSError(21, "Is a directory")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{task_id[:8]}.part")
    try:
        shutil.copyfile(source, part)
        checksum = _md5(source)
        if checksum != _md5(part):
            raise OSError(5, "The checksums differ")
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    size = target.stat().st_size
    paths = {"source_path": source_path, "destination_path": target_path}
    with state.transaction():
        state.insert("transferred", {"task_id": task_id, **paths, "checksum": checksum, "size": size})
        state.run(
            "update tasks set files = files + 1, files_transferred = files_transferred + 1, "
            "bytes_transferred = bytes_transferred + ?, nice_status = 'OK' where task_id = ?",
            size,
            task_id,
        )


def _md5(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
