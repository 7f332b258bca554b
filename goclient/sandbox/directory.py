"""Choose and prepare the directory of a sandbox; tell where its files are."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Set
from pathlib import Path

from goclient.errors import RequestError
from goclient.errors.wording import quote
from goclient.model.endpoint import NODE
from goclient.model.location import directory_problem
from goclient.sandbox.exports import FILES

DEFAULT = "goclient-sandbox"

# What a sandbox writes beside the files of Directory.
_MORE = {*FILES, "sandbox.sqlite-shm", "sandbox.sqlite-wal", "grid.part"}


class Directory:
    """Paths of the files of one sandbox."""

    def __init__(self, root: Path) -> None:
        self.root = root = root.resolve()  # it is in the settings, where no path has a .. in it
        self.database = root / "sandbox.sqlite"  # all state
        self.log = root / "sandbox.log"
        self.lock = root / "lock"  # held while the sandbox runs
        self.answers = root / "answers"  # exists while every service answers
        self.collections = root / "collections"  # one directory a collection, with what it holds
        self.transformations = root / "transformations"  # what $SANDBOX_URL/transformations/ serves
        self.cache = root / "cache"  # what $SANDBOX_URL/cache/ serves: the sources of tasks
        self.catalogue = root / "endpoints.toml"  # the endpoint catalogue that env.sh names
        self.settings = root / "settings.toml"  # the user's settings, as it is beside the catalogue
        self.secret = root / "authorization"  # the header with the sandbox's secret, for curl -H @FILE
        self.user_token = root / "user.token"
        self.pilot_token = root / "pilot.token"
        self.programs = root / "bin"  # what env.sh puts first on PATH
        self.grid = root / "grid"  # the certificate authority, and the certificates that it has issued
        self.client_state = root / "state"  # for GOCLIENT_STATE
        self.site = root / "site"  # what a site without goclient keeps: its jobs, and their logs
        self.work = root / "work"  # what the demo writes


def choose(given: str | None, env: Mapping[str, str]) -> Path:
    """Return the directory that ``--dir`` names, else that of the environment, else the one of the usual name here."""
    return Path(given or env.get("SANDBOX_DIR") or DEFAULT)


def prepare(path: Path) -> Directory:
    """Return the directory of a sandbox, made if it is missing, for its user alone; raise RequestError."""
    os.umask(0o077)  # whatever is written from here on is its user's alone
    directory = Directory(path)
    root = directory.root
    problem = directory_problem(NODE, str(root))  # the settings have it as the directory of a queue's nodes
    try:
        if not problem:
            _make(root, _MORE | {path.name for path in vars(directory).values() if path != root})
    except OSError as error:
        problem = "it is a file" if root.is_file() else str(error.strerror)
    if problem:
        message = f"the directory {quote(root)} cannot be used: {problem}"
        raise RequestError(message, hint="name another one with --dir", code="folder")  # plain: as below
    return directory


def _make(root: Path, own: Set[str]) -> None:
    """Make a directory which has nothing but such files in it, for its user alone."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = set(os.listdir(root))
    # A directory that has nothing else in it may have been left by a sandbox that was killed.
    foreign = "" if Directory(root).database.name in found else min(found - own, default="")
    if foreign:
        raise RequestError(
            f"the directory {quote(root)} is not a sandbox's: it has {quote(foreign)} in it",
            hint="name a new directory with --dir",
            code="folder",  # plain: an error's code stays as it is
        )
    root.chmod(0o700)
    if not os.access(root, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "it cannot be written to")
