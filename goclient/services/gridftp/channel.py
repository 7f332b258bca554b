"""Control channel of a GridFTP server: the lines of FTP, and TLS 1.2 inside them (RFC 2228)."""

from __future__ import annotations

import binascii
import re
import select
import socket
import ssl
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from goclient.errors import EndpointError
from goclient.errors.conditions import NotALocation, TooLarge
from goclient.errors.wording import quote
from goclient.model.endpoint import GridftpEndpoint
from goclient.services.deadline import Deadline
from goclient.services.gridftp.replies import Lines, Malformed, Reply, closing
from goclient.services.gsi.dial import name_errors
from goclient.services.gsi.server import GRIDFTP, Server

MAX_REPLY = 32 << 20  # bytes: 200,000 entries of a directory
_PIECE = 1 << 20
_PROTECTED = (631, 632, 633)  # RFC 2228: what is in such a reply went through TLS


class Channel:
    """Send commands to a server and take its replies, through TLS once that is there; any error closes the channel.

    One thread uses it at a time; any may :meth:`cancel` it.
    """

    def __init__(self, endpoint: GridftpEndpoint, sock: socket.socket) -> None:
        self.endpoint = endpoint
        self.server = Server(endpoint.host, endpoint.port, GRIDFTP)
        self.account = ""
        self.dn = ""
        self.is_closed = False
        self.is_asked_ahead = False  # the reply to the last command is for the next copy
        self.has_waited = False  # whether it has been used, so that the server may have ended it since
        self.channel: ssl.SSLContext | None = None  # for streams of data, once the server knows its key
        self._socket = sock
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._outer, self._inner = Lines(), Lines()
        self._replies: deque[Reply] = deque()
        self._unsent = bytearray()
        sock.setblocking(False)

    def close(self) -> None:
        """Hang up; only the thread that uses the session may do that."""
        self.cancel()
        self._socket.close()

    def cancel(self) -> None:
        """End what any thread does with the session."""
        self.is_closed = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def fileno(self) -> int:
        """Return the number of its socket, for ``select``."""
        return self._socket.fileno()

    @property
    def peer(self) -> str:
        """Return the address of the server."""
        return str(self._socket.getpeername()[0])

    @property
    def has_unsent(self) -> bool:
        """Return True while commands wait to be sent."""
        return bool(self._unsent)

    # --- commands and replies -----------------------------------------------------------------------------------

    def send(self, *commands: str) -> None:
        """Put commands behind those that wait to be sent."""
        for command in commands:
            data = command.encode("utf-8", "surrogateescape")
            if re.search(rb"[\r\n\0]", data):
                hint = "give it a name without line breaks"
                raise NotALocation(f"{quote(command)} cannot be sent to a GridFTP server", hint=hint)
            assert self._tls is not None, "commands are sent once the server has proven its name"
            self._tls.write(data + b"\r\n")
            self._queue(b"ENC", self._outgoing.read())

    def reply(self, deadline: Deadline, *, step: str) -> Reply:
        """Return the next reply, also a preliminary one."""
        while not self._replies:
            with self._name_errors(deadline, step):
                reads, writes, _ = select.select([self], [self] if self._unsent else [], [], deadline.remaining())
                if not (reads or writes):
                    raise TimeoutError
            self.work(deadline, step=step)
        return self._replies.popleft()

    def next_reply(self) -> Reply | None:
        """Return a reply that has come, None if there is none."""
        return self._replies.popleft() if self._replies else None

    def work(self, deadline: Deadline, *, step: str) -> None:
        """Send and receive what can be at once."""
        with self._name_errors(deadline, step):
            if self.is_closed:
                raise ConnectionAbortedError
            with suppress(BlockingIOError):
                while self._unsent:
                    del self._unsent[: self._socket.send(self._unsent)]
            data = None
            with suppress(BlockingIOError):
                data = self._socket.recv(_PIECE)
            if data == b"":
                raise ConnectionAbortedError
            if data is not None:
                self._take(self._outer.feed(data))
            self._check_size(max(self._outer.size // 2, self._inner.size), step)

    def _check_size(self, size: int, step: str) -> None:
        """Raise TooLarge, and close the session, for more bytes than a directory has in its listing."""
        if size > MAX_REPLY:
            self.close()
            raise TooLarge(
                f"the {self.server.named} sent more than {MAX_REPLY >> 20} MiB at once, {step}",
                hint="name a directory with fewer entries", subject=str(self.endpoint),
            )  # fmt: skip

    def _take(self, replies: Sequence[Reply]) -> None:
        """Take replies, from inside TLS once that is there: anybody on the way can have written others."""
        if self._tls is None:
            self._replies += replies
            return
        for reply in replies:
            if reply.code not in _PROTECTED:
                raise closing(reply, server=self.server.named, subject=str(self.endpoint))
            for line in reply.lines:
                self._incoming.write(binascii.a2b_base64(line[4:]))
        records = []  # each read gives one
        with suppress(ssl.SSLWantReadError):
            while record := self._tls.read(_PIECE):
                records.append(record)
        self._replies += self._inner.feed(b"".join(records))

    def _queue(self, word: bytes, data: bytes) -> None:
        self._unsent += word + b" " + binascii.b2a_base64(data, newline=False) + b"\r\n"

    @contextmanager
    def _name_errors(self, deadline: Deadline, step: str) -> Iterator[None]:
        """Run the body; whatever it raises closes the session."""
        try:
            with name_errors(self.server, deadline, step=step):
                yield
        except BaseException as error:
            self.close()
            if isinstance(error, (Malformed, binascii.Error)):
                raise self._garbage(str(error), step) from error
            raise

    def _garbage(self, what: str, step: str) -> EndpointError:
        return EndpointError(
            f"the {self.server.named} sent {what}, {step}",
            hint="check that the host and the port are a GridFTP server's", code="gridftp-garbage",
            subject=str(self.endpoint),
        )  # fmt: skip
