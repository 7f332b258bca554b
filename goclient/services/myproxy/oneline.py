"""A certificate's name on one line, as OpenSSL's X509_NAME_oneline writes it, and the hash that names its files."""

from __future__ import annotations

import hashlib

from goclient.services.myproxy.der import (
    BMP,
    IA5,
    OID,
    PRINTABLE,
    SEQUENCE,
    SET,
    T61,
    UNIVERSAL,
    UTF8,
    Damaged,
    encoded,
    only,
    values,
)
from goclient.services.myproxy.der import oid as oid_of

_COMMON_NAME = bytes.fromhex("550403")  # 2.5.4.3
_VISIBLE_STRING = 0x1A
# Short names of OpenSSL's objects.txt; any other is written as a number.
_SHORT = {
    "2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
    "2.5.4.9": "street", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.13": "description",
    "2.5.4.15": "businessCategory", "2.5.4.16": "postalAddress", "2.5.4.17": "postalCode",
    "2.5.4.20": "telephoneNumber", "2.5.4.41": "name", "2.5.4.42": "GN", "2.5.4.43": "initials",
    "2.5.4.44": "generationQualifier", "2.5.4.45": "x500UniqueIdentifier", "2.5.4.46": "dnQualifier",
    "2.5.4.65": "pseudonym", "2.5.4.72": "role", "2.5.4.97": "organizationIdentifier",
    "0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.3": "mail", "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "emailAddress", "1.2.840.113549.1.9.2": "unstructuredName",
    "1.2.840.113549.1.9.8": "unstructuredAddress",
    "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL", "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST",
    "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
}  # fmt: skip


# A slash and a plus in a value have a backslash since OpenSSL 3.0; a backslash has none.
_VISIBLE = {byte: chr(byte) for byte in range(0x20, 0x7F)} | {ord("/"): "\\/", ord("+"): "\\+"}


def _attributes(name: bytes) -> list[list[tuple[bytes, int, bytes]]]:
    """For each part of a name in DER its attributes: identifier, tag of the value, value."""
    parts = []
    for part in values(only(name, SEQUENCE)):
        if part.tag != SET:
            raise Damaged("its name is damaged")
        found = []
        for attribute in values(part.content):
            pair = values(attribute.content)
            if attribute.tag != SEQUENCE or len(pair) != 2 or pair[0].tag != OID:
                raise Damaged("its name is damaged")
            found.append((pair[0].content, pair[1].tag, pair[1].content))
        parts.append(found)
    return parts


def oneline(name: bytes) -> str:
    """A name in DER as ``/C=…/CN=…``; raises Damaged."""
    line = ""
    for part in _attributes(name):
        for place, (kind, _, value) in enumerate(part):
            number = oid_of(kind)
            line += f"{'+' if place else '/'}{_SHORT.get(number, number)}={_escaped(value)}"
    return line


def _escaped(value: bytes) -> str:
    return "".join(_VISIBLE.get(byte) or f"\\x{byte:02X}" for byte in value)


def common_names(name: bytes) -> tuple[str, ...]:
    """The common names in a name in DER."""
    return tuple(
        value.decode("utf-8", "replace")
        for part in _attributes(name)
        for kind, _, value in part
        if kind == b"\x55\x04\x03"
    )


# --- the hash of a name -----------------------------------------------------------------------------------------


def name_hash(name: bytes) -> str:
    """The eight digits that the files of a CA begin with: ``openssl x509 -subject_hash``, since OpenSSL 1.0."""
    canonical = b""
    for part in _attributes(name):
        # In DER the members of a set are in order.
        canonical += encoded(SET, b"".join(sorted(_canonical(*attribute) for attribute in part)))
    digest = hashlib.sha1(canonical, usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}"


def _canonical(kind: bytes, tag: int, value: bytes) -> bytes:
    """An attribute as it is hashed: letters small, blanks single, UTF-8."""
    return encoded(SEQUENCE, encoded(OID, kind) + _canonical_value(tag, value))


def _canonical_value(tag: int, value: bytes) -> bytes:
    encodings = {BMP: "utf-16-be", UNIVERSAL: "utf-32-be", T61: "latin-1", UTF8: "utf-8"}
    if tag not in (*encodings, PRINTABLE, IA5, _VISIBLE_STRING):
        return encoded(tag, value)
    try:
        text = value.decode(encodings.get(tag, "latin-1")).encode()
    except UnicodeError:
        raise Damaged("its name is damaged") from None
    return encoded(UTF8, b" ".join(text.split()).lower())
