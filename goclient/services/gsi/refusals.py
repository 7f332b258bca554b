"""Errors of TLS, as those of the server that was asked: why it is not trusted, or what it does not accept.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import ssl
from typing import NoReturn

from goclient.errors import GoclientError
from goclient.services.gsi.server import Server

_NO_LIST = 3  # OpenSSL's x509_vfy.h, as the numbers below
OPERATORS = "tell the server's operators"
PROXY_FOR_CERTIFICATE = "it has a proxy for a certificate"
_UNKNOWN_CA = ("its CA is not in the directory of CA certificates", "set X509_CERT_DIR to one that has it")
_UNVERIFIED = {  # what is wrong, and what to do about it
    **dict.fromkeys((2, 18, 19, 20, 21), _UNKNOWN_CA),
    9: ("its certificate is not valid yet", "set the clock of this machine: date"),
    10: ("its certificate, or its CA's, has expired", OPERATORS),
    12: (
        "the list of what its CA has revoked has expired",
        "fetch new ones into the directory of CA certificates: fetch-crl",
    ),
    23: ("its certificate is revoked", OPERATORS),
    40: (PROXY_FOR_CERTIFICATE, OPERATORS),
}
# What a server says of our certificate, as OpenSSL names it.
_OURS = (
    "ALERT_UNKNOWN_CA", "ALERT_CERTIFICATE", "ALERT_BAD_CERTIFICATE", "ALERT_UNSUPPORTED_CERTIFICATE",
    "ALERT_ACCESS_DENIED", "ALERT_DECRYPT_ERROR", "CERTIFICATE_REQUIRED",
)  # fmt: skip
_OLD_TLS = ("UNSUPPORTED_PROTOCOL", "ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE", "VERSION_TOO_LOW")
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
# What came over a connection was damaged, or the server has failed in itself: a busy xrootd 5.5 does either.
_PASSING = ("BAD_RECORD_MAC", "ALERT_INTERNAL_ERROR")


class NoList(Exception):
    """A CA that has no list of what it revoked in the directory, as OpenSSL says."""


def refuse_untrusted(server: Server, why: str, hint: str, *, kind: type[GoclientError] | None = None) -> GoclientError:
    """Return the error of a server that may be somebody else, of a kind; nothing was sent to it."""
    return (kind or server.kind.error)(
        f"the {server.named} is not trusted: {why}; nothing was sent",
        hint=hint, code=server.kind.untrusted, subject=str(server),
    )  # fmt: skip


def raise_refused(server: Server, error: ssl.SSLError, *, step: str) -> NoReturn:
    """Raise what an error of TLS means: one of the server's kind, or NoList if it is only that a CA has no list."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code == _NO_LIST:
            raise NoList from error
        other = f"its certificate is not valid: {error.verify_message}", OPERATORS
        raise refuse_untrusted(server, *_UNVERIFIED.get(error.verify_code, other)) from error
    kind, reason = server.kind, error.reason or str(error)
    words = reason.replace("_", " ").lower()
    if any(mark in reason for mark in _OLD_TLS):
        hint = "ask its operators for TLS 1.2: older ones are not safe"
        raise refuse_untrusted(server, "it offers only TLS 1.1 or older", hint) from error
    if any(mark in reason for mark in _OURS):
        raise explain_refused(server, words) from error
    why, code, may_pass = f"TLS failed {step}: {words}", "tls", any(mark in reason for mark in _PASSING)
    made = kind.error
    if any(mark in reason for mark in _NO_TLS):
        why, code, made = f"it does not speak TLS: {words}", "garbage", kind.absent
    raise made(
        f"the {server.named} cannot be spoken to: {why}",
        hint=f"check that the host and the port are a {kind.title}'s", code=f"{kind.code}-{code}", subject=str(server),
        transient=may_pass,
    ) from error  # fmt: skip


def explain_refused(server: Server, why: str) -> GoclientError:
    """Return the error of a server that does not accept our certificate."""
    return server.kind.refused(
        f"the {server.named} does not accept your certificate: {why}",
        hint="look at its dates and its CA: grid-proxy-info; ask the server's operators whether they know that CA",
        code=f"{server.kind.code}-identity-refused", subject=str(server),
    )  # fmt: skip
