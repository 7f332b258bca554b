"""TLS as the web has it: with the CAs of this machine.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import ssl

from goclient.services.deadline import Deadline
from goclient.services.gsi.dial import handshaken, named_errors
from goclient.services.gsi.refusals import untrusted
from goclient.services.gsi.server import Server
from goclient.services.https.connection import Tls


class WebTls(Tls):
    """Trust the CAs of this machine, and show nothing: a token in each request says who asks."""

    def __init__(self) -> None:
        self._context = ssl.create_default_context()  # it reads SSL_CERT_FILE and SSL_CERT_DIR
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2

    def secure(self, server: Server, deadline: Deadline) -> ssl.SSLSocket:
        """Return a connected socket to a server that has proven its name; raise GoclientError."""
        with named_errors(server, deadline, step="in the TLS handshake"):
            try:
                return handshaken(self._context, server, deadline)
            except ssl.SSLCertVerificationError as error:
                hint = "do not go on if the server's name is right; SSL_CERT_FILE names the CAs of an organisation"
                raise untrusted(server, error.verify_message, hint) from error
