"""What can be done with a MyProxy server: INFO, PUT, GET, DESTROY; each method is one of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from goclient.errors import MyproxyError, quoted, raise_all
from goclient.reporter.base import SILENT, Reporter
from goclient.services.deadline import Background, Deadline
from goclient.services.gsi.identity import Identity
from goclient.services.gsi.server_name import Server
from goclient.services.gsi.tls import Own, Trust
from goclient.services.myproxy.connection import Connection, Maker, connect
from goclient.services.myproxy.policy import dn_of
from goclient.services.myproxy.refusals import NONE, refusal
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
_NO_DELEGATION = b"0"  # what a client of GSI says first: it does not hand over a proxy on its own
_ANSWER = "it answered the request"
_ERROR_BEGINS = ord("V")  # of VERSION: an answer, where a number was expected


class MyProxy:
    """A MyProxy server, or the first one of several that can be spoken to; from then on it is the only one.

    ``authorities`` is the folder of CA certificates, ``server_dn`` what MYPROXY_SERVER_DN says.  ``timeout`` counts for
    a whole call.  ``passphrase_of_key`` is asked, once, if the key needs a pass phrase.  ``reporter`` is told of waits.
    """

    def __init__(
        self,
        servers: Sequence[Server],
        identity: Identity,
        *,
        authorities: str | os.PathLike[str],
        server_dn: str | None = None,
        timeout: float = TIMEOUT,
        passphrase_of_key: Callable[[], str] | None = None,
        reporter: Reporter = SILENT,
    ) -> None:
        self._servers = tuple(servers)
        self._identity = identity
        self._trust = Trust(os.fspath(authorities), server_dn)
        self._timeout = timeout
        self._ask = passphrase_of_key
        self._reporter = reporter
        self._passphrase: str | None = None
        self._whole: Deadline | None = None  # of several calls
        self.skipped: tuple[MyproxyError, ...] = ()

    @property
    def server(self) -> Server:
        """The server that is used, for messages."""
        return self._servers[0]

    @property
    def identity(self) -> Identity:
        """Who asks."""
        return self._identity

    def unlock(self) -> None:
        """None, once the pass phrase of the identity's key is known, if it has one."""
        self._own()

    @contextmanager
    def one_deadline(self) -> Iterator[None]:
        """Runs its body, whose calls have one end, ``timeout`` from now, for all of them."""
        self._whole = Deadline(self._timeout)
        try:
            yield
        finally:
            self._whole = None

    def info(self, account: str, *, name: str | None = None) -> tuple[Deposit, ...]:
        """What the identity has deposited under a user name, which may be nothing; only of one ``name`` if given.

        The deposit without a name is "".  A server tells of deposits to their owner only, and of expired ones, too.
        """
        request = Request(INFO, account)
        try:
            with self._opened(request) as connection:
                found = deposits_of(self._asked(connection, request))
        except MyproxyError as error:
            if error.code != NONE:
                raise
            return ()
        return tuple(one for one in found if name is None or one.name == name)

    def destroy(self, account: str, *, name: str = "") -> None:
        """None, once the deposit is gone; raises MyproxyError, with the code myproxy-none if there is none."""
        request = Request(DESTROY, account, name=name)
        with self._opened(request) as connection:
            self._asked(connection, request)

    def put(
        self,
        account: str,
        *,
        retrievers: str,
        lifetime: int,
        retrieval_lifetime: int,
        renewers: str = "",
        name: str = "",
        description: str = "",
    ) -> int:
        """The Unix time at which the new deposit ends, once the server keeps it; it replaces one of that name.

        ``retrievers`` is a pattern (:func:`policy.pattern_of`): without it the server's default counts, which may be
        everybody.  The deposit lasts ``lifetime`` seconds, but not longer than the identity.  ``retrieval_lifetime`` is
        what a proxy retrieved from it lasts at most, in seconds; 0 sets no limit.  No key leaves this machine.
        """
        request = Request(PUT, account, retrieval_lifetime, name, description, retrievers, renewers)
        raise_all(_policy_faults(retrievers, lifetime, self._identity))
        encode_request(request)  # what is wrong with it is said before a pass phrase is asked for
        with self._opened(request) as connection:
            self._asked(connection, request)
            # INFO and DESTROY do without cryptography; here it is loaded while the server makes its key.
            from goclient.services.myproxy import delegation

            signer = delegation.load_signer(self._identity, self._own().passphrase)
            wanted = connection.der(step="it asked for a certificate")
            answer, end = delegation.sign_request(wanted, signer, lifetime=lifetime)
            step = "it said whether it keeps the deposit (look: goclient myproxy info)"
            connection.send(answer, step=step)
            response = connection.response(step=step)
            if response.kind != OK:
                raise refusal(self.server, request, response)
        return end

    def get(self, account: str, *, lifetime: int, name: str = "", passphrase: str = "") -> bytes:
        """A new proxy made of the deposit, as PEM: certificate, key, chain.

        :func:`proxy_file.write_proxy` makes a file of it.  It lasts ``lifetime`` seconds, or as long as the deposit
        and the server allow.  ``passphrase`` is that of the deposit, if it has one.
        """
        request = Request(GET, account, lifetime, name, passphrase=passphrase)
        encode_request(request)
        with _NewKey() as key, self._opened(request) as connection:
            self._asked(connection, request)
            asked = key.result(KEY_SECONDS)
            step = "it sent the proxy"
            connection.send(asked.request, step=step)
            if connection.peek(step=step) == _ERROR_BEGINS:
                raise refusal(self.server, request, connection.response(step=step))
            count = connection.byte(step=step)
            if not 0 < count <= MAX_CHAIN:
                raise self._odd(f"{count} certificates")
            chain = [connection.der(step=step) for _ in range(count)]
            response = connection.response(step="it said that the proxy is complete")
            if response.kind != OK:
                raise refusal(self.server, request, response)
        from goclient.services.myproxy import delegation

        return delegation.assemble(asked, chain)

    # --- one conversation ---

    def _asked(self, connection: Connection, request: Request) -> Response:
        """The answer to a request, which is OK; raises what else it is."""
        try:
            connection.send(_NO_DELEGATION, step=_ANSWER)
            connection.send(encode_request(request), step=_ANSWER)
            response = connection.response(step=_ANSWER)
        except MyproxyError as error:
            if error.code == "myproxy-closed" and connection.is_silent:
                raise connection.why_silent(self._maker(), error) from error
            raise
        if response.kind != OK:
            raise refusal(self.server, request, response)
        return response

    def _odd(self, what: str) -> MyproxyError:
        return MyproxyError(
            f"the MyProxy server {self.server} sent {what}",
            hint="tell the server's operators", code="myproxy-garbage", subject=str(self.server),
        )  # fmt: skip

    @contextmanager
    def _opened(self, request: Request) -> Iterator[Connection]:
        """Run the body with a connection to the first server that can be spoken to; raise why none can."""
        encode_request(request)
        maker = self._maker()
        whole = self._whole or Deadline(self._timeout)
        servers = " or ".join(map(str, self._servers))
        waiting = self._reporter.waiting(f"the MyProxy server {servers}", whole.seconds)
        with waiting, self._connected(maker, whole) as connection:
            yield connection

    def _connected(self, maker: Maker, whole: Deadline) -> Connection:
        """Return a connection to the first server that can be spoken to, which is the only one from then on."""
        skipped: list[MyproxyError] = []
        for location, server in enumerate(self._servers):
            try:
                share = whole.share(len(self._servers) - location)
                connection = connect(server, maker, share, whole=whole)
            except MyproxyError as error:
                if error.code.startswith("identity"):
                    raise  # no server can help
                skipped.append(error)
                continue
            self._servers, self.skipped = (server,), (*self.skipped, *skipped)
            return connection
        raise_all(skipped)
        raise MyproxyError("no MyProxy server is named", hint="name one: --server HOST, or set MYPROXY_SERVER")

    def _maker(self) -> Maker:
        return Maker(self._trust, self._own())

    def _own(self) -> Own:
        """The identity with its pass phrase, which is asked for once."""
        if self._identity.encrypted and self._passphrase is None:
            if self._ask is None:
                raise MyproxyError(
                    f"the key {quoted(self._identity.key)} needs a pass phrase, and there is nobody to ask for it",
                    hint="make a proxy first: grid-proxy-init -rfc, or give the pass phrase: --passphrase-fd N",
                    code="identity-encrypted", subject=self._identity.key,
                )  # fmt: skip
            self._passphrase = self._ask()
        return Own(self._identity, self._passphrase)


