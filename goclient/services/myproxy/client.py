"""A client of MyProxy servers: INFO, PUT, GET, DESTROY; each method is one of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from goclient.errors import MyproxyError, raise_all
from goclient.errors.myproxy import ConnectionClosed, IdentityError, NoDeposit
from goclient.errors.wording import quote
from goclient.reporter.base import SILENT, Reporter
from goclient.services.deadline import Background, Deadline
from goclient.services.gsi.identity import Identity
from goclient.services.gsi.server import Server
from goclient.services.gsi.tls import Credential, Trust
from goclient.services.myproxy.connection import Connection, connect, find_refusal
from goclient.services.myproxy.policy import dn_of
from goclient.services.myproxy.refusals import refusal
from goclient.services.myproxy.wire import (
    DESTROY,
    GET,
    INFO,
    OK,
    PUT,
    Deposit,
    Request,
    Response,
    deposits_of,
    encode_request,
)

if TYPE_CHECKING:
    from goclient.services.myproxy.delegation import Asked

MAX_CHAIN = 20  # certificates
TIMEOUT = 30.0  # seconds
KEY_SECONDS = 30.0  # the longest that a new key may take, which is a tenth of a second mostly
_NO_DELEGATION = b"0"  # a client of GSI says first that it does not hand over a proxy on its own
_ANSWER = "it answered the request"


class Terms(NamedTuple):
    """Terms of a new deposit, which replaces one of its ``name``.

    ``retrievers`` is a pattern (:func:`policy.pattern_of`): without it the server's default counts, which may be
    everybody.  The deposit lasts ``lifetime`` seconds, but not longer than the identity.  ``retrieval_lifetime`` is
    the longest that a proxy retrieved from it lasts, in seconds; 0 sets no limit.
    """

    retrievers: str
    lifetime: int
    retrieval_lifetime: int
    renewers: str = ""
    name: str = ""
    description: str = ""


class MyProxy:
    """A MyProxy server, or the first one of several that can be spoken to; from then on it is the only one.

    ``timeout`` counts for a whole call; ``reporter`` is told of waits.  ``skipped`` are the errors of the servers that
    come before the one that is used.
    """

    def __init__(
        self,
        servers: Sequence[Server],
        credential: Credential,
        *,
        trust: Trust,
        timeout: float = TIMEOUT,
        reporter: Reporter = SILENT,
    ) -> None:
        self._servers = tuple(servers)
        self._credential = credential
        self._trust = trust
        self._timeout = timeout
        self._reporter = reporter
        self._whole: Deadline | None = None  # of several calls
        self.skipped: tuple[MyproxyError, ...] = ()

    @property
    def server(self) -> Server:
        """Return the server that is used, for messages."""
        return self._servers[0]

    @property
    def identity(self) -> Identity:
        """Return the identity of the user."""
        return self._credential.identity

    def unlock(self) -> None:
        """Ask for the pass phrase of the identity's key, if it has one."""
        _ = self._credential.passphrase

    @contextmanager
    def one_deadline(self) -> Iterator[None]:
        """Run the body, whose calls have one end, ``timeout`` from now, for all of them."""
        self._whole = Deadline(self._timeout)
        try:
            yield
        finally:
            self._whole = None

    def info(self, account: str, *, name: str | None = None) -> tuple[Deposit, ...]:
        """Return all that the identity has deposited under a user name, or only the one of this ``name``.

        The deposit without a name is "".  A server tells of deposits to their owner only, and of expired ones, too.
        """
        request = Request(INFO, account)
        try:
            with self._open(request) as connection:
                found = deposits_of(self._response(connection, request))
        except NoDeposit:
            return ()
        return tuple(one for one in found if name is None or one.name == name)

    def destroy(self, account: str, *, name: str = "") -> None:
        """Remove a deposit; raise MyproxyError, which is NoDeposit if it is not there."""
        request = Request(DESTROY, account, name=name)
        with self._open(request) as connection:
            self._response(connection, request)

    def put(self, account: str, terms: Terms) -> int:
        """Make a deposit; return the Unix time at which it ends, once the server keeps it.

        No key leaves this machine.
        """
        request = Request(
            PUT, account, terms.retrieval_lifetime, terms.name, terms.description, terms.retrievers, terms.renewers
        )
        raise_all(_faults(terms, self.identity))
        with self._open(request) as connection:
            self._response(connection, request)
            # INFO and DESTROY do without cryptography; here it is loaded while the server makes its key.
            from goclient.services.myproxy import delegation

            signer = delegation.load_signer(self.identity, self._credential.passphrase)
            wanted = connection.der(step="it asked for a certificate")
            answer, end = delegation.sign_request(wanted, signer, lifetime=terms.lifetime)
            step = "it said whether it keeps the deposit (look: goclient myproxy info)"
            connection.send(answer, step=step)
            self._check(connection.response(step=step), request)
        return end

    def get(self, account: str, *, lifetime: int, name: str = "", passphrase: str = "") -> bytes:
        """Return a new proxy made of the deposit, as PEM: certificate, key, chain.

        :func:`pem.write_proxy` makes a file of it.  It lasts ``lifetime`` seconds, or as long as the deposit and the
        server allow.  ``passphrase`` is that of the deposit, if it has one.
        """
        request = Request(GET, account, lifetime, name, passphrase=passphrase)
        encode_request(request)  # before a key is made for it
        with _NewKey() as key, self._open(request) as connection:
            self._response(connection, request)
            asked = key.wait()
            step = "it sent the proxy"
            connection.send(asked.request, step=step)
            if connection.is_response(step=step):
                raise refusal(self.server, request, connection.response(step=step))
            count = connection.byte(step=step)
            if not 0 < count <= MAX_CHAIN:
                raise MyproxyError(
                    f"the MyProxy server {self.server} sent {count} certificates",
                    hint="tell the server's operators", code="myproxy-garbage", subject=str(self.server),
                )  # fmt: skip
            chain = [connection.der(step=step) for _ in range(count)]
            self._check(connection.response(step="it said that the proxy is complete"), request)
        from goclient.services.myproxy import delegation  # as in put

        return delegation.assemble(asked, chain)

    # --- one conversation ---

    def _response(self, connection: Connection, request: Request) -> Response:
        """Send a request; return the response, which is OK; raise MyproxyError for another one."""
        try:
            connection.send(_NO_DELEGATION, step=_ANSWER)
            connection.send(encode_request(request), step=_ANSWER)
            response = connection.response(step=_ANSWER)
        except ConnectionClosed as error:
            deadline = connection.deadline
            if connection.is_silent and (
                why := find_refusal(self.server, self._trust, credential=self._credential, deadline=deadline)
            ):
                raise why from error
            raise
        self._check(response, request)
        return response

    def _check(self, response: Response, request: Request) -> None:
        if response.kind != OK:
            raise refusal(self.server, request, response)

    @contextmanager
    def _open(self, request: Request) -> Iterator[Connection]:
        """Run the body with a connection to the first server that can be spoken to; raise why none can."""
        encode_request(request)  # what is wrong with it is said before a pass phrase is asked for
        self.unlock()
        whole = self._whole or Deadline(self._timeout)
        servers = " or ".join(map(str, self._servers))
        waiting = self._reporter.waiting(f"the MyProxy server {servers}", whole.seconds)
        with waiting, self._connect(whole) as connection:
            yield connection

    def _connect(self, whole: Deadline) -> Connection:
        """Return a connection to the first server that can be spoken to, which is the only one from then on."""
        skipped: list[MyproxyError] = []
        for number, server in enumerate(self._servers):
            try:
                share = whole.share(len(self._servers) - number)
                connection = connect(server, self._trust, credential=self._credential, until=share, whole=whole)
            except IdentityError:
                raise  # no server can help
            except MyproxyError as error:
                skipped.append(error)
                continue
            self._servers, self.skipped = (server,), (*self.skipped, *skipped)
            return connection
        raise_all(skipped)
        raise MyproxyError("no MyProxy server is named", hint="name one: --server HOST, or set MYPROXY_SERVER")


