"""Throw-away keys for data channels, each with a certificate that is nobody's.

The certificate is written here: to load what ``cryptography`` has for it takes longer than a login.
"""

from __future__ import annotations

import base64
import os
import ssl
import time
from typing import NamedTuple

from goclient.services.gsi.der import INTEGER, OID, SEQUENCE, SET, UTC_TIME, UTF8, encode, oid_content

_LIFETIME = 8 * 86_400  # seconds of a key; a session does not live longer
_BIT_STRING, _OCTET_STRING, _VERSION, _PUBLIC = 0x03, 0x04, 0xA0, 0xA1
_BYTES = 32  # of a number of P-256


class DataKey(NamedTuple):
    """A key for data channels: what a server is told, and what our end of a channel has."""

    command: str
    context: ssl.SSLContext


def new_key() -> DataKey:
    """Make a key with a certificate that is nobody's."""
    from cryptography.hazmat.primitives.asymmetric import ec  # looking at files does without cryptography
    from cryptography.hazmat.primitives.hashes import SHA256

    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.private_numbers()
    both = numbers.public_numbers.x, numbers.public_numbers.y
    point = encode(_BIT_STRING, b"\0\x04" + b"".join(one.to_bytes(_BYTES, "big") for one in both))
    signed = _to_be_signed(point)
    signature = encode(_BIT_STRING, b"\0" + key.sign(signed, ec.ECDSA(SHA256())))
    certificate = ssl.DER_cert_to_PEM_cert(_sequence(signed, _sequence(_oid("1.2.840.10045.4.3.2")), signature))
    private = ssl.DER_cert_to_PEM_cert(_pkcs8(numbers.private_value, point)).replace("CERTIFICATE", "PRIVATE KEY")
    # The certificate twice, as the end's own and as what the other end is trusted by.
    whole = f"{certificate}{private}{certificate}".encode()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # as for control channels
    context.check_hostname = False  # only the server that it was given to has the key
    descriptor = os.memfd_create("key")  # ssl reads files only, and no disk is to have it
    try:
        os.write(descriptor, whole)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
    context.load_verify_locations(cadata=certificate)
    return DataKey(f"DCSC P {base64.b64encode(whole).decode()}", context)


def _to_be_signed(point: bytes) -> bytes:
    """Return what the signature of a certificate covers (RFC 5280, 4.1)."""
    common = _sequence(_oid("2.5.4.3"), encode(UTF8, f"goclient data {os.urandom(8).hex()}".encode()))
    name, now = _sequence(encode(SET, common)), time.time()
    validity = _sequence(*(_utc(now + after) for after in (-3600, _LIFETIME)))
    serial = encode(INTEGER, b"\x01" + os.urandom(15))
    version = encode(_VERSION, encode(INTEGER, b"\x02"))
    public = _sequence(_curve(), point)
    return _sequence(version, serial, _sequence(_oid("1.2.840.10045.4.3.2")), name, validity, name, public)


def _pkcs8(private: int, point: bytes) -> bytes:
    """Return a private key as PKCS #8 has it: servers of GSI take no other form of this kind of key."""
    inner = encode(INTEGER, b"\x01"), encode(_OCTET_STRING, private.to_bytes(_BYTES, "big")), encode(_PUBLIC, point)
    return _sequence(encode(INTEGER, b"\0"), _curve(), encode(_OCTET_STRING, _sequence(*inner)))


def _curve() -> bytes:
    """Return what says that a key is one of P-256."""
    return _sequence(_oid("1.2.840.10045.2.1"), _oid("1.2.840.10045.3.1.7"))


def _utc(when: float) -> bytes:
    return encode(UTC_TIME, time.strftime("%y%m%d%H%M%SZ", time.gmtime(when)).encode())


def _oid(text: str) -> bytes:
    return encode(OID, oid_content(text))


def _sequence(*values: bytes) -> bytes:
    return encode(SEQUENCE, b"".join(values))