class _NewKey(Background["Asked"]):
    """A new key, and what a server is asked to sign for it, made while the server looks who asks.

    Its context waits until it is made: a process that ends while cryptography works in a thread is aborted.
    """

    def __init__(self) -> None:
        self._made = threading.Event()
        super().__init__(self._make)

    def _make(self) -> Asked:
        try:
            from goclient.services.myproxy import delegation

            return delegation.ask()
        finally:
            self._made.set()

    def __enter__(self) -> _NewKey:
        return self

    def __exit__(self, *_: object) -> None:
        self._made.wait(KEY_SECONDS)


def _policy_faults(retrievers: str, lifetime: int, identity: Identity) -> list[MyproxyError]:
    found = []
    if not retrievers:
        message = "no retriever is named: whoever the server trusts could take the deposit"
        found.append(MyproxyError(message, hint='name the pilot: --retriever "/DC=…/CN=…"', code="myproxy-field"))
    elif dn_of(retrievers) == identity.base:
        message = f"the retriever {quoted(identity.base)} is yourself: servers let nobody retrieve his own deposit"
        found.append(MyproxyError(message, hint="name the pilot's DN: --retriever DN", code="myproxy-own-dn"))
    if lifetime <= 0:
        message = f"a deposit of {lifetime} s would end before it is made"
        found.append(MyproxyError(message, hint="give it a life: --lifetime HOURS", code="myproxy-field"))
    return found
