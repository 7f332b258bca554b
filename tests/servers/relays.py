"""Relays on loopback, before real servers: they count connections, and the round trips on each."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PIECE = 1 << 16


class Relay:
    """One relay: ``turns`` has how often the client of each connection spoke after the server had."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port: int = self._listening.getsockname()[1]
        self.turns: list[int] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # it is closed
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._open += [client, server]
                number = len(self.turns)
                self.turns.append(0)
                answered = threading.Event()
                answered.set()
                for ends in ((client, server, number), (server, client, None)):
                    threading.Thread(target=self._pass_on, args=(*ends, answered), daemon=True).start()

    def _pass_on(
        self, source: socket.socket, target: socket.socket, number: int | None, answered: threading.Event
    ) -> None:
        with suppress(OSError):
            while data := source.recv(_PIECE):
                if number is None:
                    answered.set()
                elif answered.is_set():
                    answered.clear()
                    self.turns[number] += 1
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        for one in (self._listening, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextmanager
def relays(*ports: int) -> Iterator[list[Relay]]:
    """Relays to these ports, while the body runs."""
    made = [Relay(port) for port in ports]
    try:
        yield made
    finally:
        for one in made:
            one.close()
