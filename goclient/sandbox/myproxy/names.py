"""Names in certificates, as OpenSSL writes and hashes them: ``/C=TW/O=Test Grid/CN=J Doe``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from cryptography import x509
from cryptography.x509.oid import NameOID

# OpenSSL's short names of the types that grid names have (crypto/objects/objects.txt).
TYPES = {
    "C": NameOID.COUNTRY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "L": NameOID.LOCALITY_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "DC": NameOID.DOMAIN_COMPONENT,
    "UID": NameOID.USER_ID,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "emailAddress": NameOID.EMAIL_ADDRESS,
    "CN": NameOID.COMMON_NAME,
}
_SHORT = {oid: short for short, oid in TYPES.items()}
_PART = re.compile(rf"(?<!\\)/({'|'.join(TYPES)})=")
_ESCAPED = re.compile(r"\\([/+])")
_BLANKS = re.compile(rb"[ \t\n\v\f\r]+")  # OpenSSL's ossl_isspace
UTF8_STRING, SEQUENCE, SET = 0x0C, 0x30, 0x31  # tags of ASN.1

Typed = str | Sequence[tuple[str, str]]


def parse_name(subject: Typed) -> x509.Name:
    r"""Return the name that is written as ``/TYPE=value/TYPE=value``, or as pairs of a type and a value.

    A part begins at each ``/`` that has one of :data:`TYPES` and a ``=`` behind it, and no backslash before it; any
    other ``/`` belongs to the value.  Raise ValueError if there is no part.
    """
    if isinstance(subject, str):
        before, *rest = _PART.split(subject)
        if before or not rest:
            raise ValueError(f"{subject!r} does not begin with one of {', '.join(TYPES)}")
        subject = [(kind, _ESCAPED.sub(r"\1", value)) for kind, value in zip(rest[::2], rest[1::2], strict=True)]
    return x509.Name([x509.NameAttribute(TYPES[kind], value) for kind, value in subject])


def oneline(name: x509.Name) -> str:
    r"""Return the name as X509_NAME_oneline of OpenSSL 3 writes it: ``\xC3`` for other than ASCII, ``\/``, ``\+``."""
    written = ""
    for one in name:
        plain = "".join(chr(byte) if 0x20 <= byte <= 0x7E else f"\\x{byte:02X}" for byte in _text(one))
        escaped = plain.replace("/", "\\/").replace("+", "\\+")
        written += f"/{_SHORT.get(one.oid, one.oid.dotted_string)}={escaped}"
    return written


def _text(attribute: x509.NameAttribute[str | bytes]) -> bytes:
    return attribute.value if isinstance(attribute.value, bytes) else attribute.value.encode()


def subject_hash(name: x509.Name) -> str:
    """Return the eight digits of X509_NAME_hash, after which a directory of authorities names its files.

    SHA-1 of the parts in OpenSSL's canonical form (crypto/x509/x_name.c: x509_name_canon): each value a UTF8String
    in small letters, without blanks at its ends, and one blank for several.
    """
    canonical = b""
    for part in name.rdns:
        members = []
        for attribute in part:
            value = _BLANKS.sub(b" ", _text(attribute)).strip(b" ").lower()
            members.append(_encode(SEQUENCE, _object_identifier(attribute.oid) + _encode(UTF8_STRING, value)))
        canonical += _encode(SET, b"".join(sorted(members)))
    digest = hashlib.sha1(canonical).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}"


def _object_identifier(oid: x509.ObjectIdentifier) -> bytes:
    """Return the identifier in DER; X.690, 8.19."""
    first, second, *rest = map(int, oid.dotted_string.split("."))
    content = bytearray()
    for number in (40 * first + second, *rest):
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(number & 0x7F | 0x80)
        content += bytes(reversed(digits))
    return _encode(0x06, bytes(content))


def _encode(tag: int, content: bytes) -> bytes:
    """Return the tag, the length and the content; X.690, 8.1."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content
