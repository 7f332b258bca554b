"""TLS as GSI has it: a client with a certificate or a proxy, and a server that a directory of CAs vouches for."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from goclient.errors import GoclientError
from goclient.errors.conditions import IdentityError, IdentityNotNamed
from goclient.errors.wording import quoted
from goclient.services.gsi.authorities import has_any_list, policy_fault, revocation_fault, verified_chain
from goclient.services.gsi.certificate import read_certificate
from goclient.services.gsi.der import Damaged
from goclient.services.gsi.identity import Identity
from goclient.services.gsi.server_name import Server, name_fault

HIGHEST = ssl.TLSVersion.MAXIMUM_SUPPORTED  # the tests speak an older one, too
_NO_LIST = 3  # OpenSSL's x509_vfy.h, as the numbers below
_OPERATORS = "tell the server's operators"
_PROXY_FOR_CERTIFICATE = "it has a proxy for a certificate"
_UNKNOWN_CA = ("its CA is not in the directory of CA certificates", "set X509_CERT_DIR to one that has it")
_UNVERIFIED = {  # what is wrong, and what to do about it
    **dict.fromkeys((2, 18, 19, 20, 21), _UNKNOWN_CA),
    9: ("its certificate is not valid yet", "set the clock of this machine: date"),
    10: ("its certificate, or its CA's, has expired", _OPERATORS),
    12: (
        "the list of what its CA has revoked has expired",
        "fetch new ones into the directory of CA certificates: fetch-crl",
    ),
    23: ("its certificate is revoked", _OPERATORS),
    40: (_PROXY_FOR_CERTIFICATE, _OPERATORS),
}
# What a server says of our certificate, as OpenSSL names it.
_OURS = (
    "ALERT_UNKNOWN_CA", "ALERT_CERTIFICATE", "ALERT_BAD_CERTIFICATE", "ALERT_UNSUPPORTED_CERTIFICATE",
    "ALERT_ACCESS_DENIED", "ALERT_DECRYPT_ERROR", "CERTIFICATE_REQUIRED",
)  # fmt: skip
_OLD_TLS = ("UNSUPPORTED_PROTOCOL", "ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE", "VERSION_TOO_LOW")
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")


class NoList(Exception):
    """A CA that has no list of what it revoked in the directory, as OpenSSL says."""


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
                    f"the key {quoted(self.identity.key)} needs a pass phrase, and there is nobody to ask for it",
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
            # Always a pass phrase, or OpenSSL asks for one on the terminal.
            made.load_cert_chain(identity.certificate, identity.key, password=passphrase or "")
        except ssl.SSLError as error:
            raise _unusable(identity, error) from error
        except (OSError, ValueError) as error:
            message = f"the certificate {quoted(identity.certificate)} or its key cannot be read: {error}"
            raise IdentityNotNamed(message, hint="name them: --cert FILE --key FILE", code="identity-file") from error
        return made

    def check_server(self, server: Server, sock: ssl.SSLSocket | ssl.SSLObject, *, check_lists: bool) -> None:
        """Raise an error of the server's kind unless the certificate is this server's, and its CA may sign it.

        ``check_lists``: OpenSSL has not compared with the lists of what was revoked.
        """
        directory = os.fspath(self.directory)
        if check_lists and (fault := revocation_fault(directory, verified_chain(sock))):
            raise untrusted(server, fault, _OPERATORS)
        try:
            certificate = read_certificate(sock.getpeercert(binary_form=True) or b"")
        except Damaged as error:
            raise untrusted(server, f"its certificate is damaged: {error}", _OPERATORS) from error
        if certificate.is_proxy:
            raise untrusted(server, _PROXY_FOR_CERTIFICATE, _OPERATORS)
        if fault := name_fault(certificate, server, expected_dn=self.server_dn):
            hint = server.kind.check_name if self.server_dn is None else "check MYPROXY_SERVER_DN"
            raise untrusted(server, fault, f"{hint}; do not go on if it was right")
        if fault := policy_fault(directory, certificate):
            raise untrusted(server, fault, "keep the directory of CA certificates up to date: X509_CERT_DIR")


# --- what can go wrong ------------------------------------------------------------------------------------------


def _unusable(identity: Identity, error: ssl.SSLError) -> IdentityError:
    """Return the error of an identity that OpenSSL does not take."""
    reason = error.reason or ""
    if "KEY_VALUES_MISMATCH" in reason or "KEY_TYPE_MISMATCH" in reason:
        message = f"the key {quoted(identity.key)} is not the key of the certificate {quoted(identity.certificate)}"
        return IdentityError(message, hint="name the two that belong together", code="identity-mismatch")
    if identity.encrypted:
        return wrong_passphrase(identity.key)
    message = f"the certificate {quoted(identity.certificate)} and its key are not taken by TLS: {reason or error}"
    return IdentityError(message, hint="get a new one from your CA", code="identity-kind")


def wrong_passphrase(key: str) -> IdentityError:
    """Return the error of a pass phrase that does not open a key."""
    return IdentityError(
        f"the pass phrase does not open the key {quoted(key)}",
        hint="type the command again, with the pass phrase of that key", code="identity-passphrase", subject=key,
    )  # fmt: skip


def untrusted(server: Server, why: str, hint: str) -> GoclientError:
    """Return the error of a server that may be somebody else; nothing was sent to it."""
    return server.kind.error(
        f"the {server.named} is not trusted: {why}; nothing was sent",
        hint=hint, code=server.kind.untrusted, subject=str(server),
    )  # fmt: skip


def raise_refused(server: Server, error: ssl.SSLError, *, step: str) -> NoReturn:
    """Raise what an error of TLS means: one of the server's kind, or NoList if it is only that a CA has no list."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code == _NO_LIST:
            raise NoList from error
        other = f"its certificate is not valid: {error.verify_message}", _OPERATORS
        raise untrusted(server, *_UNVERIFIED.get(error.verify_code, other)) from error
    kind, reason = server.kind, error.reason or str(error)
    words = reason.replace("_", " ").lower()
    if any(mark in reason for mark in _OLD_TLS):
        hint = "ask its operators for TLS 1.2: older ones are not safe"
        raise untrusted(server, "it offers only TLS 1.1 or older", hint) from error
    if any(mark in reason for mark in _OURS):
        raise refused_identity(server, words) from error
    why, code = f"TLS failed {step}: {words}", "tls"
    if any(mark in reason for mark in _NO_TLS):
        why, code = f"it does not speak TLS: {words}", "garbage"
    raise kind.error(
        f"the {server.named} cannot be spoken to: {why}",
        hint=f"check that the host and the port are a {kind.title}'s", code=f"{kind.code}-{code}", subject=str(server),
    ) from error  # fmt: skip


def refused_identity(server: Server, why: str) -> GoclientError:
    """Return the error of a server that does not accept our certificate."""
    return server.kind.refused(
        f"the {server.named} does not accept your certificate: {why}",
        hint="look at its dates and its CA: grid-proxy-info; ask the server's operators whether they know that CA",
        code=f"{server.kind.code}-identity-refused", subject=str(server),
    )  # fmt: skip