class _NewKey(Background["Asked"]):
    """A new key, and what a server is asked to sign for it, made while the server finds out who asks.

    Its context waits until it is made: a process that ends while cryptography works in a thread is aborted.
    """

    def __init__(self) -> None:
        self._made = threading.Event()
        super().__init__(self._make)

    def _make(self) -> Asked:
        try:
            from goclient.services.myproxy import delegation  # as in put

            return delegation.ask()
        finally:
            self._made.set()

    def wait(self) -> Asked:
        """Return the key once it is made; raise MyproxyError if that takes too long."""
        try:
            return self.result(KEY_SECONDS)
        except TimeoutError as error:
            message = f"no new key was made within {KEY_SECONDS:.0f} s: this machine is busy"
            raise MyproxyError(message, hint="type the command again later", code="new-key", transient=True) from error

    def __enter__(self) -> _NewKey:
        return self

    def __exit__(self, *_: object) -> None:
        self._made.wait(KEY_SECONDS)


def _faults(terms: Terms, identity: Identity) -> Iterator[MyproxyError]:
    """Yield an error for each of the terms of a deposit that makes no sense."""
    if not terms.retrievers:
        message = "no retriever is named: anyone whom the server trusts could take the deposit"
        yield MyproxyError(message, hint='name the pilot: --retriever "/DC=…/CN=…"', code="myproxy-field")
    elif dn_of(terms.retrievers) == identity.base:
        message = f"the retriever {quote(identity.base)} is yourself: servers let nobody retrieve his own deposit"
        yield MyproxyError(message, hint="name the pilot's DN: --retriever DN", code="myproxy-own-dn")
    if terms.lifetime <= 0:
        message = f"a deposit of {terms.lifetime} s would end before it is made"
        yield MyproxyError(message, hint="give it a life: --lifetime HOURS", code="myproxy-field")
