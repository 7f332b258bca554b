"""TLS as the web has it: with the CAs of this machine.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import os
import socket
import ssl

from goclient.services.deadline import Deadline
from goclient.services.gsi.dial import dial, handshaken, name_errors
from goclient.services.gsi.refusals import refuse_untrusted
from goclient.services.gsi.server import Server
from goclient.services.https.connection import Tls


class WebTls(Tls):
    """Trust the CAs of this machine, and show nothing: a token in each request says who asks.

    ``bundles`` are files and directories of further CAs.
    """

    def __init__(self, *bundles: str) -> None:
        self._context = ssl.create_default_context()  # it reads SSL_CERT_FILE and SSL_CERT_DIR
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        for one in bundles:
            self._context.load_verify_locations(*((None, one) if os.path.isdir(one) else (one,)))

    def connect(self, server: Server, deadline: Deadline) -> socket.socket:
        """Return a connected socket to a server, on which TLS has not begun; raise GoclientError."""
        return dial(server, deadline)

    def secure(self, server: Server, deadline: Deadline) -> ssl.SSLSocket:
        """Return a connected socket to a server that has proven its name; raise GoclientError."""
        with name_errors(server, deadline, step="in the TLS handshake"):
            try:
                return handshaken(self._context, server, deadline, sock=self.connect(server, deadline))
            except ssl.SSLCertVerificationError as error:
                hint = "do not go on if the server's name is right; SSL_CERT_FILE names the CAs of an organisation"
                raise refuse_untrusted(server, error.verify_message, hint) from error
