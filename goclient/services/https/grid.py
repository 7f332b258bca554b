"""TLS as the grid has it: with a proxy, and a directory of CAs."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from goclient.services.deadline import Deadline
from goclient.services.gsi.dial import handshaken, named_errors
from goclient.services.gsi.refusals import NoList
from goclient.services.gsi.server import Server
from goclient.services.gsi.tls import Credential, Trust
from goclient.services.https.connection import Tls


class GridTls(Tls):
    """Show a proxy, and trust the CAs of a directory; ``credential`` is asked before each connection."""

    def __init__(self, trust: Trust, credential: Callable[[], Credential]) -> None:
        self._trust = trust
        self._credential = credential

    def secure(self, server: Server, deadline: Deadline) -> ssl.SSLSocket:
        """Return a connected socket to a server that has proven its name; raise GoclientError."""
        credential, some_lack = self._credential(), False
        try:
            sock = self._handshaken(credential, server, deadline, check_lists=True)
        except NoList:  # of a CA of the server's: the lists that are there are read by check_server
            some_lack = True
            sock = self._handshaken(credential, server, deadline, check_lists=False)
        try:
            self._trust.check_server(server, sock, check_lists=some_lack)
        except BaseException:
            sock.close()
            raise
        return sock

    def _handshaken(
        self, credential: Credential, server: Server, deadline: Deadline, *, check_lists: bool
    ) -> ssl.SSLSocket:
        context = self._trust.context(credential, check_lists=check_lists)
        with named_errors(server, deadline, step="in the TLS handshake"):
            return handshaken(context, server, deadline)
