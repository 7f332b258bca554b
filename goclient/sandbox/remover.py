"""Removes what an item of a deletion names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from goclient.sandbox.copier import FAULTS, permitted
from goclient.sandbox.state import State
from goclient.sandbox.storage import StorageError


def removed(state: State, task: dict[str, Any], item: dict[str, Any]) -> dict[str, str] | None:
    """None, once an item is gone, or the fatal error of the task: a deletion does not wait for what is missing."""
    options = json.loads(task["options"])
    path = str(item.get("path", ""))
    try:
        found = _meant(state, task, path, globs=bool(options.get("interpret_globs")))
        if not found and not options.get("ignore_missing"):
            raise StorageError("NotFound", "No such file or directory")
        for one in found:
            _remove(one, recursive=bool(options.get("recursive")))
            state.run("update tasks set files = files + 1 where task_id = ?", task["task_id"])
    except StorageError as error:
        code = FAULTS.get(error.kind, "ENDPOINT_ERROR")
        return {"code": code, "description": f"Error (delete): {error}: {path}"}
    except OSError as error:
        return {"code": "PERMISSION_DENIED", "description": f"Error (delete): {error.strerror}: {path}"}
    return None


def _meant(state: State, task: dict[str, Any], path: str, *, globs: bool) -> list[Path]:
    """The real paths that are there of those that a path, or a pattern in its last part, means."""
    folder, slash, last = path.rstrip("/").rpartition("/")
    if not (globs and any(sign in last for sign in "*?[")):
        real = permitted(state, task, "source", path, write=True)
        return [real] if real.exists() or real.is_symlink() else []
    real = permitted(state, task, "source", folder + slash, write=True)
    return sorted(real.glob(last))


def _remove(path: Path, *, recursive: bool) -> None:
    if not path.is_dir() or path.is_symlink():
        path.unlink()
    elif recursive:
        shutil.rmtree(path)
    else:
        raise StorageError("IsDirectory", "Is a directory")
