"""TLS as GSI has it: a client with a certificate or a proxy, and a server that a folder of CAs vouches for."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from typing import NamedTuple

from goclient.errors import MyproxyError, quoted
from goclient.services.gsi.authorities import has_any_list, policy_fault
from goclient.services.gsi.certificate import read_certificate
from goclient.services.gsi.der import Damaged
from goclient.services.gsi.identity import Identity
from goclient.services.gsi.server_name import Server, name_fault

HIGHEST = ssl.TLSVersion.MAXIMUM_SUPPORTED  # the tests speak an older one, too
# OpenSSL's x509_vfy.h
_NO_LIST, _NOT_YET, _EXPIRED, _LIST_EXPIRED, _REVOKED, _PROXY = 3, 9, 10, 12, 23, 40
_UNKNOWN_CA = (2, 18, 19, 20, 21)
# What a server says of our certificate, as OpenSSL names it.
_OURS = (
    "ALERT_UNKNOWN_CA", "ALERT_CERTIFICATE", "ALERT_BAD_CERTIFICATE", "ALERT_UNSUPPORTED_CERTIFICATE",
    "ALERT_ACCESS_DENIED", "ALERT_DECRYPT_ERROR", "CERTIFICATE_REQUIRED",
)  # fmt: skip
_OLD_TLS = ("UNSUPPORTED_PROTOCOL", "ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE", "VERSION_TOO_LOW")
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")


class NoList(Exception):
    """The CA of the server has no list of what it revoked in the folder, or so OpenSSL says."""


class Own(NamedTuple):
    """Our side: an identity, and the pass phrase of its key, if it needs one."""

    identity: Identity
    passphrase: str | None = None


class Trust(NamedTuple):
    """Whom we believe: the CAs of a folder; ``server_dn`` is what the server must be called, if the user said so."""

    folder: str
    server_dn: str | None = None

    def has_lists(self) -> bool:
        """Whether any CA's list of revoked certificates is there."""
        return has_any_list(self.folder)

    def check_lists(self, server: Server, chain: Sequence[bytes]) -> None:
        """None if no list that is there has anything against a chain; raises MyproxyError."""
        from goclient.services.gsi.revocation import revocation_fault  # TLS has done it if all lists are there

        if fault := revocation_fault(self.folder, chain):
            raise untrusted(server, fault, _OPERATORS)

    def check(self, server: Server, data: bytes) -> None:
        """None if the certificate is this server's and its CA may sign it; raises MyproxyError."""
        try:
            certificate = read_certificate(data)
        except Damaged as error:
            raise untrusted(server, f"its certificate is damaged: {error}", _OPERATORS) from error
        if certificate.is_proxy:
            raise untrusted(server, "it has a proxy for a certificate", _OPERATORS)
        if fault := name_fault(certificate, server.host, expected_dn=self.server_dn):
            hint = (
                "check MYPROXY_SERVER_DN" if self.server_dn is not None else "check the server's name: MYPROXY_SERVER"
            )
            raise untrusted(server, fault, f"{hint}; do not go on if it was right")
        if fault := policy_fault(self.folder, certificate):
            raise untrusted(server, fault, "keep the folder of CA certificates up to date: X509_CERT_DIR")


_OPERATORS = "tell the server's operators"


