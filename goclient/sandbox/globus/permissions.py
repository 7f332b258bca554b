"""Who may do what with a collection: its owner, the roles, and a guest collection's rules.

A mapped collection lets those in who have an account at its storage: here all identities, or its owner alone.  So does
a Globus Connect Personal, whose storage is its owner's.  A guest collection has rules: who may read or write which
folder, until when.  Roles allow managing a collection, and seeing it; they do not open its data.
"""

from __future__ import annotations

import posixpath
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goclient.sandbox.globus.storage import GUEST, StorageError, check_mode, inner_path, local_path
from goclient.sandbox.state import State

ADMINISTRATOR, ACCESS_MANAGER = "administrator", "access_manager"
ROLES = (ADMINISTRATOR, ACCESS_MANAGER, "activity_manager", "activity_monitor")
EVERYBODY = ("all_authenticated_users", "anonymous")  # kinds of principals that are nobody in particular


@dataclass(frozen=True, slots=True)
class Grant:
    """One folder of a collection, with what is below it, that may be read, or written, too."""

    folder: str
    writable: bool

    def covers(self, path: str) -> bool:
        """Whether a path is the folder or is in it."""
        return self.folder == "/" or path == self.folder.rstrip("/") or path.startswith(self.folder)


@dataclass(frozen=True, slots=True)
class Rights:
    """What one identity may do with one collection."""

    visible: bool
    roles: frozenset[str]
    grants: tuple[Grant, ...]

    def may(self, path: str, *, write: bool) -> bool:
        """Whether a path may be read, or written."""
        real = normal(path)
        return any(one.covers(real) and (one.writable or not write) for one in self.grants)

    @property
    def manages_access(self) -> bool:
        """Whether the rules of the collection may be seen and changed."""
        return bool(self.roles & {ADMINISTRATOR, ACCESS_MANAGER})

    @property
    def administers(self) -> bool:
        """Whether the collection may be changed and removed."""
        return ADMINISTRATOR in self.roles


EVERYTHING = Grant("/", writable=True)


def normal(path: str) -> str:
    """A path from a collection's top, without ``~``, ``.`` and ``..``."""
    below = path[3:] if path.startswith("/~/") else path
    return posixpath.normpath("/" + below.lstrip("/"))


def reached(collection: dict[str, Any], rights: Rights, path: str, *, write: bool, follow: bool = True) -> Path:
    """Return the real path of a collection's path, for somebody with these rights; raise StorageError.

    Where symbolic links lead must be allowed, too.  To write is to change the directory that the path is in.
    """
    real = local_path(collection, path, follow=follow)
    if not all(rights.may(one, write=write) for one in (path, inner_path(collection, real))):
        raise StorageError("PermissionDenied", f"Denied by endpoint: Path not allowed: {path}")
    if write:
        check_mode(real.parent, stat.S_IWUSR)
    return real


def rights(state: State, collection: dict[str, Any], identity: str) -> Rights:
    """What an identity may do with a collection now."""
    found = state.rows("select role from roles where collection = ? and principal = ?", collection["id"], identity)
    owns = collection["owner"] == identity
    roles = frozenset(row["role"] for row in found) | ({ADMINISTRATOR} if owns else set())
    if owns or collection["everyone"]:
        grants: tuple[Grant, ...] = (EVERYTHING,)
    else:
        grants = _granted(state, collection, identity) if collection["entity_type"] == GUEST else ()
    return Rights(bool(collection["public"] or roles or grants), roles, grants)


def _granted(state: State, collection: dict[str, Any], identity: str) -> tuple[Grant, ...]:
    rows = state.rows(
        f"select path, permissions from rules where collection = ? and (expires is null or expires > ?) "
        f"and ((principal_type = 'identity' and principal = ?) or principal_type in {EVERYBODY})",
        collection["id"],
        time.time(),
        identity,
    )
    return tuple(Grant(row["path"], row["permissions"] == "rw") for row in rows)
