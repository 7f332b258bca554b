"""TLS as the grid has it: with a proxy, and a directory of CAs."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from goclient.services.deadline import Deadline
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
        return self._trust.connect(server, self._credential(), deadline)
