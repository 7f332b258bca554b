"""Record the requests to a sandbox, for ``GET /sandbox/requests``."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

KEPT = 20_000  # requests; older ones are forgotten


class Recorder:
    """Requests since the last ``DELETE``, in memory: each a method, path, query, identity and time."""

    def __init__(self) -> None:
        self._kept: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._total = 0
        self._lock = threading.Lock()

    def note(self, method: str, path: str, *, identity: str, query: str = "") -> None:
        """Add a request of any protocol; ``identity`` is a name, empty if nobody has proved one."""
        kept = {"method": method, "path": path, "query": query, "identity": identity, "time": time.time()}
        with self._lock:
            self._kept.append(kept)
            self._total += 1

    def document(self) -> dict[str, Any]:
        """Return the requests, oldest first; ``total`` also counts those that are forgotten."""
        with self._lock:
            return {"total": self._total, "requests": list(self._kept)}

    def clear(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._kept.clear()
            self._total = 0
