"""Play a server that is down: for a while, connections to it are refused."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress


class Outage:
    """Stop a listening socket for a while."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener, self._address = listener, listener.getsockname()
        self._end = 0.0
        self._lock = threading.Lock()

    @property
    def goes_on(self) -> bool:
        """Return True while connections are refused."""
        return time.monotonic() < self._end

    def begin(self, seconds: float) -> None:
        """Refuse connections from now on, and take them again after some seconds."""
        with self._lock:
            if self.goes_on:
                return
            self._end = time.monotonic() + seconds
            self._listener.shutdown(socket.SHUT_RDWR)  # which ends listening, and keeps the descriptor
        again = threading.Timer(seconds, self._listen)
        again.daemon = True
        again.start()

    def _listen(self) -> None:
        with self._lock:
            with suppress(OSError):  # it may still have its port
                self._listener.bind(self._address)
            self._listener.listen(128)
