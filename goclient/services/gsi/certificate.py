"""A certificate, as much of it as must be known, read without cryptography."""

from __future__ import annotations

import time
from typing import NamedTuple

from goclient.services.gsi import der
from goclient.services.gsi.der import Damaged, Value
from goclient.services.gsi.names import read_name

MAX_CERTIFICATE = 64 << 10  # bytes
RSA = "1.2.840.113549.1.1.1"
LIMITED_POLICY = "1.3.6.1.4.1.3536.1.1.1.9"  # the Grid Community Toolkit's
_KEY_KINDS = {RSA: "RSA", "1.2.840.10045.2.1": "EC", "1.3.101.112": "Ed25519", "1.2.840.10040.4.1": "DSA"}
_PROXY_INFO = ("1.3.6.1.5.5.7.1.14", "1.3.6.1.4.1.3536.1.222")  # RFC 3820, and its draft
_ALTERNATIVE_NAMES = "2.5.29.17"
_DNS, _IP = 0x82, 0x87
_OLD_PROXIES = {"proxy": False, "limited proxy": True}  # common names; whether limited


class Certificate(NamedTuple):
    """One certificate: names on one line, times as Unix times, ``hosts`` of its alternative names."""

    subject: str
    issuer: str
    issuer_hash: str
    common_names: tuple[str, ...]
    start: int
    end: int
    key_kind: str  # "RSA", "EC" …, or the algorithm's number
    rsa_bits: int  # 0 if it is not RSA
    public_key: bytes  # the key itself: what the string of bits holds
    is_proxy: bool
    is_limited: bool
    hosts: tuple[str, ...]
    addresses: tuple[bytes, ...]
    is_self_signed: bool
    serial: int
    whole: bytes  # DER


def read_certificate(data: bytes) -> Certificate:
    """Return the certificate that some DER is; raise Damaged."""
    if len(data) > MAX_CERTIFICATE:
        raise Damaged("it is too long for a certificate")
    try:
        return _read(data)
    except Damaged:
        raise
    except (ValueError, IndexError, OverflowError) as error:  # of parts that are missing
        raise Damaged("it is damaged") from error


def _read(data: bytes) -> Certificate:
    fields = der.values(der.values(der.only(data, der.SEQUENCE))[0].content)
    if fields[0].tag == 0xA0:  # the version, which the first one did without
        del fields[0]
    serial, _, issuer, validity, subject, key = fields[:6]
    start, end = (_time(value) for value in der.values(validity.content)[:2])
    extensions = _extensions(fields[6:])
    name, above = read_name(subject.whole), read_name(issuer.whole)
    is_proxy, is_limited = _proxy(extensions, name.common_names)
    algorithm, bits = der.values(key.content)[:2]
    number = der.oid(der.values(algorithm.content)[0].content)
    public_key = bits.content[1:]
    modulus = der.values(der.only(public_key, der.SEQUENCE))[0].content if number == RSA else b""
    names = extensions.get(_ALTERNATIVE_NAMES)
    alternatives = der.values(der.only(names, der.SEQUENCE)) if names else []
    return Certificate(
        subject=name.oneline,
        issuer=above.oneline,
        issuer_hash=above.hash,
        common_names=name.common_names,
        start=start,
        end=end,
        key_kind=_KEY_KINDS.get(number, number),
        rsa_bits=int.from_bytes(modulus).bit_length(),
        public_key=public_key,
        is_proxy=is_proxy,
        is_limited=is_limited,
        hosts=tuple(one.content.decode("ascii", "replace") for one in alternatives if one.tag == _DNS),
        addresses=tuple(one.content for one in alternatives if one.tag == _IP),
        is_self_signed=subject.whole == issuer.whole,
        serial=int.from_bytes(serial.content, signed=True),
        whole=data,
    )


def _time(value: Value) -> int:
    """Return a time as a Unix time; raise Damaged."""
    text = value.content.decode("ascii", "replace")
    if value.tag == der.UTC_TIME:  # RFC 5280: the years 1950 to 2049
        text = ("19" if text[:2] >= "50" else "20") + text
    digits = text[:14]
    if value.tag not in (der.UTC_TIME, der.GENERALIZED_TIME) or text != f"{digits}Z" or len(digits) != 14:
        raise Damaged("it has a time that is damaged")
    if not (digits.isascii() and digits.isdigit()):
        raise Damaged("it has a time that is damaged")
    year, month, day, hour, minute, second = int(text[:4]), *(int(text[at : at + 2]) for at in range(4, 14, 2))
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 61):
        raise Damaged("it has a time that is damaged")
    # Days since 1970 in the Gregorian calendar, as datetime takes milliseconds to load.  A leap day ends its year.
    year, month = (year, month) if month > 2 else (year - 1, month + 12)
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day - 719_469
    return ((days * 24 + hour) * 60 + minute) * 60 + second


def _extensions(fields: list[Value]) -> dict[str, bytes]:
    """Return the value of each extension, by its number."""
    found: dict[str, bytes] = {}
    for field in fields:
        if field.tag != 0xA3:
            continue
        for extension in der.values(der.only(field.content, der.SEQUENCE)):
            parts = der.values(extension.content)
            found[der.oid(parts[0].content)] = parts[-1].content
    return found


def _proxy(extensions: dict[str, bytes], names: tuple[str, ...]) -> tuple[bool, bool]:
    """Return whether a certificate is a proxy, and whether it is a limited one; raise Damaged."""
    info = next((extensions[number] for number in _PROXY_INFO if number in extensions), None)
    if info is None:
        last = names[-1] if names else ""
        return last in _OLD_PROXIES, _OLD_PROXIES.get(last, False)
    for value in der.values(der.only(info, der.SEQUENCE)):
        if value.tag == der.SEQUENCE:
            return True, der.oid(der.values(value.content)[0].content) == LIMITED_POLICY
    raise Damaged("its proxy policy is damaged")


def rsa_public_key(key: bytes) -> bytes | None:
    """Return the public key of an RSA key that is not encrypted, as in ``Certificate.public_key``; raise Damaged.

    ``key`` is DER, PKCS #1 or PKCS #8.  A key of another kind gives None.
    """
    try:
        parts = der.values(der.only(key, der.SEQUENCE))
        if parts[1].tag == der.SEQUENCE:  # PKCS #8: the algorithm, and the key in a string
            if der.oid(der.values(parts[1].content)[0].content) != RSA:
                return None
            parts = der.values(der.only(parts[2].content, der.SEQUENCE))
        return der.encode(der.SEQUENCE, parts[1].whole + parts[2].whole) if len(parts) >= 9 else None
    except IndexError as error:
        raise Damaged("it is damaged") from error


def time_text(seconds: float) -> str:
    """Return a Unix time as ``2026-11-24 19:30 UTC``."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))