def context(trust: Trust, own: Own, *, check_lists: bool, highest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """A context that believes the folder's CAs and shows our certificate; raises MyproxyError."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False  # Trust.check does that, as GSI has rules of its own
    made.verify_mode = ssl.CERT_REQUIRED
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.maximum_version = highest or HIGHEST
    made.load_verify_locations(capath=os.fspath(trust.folder))
    if check_lists:
        made.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN
    _load(made, own)
    return made


def _load(made: ssl.SSLContext, own: Own) -> None:
    identity = own.identity
    try:
        # Always a pass phrase, or OpenSSL asks for one on the terminal.
        made.load_cert_chain(identity.certificate, identity.key, password=own.passphrase or "")
    except ssl.SSLError as error:
        raise _unusable(identity, error) from error
    except (OSError, ValueError) as error:
        message = f"the certificate {quoted(identity.certificate)} or its key cannot be read: {error}"
        raise MyproxyError(message, hint="name them: --cert FILE --key FILE", code="identity-file") from error


def _unusable(identity: Identity, error: ssl.SSLError) -> MyproxyError:
    """What is wrong with an identity that OpenSSL does not take."""
    reason = error.reason or ""
    if "KEY_VALUES_MISMATCH" in reason or "KEY_TYPE_MISMATCH" in reason:
        message = f"the key {quoted(identity.key)} is not the key of the certificate {quoted(identity.certificate)}"
        return MyproxyError(message, hint="name the two that belong together", code="identity-mismatch")
    if identity.encrypted:
        return wrong_passphrase(identity.key)
    message = f"the certificate {quoted(identity.certificate)} and its key are not taken by TLS: {reason or error}"
    return MyproxyError(message, hint="get a new one from your CA", code="identity-kind")


def wrong_passphrase(key: str) -> MyproxyError:
    """The error of a pass phrase that does not open a key."""
    return MyproxyError(
        f"the pass phrase does not open the key {quoted(key)}",
        hint="type the command again, with the pass phrase of that key", code="identity-passphrase", subject=key,
    )  # fmt: skip


# --- what can go wrong ------------------------------------------------------------------------------------------


def untrusted(server: Server, why: str, hint: str) -> MyproxyError:
    """The error of a server that may be somebody else; nothing was sent to it."""
    return MyproxyError(
        f"the MyProxy server {server} is not trusted: {why}; nothing was sent",
        hint=hint, code="myproxy-untrusted", subject=str(server),
    )  # fmt: skip


def refused(server: Server, error: ssl.SSLError, step: str) -> MyproxyError:
    """What an error of TLS means; raises NoList if it is only that a CA has no list."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _unverified(server, error)
    reason = error.reason or str(error)
    if any(mark in reason for mark in _OLD_TLS):
        why = "it offers only TLS 1.1 or older"
        return untrusted(server, why, "ask its operators for TLS 1.2: older ones are not safe")
    if any(mark in reason for mark in _OURS):
        return MyproxyError(
            f"the MyProxy server {server} does not accept your certificate: {_words(reason)}",
            hint="look at its dates and its CA: grid-proxy-info; ask the server's operators whether they know that CA",
            code="myproxy-identity-refused", subject=str(server),
        )  # fmt: skip
    if any(mark in reason for mark in _NO_TLS):
        why, code = f"it does not speak TLS: {_words(reason)}", "myproxy-garbage"
    else:
        why, code = f"TLS failed {step}: {_words(reason)}", "myproxy-tls"
    return MyproxyError(
        f"the MyProxy server {server} cannot be spoken to: {why}",
        hint="check that the host and the port are a MyProxy server's", code=code, subject=str(server),
    )  # fmt: skip


def _words(reason: str) -> str:
    return reason.replace("_", " ").lower()


def _unverified(server: Server, error: ssl.SSLCertVerificationError) -> MyproxyError:
    code = error.verify_code
    if code == _NO_LIST:
        raise NoList
    if code == _EXPIRED:
        return untrusted(server, "its certificate, or its CA's, has expired", _OPERATORS)
    if code == _NOT_YET:
        return untrusted(server, "its certificate is not valid yet", "set the clock of this machine: date")
    if code == _REVOKED:
        return untrusted(server, "its certificate is revoked", _OPERATORS)
    if code == _LIST_EXPIRED:
        why = "the list of what its CA has revoked has expired"
        return untrusted(server, why, "fetch new ones into the folder of CA certificates: fetch-crl")
    if code == _PROXY:
        return untrusted(server, "it has a proxy for a certificate", _OPERATORS)
    if code in _UNKNOWN_CA:
        return untrusted(
            server, "its CA is not in the folder of CA certificates", "set X509_CERT_DIR to one that has it"
        )
    return untrusted(server, f"its certificate is not valid: {error.verify_message}", _OPERATORS)
