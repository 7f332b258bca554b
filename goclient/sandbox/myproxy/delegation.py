"""Proxy certificates (RFC 3820) as a server makes, sends and judges them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from goclient.sandbox.myproxy.authority import EARLIER, Authority, Key, usage
from goclient.sandbox.myproxy.names import oneline

PROXY_INFO = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.14")
LIMITED = bytes.fromhex("300f300d060b2b060104019b5001010109")  # of Globus: 1.3.6.1.4.1.3536.1.1.1.9
INHERIT_ALL = bytes.fromhex("300c300a06082b06010505071501")  # RFC 3820: id-ppl-inheritAll
REQUEST_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "NULL SUBJECT NAME ENTRY")])  # the real server's
SEQUENCE, LONG = 0x30, 0x80  # of DER: a tag, and the bit of a length that is several bytes

Chain = Sequence[x509.Certificate]


class NotValidError(Exception):
    """A chain of certificates that is not valid; the text is OpenSSL's, or nearly."""


def proxy_info(certificate: x509.Certificate) -> bytes | None:
    """Return the language of a proxy's policy, None for a certificate that is not a proxy."""
    for extension in certificate.extensions:
        if extension.oid == PROXY_INFO:
            assert isinstance(extension.value, x509.UnrecognizedExtension)
            return extension.value.value
    return None


def identity(chain: Chain) -> str:
    """Return the identity behind a chain: the name of its first certificate that is not a proxy."""
    return oneline(next((one for one in chain if proxy_info(one) is None), chain[-1]).subject)


def is_limited(chain: Chain) -> bool:
    """Return True if a proxy of the chain is a limited one."""
    return any(proxy_info(one) == LIMITED for one in chain)


def signing_request(key: rsa.RSAPrivateKey) -> bytes:
    """Return the request that a server sends to a client that deposits, in DER."""
    return x509.CertificateSigningRequestBuilder(REQUEST_NAME).sign(key, SHA256()).public_bytes(Encoding.DER)


def pack(chain: Chain) -> bytes:
    """Return a chain as it is sent: the number of certificates, and each in DER."""
    return bytes([len(chain)]) + b"".join(one.public_bytes(Encoding.DER) for one in chain)


def unpack(message: bytes) -> list[x509.Certificate]:
    """Return the chain that was sent; raise ValueError for anything else."""
    chain, rest = [], message[1:]
    for _ in range(message[0] if message else 0):
        if len(rest) < 2 or rest[0] != SEQUENCE:
            raise ValueError("not a certificate")
        digits = rest[1] & ~LONG if rest[1] & LONG else 0  # of the length; X.690, 8.1.3
        size = 2 + digits + (int.from_bytes(rest[2 : 2 + digits], "big") if digits else rest[1])
        chain.append(x509.load_der_x509_certificate(rest[:size]))
        rest = rest[size:]
    if not chain:
        raise ValueError("no certificates")
    return chain


def make_proxy(
    request: x509.CertificateSigningRequest, chain: Chain, key: Key, *, lifetime: int, limited: bool
) -> Chain:
    """Make a proxy for the key of a request; return it and the chain that has signed it.

    ``lifetime``: seconds, 0 for as long as the chain lives.  A limited chain makes limited proxies only.
    """
    signer, serial = chain[0], secrets.randbits(31)
    end = min(one.not_valid_after_utc for one in chain)
    now = datetime.now(UTC)
    if lifetime:
        end = min(end, now + timedelta(seconds=lifetime))
    info = LIMITED if limited or is_limited(chain) else INHERIT_ALL
    number = x509.NameAttribute(NameOID.COMMON_NAME, str(serial))
    name = x509.Name([*signer.subject.rdns, x509.RelativeDistinguishedName([number])])
    builder = x509.CertificateBuilder(signer.subject, name, request.public_key(), serial or 1, now - EARLIER, end)
    builder = builder.add_extension(usage(digital_signature=True, key_encipherment=True), critical=True)
    builder = builder.add_extension(x509.UnrecognizedExtension(PROXY_INFO, info), critical=True)
    return [builder.sign(key, SHA256()), *chain]


def check_chain(chain: Chain, authority: Authority) -> None:
    """Raise NotValidError for a chain that does not lead to the authority, or not any longer."""
    now = datetime.now(UTC)
    issuers = [*chain[1:], authority.certificate]
    if chain[-1] == authority.certificate:
        chain, issuers = chain[:-1], issuers[:-1]
    for certificate, issuer in zip(chain, issuers, strict=True):
        if now > certificate.not_valid_after_utc:
            raise NotValidError("certificate has expired")
        if now < certificate.not_valid_before_utc:
            raise NotValidError("certificate is not yet valid")
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise NotValidError("certificate signature failure") from error
        if proxy_info(certificate) is not None:
            if certificate.subject.rdns[:-1] != issuer.subject.rdns:
                raise NotValidError("proxy subject name violation")
        elif issuer != authority.certificate:
            raise NotValidError("invalid CA certificate")
        elif authority.has_revoked(certificate):
            raise NotValidError("certificate revoked")
