"""A proxy between a client and a server on loopback, which breaks off, resets, slows down or holds what passes."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

_DRIP = 0.05  # seconds between two bytes
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a close is a reset


@dataclass(frozen=True)
class Fault:
    """What happens to a connection after so many bytes from the server (``down``) or to it."""

    kind: Literal["cut", "reset", "silent", "drip"]
    after: int = 0
    down: bool = True


@dataclass
class Between:
    """A proxy that runs on a port: each connection meets the next fault, or ``always`` the same one, or none."""

    port: int
    faults: deque[Fault] = field(default_factory=deque)
    always: Fault | None = None
    connections: int = 0

    def next(self) -> Fault | None:
        self.connections += 1
        return self.faults.popleft() if self.faults else self.always


@contextmanager
def between(server: int) -> Iterator[Between]:
    """Run a proxy to a port of this machine."""
    listener = socket.create_server(("127.0.0.1", 0))
    state = Between(listener.getsockname()[1])
    opened: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", server))
            opened.extend((client, far))
            for one in (client, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            fault = state.next()
            for source, target, down in ((far, client, True), (client, far, False)):
                mine = fault if fault is not None and fault.down is down else None
                threading.Thread(target=_pump, args=(source, target, mine), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for one in opened:
            _end(one)
            one.close()
        thread.join()


def _pump(source: socket.socket, target: socket.socket, fault: Fault | None) -> None:
    passed = 0
    with suppress(OSError):
        while piece := source.recv(1 << 16):
            room = len(piece) if fault is None else max(fault.after - passed, 0)
            target.sendall(piece[:room])
            passed += len(piece[:room])
            if fault is not None and room < len(piece):
                _meet(fault, source, target, piece[room:])
    _end(target)


def _meet(fault: Fault, source: socket.socket, target: socket.socket, rest: bytes) -> None:
    if fault.kind == "silent":
        while source.recv(1 << 16):  # and nothing passes
            pass
    elif fault.kind == "drip":
        for byte in rest:
            target.sendall(bytes([byte]))
            time.sleep(_DRIP)
    else:
        for one in (source, target):
            if fault.kind == "reset":
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                one.shutdown(socket.SHUT_RD)  # the other thread stops reading it: else its close has to wait
        _end(source)
    raise ConnectionAbortedError


def _end(sock: socket.socket) -> None:
    with suppress(OSError):
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_RESET)) == _RESET:
            sock.close()
        else:
            sock.shutdown(socket.SHUT_RDWR)
