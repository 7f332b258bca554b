"""Connect to a server, and say in an error of its kind what went wrong at which step.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from goclient.errors import GoclientError
from goclient.errors.wording import quote
from goclient.services import loopback
from goclient.services.deadline import Deadline, within
from goclient.services.gsi.refusals import raise_refused
from goclient.services.gsi.server import Server

_CLOSED = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionResetError, BrokenPipeError, ConnectionAbortedError)


def dial(server: Server, deadline: Deadline) -> socket.socket:
    """Return a connected socket, to the first address of the server that takes it."""
    try:
        addresses = _addresses(server, deadline)
    except TimeoutError as error:
        raise silent(server, deadline, step="because its name was not found in time") from error
    except (OSError, UnicodeError) as error:
        why = f"the name {quote(server.host)} is not known: {getattr(error, 'strerror', None) or error}"
        is_unknown = not isinstance(error, socket.gaierror) or error.errno != socket.EAI_AGAIN
        raise unreachable(server, why, is_unknown=is_unknown) from error
    last: OSError = OSError("it has no address")
    for number, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(deadline.share(len(addresses) - number).remaining())
            sock.connect(address)
            # A request is a few small records: without it each waits 40 ms for the other side's acknowledgement.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as error:
            sock.close()
            last = error
    if isinstance(last, TimeoutError):
        raise silent(server, deadline, step="when the connection was made") from last
    raise unreachable(server, last.strerror or str(last)) from last


def _addresses(server: Server, deadline: Deadline) -> list[tuple[Any, ...]]:
    """Return what a server's name stands for; who is asked for a name may never answer."""

    def find(flags: int = 0) -> list[tuple[Any, ...]]:
        return socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM, flags=flags)

    try:
        return find(socket.AI_NUMERICHOST)
    except socket.gaierror:
        return within(deadline.remaining(), find)


def handshaken(
    context: ssl.SSLContext, server: Server, deadline: Deadline, *, sock: socket.socket | None = None
) -> ssl.SSLSocket:
    """Return a connected socket on which the handshake of TLS is done: a new one, or one that is connected already."""
    sock = sock or dial(server, deadline)
    try:
        sock = secure = context.wrap_socket(sock, server_hostname=server.host, do_handshake_on_connect=False)
        secure.settimeout(deadline.remaining())
        secure.do_handshake()
        return secure
    except BaseException:
        sock.close()
        raise


@contextmanager
def name_errors(server: Server, deadline: Deadline, *, step: str) -> Iterator[None]:
    """Run the body, which uses the socket of a server; raise its errors as those of its kind, which name the step."""
    try:
        yield
    except OSError as error:
        raise_named(error, server, deadline, step=step)


def raise_named(error: OSError, server: Server, deadline: Deadline, *, step: str) -> NoReturn:
    """Raise an error of a socket as one of the server's kind, which names the step."""
    if isinstance(error, TimeoutError):
        raise silent(server, deadline, step=step) from error
    if isinstance(error, _CLOSED):
        raise server.kind.closed(
            f"the {server.named} closed the connection {step}", code=f"{server.kind.code}-closed",
            subject=str(server), transient=True,
            hint="type the command again; if it stays so, ask the server's operators whether your CA is known to it",
        ) from error  # fmt: skip
    if isinstance(error, ssl.SSLError):
        raise_refused(server, error, step=step)
    raise unreachable(server, error.strerror or str(error)) from error


def silent(server: Server, deadline: Deadline, *, step: str) -> GoclientError:
    """Return the error of a server that does not answer in time."""
    return server.kind.error(
        f"the {server.named} did not answer within {deadline.seconds:.3g} s, {step}",
        hint="type the command again later", code=f"{server.kind.code}-silent", subject=str(server), transient=True,
    )  # fmt: skip


def unreachable(server: Server, why: str, *, is_unknown: bool = False) -> GoclientError:
    """Return the error of a server that could not be reached, because its name ``is_unknown`` or for another reason."""
    made = server.kind.absent if is_unknown else server.kind.error
    return made(
        f"the {server.named} could not be reached: {why}",
        hint=loopback.remedy(
            f"{server.kind.code}://{server}",
            f"{server.kind.check_address} and the network, then type the command again",
        ),
        code=f"{server.kind.code}-unreachable", subject=str(server),
        transient=made is server.kind.error,  # where it has a class of its own, an unknown name is a mistake
    )  # fmt: skip
