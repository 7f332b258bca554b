"""What was asked of a sandbox: ``GET /sandbox/requests`` lists it, ``DELETE`` begins anew."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from goclient.sandbox.http import answer, caller
from goclient.sandbox.state import State

KEPT = 20_000  # requests; older ones are forgotten


class Recorder:
    """The requests since the last ``DELETE``, in memory: each a method, path, query, identity and time."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._kept: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._total = 0
        self._lock = threading.Lock()

    def rules(self) -> list[Rule]:
        """The routes and their handlers."""
        return [
            Rule("/sandbox/requests", endpoint=self.listed, methods=["GET"]),
            Rule("/sandbox/requests", endpoint=self.clear, methods=["DELETE"]),
        ]

    def note(self, request: Request) -> None:
        """None, once the request is on the list; ``identity`` is a user name, empty without a valid token."""
        query = request.query_string.decode("ascii", "replace")
        self.note_call(request.method, request.path, caller(self._state, request), query=query)

    def note_call(self, method: str, path: str, identity: str, *, query: str = "") -> None:
        """None, once a call of any protocol is on the list."""
        kept = {"method": method, "path": path, "query": query, "identity": identity, "time": time.time()}
        with self._lock:
            self._kept.append(kept)
            self._total += 1

    def listed(self, request: Request) -> Response:
        """The requests, oldest first; ``total`` counts those, too, that are forgotten."""
        with self._lock:
            return answer({"total": self._total, "requests": list(self._kept)})

    def clear(self, request: Request) -> Response:
        """Forgets all requests."""
        with self._lock:
            self._kept.clear()
            self._total = 0
        return answer({"total": 0, "requests": []})
