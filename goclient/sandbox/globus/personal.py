"""The side of Globus that a Globus Connect Personal talks to: set-up with a one-time key, start.

What it says is not believed: its lock must be in the directory of its configuration, and it can share no more than the
directory that this one is in, which for a pilot's is the job's.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from goclient.sandbox.http import ServiceError, answer, body
from goclient.sandbox.state import State, dumped

KERNELS = tuple(Path(one) for one in ("/proc", "/sys", "/dev"))  # nobody's files


class Personal:
    """The routes of the stand-in for Globus Connect Personal."""

    def __init__(self, state: State) -> None:
        self._state = state

    def rules(self) -> list[Rule]:
        """The routes and their handlers."""
        return [
            Rule("/connect/setup", endpoint=self.setup, methods=["POST"]),
            Rule("/connect/start", endpoint=self.start, methods=["POST"]),
        ]

    def setup(self, request: Request) -> Response:
        """Turn a setup key, once, into the secret with which the endpoint is started."""
        given = body(request)
        directory, key = _directory(given.get("directory")), str(given.get("setup_key"))
        secret = secrets.token_urlsafe(24)
        change = "update collections set setup_key = null, secret = ?, directory = ? where id = ?"
        with self._state.transaction():
            row = self._state.row("select id from collections where setup_key = ?", key)
            if row is None:
                raise ServiceError(403, {"error": "the setup key is not valid, or was used before"})
            self._state.run(change, secret, str(directory), row["id"])
        return answer({"id": row["id"], "secret": secret})

    def start(self, request: Request) -> Response:
        """Note which paths a started endpoint shares."""
        given = body(request)
        own = (str(given.get("id")), str(given.get("secret")))
        row = self._state.row("select directory from collections where id = ? and secret = ?", *own)
        if row is None:
            raise ServiceError(403, {"error": "the endpoint is gone, or its secret is wrong"})
        directory = _directory(row["directory"])
        lock_file = given.get("lock_file")
        if not isinstance(lock_file, str) or Path(lock_file).parent != directory or not _is_file(lock_file):
            raise _refused(f"the lock must be a file in {str(directory)!a}, not {lock_file!a}")
        allowed = _allowed(given.get("allowed"), directory.parent)
        change = "update collections set lock_file = ?, allowed = ? where id = ?"
        self._state.run(change, lock_file, dumped(allowed), own[0])
        return answer({})


def _refused(text: str) -> ServiceError:
    return ServiceError(400, {"error": text})


def _is_file(path: str) -> bool:
    """Return True if a regular file of the sandbox's user is at a path, and not a link to one."""
    found = Path(path)
    return not found.is_symlink() and found.is_file() and found.stat().st_uid == os.getuid()


def _directory(path: Any) -> Path:
    """Return the directory of a configuration, in which nobody else can write; raise a ServiceError for another."""
    try:
        real = Path(os.path.realpath(str(path)))
        mode = real.stat()
    except (OSError, ValueError) as error:
        raise _refused(f"the configuration's directory {path!a} cannot be used: {error}") from error
    private = real.is_dir() and mode.st_uid == os.getuid() and not mode.st_mode & 0o022
    if not private or str(real) != path or real.parent == Path("/") or any(map(real.is_relative_to, KERNELS)):
        raise _refused(f"{path!a} is not the directory of a configuration of one's own")
    return real


def _allowed(paths: Any, above: Path) -> list[str]:
    """Return the directories that are shared, all of them below one; raise a ServiceError for others."""
    if not isinstance(paths, list) or not paths or not all(isinstance(one, str) for one in paths):
        raise _refused("allowed is a list of directories")
    for one in paths:
        try:
            below = Path(os.path.realpath(one)).is_relative_to(above)
        except ValueError:
            below = False
        if not below:
            raise _refused(f"only what is in {str(above)!a} can be shared, not {one!a}")
    return [os.path.realpath(one) for one in paths]
