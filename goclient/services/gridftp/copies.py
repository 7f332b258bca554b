"""Copies: from a GridFTP server to a file, from a file to a server, and from one server to another."""

from __future__ import annotations

import re
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

from goclient.errors import EndpointError, GoclientError
from goclient.errors.conditions import SessionClosed, SourceChanged
from goclient.errors.wording import quoted
from goclient.services.gridftp.data import (
    BLOCKS,
    SILENT,
    STREAM,
    Moved,
    Refused,
    Stream,
    Watch,
    connect_to,
    file_state,
    new_key,
    passive,
    prepare,
)
from goclient.services.gridftp.files import wire_path
from goclient.services.gridftp.replies import Reply, refusal
from goclient.services.gridftp.session import Session
from goclient.services.gsi.dial import silent as silent_error

PIECE = 1 << 20  # bytes
AHEAD = 20  # files whose copies are ordered before the first of them is done
_LAST_WORDS = 2.0  # seconds in which a server says why it has closed a data channel
_RANGES = re.compile(r"Range Marker:? *([0-9]+-[0-9]+(?:,[0-9]+-[0-9]+)*)", re.IGNORECASE)
_BYTES = re.compile(r"Stripe Bytes Transferred: *([0-9]+)")


def get(
    session: Session, path: str, file: BinaryIO, *, moved: Moved, offset: int = 0, size: int = 0, silent: float = SILENT
) -> str:
    """Copy a file from a server behind the first ``offset`` bytes of ``file``; return the ADLER32 of the whole.

    A server may take a connection that is cut for one that has ended: a file shorter than ``size`` has broken off.
    """
    watch = Watch(moved, silent)
    adler, arrived = _checksum_of_first(file, offset, watch), offset
    buffer = memoryview(bytearray(PIECE))
    with _stream(session, "RETR", path, offset=offset, watch=watch) as stream:
        while count := stream.receive(buffer):
            with _local(file):
                file.write(buffer[:count])
            adler, arrived = zlib.adler32(buffer[:count], adler), arrived + count
            watch.progress(count)
        with _local(file):
            file.flush()
    if arrived < size:
        raise _broken(session.endpoint.show(path), f"it ended after {arrived} of {size} bytes")
    return f"{adler:08x}"


def put(session: Session, file: BinaryIO, path: str, *, moved: Moved, offset: int = 0, silent: float = SILENT) -> str:
    """Copy a file to a server, which has the first ``offset`` bytes of it; return the ADLER32 of the whole."""
    watch = Watch(moved, silent)
    before = file_state(file)
    adler = _checksum_of_first(file, offset, watch)
    buffer = memoryview(bytearray(PIECE))
    with _stream(session, "STOR", path, offset=offset, watch=watch) as stream:
        while count := _read_into(file, buffer):
            adler = zlib.adler32(buffer[:count], adler)
            stream.send(buffer[:count])
            watch.progress(count)
        stream.close()
    if file_state(file) != before:
        name = str(getattr(file, "name", ""))
        message = f"{quoted(name)}: it was changed while it was copied"
        raise SourceChanged(message, hint="copy it once nobody writes to it", subject=name)
    return f"{adler:08x}"


def _checksum_of_first(file: BinaryIO, offset: int, watch: Watch) -> int:
    """Return the ADLER32 of the first bytes of a file, which is then read or written behind them."""
    adler, left = 1, offset
    with _local(file):
        file.seek(0)
        while left and (piece := file.read(min(left, PIECE))):
            adler, left = zlib.adler32(piece, adler), left - len(piece)
            watch.progress(0)
        file.seek(offset)
    return adler


def _read_into(file: BinaryIO, buffer: memoryview) -> int:
    with _local(file):
        return file.readinto(buffer)  # type: ignore[attr-defined,no-any-return]  # what open() gives has it


@contextmanager
def _local(file: BinaryIO) -> Iterator[None]:
    """Run the body, which uses a file of the node; raise its errors as EndpointErrors."""
    try:
        yield
    except OSError as error:
        name = getattr(file, "name", "")
        raise EndpointError(
            f"{quoted(name)} on the node: {error.strerror or error}",
            hint="look at the node's disk: df", code="node-file", subject=str(name),
        ) from error  # fmt: skip


@contextmanager
def _stream(session: Session, command: str, path: str, *, offset: int, watch: Watch) -> Iterator[Stream]:
    """Run the body, which reads or writes a file of a server; a copy that ends early closes the session."""
    key = new_key()
    stream: Stream | None = None
    try:
        prepare(session, key, mode=STREAM, watch=watch)
        stream = Stream(session, key, watch=watch)
        session.send(*([f"REST {offset}"] if offset else []), f"{command} {wire_path(path)}")
        try:
            stream.handshake()
            yield stream
            stream.finish()
        except (OSError, Refused) as error:
            raise _failure(session, stream, error, path=path, watch=watch) from error
    except BaseException:
        session.close()
        raise
    finally:
        if stream is not None:
            stream.close()


def _failure(session: Session, stream: Stream, error: Exception, *, path: str, watch: Watch) -> GoclientError:
    """Return why a copy has ended; a server that has closed the data channel says why afterwards."""
    subject = session.endpoint.show(path)
    if isinstance(error, TimeoutError):
        return silent_error(session.server, watch.deadline, step=f"while {quoted(subject)} was copied")
    stream.close()
    try:
        if not isinstance(error, Refused):
            with suppress(OSError, SessionClosed):
                stream.finish(Watch(lambda _: None, _LAST_WORDS))
    except Refused as refused:
        error = refused
    if isinstance(error, Refused):
        return refusal(error.reply, subject)
    return _broken(subject, getattr(error, "strerror", None) or str(error))


