"""Which directory is a sandbox's: the one that is named, the environment's, or a new one here; never another's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from goclient.errors import RequestError, quoted
from goclient.sandbox.state import Folders

DEFAULT = "goclient-sandbox"

# What a sandbox and its demo write; a directory that has nothing else in it may have been left by one.
_OWN = frozenset(
    "sandbox.sqlite sandbox.sqlite-shm sandbox.sqlite-wal sandbox.log lock answers authorization env.sh env.csh "
    "env.fish endpoints.toml user.token pilot.token collections transformations cache bin grid grid.part state "
    "work".split()
)


def chosen(given: str | None, env: Mapping[str, str]) -> Path:
    """Return the directory that ``--dir`` names, else that of the environment, else the one of the usual name here."""
    return Path(given or env.get("SANDBOX_DIR") or DEFAULT)


def prepared(folder: Path) -> Folders:
    """Return the directory of a sandbox, made if it is not there, for its user alone; raise RequestError."""
    os.umask(0o077)  # whatever is written from here on is its user's alone
    folders = Folders(folder.absolute())
    try:
        folders.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = set(os.listdir(folders.root))
        foreign = "" if folders.database.name in found else min(found - _OWN, default="")
        if foreign:
            raise RequestError(
                f"the directory {quoted(folders.root)} is not a sandbox's: it has {quoted(foreign)} in it",
                hint="name a new directory with --dir",
                code="folder",
            )
        folders.root.chmod(0o700)
        problem = "" if os.access(folders.root, os.W_OK | os.X_OK) else "it cannot be written to"
    except OSError as error:
        problem = "it is a file" if folders.root.is_file() else str(error.strerror)
    if problem:
        raise RequestError(
            f"the directory {quoted(folders.root)} cannot be used: {problem}",
            hint="name another one with --dir",
            code="folder",
        )
    return folders
