"""Carries out transfer tasks: at most three of a user at once, in the background, as the service does.

What is missing or cannot be reached does not fail a task: it stays ACTIVE, with faults, until its deadline.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from goclient.sandbox.state import State, dumped
from goclient.sandbox.storage import StorageError, local_path

RUNNING_A_USER = 3
RETRY_AFTER = 0.5  # seconds; the service waits longer
TICK = 0.1  # seconds between looks at deadlines and retries

_FAULTS = {"NotFound": "FILE_NOT_FOUND", "GCDisconnected": "GC_NOT_CONNECTED", "PermissionDenied": "PERMISSION_DENIED"}


class Mover:
    """Looks for tasks to do until it is stopped."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._woken = threading.Event()
        self._stopped = False
        self._pool = ThreadPoolExecutor(8)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """None, once tasks are looked for; those that a crash interrupted are taken up again."""
        self._state.run("update tasks set running = 0")
        self._thread.start()

    def stop(self) -> None:
        """None, once nothing is moved any more."""
        self._stopped = True
        self._woken.set()
        self._thread.join(5)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def wake(self) -> None:
        """Says that there is a new task."""
        self._woken.set()

    def end(self, task_id: str, status: str, fatal: dict[str, str] | None = None) -> None:
        """None, once an active task is over."""
        changed = self._state.run(
            "update tasks set status = ?, completion_time = ?, fatal = ? where task_id = ? and status = 'ACTIVE'",
            status,
            time.time(),
            dumped(fatal) if fatal else None,
            task_id,
        )
        if changed:
            code = "SUCCEEDED" if status == "SUCCEEDED" else (fatal or {}).get("code", "FAILED")
            self._state.event(task_id, code, (fatal or {}).get("description", ""), is_error=status == "FAILED")

    def _run(self) -> None:
        while not self._stopped:
            self._woken.wait(TICK)
            self._woken.clear()
            try:
                self._look(time.time())
            except sqlite3.Error:  # a full disk, say: it is looked at again
                logging.getLogger(__name__).exception("tasks were not looked at")

    def _look(self, now: float) -> None:
        """Ends what is over, starts what may run."""
        for row in self._state.rows("select task_id from tasks where status = 'ACTIVE' and deadline < ?", now):
            expired = {"code": "EXPIRED", "description": "The task did not complete before its deadline"}
            self.end(row["task_id"], "FAILED", expired)
        for task_id in self._next(now):
            self._pool.submit(self._safely, task_id)

    def _next(self, now: float) -> list[str]:
        """The tasks that may run now, marked as running."""
        chosen = []
        with self._state.transaction():
            busy: dict[str, int] = {}
            waiting = "select * from tasks where status = 'ACTIVE' order by request_time"
            for row in self._state.rows(waiting):
                if row["running"]:
                    busy[row["owner"]] = busy.get(row["owner"], 0) + 1
            for row in self._state.rows(waiting):
                if not row["running"] and row["retry_at"] <= now and busy.get(row["owner"], 0) < RUNNING_A_USER:
                    busy[row["owner"]] = busy.get(row["owner"], 0) + 1
                    self._state.run("update tasks set running = 1 where task_id = ?", row["task_id"])
                    chosen.append(row["task_id"])
        return chosen

    def _safely(self, task_id: str) -> None:
        try:
            self._move(task_id)
        except Exception as error:  # the task ends, the sandbox goes on
            self.end(task_id, "FAILED", {"code": "INTERNAL", "description": repr(error)})
        finally:
            self._state.run("update tasks set running = 0 where task_id = ?", task_id)

    def _move(self, task_id: str) -> None:
        task = self._state.row("select * from tasks where task_id = ?", task_id)
        assert task is not None
        if not self._state.row("select 1 from events where task_id = ?", task_id):
            self._state.event(task_id, "STARTED", "started")
        faults = [fault for item in json.loads(task["items"]) for fault in self._item(task, item)]
        if not faults:
            self.end(task_id, "SUCCEEDED")
            return
        for code, details in faults:
            self._state.event(task_id, code, details, is_error=True)
        self._state.run(
            "update tasks set faults = faults + ?, nice_status = ?, retry_at = ? where task_id = ?",
            len(faults),
            faults[0][0],
            time.time() + RETRY_AFTER,
            task_id,
        )

    def _item(self, task: dict[str, Any], item: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Moves one item, file by file; gives the code and the details of each fault."""
        source, target = item["source_path"], item["destination_path"]
        try:
            start = local_path(self._collection(task["source"]), source)
            end = local_path(self._collection(task["destination"]), target)
            if item.get("recursive"):
                end.mkdir(parents=True, exist_ok=True)
            for one in _files(start, recursive=bool(item.get("recursive"))):
                below = one.relative_to(start)
                self._file(
                    task["task_id"],
                    one,
                    end / below,
                    f"{source}/{below}" if below.parts else source,
                    f"{target}/{below}" if below.parts else target,
                )
        except StorageError as error:
            yield _FAULTS.get(error.kind, "ENDPOINT_ERROR"), f"Error (transfer): {error}: {source} -> {target}"
        except OSError as error:
            code = "FILE_NOT_FOUND" if isinstance(error, FileNotFoundError) else "PERMISSION_DENIED"
            yield code, f"Error (transfer): {error.strerror}: {source} -> {target}"

    def _collection(self, id: str) -> dict[str, Any]:
        row = self._state.collection(id)
        if row is None:
            raise StorageError("GCDisconnected", f"the endpoint {id} is gone")
        return row

    def _file(self, task_id: str, source: Path, target: Path, source_path: str, target_path: str) -> None:
        """Copies a file to its place, whole or not at all, once."""
        done = "select 1 from transferred where task_id = ? and destination_path = ?"
        if self._state.row(done, task_id, target_path):
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
        with self._state.transaction():
            self._state.insert(
                "transferred",
                {"task_id": task_id, "source_path": source_path, "destination_path": target_path, "checksum": checksum},
            )
            self._state.run(
                "update tasks set files = files + 1, files_transferred = files_transferred + 1, "
                "bytes_transferred = bytes_transferred + ?, nice_status = 'OK' where task_id = ?",
                target.stat().st_size,
                task_id,
            )


def _files(start: Path, *, recursive: bool) -> list[Path]:
    """The file, or the files below a directory, that an item means; raises StorageError."""
    if not start.exists():
        raise StorageError("NotFound", "No such file or directory")
    if start.is_dir() != recursive:
        raise StorageError("IsDirectory", "Is a directory" if start.is_dir() else "Not a directory")
    if not recursive:
        return [start]
    return sorted(path for path in start.rglob("*") if path.is_file() and not path.is_symlink())  # as the service


def _md5(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
