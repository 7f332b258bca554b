"""Relays between a client and servers on loopback, which break off, fall silent, drip or wait where a test says."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

Kind = Literal["close", "reset", "silent", "drip", "call"]
ALWAYS = 1 << 30
_PIECE = 1 << 16
_DRIP = 0.05  # seconds between two bytes
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a close is a reset


@dataclass
class Fault:
    """A way in which relays fail, once so many bytes have passed all of them, from both sides.

    It happens so many ``times``: to the connection that has the next byte, then to that which has the next one.
    ``call`` is called instead, and the bytes pass.
    """

    after: int
    kind: Kind
    times: int = 1
    call: Callable[[], object] = lambda: None


class Between:
    """Relays, each to one port, which meet the same fault; ``passed`` are the bytes of all of them."""

    def __init__(self, fault: Fault | None = None) -> None:
        self.fault = fault
        self.passed = 0
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Between:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        for one in list(self._open):
            _end(one)
        for thread in list(self._threads):
            thread.join()
        for one in self._open:
            one.close()

    def relay(self, port: int) -> int:
        """Relay connections to a port; return the port of the relay."""
        listener = socket.create_server(("127.0.0.1", 0))
        self._open.append(listener)
        self._start(self._accept, listener, port)
        found: int = listener.getsockname()[1]
        return found

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket, port: int) -> None:
        while not self._stopped.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self._open.append(client)
            try:
                server = socket.create_connection(("127.0.0.1", port))
            except OSError:  # it is not there, or not yet again
                _end(client)
                continue
            self._open.append(server)
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._start(self._pump, client, server, server)
            self._start(self._pump, server, client, server)

    def _pump(self, source: socket.socket, target: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(_PIECE):
                room, fault = self._room(len(piece))
                target.sendall(piece[:room])
                if fault is not None:
                    try:
                        self._meet(fault, source, target, piece[room:])
                    except ConnectionAbortedError:
                        _end(server)  # which knows it before the client comes again
                        _end(source)
                        raise
        _end(target)

    def _room(self, count: int) -> tuple[int, Fault | None]:
        """How many of so many bytes pass before a fault, and the fault that comes then."""
        with self._lock:
            fault = self.fault
            room = count if fault is None or fault.times <= 0 else min(max(fault.after - self.passed, 0), count)
            self.passed += room
            if fault is None or room == count:
                return room, None
            fault.times -= 1
            return room, fault

    def _meet(self, fault: Fault, source: socket.socket, target: socket.socket, rest: bytes) -> None:
        if fault.kind == "call":
            fault.call()
            target.sendall(rest)
            return
        if fault.kind == "silent":
            self._stopped.wait()
        elif fault.kind == "drip":
            for byte in rest:
                if self._stopped.wait(_DRIP):
                    break
                target.sendall(bytes([byte]))
            return
        elif fault.kind == "reset":
            for one in (source, target):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                one.shutdown(socket.SHUT_RD)  # the other thread stops reading it: else its close has to wait
        raise ConnectionAbortedError


def _end(sock: socket.socket) -> None:
    with suppress(OSError):
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_RESET)) == _RESET:
            sock.close()
        else:
            sock.shutdown(socket.SHUT_RDWR)
