"""A name in a certificate is read as OpenSSL writes it."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from goclient.services.gsi import der
from goclient.services.gsi.certificate import read_certificate
from goclient.services.gsi.der import Damaged
from goclient.services.gsi.names import read_name
from tests.strategies import examples

KEY = generate_private_key(SECP256R1())
UTF8, BMP, T61, IA5 = _ASN1Type.UTF8String, _ASN1Type.BMPString, _ASN1Type.T61String, _ASN1Type.IA5String
PRINTABLE, UNIVERSAL = _ASN1Type.PrintableString, _ASN1Type.UniversalString
CN, OU = NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME


def part(kind: x509.ObjectIdentifier, value: str, form: _ASN1Type = UTF8) -> x509.NameAttribute[str]:
    return x509.NameAttribute(kind, value, _type=form, _validate=False)


def certificate(*parts: list[x509.NameAttribute[str]], start: datetime | None = None) -> bytes:
    name = x509.Name([x509.RelativeDistinguishedName(one) for one in parts])
    builder = x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=KEY.public_key(), serial_number=7)
    builder = builder.not_valid_before(start or datetime(2026, 1, 1, tzinfo=UTC))
    builder = builder.not_valid_after(datetime(2055, 2, 28, 23, 59, 59, tzinfo=UTC))
    return builder.sign(KEY, SHA256()).public_bytes(Encoding.DER)


NAMES: dict[str, list[list[x509.NameAttribute[str]]]] = {
    "plain": [[part(NameOID.COUNTRY_NAME, "TW", PRINTABLE)], [part(OU, "People")], [part(CN, "Wen Deng 1")]],
    "a domain": [[part(NameOID.DOMAIN_COMPONENT, "Org", IA5)], [part(NameOID.EMAIL_ADDRESS, "A@b.C", IA5)]],
    "a slash": [[part(CN, "host/foo.example.org")]],
    "signs": [[part(CN, "(x) *|+ ?\\ a=b,c;\"'")]],
    "more than ASCII": [[part(CN, "Zoë Ünal 張")]],
    "two bytes a character": [[part(CN, "Žlu", BMP)]],
    "four bytes a character": [[part(CN, "Žlu", UNIVERSAL)]],
    "T.61": [[part(CN, "abcd", T61)]],
    "several in one part": [[part(CN, "A"), part(NameOID.USER_ID, "b")], [part(OU, "c")]],
    "control characters and blanks": [[part(CN, "\x01\x7f tab\t  x ")]],
    "an unknown kind": [[part(x509.ObjectIdentifier("1.2.3.4.5"), "odd")]],
    "an unknown kind of large numbers": [[part(x509.ObjectIdentifier("2.999.123456789"), "odd")]],
    "none": [],
}


@pytest.mark.parametrize("year", [1950, 1999, 2000, 2024, 2049, 2050, 2054])
def test_times_are_read(year: int) -> None:
    start = datetime(year, 2, 28 + (year % 4 == 0), 12, 34, 56, tzinfo=UTC)
    read = read_certificate(certificate([part(CN, "x")], start=start))
    assert read.start == int(start.timestamp())
    assert read.end == int(datetime(2055, 2, 28, 23, 59, 59, tzinfo=UTC).timestamp())


@given(st.binary(max_size=200))
def test_any_bytes_are_a_certificate_or_damaged(data: bytes) -> None:
    for read in (read_certificate, lambda one: read_name(one).oneline, lambda one: read_name(one).hash, der.values):
        try:
            read(data)
        except Damaged:
            continue


def test_a_certificate_cut_anywhere_is_damaged() -> None:
    whole = certificate(*NAMES["plain"])
    for size in range(len(whole)):
        with pytest.raises(Damaged):
            read_certificate(whole[:size])


DAMAGED: dict[str, tuple[bytes, bytes]] = {
    "no month": (b"260101000000Z", b"261301000000Z"),
    "no time": (b"260101000000Z", b"26010100000xZ"),
    "a time of another kind": (b"\x17\x0d260101000000Z", b"\x13\x0d260101000000Z"),
    "a name that is no set": (b"\x31", b"\x32"),
    "an attribute without a type": (b"\x06\x03\x55\x04\x03", b"\x05\x03\x55\x04\x03"),
    "a type without an end": (b"\x06\x03\x55\x04\x03", b"\x06\x03\x55\x04\x83"),
    "half a character": ("ë".encode(), b"\xff\xff"),
    "a fixed length out of range": (b"\x30", b"\x30\x85"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_certificate_that_is_wrong_in_one_place_is_damaged(case: str) -> None:
    whole = certificate([part(CN, "Zoë")])
    before, after = DAMAGED[case]
    assert before in whole
    with pytest.raises(Damaged):
        read_certificate(whole.replace(before, after))


def test_a_certificate_that_is_too_long_is_damaged() -> None:
    with pytest.raises(Damaged, match="too long"):
        read_certificate(b"\x30" * (65 << 10))


@given(st.data())
@examples(300)
def test_a_certificate_changed_anywhere_is_read_or_damaged(data: st.DataObject) -> None:
    whole = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Damaged):
        read_certificate(bytes(whole))


WHOLE = certificate(*NAMES["several in one part"])