def _broken(subject: str, why: str) -> EndpointError:
    return EndpointError(
        f"{quoted(subject)}: the connection for the data broke: {why}",
        hint="type the command again later", code="gridftp-broken", subject=subject, transient=True,
    )  # fmt: skip


# --- from one server to another ------------------------------------------------------------------------------------


@dataclass
class Copy:
    """A file to be copied from one server to another: the paths, and what came of it.

    ``arrived`` are the ranges of bytes that the destination has, as it said: a copy goes on from there.
    """

    source: str
    destination: str
    arrived: str = ""
    error: GoclientError | None = None
    done: bool = False

    @property
    def is_over(self) -> bool:
        """Return True if it was copied, or cannot be."""
        return self.done or self.error is not None


class _End:
    """One of the two servers: what it has said so far of the copies that are under way, in their order."""

    def __init__(self, session: Session, command: str) -> None:
        self.session = session
        self.command = command
        self.finals: deque[Reply] = deque()
        self.bytes = 0  # of the copy that it works on, as its last marker said

    def order(self, copy: Copy, path: str) -> None:
        """Put the commands of a copy behind those that are not sent yet."""
        self.session.send(*([f"REST {copy.arrived}"] if copy.arrived else []), f"{self.command} {wire_path(path)}")

    def read(self, flying: Sequence[Copy], watch: Watch) -> None:
        """Take what it says: replies that end a copy, and markers of the one that it works on."""
        while (reply := self.session.next_reply()) is not None:
            if reply.is_preliminary:
                self._mark(reply, flying, watch)
            elif not 300 <= reply.code < 400:  # which is said of REST
                self.finals.append(reply)
                self.bytes = 0
                watch.progress(0)

    def _mark(self, reply: Reply, flying: Sequence[Copy], watch: Watch) -> None:
        text = reply.text
        if (found := _RANGES.search(text)) and len(self.finals) < len(flying):
            flying[len(self.finals)].arrived = found[1]
        if (count := _BYTES.search(text)) and int(count[1]) > self.bytes:
            before, self.bytes = self.bytes, int(count[1])
            watch.progress(self.bytes - before)


def third_party(
    source: Session, destination: Session, copies: Sequence[Copy], *, moved: Moved, silent: float = SILENT
) -> None:
    """Copy files from one server to another, without the node between; each copy gets what came of it.

    Returns when all are over, or one was refused: both sessions are closed then, because the other server waits for
    data that never come.  What breaks all of them is raised, and then it goes on with two new sessions.  A server of
    which no marker comes for ``silent`` seconds is given up.  A copy that is not done may have left anything at its
    destination, also bytes of the next file.
    """
    watch = Watch(moved, silent)
    waiting = deque(copy for copy in copies if not copy.is_over)
    resumed = [copy for copy in waiting if copy.arrived]
    flying: deque[Copy] = deque()
    ends = _End(source, "RETR"), _End(destination, "STOR")
    try:
        _link(source, destination, watch)
        while waiting or flying:
            while waiting and len(flying) < AHEAD:
                copy = waiting.popleft()
                flying.append(copy)
                ends[0].order(copy, copy.source)
                ends[1].order(copy, copy.destination)
            _read(ends, flying, watch)
            if any(not reply.is_good for end in ends for reply in list(end.finals)[:1]):
                _refuse(ends, flying, resumed=flying[0] in resumed)
                return
            while all(end.finals for end in ends) and all(end.finals[0].is_good for end in ends):
                for end in ends:
                    end.finals.popleft()
                flying.popleft().done = True
    except BaseException:
        # Only the first one has begun for certain.
        for copy in list(flying)[1:]:
            copy.arrived = ""
        source.close()
        destination.close()
        raise


def _link(source: Session, destination: Session, watch: Watch) -> None:
    """Give both servers a key, and the source the address at which the destination waits."""
    key = new_key()
    for session in (source, destination):
        prepare(session, key, mode=BLOCKS, watch=watch)
    # Markers each second, at servers that have the command; others send them from time to time.
    destination.commands(["TREV PERF 1", "TREV RESTART 1"], lambda: watch.deadline)
    host, port = passive(destination, watch)
    connect_to(source, host, port, watch=watch)


def _read(ends: tuple[_End, _End], flying: Sequence[Copy], watch: Watch) -> None:
    """Wait until a server says something, or takes more commands."""
    sessions = [end.session for end in ends]
    try:
        ready = watch.wait(sessions, [one for one in sessions if one.has_unsent])
    except TimeoutError as error:
        slow = next((end.session for end in ends if not end.finals), ends[0].session)
        raise silent_error(slow.server, watch.deadline, step=f"while {quoted(flying[0].source)} was copied") from error
    for end in ends:
        if end.session in ready:
            end.session.work(watch.deadline, step="during a transfer")
            end.read(flying, watch)


def _refuse(ends: tuple[_End, _End], flying: deque[Copy], *, resumed: bool) -> None:
    """Note why the first copy was refused, and close both sessions; raise the error if it may pass."""
    last = Watch(lambda _: None, _LAST_WORDS)
    with suppress(EndpointError):
        while not all(end.finals for end in ends):  # which of the two has closed the data channel, and why
            _read(ends, flying, last)
    copy = flying[0]
    errors = [
        refusal(end.finals[0], end.session.endpoint.show(path))
        for end, path in zip(ends, (copy.source, copy.destination), strict=True)
        if end.finals and not end.finals[0].is_good
    ]
    for end in ends:
        end.session.close()
    error = min(errors, key=lambda one: one.transient)
    if error.transient:
        raise error
    for one in flying:  # the bytes of the next file may have gone under the name of the one before
        one.arrived = ""
    if not resumed:  # else it is tried from its beginning
        copy.error = error
