"""Who may ask a sandbox: programs of this machine, and for what is the sandbox's own, whoever has its secret.

Everybody on a machine can reach its loopback, and a web page can make a browser ask there under a name of its own
(DNS rebinding).  So each request must name the sandbox, and come from no other site; and the routes that look into the
sandbox, or log somebody in, take what only ``env.sh`` has, which its user alone can read.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from werkzeug.wrappers import Request

from goclient.sandbox.http import ServiceError, bearer
from goclient.sandbox.state import State

OWN = ("/sandbox/", "/connect/")  # the routes that no real service has
NAMES = ("127.0.0.1", "localhost")
LOOPBACK = "0100007F"  # 127.0.0.1 in the kernel's tables
_ENTERED = "sandbox.entered"


class Guard:
    """The rules for all requests of one sandbox.

    A person's login has a secret of its own, the first part of the path in the URL of Auth: it goes with the page that
    a browser opens, on whose command line others can read it.  So it counts for the sandbox's user only.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def enter(self, wsgi: dict[str, Any]) -> None:
        """Take the login's secret off the path of a request that has it."""
        parts = wsgi["PATH_INFO"].split("/", 2)
        if len(parts) == 3 and _same(parts[1], self._state.fact("login")):
            wsgi["PATH_INFO"] = f"/{parts[2]}"
            wsgi[_ENTERED] = True

    def check(self, request: Request) -> None:
        """Raise a ServiceError for a request that is not for this sandbox, or lacks its secret."""
        hosts = [f"{name}:{request.environ['SERVER_PORT']}" for name in NAMES]
        host = request.headers.get("Host", "")
        if host not in hosts:
            raise ServiceError(403, f"the sandbox is at {hosts[0]}, not at {host!a}\n")
        origin = request.headers.get("Origin", "")
        if _is_of_a_page(origin) and origin not in [f"http://{one}" for one in hosts]:
            raise ServiceError(403, f"the sandbox takes nothing from pages of {origin!a}\n")
        if request.path.startswith(OWN) and not self.knows_secret(request):
            text = "the sandbox's secret is needed: send Authorization: Bearer, and SANDBOX_SECRET of its env.sh"
            raise ServiceError(401, {"error": text, "errors": [text]})

    def knows_secret(self, request: Request) -> bool:
        """Return True for a request that has the sandbox's secret as its bearer token."""
        return _same(bearer(request), self._state.fact("secret"))

    def may_log_in(self, request: Request) -> bool:
        """Return True for a request of the sandbox's user, at the place that ``env.sh`` has for Auth."""
        own, theirs = (int(request.environ[name]) for name in ("SERVER_PORT", "REMOTE_PORT"))
        entered = _ENTERED in request.environ and _owner(theirs, own) in (os.getuid(), 0)
        return entered or self.knows_secret(request)


def _same(shown: str, secret: str) -> bool:
    """Return True if a secret was shown that is there, without telling by the time how much of it is right."""
    return bool(secret) and secrets.compare_digest(shown.encode(), secret.encode())


def _is_of_a_page(origin: str) -> bool:
    """Return True for an Origin that a browser has set; PanDA's clients send the name of their VO in it."""
    return "://" in origin or origin == "null"


def _owner(theirs: int, own: int) -> int | None:
    """Return the user whose end of a connection has the port ``theirs``, None if the kernel shows none."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, remote, _, _, _, _, user, *_ = line.split()
            if local.endswith(f"{LOOPBACK}:{theirs:04X}") and remote.endswith(f"{LOOPBACK}:{own:04X}"):
                return int(user)
    return None
