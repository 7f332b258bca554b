"""Find the directory of CA certificates; read what its signing policies allow, what its lists say is revoked.

Its files are named after the hash of a CA's name: ``<hash>.0`` the certificate, ``<hash>.signing_policy``, and
``<hash>.r0`` the list of what was revoked.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import zip_longest
from typing import Any

from goclient.errors import MyproxyError
from goclient.errors.wording import quote
from goclient.services.gsi.certificate import Certificate, read_certificate
from goclient.services.gsi.der import Damaged
from goclient.services.gsi.pem import MAX_FILE, blocks

_MAX_CHAIN = 20
_MAX_SAME_HASH = 10  # CAs
_SYSTEM = "/etc/grid-security/certificates"


def find_authorities(env: Mapping[str, str], home: str | os.PathLike[str]) -> str:
    """Return the directory of CA certificates that the C tools use, too; raise MyproxyError without one."""
    named = env.get("X509_CERT_DIR")
    own = os.path.join(home, ".globus", "certificates")
    for directory in (named,) if named else (own, _SYSTEM):
        if os.path.isdir(directory):
            return directory
    message, hint = f"X509_CERT_DIR={quote(named)} is not a directory", "set it to the directory of your CAs"
    if not named:
        message = f"there is no directory of CA certificates, neither {quote(own)} nor {quote(_SYSTEM)}"
        hint = "set X509_CERT_DIR to it, such as the one in /cvmfs/grid.cern.ch/etc/grid-security/certificates"
    raise MyproxyError(message, hint=hint, code="myproxy-authorities")


# --- signing policies -------------------------------------------------------------------------------------------


def policy_fault(directory: str, certificate: Certificate) -> str:
    """Return why the signing policies do not let a certificate be signed by its CA; "" if they do.

    As in GSI each CA on the way to the root must have a policy that allows the name it signed.
    """
    for _ in range(_MAX_CHAIN):
        if certificate.is_self_signed:
            return ""
        path = os.path.join(directory, f"{certificate.issuer_hash}.signing_policy")
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read(MAX_FILE)
        except OSError as error:
            return f"the signing policy {quote(path)} of its CA cannot be read: {error.strerror}"
        if not allows(text, issuer=certificate.issuer, subject=certificate.subject):
            return f"the signing policy {quote(path)} does not let its CA sign {quote(certificate.subject)}"
        above = _issuer_of(directory, certificate)
        if above is None:
            return ""  # OpenSSL has built the chain: the rest of it came from the server
        certificate = above
    return "its chain of CAs has no end"


def _issuer_of(directory: str, certificate: Certificate) -> Certificate | None:
    """Return the certificate of a certificate's CA; None if the directory has none."""
    for number in range(_MAX_SAME_HASH):
        try:
            with open(os.path.join(directory, f"{certificate.issuer_hash}.{number}"), "rb") as file:
                found = [read_certificate(block.data) for block in blocks(file.read(MAX_FILE))]
        except FileNotFoundError:
            return None
        except (OSError, Damaged):
            continue
        for one in found:
            if one.subject == certificate.issuer:
                return one
    return None


def allows(policy: str, *, issuer: str, subject: str) -> bool:
    """Return whether a signing policy, in the language of the Globus Toolkit's EACL, lets a CA sign a name."""
    patterns: list[str] = []
    ours = False
    for line in policy.splitlines():
        words = line.split(None, 2)
        if len(words) < 3 or words[0].startswith("#"):
            continue
        kind, _, value = words
        if kind == "access_id_CA":
            ours = value.strip().strip("'\"") == issuer
        elif kind == "cond_subjects" and ours:
            patterns += re.findall(r'"([^"]*)"', value) or [value.strip().strip("'")]
    # A bracket means itself here.
    return any(fnmatchcase(subject, pattern.replace("[", "[[]")) for pattern in patterns)


# --- lists of what was revoked ----------------------------------------------------------------------------------


def has_any_list(directory: str) -> bool:
    """Return whether any list of revoked certificates is in the directory; raise MyproxyError."""
    try:
        return any(name.endswith(".r0") for name in os.listdir(directory))
    except OSError as error:
        message = f"the directory {quote(directory)} cannot be read: {error.strerror}"
        raise MyproxyError(message, hint="check X509_CERT_DIR", code="myproxy-authorities") from error


def read_chain(sock: ssl.SSLSocket | ssl.SSLObject) -> tuple[bytes, ...]:
    """Return the certificates in DER that TLS trusts a server by, its own first; none if that cannot be told."""
    if hasattr(sock, "get_verified_chain"):  # Python 3.13
        return tuple(bytes(one) for one in sock.get_verified_chain())
    inside: Any = getattr(sock, "_sslobj", None)  # Python has had it there since 3.10
    chain = inside.get_verified_chain() if hasattr(inside, "get_verified_chain") else ()
    return tuple(ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in chain)


def revocation_fault(directory: str, chain: Sequence[bytes]) -> str:
    """Return why a chain is not trusted, as the lists in the directory say; "" if they say nothing of it.

    TLS checks all lists, or none: this is for a chain of which only some CAs have one.
    """
    if not chain:
        return "which CAs it has is not known, and a list of what they revoked could not be checked"
    for data, above in zip_longest(chain, chain[1:], fillvalue=b""):
        try:
            one = read_certificate(data)
        except Damaged as error:
            return f"a certificate of its chain is damaged: {error}"
        path = os.path.join(directory, f"{one.issuer_hash}.r0")
        if not one.is_self_signed and os.path.exists(path) and (fault := _fault_in_list(path, one, issuer=above)):
            return fault
    return ""


def _fault_in_list(path: str, certificate: Certificate, *, issuer: bytes) -> str:
    """Return what a list says against a certificate; "" if nothing."""
    from datetime import UTC, datetime  # 7 ms: only an expired list pays for it

    from cryptography import x509  # only a chain of which some CA has no list needs it

    try:
        with open(path, "rb") as file:
            revoked = x509.load_pem_x509_crl(file.read())
        signer = x509.load_der_x509_certificate(issuer)
        signed = revoked.is_signature_valid(signer.public_key())  # type: ignore[arg-type]  # one that cannot be is False
    except (OSError, ValueError, TypeError) as error:
        return f"the list of what its CA revoked, {quote(path)}, cannot be read: {error}"
    if not signed:
        return f"the list {quote(path)} is not signed by its CA"
    if revoked.next_update_utc is not None and revoked.next_update_utc < datetime.now(UTC):
        return f"the list {quote(path)} of what its CA has revoked has expired"
    if revoked.get_revoked_certificate_by_serial_number(certificate.serial) is not None:
        return f"the certificate of {quote(certificate.subject)} is revoked"
    return ""
