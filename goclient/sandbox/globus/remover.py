"""Removes what an item of a deletion names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from goclient.sandbox.globus.copier import FAULTS, OTHER, permitted
from goclient.sandbox.globus.storage import StorageError, problem
from goclient.sandbox.state import State


def removed(state: State, task: dict[str, Any], item: dict[str, Any]) -> dict[str, str] | None:
    """Remove what an item names; return the task's fatal error, if it has one: a deletion does not wait."""
    options = json.loads(task["options"])
    path = str(item.get("path", ""))
    try:
        try:
            found = _meant(state, task, path, globs=bool(options.get("interpret_globs")))
            if not found and not options.get("ignore_missing"):
                raise StorageError("NotFound", "No such file or directory")
            for one in found:
                _remove(one, recursive=bool(options.get("recursive")))
                state.run("update tasks set files = files + 1 where task_id = ?", task["task_id"])
        except OSError as error:
            raise problem(error) from error
    except StorageError as error:
        return {"code": FAULTS.get(error.kind, OTHER), "description": f"Error (delete): {error}: {path}"}
    return None


def _meant(state: State, task: dict[str, Any], path: str, *, globs: bool) -> list[Path]:
    """Return the real paths, of links their own, that a path or a pattern in its last part means and that are there."""
    folder, slash, last = path.rstrip("/").rpartition("/")
    if not (globs and any(sign in last for sign in "*?[")):
        real = permitted(state, task, "source", path, write=True, follow=False)
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
