"""A GridFTP server on loopback that lets anybody of its authority in, and then answers what a test says."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType

from goclient.model.endpoint import GridftpEndpoint
from tests.myproxy_grid import Grid

USUAL = {
    b"AUTH": b"334 Using authentication type; ADAT must follow.",
    b"USER": b"331 Password required.",
    b"PASS": b"230 User wdeng logged in.",
}
CLEAR = b"clear: "  # an answer that begins so is not protected


class ScriptedServer:
    """Answer each command by its first word; without an answer for it, say 500."""

    def __init__(self, grid: Grid, answers: Mapping[bytes, bytes], *, greeting: bytes = b"220 scripted") -> None:
        host = grid.authority.issue("/C=TW/O=Test Grid/CN=localhost", into=grid.folder / "scripted", name="host")
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(host.certificate, host.key)
        self._context.load_verify_locations(cafile=grid.authority.file("0"))
        self._answers = {**USUAL, **answers}
        self._greeting = greeting
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = GridftpEndpoint(f"gsiftp://localhost:{self._listener.getsockname()[1]}")
        self.commands: list[bytes] = []  # as they came, over all connections
        self._connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self) -> ScriptedServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in (self._listener, *self._connections):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self._context.wrap_bio(incoming, outgoing, server_side=True)
        connection.sendall(self._greeting + b"\r\n")
        authenticated = False
        with connection.makefile("rb") as lines:
            for line in lines:
                word, _, data = line.strip().partition(b" ")
                if word == b"AUTH":
                    connection.sendall(self._answers[b"AUTH"] + b"\r\n")
                    continue
                incoming.write(base64.b64decode(data))
                if word == b"ADAT":
                    with suppress(ssl.SSLWantReadError):
                        tls.do_handshake()
                        authenticated = tls.read(1) == b"0"
                    code = b"235 " if authenticated else b"335 "
                    connection.sendall(code + b"ADAT=" + base64.b64encode(outgoing.read()) + b"\r\n")
                    continue
                command = tls.read(1 << 16).strip()
                self.commands.append(command)
                answer = self._answers.get(command.split(b" ")[0], b"500 Command not supported.")
                if answer.startswith(CLEAR):
                    connection.sendall(answer.removeprefix(CLEAR) + b"\r\n")
                    continue
                for at in range(0, len(answer) + 2, 1 << 14):
                    tls.write((answer + b"\r\n")[at : at + (1 << 14)])
                    connection.sendall(b"633 " + base64.b64encode(outgoing.read()) + b"\r\n")
