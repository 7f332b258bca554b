"""What the CAs of a chain have revoked, where only some of them have a list: TLS checks all lists, or none."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from typing import Any

from goclient.errors import quoted
from goclient.services.gsi.authorities import has_list
from goclient.services.gsi.certificate import read_certificate
from goclient.services.gsi.der import Damaged


def verified_chain(sock: ssl.SSLSocket) -> tuple[bytes, ...]:
    """The certificates in DER by which TLS has found a server right, its own first; none if that cannot be told."""
    if hasattr(sock, "get_verified_chain"):  # Python 3.13
        return tuple(bytes(one) for one in sock.get_verified_chain())
    inside: Any = getattr(sock, "_sslobj", None)  # Python has had it there since 3.10
    chain = inside.get_verified_chain() if hasattr(inside, "get_verified_chain") else ()
    return tuple(ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in chain)


def revocation_fault(folder: str, chain: Sequence[bytes]) -> str:
    """Why a chain is not to be believed, as the lists say that are in the folder; "" if nothing in them is about it."""
    try:
        known = [read_certificate(data) for data in chain]
    except Damaged as error:
        return f"a certificate of its chain is damaged: {error}"
    if not known:
        return "which CAs it has is not known, and a list of what they revoked could not be checked"
    for location, one in enumerate(known):
        if one.is_self_signed or not has_list(folder, one.issuer_hash):
            continue
        above = chain[location + 1] if location + 1 < len(chain) else b""
        if fault := _in_list(os.path.join(folder, f"{one.issuer_hash}.r0"), chain[location], above):
            return fault
    return ""


def _in_list(path: str, certificate: bytes, issuer: bytes) -> str:
    """What a list says against a certificate; "" if nothing."""
    from datetime import UTC, datetime

    from cryptography import x509  # only a chain of which some CA has no list needs it

    try:
        with open(path, "rb") as file:
            revoked = x509.load_pem_x509_crl(file.read())
        signer = x509.load_der_x509_certificate(issuer)
        signed = revoked.is_signature_valid(signer.public_key())  # type: ignore[arg-type]  # one that cannot be is False
        one = x509.load_der_x509_certificate(certificate)
    except (OSError, ValueError, TypeError) as error:
        return f"the list of what its CA revoked, {quoted(path)}, cannot be read: {error}"
    if not signed:
        return f"the list {quoted(path)} is not signed by its CA"
    if revoked.next_update_utc is not None and revoked.next_update_utc < datetime.now(UTC):
        return f"the list {quoted(path)} of what its CA has revoked has expired"
    if revoked.get_revoked_certificate_by_serial_number(one.serial_number) is not None:
        return f"the certificate of {quoted(one.subject.rfc4514_string())} is revoked"
    return ""
