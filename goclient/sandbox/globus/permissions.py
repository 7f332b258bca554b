"""Rights of an identity to a collection, by its owner, the roles, and a guest collection's rules.

A mapped collection lets those in who have an account at its storage: here all people, or its owner alone.  So does
a Globus Connect Personal, whose storage is its owner's.  A guest collection has rules: who may read or write which
directory, until when.  Roles allow managing a collection, and seeing it; they do not open its data.
"""

from __future__ import annotations

import os
import posixpath
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from goclient.sandbox.globus.storage import GUEST, StorageError, check_mode, local_path
from goclient.sandbox.state import Row, State

ADMINISTRATOR, ACCESS_MANAGER = "administrator", "access_manager"
ROLES = (ADMINISTRATOR, ACCESS_MANAGER, "activity_manager", "activity_monitor")
EVERYBODY = ("all_authenticated_users", "anonymous")  # kinds of principals that are nobody in particular
SERVICE = "@clients.auth.globus.org"  # ends the user name of a service client's identity, which has no account
NOBODY = ""  # the identity of who shows no token


@dataclass(frozen=True, slots=True)
class Grant:
    """A directory of a collection, with what is below it, that may be read, or written, too."""

    directory: str
    writable: bool


@dataclass(frozen=True, slots=True)
class Rights:
    """A collection, and what one identity may do with it."""

    collection: Row
    visible: bool
    roles: frozenset[str]
    grants: tuple[Grant, ...]

    @property
    def manages_access(self) -> bool:
        """Return True if the rules of the collection may be seen and changed."""
        return bool(self.roles & {ADMINISTRATOR, ACCESS_MANAGER})

    @property
    def administers(self) -> bool:
        """Return True if the collection may be changed and removed."""
        return ADMINISTRATOR in self.roles

    def local_path(self, path: str, *, write: bool, follow: bool = True) -> Path:
        """Return the real path of a collection's path; raise StorageError if it may not be read, or written.

        Where symbolic links lead must be allowed, too.  To write is to change the directory that the path is in.
        """
        real, root = local_path(self.collection, path, follow=follow), self.collection["root"]
        inner = real.relative_to(os.path.realpath(root)) if root else real  # a personal one has its computer's paths
        granted = [grant.directory for grant in self.grants if grant.writable or not write]
        for one in (path, str(inner)):
            if not any(f"{normalize(one)}/".startswith(f"{directory.rstrip('/')}/") for directory in granted):
                raise StorageError("PermissionDenied", f"Denied by endpoint: Path not allowed: {path}")
        if write:
            check_mode(real.parent, stat.S_IWUSR)
        return real


EVERYTHING = Grant("/", writable=True)


def normalize(path: str) -> str:
    """Return a path from a collection's top, without ``~``, ``.`` and ``..``."""
    below = path[3:] if path.startswith("/~/") else path
    return posixpath.normpath("/" + below.lstrip("/"))


def find_collection(state: State, id: str) -> Row | None:
    """Return a collection's row, its root as a path of this machine: a guest's is a directory of its host's."""
    row = state.row("select * from collections where id = ?", id)
    if row is None:
        return None
    if row["host"]:
        host = state.row("select root from collections where id = ?", row["host"]) or {"root": None}
        row["root"] = f"{host['root']}/{row['base'].strip('/')}" if host["root"] else None
    if row["root"]:
        row["root"] = str(state.directory.collections / row["root"])
    return row


def find_rights(state: State, collection: Row, identity: str) -> Rights:
    """Return what an identity, or NOBODY, may do with a collection now."""
    found = state.rows("select role from roles where collection = ? and principal = ?", collection["id"], identity)
    owns = collection["owner"] == identity
    roles = frozenset(row["role"] for row in found) | ({ADMINISTRATOR} if owns else set())
    grants: tuple[Grant, ...] = ()
    if owns or (collection["everyone"] and not _is_service(state, identity)):
        grants = (EVERYTHING,)
    elif collection["entity_type"] == GUEST:
        rules = state.rows(
            "select path, permissions from rules where collection = ? and (expires is null or expires > ?) "
            "and ((principal_type = 'identity' and principal = ?) or principal_type = 'anonymous' "
            "or (principal_type = 'all_authenticated_users' and ? != ''))",
            collection["id"],
            time.time(),
            identity,
            identity,
        )
        grants = tuple(Grant(row["path"], row["permissions"] == "rw") for row in rules)
    return Rights(collection, bool(collection["public"] or roles or grants), roles, grants)


def _is_service(state: State, identity: str) -> bool:
    return state.row("select 1 from identities where id = ? and username like ?", identity, f"%{SERVICE}") is not None
