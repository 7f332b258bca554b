"""A relay between a client and a server on loopback: silent, dripping, or cut where a test says."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
import time
from dataclasses import dataclass
from types import TracebackType

_PIECE = 1 << 16
_LOOK = 0.02  # seconds after which it looks whether it is stopped
DRIP = 0.05  # seconds for each byte of a server that drips


@dataclass
class Fault:
    """A way in which the relay fails: after so many bytes, counted from both sides."""

    after: int
    kind: str  # reset, close, silent, drip


class Between:
    """Relay each connection to a port; ``fault`` is what happens to the next ones, ``times`` how often."""

    def __init__(self, port: int, fault: Fault | None = None, *, times: int = 1 << 30) -> None:
        self._target = port
        self.fault = fault
        self.times = times
        self.relayed = 0  # bytes, of all connections
        self._stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_LOOK)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> Between:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        for thread in list(self._threads):
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = self._listener.accept()
                fault = self.fault if self.times > 0 else None
                self.times -= 1
                thread = threading.Thread(target=self._relay, args=(client, fault))
                self._threads.append(thread)
                thread.start()

    def _relay(self, client: socket.socket, fault: Fault | None) -> None:
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            ways = {client: server, server: client}
            passed = 0
            with selectors.DefaultSelector() as waiting:
                for one in ways:
                    waiting.register(one, selectors.EVENT_READ)
                while not self._stopped.is_set() and len(waiting.get_map()) > 0:
                    for key, _ in waiting.select(_LOOK):
                        side = key.fileobj
                        assert isinstance(side, socket.socket)
                        try:
                            data = side.recv(_PIECE)
                            passed += self._pass(data, ways[side], fault, passed, (client, server))
                        except OSError:
                            return
                        if not data:
                            waiting.unregister(side)
                            with contextlib.suppress(OSError):
                                ways[side].shutdown(socket.SHUT_WR)

    def _pass(
        self,
        data: bytes,
        to: socket.socket,
        fault: Fault | None,
        passed: int,
        both: tuple[socket.socket, socket.socket],
    ) -> int:
        """Pass some bytes on, or fail; return how many there were."""
        if fault is None or passed + len(data) <= fault.after:
            to.sendall(data)
            self.relayed += len(data)
            return len(data)
        early = max(fault.after - passed, 0)
        to.sendall(data[:early])
        if fault.kind == "silent":
            self._stopped.wait()
        elif fault.kind == "drip":
            for byte in data[early:]:
                if self._stopped.is_set():
                    break
                to.sendall(bytes([byte]))
                time.sleep(DRIP)
            return len(data)
        elif fault.kind == "reset":
            for one in both:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise ConnectionAbortedError
