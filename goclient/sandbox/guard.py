"""Who may ask a sandbox: programs of this machine, and for what is the sandbox's own, whoever has its secret.

Everybody on a machine can reach its loopback, and a web page can make a browser ask there under a name of its own
(DNS rebinding).  So each request must name the sandbox, and come from no other site; and the routes that look into the
sandbox, or log somebody in, take the secret of ``env.sh``, which its user alone can read.
"""

from __future__ import annotations

import secrets

from werkzeug.wrappers import Request

from goclient.sandbox.http import ServiceError, bearer
from goclient.sandbox.state import State

OWN = ("/sandbox/", "/connect/")  # the routes that no real service has
NAMES = ("127.0.0.1", "localhost")


class Guard:
    """The rules for all requests of one sandbox."""

    def __init__(self, state: State) -> None:
        self._state = state

    def check(self, request: Request) -> None:
        """Raise a ServiceError for a request that is not for this sandbox, or lacks its secret."""
        hosts = [f"{name}:{request.environ['SERVER_PORT']}" for name in NAMES]
        host = request.headers.get("Host", "")
        if host not in hosts:
            raise ServiceError(403, f"the sandbox is at {hosts[0]}, not at {host!a}\n")
        origin = request.headers.get("Origin", "")
        if _is_of_a_page(origin) and origin not in [f"http://{one}" for one in hosts]:
            raise ServiceError(403, f"the sandbox takes nothing from pages of {origin!a}\n")
        if request.path.startswith(OWN) and not self.knows(bearer(request)):
            text = "the sandbox's secret is needed: send Authorization: Bearer, and SANDBOX_SECRET of its env.sh"
            raise ServiceError(401, {"error": text, "errors": [text]})

    def knows(self, secret: str) -> bool:
        """Return True for the sandbox's secret."""
        return secrets.compare_digest(secret.encode(), self._state.fact("secret").encode())


def _is_of_a_page(origin: str) -> bool:
    """Whether a browser has set an Origin; PanDA's clients send the name of their VO in it."""
    return "://" in origin or origin == "null"
