"""Data channels of GridFTP: both ends prove that they have a key which was made for them, and nobody's credential.

The key goes to the servers over their control channels (DCSC); data channels are always authenticated with it
(DCAU A).  What follows the handshake is in the clear, as it is with globus-url-copy: checksums tell what has arrived.
"""

from __future__ import annotations

import ipaddress
import re
import select
import socket
import ssl
from collections.abc import Sequence

from goclient.errors import EndpointError
from goclient.errors.wording import cite
from goclient.services.contents import Moved
from goclient.services.deadline import Deadline
from goclient.services.gridftp.key import DataKey, new_key
from goclient.services.gridftp.replies import Reply
from goclient.services.gridftp.session import Session
from goclient.services.gsi.dial import dial
from goclient.services.gsi.server import GRIDFTP, Server

SILENT = 120.0  # seconds without progress
LEAST = 1 << 16  # bytes that are progress
LAST_WORDS = 2.0  # seconds in which a server says why it has closed a data channel
STREAM, BLOCKS = "S", "E"  # modes of RFC 959 and of GFD.20: only the second one's channels are used for several files
_MOST_RECORDS = 1 << 14  # bytes of a handshake that are read at once
_INTERVAL = 1.0  # seconds between two calls of ``moved`` at most
_NO_DELEGATION = b"0"
_PASSIVE = re.compile(r"\((\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})\)")  # RFC 959's 227
_EXTENDED = re.compile(r"\(\|\|\|(\d{1,5})\|\)")  # RFC 2428's 229


class Watch:
    """Wait for sockets, ``silent`` seconds without any progress at most; ``moved`` is told once a second at least."""

    def __init__(self, moved: Moved, silent: float = SILENT) -> None:
        self._moved = moved
        self._silent = silent
        self.deadline = Deadline(silent)
        self._since = 0

    def progress(self, count: int) -> None:
        """Tell of bytes that have moved, or of another step; single bytes give no server more time."""
        self._since += count
        if not count or self._since >= LEAST:
            self.deadline, self._since = Deadline(self._silent), 0
        self._moved(count)

    def wait(
        self, reads: Sequence[Session | socket.socket], writes: Sequence[Session | socket.socket] = ()
    ) -> list[Session | socket.socket]:
        """Return which of them can be read or written; raise TimeoutError."""
        while True:
            ready = select.select(reads, writes, [], min(_INTERVAL, self.deadline.remaining()))
            if found := [*ready[0], *ready[1]]:
                return found
            self._moved(0)


def prepare(session: Session, key: DataKey, *, mode: str, watch: Watch) -> None:
    """Tell a server how data goes, and with which key; raise EndpointError if it does not take one."""
    session.channel = None
    commands = ["TYPE I", f"MODE {mode}", key.command, "DCAU A"]
    for command, reply in zip(commands, session.commands(commands, lambda: watch.deadline), strict=True):
        if not reply.is_good:
            session.close()
            what = command.partition(" ")[0]
            raise EndpointError(
                f"the {session.server.named} cannot protect data channels without the user's credential: it refuses "
                f"{what}: {cite(reply.text, 200) if what != 'DCSC' else reply.code}",
                hint="it must be a server of the Globus Toolkit 5.2 or later; ask its operators",
                code="gridftp-data-channel", subject=str(session.endpoint),
            )  # fmt: skip


def stream_context(session: Session, watch: Watch) -> ssl.SSLContext:
    """Return what our end of a stream needs; the server is told of the key once, and takes it for all its streams."""
    if session.channel is None:
        key = new_key()
        prepare(session, key, mode=STREAM, watch=watch)
        session.channel = key.context
    return session.channel


def passive(session: Session, watch: Watch) -> tuple[str, int]:
    """Return the host and the port at which a server waits for data: as it was asked ahead, or is asked now."""
    is_ipv6 = ":" in session.peer
    if session.is_asked_ahead:
        session.is_asked_ahead = False
        reply = session.reply(watch.deadline, step="before it opened a data channel")
    else:
        (reply,) = session.commands([_passive_word(session)], lambda: watch.deadline)
    if is_ipv6 and reply.is_good and (found := _EXTENDED.search(reply.text)):
        return session.peer, int(found[1])
    if reply.is_good and (found := _PASSIVE.search(reply.text)) and all(int(one) < 256 for one in found.groups()):
        host, port = ".".join(str(int(one)) for one in found.groups()[:4]), int(found[5]) * 256 + int(found[6])
        return _reachable(host, session.peer), port
    raise _no_channel(session, reply)


