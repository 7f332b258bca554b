"""Copies of a file of the node: from a GridFTP server, and to one."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from goclient.errors import EndpointError, GoclientError
from goclient.errors.conditions import SessionClosed
from goclient.errors.wording import quote
from goclient.services.contents import MOST_BYTES, FarFile, Source, grown
from goclient.services.gridftp.data import LAST_WORDS, Refused, Stream, Watch, ask_ahead
from goclient.services.gridftp.files import wire_path
from goclient.services.gridftp.replies import refusal
from goclient.services.gridftp.session import Session
from goclient.services.gsi.dial import silent as silent_error

PIECE = 1 << 20  # bytes


def get(session: Session, wanted: FarFile, *, watch: Watch, others: bool = False) -> str:
    """Copy a file from a server behind what the local one has of it; return the ADLER32 of the whole.

    A server may take a connection that is cut for one that has ended: a file shorter than its size has broken off, and
    a longer one was changed.  ``others``: more files follow at once.
    """
    path, file, size = wanted
    shown, most = session.endpoint.show(path), size or MOST_BYTES
    with _local(file):
        arrived = file.seek(0, os.SEEK_END)
    adler = _checksum_of_first(file, arrived, watch)
    buffer = _buffer(size or PIECE)
    with _stream(session, "RETR", path, offset=arrived, watch=watch) as stream:
        if others:
            ask_ahead(session)
        while count := stream.receive(buffer):
            arrived += count
            if arrived > most:
                raise grown(shown, most)
            with _local(file):
                file.write(buffer[:count])
            adler = zlib.adler32(buffer[:count], adler)
            watch.progress(count)
        with _local(file):
            file.flush()
    if arrived < size:
        raise explain_break(shown, f"it ended after {arrived} of {size} bytes")
    return f"{adler:08x}"


def put(session: Session, file: BinaryIO, path: str, *, watch: Watch, offset: int = 0) -> str:
    """Copy a file to a server, which has the first ``offset`` bytes of it; return the ADLER32 of the whole."""
    source, sent = Source(file, str(getattr(file, "name", ""))), offset
    adler = _checksum_of_first(file, offset, watch)
    buffer = _buffer(PIECE if source.size is None else source.size)
    with _stream(session, "STOR", path, offset=offset, watch=watch) as stream:
        while count := _read_into(file, buffer):
            sent += count
            if source.size is not None and sent > source.size:  # it may grow for ever
                source.check()
            adler = zlib.adler32(buffer[:count], adler)
            stream.send(buffer[:count])
            watch.progress(count)
        stream.close()
    source.check()
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


def _buffer(size: int) -> memoryview:
    """Return room for a piece of a file of this size, and for a byte more than it has."""
    return memoryview(bytearray(min(size + 1, PIECE)))


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
            f"{quote(name)} on the node: {error.strerror or error}",
            hint="look at the node's disk: df", code="node-file", subject=str(name),
        ) from error  # fmt: skip


@contextmanager
def _stream(session: Session, command: str, path: str, *, offset: int, watch: Watch) -> Iterator[Stream]:
    """Run the body, which reads or writes a file of a server; a copy that ends early closes the session."""
    stream: Stream | None = None
    try:
        stream = Stream(session, watch=watch)
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
        return silent_error(session.server, watch.deadline, step=f"while {quote(subject)} was copied")
    stream.close()
    try:
        if not isinstance(error, Refused):
            with suppress(OSError, SessionClosed):
                stream.finish(Watch(lambda _: None, LAST_WORDS))
    except Refused as refused:
        error = refused
    if isinstance(error, Refused):
        return refusal(error.reply, subject)
    return explain_break(subject, getattr(error, "strerror", None) or str(error))


def explain_break(subject: str, why: str) -> EndpointError:
    """Return the error of a copy whose connection broke: it may pass."""
    return EndpointError(
        f"{quote(subject)}: the connection for the data broke: {why}",
        hint="type the command again later", code="gridftp-broken", subject=subject, transient=True,
    )  # fmt: skip
