"""A name in a certificate is written and hashed as openssl does."""

from __future__ import annotations

import subprocess

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from goclient.services.gsi.certificate import read_certificate
from goclient.services.gsi.names import _SHORT
from tests.services.gsi.test_certificate import CN, IA5, NAMES, certificate, part
from tests.strategies import examples


def openssl(data: bytes) -> list[str]:
    words = "openssl x509 -inform DER -noout -subject -nameopt compat -hash".split()
    return subprocess.run(words, input=data, capture_output=True, check=True).stdout.decode().splitlines()


@pytest.mark.conformance
@pytest.mark.parametrize("case", NAMES)
def test_a_name_is_written_and_hashed_as_openssl_does(case: str) -> None:
    data = certificate(*NAMES[case])
    read = read_certificate(data)
    subject, digest = openssl(data)
    assert f"subject={read.subject}" == subject
    assert read.issuer_hash == digest
    assert read.is_self_signed


@pytest.mark.conformance
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=10), min_size=1, max_size=2
    )
)
@examples(60)
def test_any_name_is_written_and_hashed_as_openssl_does(values: list[str]) -> None:
    data = certificate(*([part(CN, value)] for value in values))
    subject, digest = openssl(data)
    assert f"subject={read_certificate(data).subject}" == subject
    assert read_certificate(data).issuer_hash == digest


@pytest.mark.conformance
def test_the_short_names_are_those_of_openssl() -> None:
    for number, short in _SHORT.items():
        kind = x509.ObjectIdentifier(number)
        subject, _ = openssl(certificate([part(kind, "vv", IA5)]))
        assert subject == f"subject=/{short}=vv"


@pytest.mark.conformance
def test_a_string_of_another_kind_is_hashed_as_it_is() -> None:
    whole = certificate([part(CN, "1  2 ")])
    changed = whole.replace(b"\x0c\x051  2 ", b"\x12\x051  2 ")  # a NumericString
    subject, digest = openssl(changed)
    read = read_certificate(changed)
    assert (f"subject={read.subject}", read.issuer_hash) == (subject, digest)
