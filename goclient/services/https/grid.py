"""TLS as the grid has it, with a proxy and a directory of CAs, and as the web has it, with the CAs of this machine."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable

from goclient.services.deadline import Deadline
from goclient.services.gsi.dial import dial, named_errors
from goclient.services.gsi.server_name import Server
from goclient.services.gsi.tls import Credential, NoList, Trust, untrusted
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
            return _handshaken(context, server, dial(server, deadline), deadline)


class WebTls(Tls):
    """Trust the CAs of this machine, and show nothing: a token in each request says who asks.

    ``bundles`` are files and directories of further CAs.
    """

    def __init__(self, *bundles: str) -> None:
        self._context = ssl.create_default_context()  # it reads SSL_CERT_FILE and SSL_CERT_DIR
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        for one in bundles:
            self._context.load_verify_locations(*((None, one) if os.path.isdir(one) else (one,)))

    def connected(self, server: Server, deadline: Deadline) -> socket.socket:
        """Return a connected socket to a server, on which nothing was sent yet; raise GoclientError."""
        return dial(server, deadline)

    def secure(self, server: Server, deadline: Deadline) -> ssl.SSLSocket:
        """Return a connected socket to a server that has proven its name; raise GoclientError."""
        with named_errors(server, deadline, step="in the TLS handshake"):
            try:
                return _handshaken(self._context, server, self.connected(server, deadline), deadline)
            except ssl.SSLCertVerificationError as error:
                hint = "do not go on if the server's name is right; SSL_CERT_FILE names the CAs of an organisation"
                raise untrusted(server, error.verify_message, hint) from error


def _handshaken(
    context: ssl.SSLContext, server: Server, sock: socket.socket, deadline: Deadline
) -> ssl.SSLSocket:
    """Return a connected socket, once the handshake of TLS is done on it."""
    try:
        sock = secure = context.wrap_socket(sock, server_hostname=server.host, do_handshake_on_connect=False)
        secure.settimeout(deadline.remaining())
        secure.do_handshake()
        return secure
    except BaseException:
        sock.close()
        raise
