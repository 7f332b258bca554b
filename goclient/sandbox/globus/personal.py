"""Globus as a Globus Connect Personal sees it: set-up with a one-time key, start.

What it says is not believed: its lock must be in the directory of its configuration, and it can share no more than the
directory that this one is in, which for a pilot's is the job's; or that a hidden one around it is in, such as a
carrier's in the job's directory.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from goclient.sandbox.http import Document, ServiceError
from goclient.sandbox.routes import Call, Routes
from goclient.sandbox.state import compact_json

KERNELS = tuple(Path(one) for one in ("/proc", "/sys", "/dev"))  # nobody's files

routes = Routes("/connect")


@routes.on("POST", "/setup")
def setup(call: Call) -> Document:
    """Turn a setup key, once, into the secret with which the endpoint is started."""
    given = call.document()
    directory, key = _check_directory(given.get("directory")), str(given.get("setup_key"))
    secret = secrets.token_urlsafe(24)
    change = "update collections set setup_key = null, secret = ?, directory = ? where id = ?"
    with call.state.transaction():
        row = call.state.row("select id from collections where setup_key = ?", key)
        if row is None:
            raise ServiceError(403, {"error": "the setup key is not valid, or was used before"})
        call.state.run(change, secret, str(directory), row["id"])
    return {"id": row["id"], "secret": secret}


@routes.on("POST", "/start")
def start(call: Call) -> Document:
    """Note which paths a started endpoint shares."""
    given = call.document()
    own = (str(given.get("id")), str(given.get("secret")))
    row = call.state.row("select directory from collections where id = ? and secret = ?", *own)
    if row is None:
        raise ServiceError(403, {"error": "the endpoint is gone, or its secret is wrong"})
    directory = _check_directory(row["directory"])
    lock = given.get("lock_file")
    file = Path(lock) if isinstance(lock, str) else directory
    if file.parent != directory or file.is_symlink() or not file.is_file() or file.stat().st_uid != os.getuid():
        raise ServiceError(400, {"error": f"the lock must be a file in {str(directory)!a}, not {lock!a}"})
    above = directory.parent
    allowed = _check_allowed(given.get("allowed"), above.parent if above.name.startswith(".") else above)
    change = "update collections set lock_file = ?, allowed = ? where id = ?"
    call.state.run(change, lock, compact_json(allowed), own[0])
    return {}


def _check_directory(path: Any) -> Path:
    """Return the directory of a configuration, in which nobody else can write; raise a ServiceError for another."""
    try:
        real = Path(os.path.realpath(str(path)))
        mode = real.stat()
    except (OSError, ValueError) as error:
        raise ServiceError(400, {"error": f"the configuration's directory {path!a} cannot be used: {error}"}) from error
    private = real.is_dir() and mode.st_uid == os.getuid() and not mode.st_mode & 0o022
    if not private or str(real) != path or real.parent == Path("/") or any(map(real.is_relative_to, KERNELS)):
        raise ServiceError(400, {"error": f"{path!a} is not the directory of a configuration of one's own"})
    return real


def _check_allowed(paths: Any, above: Path) -> list[str]:
    """Return the directories that are shared, all of them below one; raise a ServiceError for others."""
    if not isinstance(paths, list) or not paths or not all(isinstance(one, str) for one in paths):
        raise ServiceError(400, {"error": "allowed is a list of directories"})
    for one in paths:
        try:
            below = Path(os.path.realpath(one)).is_relative_to(above)
        except ValueError:
            below = False
        if not below:
            raise ServiceError(400, {"error": f"only what is in {str(above)!a} can be shared, not {one!a}"})
    return [os.path.realpath(one) for one in paths]
