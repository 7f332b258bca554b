"""Refuse requests that are not of this machine's programs, and to the sandbox's own routes those without its secret.

Everybody on a machine can reach its loopback, and a web page can make a browser ask there under a name of its own
(DNS rebinding).  So each request must name the sandbox, and come from no other site; and the routes that look into the
sandbox, or log somebody in, take what only ``env.sh`` has, which its user alone can read.

A person's login has a secret of its own, the first part of the path in the URL of Auth: it goes with the page that a
browser opens, on whose command line others can read it.  So it counts for the sandbox's user only.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from goclient.sandbox.http import ServiceError
from goclient.sandbox.routes import Call
from goclient.sandbox.state import State

OWN = ("/sandbox/", "/connect/")  # the routes that no real service has
NAMES = ("127.0.0.1", "localhost")
LOOPBACK = "0100007F"  # 127.0.0.1 in the kernel's tables
_ENTERED = "sandbox.entered"


def enter(environ: dict[str, Any], state: State) -> None:
    """Take the login's secret off the path of a request that has it."""
    parts = environ["PATH_INFO"].split("/", 2)
    if len(parts) == 3 and _is_secret(parts[1], state.fact("login")):
        environ["PATH_INFO"] = f"/{parts[2]}"
        environ[_ENTERED] = True


def check(call: Call) -> None:
    """Raise a ServiceError for a request that is not for this sandbox, or lacks its secret."""
    hosts = [f"{name}:{call.environ['SERVER_PORT']}" for name in NAMES]
    host = call.headers.get("Host", "")
    if host not in hosts:
        raise ServiceError(403, f"the sandbox is at {hosts[0]}, not at {host!a}\n")
    origin = call.headers.get("Origin", "")
    of_a_page = "://" in origin or origin == "null"  # PanDA's clients send the name of their VO in it
    if of_a_page and origin not in [f"http://{one}" for one in hosts]:
        raise ServiceError(403, f"the sandbox takes nothing from pages of {origin!a}\n")
    if call.path.startswith(OWN) and not _is_secret(call.bearer, call.state.fact("secret")):
        text = "the sandbox's secret is needed: send Authorization: Bearer, and SANDBOX_SECRET of its env.sh"
        raise ServiceError(401, {"error": text, "errors": [text]})


def may_log_in(call: Call) -> bool:
    """Return True for a request of the sandbox's user, at the address that ``env.sh`` has for Auth."""
    own, theirs = (int(call.environ[name]) for name in ("SERVER_PORT", "REMOTE_PORT"))
    entered = _ENTERED in call.environ and _owner(theirs, own) in (os.getuid(), 0)
    return entered or _is_secret(call.bearer, call.state.fact("secret"))


def _is_secret(shown: str, secret: str) -> bool:
    """Return True if a secret exists and was shown, without telling by the time how much of it is right."""
    return bool(secret) and secrets.compare_digest(shown.encode(), secret.encode())


def _owner(theirs: int, own: int) -> int | None:
    """Return the user whose end of a connection has the port ``theirs``, None if the kernel shows none."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, remote, _, _, _, _, user, *_ = line.split()
            if local.endswith(f"{LOOPBACK}:{theirs:04X}") and remote.endswith(f"{LOOPBACK}:{own:04X}"):
                return int(user)
    return None
