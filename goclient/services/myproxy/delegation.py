"""Proxies (RFC 3820): signed for a server, and asked of one.  Only deposits and retrievals load this module."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from goclient.errors import MyproxyError
from goclient.errors.myproxy import IdentityError
from goclient.errors.wording import quote
from goclient.services.gsi.certificate import read_certificate
from goclient.services.gsi.identity import MIN_RSA_BITS, Identity
from goclient.services.gsi.names import read_name
from goclient.services.gsi.pem import MAX_FILE
from goclient.services.gsi.tls import wrong_passphrase

EARLIER = timedelta(minutes=5)  # for clocks that are behind
PROXY_INFO = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.14")  # RFC 3820, 3.8
INHERIT_ALL = bytes.fromhex("300c300a06082b06010505071501")  # a policy language: all rights of the signer
LIMITED = bytes.fromhex("300f300d060b2b060104019b5001010109")  # the Grid Community Toolkit's
_BROKEN = (
    ValueError,
    TypeError,
    IndexError,
    UnsupportedAlgorithm,
    InvalidSignature,
    x509.InvalidVersion,
    OverflowError,
)


class Signer(NamedTuple):
    """A key that signs, and the chain of its certificate."""

    key: RSAPrivateKey
    chain: tuple[x509.Certificate, ...]
    limited: bool


def load_signer(identity: Identity, passphrase: str | None) -> Signer:
    """Return the signer that an identity is; raise MyproxyError if its key cannot be used."""
    try:
        with open(identity.key, "rb") as file:
            content = file.read(MAX_FILE)
    except OSError as error:
        raise _unusable(identity, f"its key {quote(identity.key)} cannot be read: {error.strerror}") from error
    try:
        secret = passphrase.encode() if identity.encrypted and passphrase else None
        # Whether its primes are prime takes longer than all else; TLS has just shown that it is the certificate's.
        key = load_pem_private_key(content, secret, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if identity.encrypted:
            raise wrong_passphrase(identity.key) from None  # the cause may show what was typed
        raise _unusable(identity, str(error)) from error
    try:
        chain = tuple(x509.load_der_x509_certificate(data) for data in identity.chain)
        if not isinstance(key, RSAPrivateKey):
            raise ValueError("it has no RSA key")
        if key.public_key() != chain[0].public_key():
            raise ValueError("its key is not the key of its certificate")
        if read_name(chain[0].subject.public_bytes()).oneline != identity.dn:
            raise ValueError("its name cannot be written again as it is")
        if identity.is_proxy and _proxy_info(chain[0]) is None:
            raise ValueError("it is a proxy from before RFC 3820, and none of today can be made of it")
    except _BROKEN as error:
        raise _unusable(identity, str(error)) from error
    return Signer(key, chain, identity.is_limited)


def _unusable(identity: Identity, why: str) -> IdentityError:
    """Return the error of an identity that cannot sign."""
    return IdentityError(
        f"nothing can be signed with {quote(identity.certificate)}: {why}",
        hint="make a proxy: grid-proxy-init -rfc, or name another certificate: --cert FILE --key FILE",
        code="identity-unusable", subject=identity.certificate,
    )  # fmt: skip


def _proxy_info(certificate: x509.Certificate) -> bytes | None:
    """Return the extension that makes a certificate a proxy of RFC 3820; None if it has none."""
    for extension in certificate.extensions:
        if extension.oid == PROXY_INFO and isinstance(extension.value, x509.UnrecognizedExtension):
            return extension.value.value
    return None


# --- signing ----------------------------------------------------------------------------------------------------


def sign_request(request: bytes, signer: Signer, *, lifetime: int, now: datetime | None = None) -> tuple[bytes, int]:
    """Return the answer to a server's request for a certificate (DER), and when its certificates end.

    The answer is a count and certificates in DER.  The proxy lasts ``lifetime`` seconds, but not longer than any
    certificate of the chain.
    """
    now = now or datetime.now(UTC)
    public = _read_key(request)
    end = min(now + timedelta(seconds=lifetime), *(one.not_valid_after_utc for one in signer.chain))
    proxy = _proxy(public, signer, start=now - EARLIER, end=end)
    certificates = [one.public_bytes(Encoding.DER) for one in (proxy, *signer.chain)]
    return bytes((len(certificates),)) + b"".join(certificates), int(end.timestamp())


def _read_key(request: bytes) -> RSAPublicKey:
    """Return the key of a request for a certificate; raise MyproxyError for one that cannot be granted."""
    try:
        asked = x509.load_der_x509_csr(request)
        public = asked.public_key()
        if not asked.is_signature_valid:
            raise ValueError("its signature is wrong")
        if not isinstance(public, RSAPublicKey) or public.key_size < MIN_RSA_BITS:
            raise ValueError(f"it is not for an RSA key of at least {MIN_RSA_BITS} bits")
    except _BROKEN as error:
        why = quote(str(error) or type(error).__name__)
        raise MyproxyError(
            f"the MyProxy server asks for a certificate in a way that cannot be granted: {why}",
            hint="tell the server's operators; nothing was deposited", code="myproxy-garbage",
        ) from error  # fmt: skip
    return public


def _proxy(public: RSAPublicKey, signer: Signer, *, start: datetime, end: datetime) -> x509.Certificate:
    """Return a new proxy of a key, as RFC 3820 has it."""
    above = signer.chain[0]
    serial = int.from_bytes(os.urandom(4)) >> 1 | 1 << 30  # of 31 bits, as the C tools'
    own = x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COMMON_NAME, str(serial))])
    builder = x509.CertificateBuilder(
        issuer_name=above.subject,
        subject_name=x509.Name([*above.subject.rdns, own]),
        public_key=public,
        serial_number=serial,
        not_valid_before=max(start, *(one.not_valid_before_utc for one in signer.chain)),
        not_valid_after=end,
    )
    usage = x509.KeyUsage(
        digital_signature=True, key_encipherment=True, content_commitment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    info = x509.UnrecognizedExtension(PROXY_INFO, LIMITED if signer.limited else INHERIT_ALL)
    return builder.add_extension(usage, critical=True).add_extension(info, critical=True).sign(signer.key, SHA256())


# --- asking -----------------------------------------------------------------------------------------------------


class Asked(NamedTuple):
    """A new key, and the request for a certificate of it (DER)."""

    key: RSAPrivateKey
    request: bytes


def ask() -> Asked:
    """Make a new key of 2048 bits, which is in memory only, and the request that goes with it."""
    key = generate_private_key(65537, MIN_RSA_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "proxy")])  # the server puts its own in place of it
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, SHA256())
    return Asked(key, request.public_bytes(Encoding.DER))


def assemble(asked: Asked, certificates: Sequence[bytes], *, now: datetime | None = None) -> bytes:
    """Return a proxy file (PEM) of our key and the chain that a server sent for it; raise MyproxyError."""
    try:
        if any(read_certificate(data).serial <= 0 for data in certificates):  # of which cryptography only warns
            raise ValueError("its serial number is not positive")
        chain = [x509.load_der_x509_certificate(data) for data in certificates]
        _check_chain(chain, asked.key.public_key(), now=now or datetime.now(UTC))
    except _BROKEN as error:
        why = quote(str(error) or type(error).__name__)
        raise MyproxyError(
            f"the MyProxy server did not send a proxy that can be used: {why}",
            hint="the owner makes a new one: goclient myproxy deposit --retriever YOUR-DN", code="myproxy-unusable",
        ) from error  # fmt: skip
    key = asked.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    first, *others = (one.public_bytes(Encoding.PEM) for one in chain)
    return first + key + b"".join(others)


def _check_chain(chain: Sequence[x509.Certificate], key: RSAPublicKey, *, now: datetime) -> None:
    """Raise ValueError, or another of what cryptography raises, unless a chain is a proxy of this key."""
    if not chain:
        raise ValueError("it has no certificate in it")
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if chain[0].public_key().public_bytes(*form) != key.public_bytes(*form):
        raise ValueError("its certificate is not for the key that was made here")
    if _proxy_info(chain[0]) is None:
        raise ValueError("it is not a proxy of RFC 3820")
    for one, above in pairwise(chain):
        one.verify_directly_issued_by(above)
    if _proxy_info(chain[-1]) is not None:
        raise ValueError("the certificate that its proxies were made of is missing")
    if not all(one.not_valid_before_utc - EARLIER <= now < one.not_valid_after_utc for one in chain):
        raise ValueError("one of its certificates is not valid now")