def ask_ahead(session: Session) -> None:
    """Ask for the data channel of the next copy, which the server opens when this one has ended."""
    session.send(_passive_word(session))
    session.is_asked_ahead = True


def _passive_word(session: Session) -> str:
    return "EPSV" if ":" in session.peer else "PASV"


def connect_to(session: Session, host: str, port: int, *, watch: Watch) -> None:
    """Tell a server where it sends its data."""
    address = f"PORT {','.join([*host.split('.'), str(port >> 8), str(port & 255)])}"
    if ":" in host:
        address = f"EPRT |2|{host}|{port}|"
    (reply,) = session.commands([address], lambda: watch.deadline)
    if not reply.is_good:
        raise _no_channel(session, reply)


def _reachable(host: str, peer: str) -> str:
    """Return the address to use: a server behind a translation of addresses may tell one that only its site knows."""
    ours, theirs = ipaddress.ip_address(peer), ipaddress.ip_address(host)
    return peer if ours.is_global and not theirs.is_global else host


def _no_channel(session: Session, reply: Reply) -> EndpointError:
    session.close()
    return EndpointError(
        f"the {session.server.named} opens no data channel: {cite(reply.text, 200)}",
        hint="ask the server's operators", code="gridftp-data-channel", subject=str(session.endpoint),
        transient=400 <= reply.code < 500,
    )  # fmt: skip


class Refused(Exception):
    """A server has refused a transfer before, or while, data went."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


class Stream:
    """A data channel to one server, for one file (mode S); the server's end of it is checked first."""

    def __init__(self, session: Session, *, watch: Watch) -> None:
        self._context = stream_context(session, watch)
        host, port = passive(session, watch)
        self._session = session
        self._watch = watch
        self._final: Reply | None = None
        self._socket = dial(Server(host, port, GRIDFTP), watch.deadline)
        self._socket.setblocking(False)

    def close(self) -> None:
        """Hang up; of data that was sent this is the end."""
        self._socket.close()

    def handshake(self) -> None:
        """Prove to each other that both have the key; raise Refused if the server refuses the transfer instead."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self._context.wrap_bio(incoming, outgoing)
        piece = memoryview(bytearray(_MOST_RECORDS))
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.send(outgoing.read())
                if not (count := self.receive(piece)):
                    raise ConnectionAbortedError from None
                incoming.write(piece[:count])
        if incoming.pending:  # data, which is not TLS, comes when the server has our last words
            raise ConnectionAbortedError
        self.send(outgoing.read())
        tls.write(_NO_DELEGATION)
        self.send(outgoing.read())

    def send(self, data: bytes | memoryview) -> None:
        """Send all of some bytes."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._socket.send(view) :]
                self._watch.progress(0)
            except BlockingIOError:
                self._ready([self._session], [self._socket])

    def receive(self, into: memoryview) -> int:
        """Read some bytes; return how many, 0 at the end."""
        while True:
            try:
                return self._socket.recv_into(into)
            except BlockingIOError:
                self._ready([self._session, self._socket], [])

    def _ready(self, reads: list[Session | socket.socket], writes: list[Session | socket.socket]) -> None:
        """Wait; note what the server says meanwhile, and raise Refused if that is a refusal."""
        session = self._session
        ready = self._watch.wait(reads if self._final is None else [one for one in reads if one is not session],
                                 [*writes, *([session] if session.has_unsent else [])])  # fmt: skip
        if session in ready:
            session.work(self._watch.deadline, step="during a transfer")
            self._note()

    def _note(self) -> None:
        while self._final is None and (reply := self._session.next_reply()) is not None:
            if reply.code >= 400:
                raise Refused(reply)
            if not reply.is_preliminary and reply.code < 300:
                self._final = reply

    def finish(self, watch: Watch | None = None) -> None:
        """Wait until the server says that it has all, or has sent all; raise Refused."""
        self._watch = watch or self._watch
        while self._final is None:
            self._ready([self._session], [])
