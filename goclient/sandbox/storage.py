"""Where a collection's paths are on this machine, and who may see them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from goclient.sandbox import lock

MAPPED = "GCSv5_mapped_collection"
GUEST = "GCSv5_guest_collection"
PERSONAL = "GCP_mapped_collection"
BARE = "GCSv5_endpoint"  # a server without its collections: it holds no data
HOME = "home"  # where /~/ is, below the root of a mapped collection


class StorageError(Exception):
    """A path cannot be used: ``kind`` is NotFound, NotDirectory, PermissionDenied, Exists or GCDisconnected."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def is_connected(collection: dict[str, Any]) -> bool:
    """Whether a Globus Connect Personal runs for a collection: it holds a lock while it does, whatever kills it."""
    return bool(collection["lock_file"]) and lock.is_held(collection["lock_file"])


def local_path(collection: dict[str, Any], path: str) -> Path:
    """The real path of a collection's path; raises StorageError if it leads outside what is shared."""
    if collection["entity_type"] == PERSONAL:
        if not is_connected(collection):
            raise StorageError("GCDisconnected", "The Globus Connect Personal endpoint is not connected to Globus")
        allowed = [Path(one) for one in json.loads(collection["allowed"])]
        real = Path(path.replace("/~/", f"{allowed[0]}/", 1) if path.startswith("/~/") else path)
    elif not collection["root"]:
        raise StorageError("NotFound", "The collection that holds the data is gone")
    else:
        root = Path(collection["root"])
        allowed = [root]
        home = root if collection["entity_type"] == GUEST else root / HOME
        real = home / path[3:] if path.startswith("/~/") else root / path.lstrip("/")
    resolved = real.resolve()
    if not any(resolved == top.resolve() or top.resolve() in resolved.parents for top in allowed):
        raise StorageError("PermissionDenied", f"Path not allowed: {path}")
    return resolved


def entries(folder: Path) -> list[dict[str, Any]]:
    """The entries of a directory as Transfer lists them; raises StorageError."""
    try:
        return [describe(Path(entry.path)) for entry in sorted(os.scandir(folder), key=lambda entry: entry.name)]
    except FileNotFoundError as error:
        raise StorageError("NotFound", f"Directory '{folder.name}' not found") from error
    except NotADirectoryError as error:
        raise StorageError("NotDirectory", f"'{folder.name}' is not a directory") from error
    except PermissionError as error:
        raise StorageError("PermissionDenied", "Permission denied") from error


def describe(path: Path) -> dict[str, Any]:
    """One entry as Transfer describes it; raises StorageError if it is not there."""
    try:
        found = path.lstat()
    except FileNotFoundError as error:
        raise StorageError("NotFound", f"'{path.name}' not found") from error
    except OSError as error:
        raise StorageError("PermissionDenied", str(error.strerror)) from error
    kind = "dir" if path.is_dir() else "file"
    return {
        "DATA_TYPE": "file",
        "name": path.name,
        "type": kind,
        "size": found.st_size,
        "last_modified": time.strftime("%Y-%m-%d %H:%M:%S+00:00", time.gmtime(found.st_mtime)),
        "permissions": f"{found.st_mode & 0o7777:04o}",
        "user": str(found.st_uid),
        "group": str(found.st_gid),
        "link_target": os.readlink(path) if path.is_symlink() else None,
        **dict.fromkeys(("link_group", "link_last_modified", "link_size", "link_user")),
    }
