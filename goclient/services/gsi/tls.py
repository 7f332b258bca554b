"""TLS as GSI has it: a client with a certificate or a proxy, and a server that a directory of CAs vouches for."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from typing import NamedTuple

from goclient.errors.myproxy import IdentityError, IdentityNotNamed
from goclient.errors.wording import quote
from goclient.services.deadline import Deadline
from goclient.services.gsi.authorities import has_any_list, policy_fault, read_chain, revocation_fault
from goclient.services.gsi.certificate import read_certificate
from goclient.services.gsi.der import Damaged
from goclient.services.gsi.dial import handshaken, name_errors
from goclient.services.gsi.identity import Identity
from goclient.services.gsi.refusals import OPERATORS, PROXY_FOR_CERTIFICATE, NoList, refuse_untrusted
from goclient.services.gsi.server import Server
from goclient.services.gsi.server_name import name_fault

HIGHEST = ssl.TLSVersion.MAXIMUM_SUPPORTED  # the tests speak an older one, too


class Credential:
    """Our side of a connection: an identity, and the pass phrase of its key, which is asked for once, if it has one."""

    def __init__(self, identity: Identity, ask: Callable[[], str] | None = None) -> None:
        self.identity = identity
        self._ask = ask
        self._passphrase: str | None = None

    @property
    def passphrase(self) -> str | None:
        """Return the pass phrase of the key, or None if it needs none; raise MyproxyError if nobody gives it."""
        if self.identity.encrypted and self._passphrase is None:
            if self._ask is None:
                raise IdentityNotNamed(
                    f"the key {quote(self.identity.key)} needs a pass phrase, and there is nobody to ask for it",
                    hint="make a proxy first: grid-proxy-init -rfc, or give the pass phrase: --passphrase-fd N",
                    code="identity-encrypted", subject=self.identity.key,
                )  # fmt: skip
            self._passphrase = self._ask()
        return self._passphrase


class Trust(NamedTuple):
    """Trust in the CAs of a directory; ``server_dn`` is the name that the user expects, if that was typed."""

    directory: str | os.PathLike[str]
    server_dn: str | None = None

    def context(
        self, credential: Credential, *, check_lists: bool, highest: ssl.TLSVersion | None = None
    ) -> ssl.SSLContext:
        """Return a context that trusts the CAs and shows our certificate; raise MyproxyError.

        ``check_lists``: OpenSSL compares with the lists of what was revoked, if there is any.
        """
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname = False  # check_server does that, as GSI has rules of its own
        made.verify_mode = ssl.CERT_REQUIRED
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        made.maximum_version = highest or HIGHEST
        made.load_verify_locations(capath=os.fspath(self.directory))
        if check_lists and has_any_list(os.fspath(self.directory)):
            made.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN
        identity, passphrase = credential.identity, credential.passphrase
        try:
            _load(made, identity, passphrase or "")  # always one, or OpenSSL asks for it on the terminal
        except ssl.SSLError as error:
            raise _unusable(identity, error) from error
        except (OSError, ValueError) as error:
            message = f"the certificate {quote(identity.certificate)} or its key cannot be read: {error}"
            raise IdentityNotNamed(message, hint="name them: --cert FILE --key FILE", code="identity-file") from error
        return made

    def connect(self, server: Server, credential: Credential, deadline: Deadline) -> ssl.SSLSocket:
        """Return a socket to a server that has proven its name, and was shown our certificate; raise GoclientError.

        A CA may have no list of what it revoked, which TLS takes for an error: only then a second connection is made,
        and the lists that are there are read here.
        """

        def handshake(*, check_lists: bool) -> ssl.SSLSocket:
            context = self.context(credential, check_lists=check_lists)
            with name_errors(server, deadline, step="in the TLS handshake"):
                return handshaken(context, server, deadline)

        some_lack = False
        try:
            sock = handshake(check_lists=True)
        except NoList:
            some_lack = True
            sock = handshake(check_lists=False)
        try:
            self.check_server(server, sock, check_lists=some_lack)
        except BaseException:
            sock.close()
            raise
        return sock

    def check_server(self, server: Server, sock: ssl.SSLSocket | ssl.SSLObject, *, check_lists: bool) -> None:
        """Raise an error of the server's kind unless the certificate is this server's, and its CA may sign it.

        ``check_lists``: OpenSSL has not compared with the lists of what was revoked.
        """
        directory = os.fspath(self.directory)
        if check_lists and (fault := revocation_fault(directory, read_chain(sock))):
            raise refuse_untrusted(server, fault, OPERATORS)
        try:
            certificate = read_certificate(sock.getpeercert(binary_form=True) or b"")
        except Damaged as error:
            raise refuse_untrusted(server, f"its certificate is damaged: {error}", OPERATORS) from error
        if certificate.is_proxy:
            raise refuse_untrusted(server, PROXY_FOR_CERTIFICATE, OPERATORS)
        if fault := name_fault(certificate, server, expected_dn=self.server_dn):
            hint, kind = server.kind.check_name, server.kind.absent
            if self.server_dn is not None:
                hint, kind = "check MYPROXY_SERVER_DN", server.kind.error
            raise refuse_untrusted(server, fault, f"{hint}; do not go on if it was right", kind=kind)
        if fault := policy_fault(directory, certificate):
            raise refuse_untrusted(server, fault, "keep the directory of CA certificates up to date: X509_CERT_DIR")


# --- what can go wrong ------------------------------------------------------------------------------------------


def _load(context: ssl.SSLContext, identity: Identity, passphrase: str) -> None:
    """Have a context show a certificate: OpenSSL reads a proxy's file twice, and it may be renewed in between."""
    try:
        context.load_cert_chain(identity.certificate, identity.key, password=passphrase)
    except ssl.SSLError as error:
        if identity.certificate != identity.key or "MISMATCH" not in (error.reason or ""):
            raise
        context.load_cert_chain(identity.certificate, identity.key, password=passphrase)


def _unusable(identity: Identity, error: ssl.SSLError) -> IdentityError:
    """Return the error of an identity that OpenSSL does not take."""
    reason = error.reason or ""
    if "KEY_VALUES_MISMATCH" in reason or "KEY_TYPE_MISMATCH" in reason:
        message = f"the key {quote(identity.key)} is not the key of the certificate {quote(identity.certificate)}"
        return IdentityError(message, hint="name the two that belong together", code="identity-mismatch")
    if identity.encrypted:
        return wrong_passphrase(identity.key)
    message = f"the certificate {quote(identity.certificate)} and its key are not taken by TLS: {reason or error}"
    return IdentityError(message, hint="get a new one from your CA", code="identity-kind")


def wrong_passphrase(key: str) -> IdentityError:
    """Return the error of a pass phrase that does not open a key."""
    return IdentityError(
        f"the pass phrase does not open the key {quote(key)}",
        hint="type the command again, with the pass phrase of that key", code="identity-passphrase", subject=key,
    )  # fmt: skip
