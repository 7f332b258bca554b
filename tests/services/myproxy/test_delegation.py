"""A proxy that is signed or asked for is what RFC 3820 and the grid's tools say it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from goclient.errors import MyproxyError
from goclient.services.gsi.der import values
from goclient.services.gsi.pem import write_proxy
from goclient.services.myproxy.delegation import (
    LIMITED,
    PROXY_INFO,
    Asked,
    Signer,
    ask,
    assemble,
    load_signer,
    sign_request,
)
from tests.myproxy_grid import HOUR, OTHER_USER, USER, Grid

Tamper = Callable[[Asked, list[bytes]], list[bytes]]


@pytest.fixture(scope="module")
def signer(grid: Grid) -> Signer:
    return load_signer(grid.identity(USER), None)


def signed(signer: Signer, lifetime: int = HOUR, now: datetime | None = None) -> tuple[Asked, list[bytes]]:
    asked = ask()
    answer, _ = sign_request(asked.request, signer, lifetime=lifetime, now=now)
    return asked, [one.whole for one in values(answer[1:])]


def test_a_proxy_is_what_the_standard_says(signer: Signer) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    _, chain = signed(signer, now=now)
    proxy, above = (x509.load_der_x509_certificate(one) for one in chain)
    assert proxy.issuer == above.subject
    assert list(proxy.subject)[:-1] == list(above.subject)
    assert list(proxy.subject)[-1].value == str(proxy.serial_number)
    assert proxy.not_valid_before_utc == max(now - timedelta(minutes=5), above.not_valid_before_utc)
    assert proxy.not_valid_after_utc == now + timedelta(hours=1)
    assert isinstance(proxy.signature_hash_algorithm, SHA256)
    usage = proxy.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert (usage.value.digital_signature, usage.value.key_encipherment, usage.value.key_cert_sign) == (
        True,
        True,
        False,
    )
    info = proxy.extensions.get_extension_for_oid(PROXY_INFO)
    assert info.critical
    assert info.value.public_bytes().hex() == "300c300a06082b06010505071501"


def test_a_proxy_lasts_no_longer_than_any_certificate_above_it(signer: Signer) -> None:
    asked = ask()
    _, end = sign_request(asked.request, signer, lifetime=10 * 365 * 24 * HOUR)
    assert end == int(signer.chain[0].not_valid_after_utc.timestamp())


def test_a_proxy_of_a_limited_proxy_is_limited(signer: Signer) -> None:
    _, chain = signed(signer._replace(limited=True))
    info = x509.load_der_x509_certificate(chain[0]).extensions.get_extension_for_oid(PROXY_INFO)
    assert info.value.public_bytes() == LIMITED


def request(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    return x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, SHA256()).public_bytes(Encoding.DER)


def test_a_request_that_cannot_be_granted_is_not(signer: Signer) -> None:
    good = ask().request
    bad = {
        "not for an RSA key": request(ec.generate_private_key(ec.SECP256R1())),
        "at least 2048 bits": request(rsa.generate_private_key(65537, 1024)),
        "its signature is wrong": good[:-4] + b"abcd",
        "cannot be granted": good[:100],
    }
    for said, data in bad.items():
        with pytest.raises(MyproxyError) as caught:
            sign_request(data, signer, lifetime=HOUR)
        assert said in caught.value.message
        assert caught.value.code == "myproxy-garbage"


def test_a_proxy_file_has_its_certificate_key_and_chain_in_order(signer: Signer) -> None:
    asked, chain = signed(signer)
    pem = assemble(asked, chain)
    labels = [line for line in pem.decode().splitlines() if line.startswith("-----BEGIN")]
    assert labels == ["-----BEGIN CERTIFICATE-----", "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN CERTIFICATE-----"]


BAD_CHAINS: dict[str, tuple[Tamper, str]] = {
    "empty": (lambda asked, chain: [], "no certificate in it"),
    "of another key": (lambda asked, chain: [chain[1], chain[1]], "not for the key that was made here"),
    "without its end": (lambda asked, chain: chain[:1], "that its proxies were made of is missing"),
    "damaged": (lambda asked, chain: [chain[0][:-1], chain[1]], "did not send a proxy"),
    "signed by nobody": (
        lambda asked, chain: [chain[0][:-4] + b"abcd", chain[1]],
        "did not send a proxy",
    ),
    "twice the same": (lambda asked, chain: [chain[0], chain[0], chain[1]], "did not send a proxy"),
}


@pytest.mark.parametrize("case", BAD_CHAINS)
def test_a_chain_that_is_no_proxy_of_ours_is_refused(signer: Signer, case: str) -> None:
    tamper, said = BAD_CHAINS[case]
    asked, chain = signed(signer)
    with pytest.raises(MyproxyError) as caught:
        assemble(asked, tamper(asked, chain))
    assert said in caught.value.message
    assert caught.value.code == "myproxy-unusable"


def test_a_chain_of_somebody_else_is_refused(grid: Grid, signer: Signer) -> None:
    asked, chain = signed(signer)
    other = grid.identity(OTHER_USER).chain[0]
    with pytest.raises(MyproxyError, match="did not send a proxy"):
        assemble(asked, [chain[0], other])


def test_a_chain_that_has_ended_is_refused(signer: Signer) -> None:
    asked, chain = signed(signer)
    with pytest.raises(MyproxyError, match="not valid now"):
        assemble(asked, chain, now=datetime.now(UTC) + timedelta(hours=2))


def test_a_certificate_that_is_no_proxy_is_refused(grid: Grid, signer: Signer) -> None:
    own = Asked(signer.key, b"")
    with pytest.raises(MyproxyError, match=r"not a proxy of RFC 3820"):
        assemble(own, list(grid.identity(USER).chain))


def test_a_proxy_is_written_for_its_owner_only_whatever_the_umask_is(tmp_path: Path) -> None:
    path = tmp_path / "proxy"
    before = os.umask(0)
    try:
        write_proxy(path, b"new")
    finally:
        os.umask(before)
    assert (path.read_bytes(), path.stat().st_mode & 0o7777) == (b"new", 0o600)
    assert [one.name for one in tmp_path.iterdir()] == ["proxy"]


def test_a_link_in_the_place_of_a_proxy_is_replaced_not_followed(tmp_path: Path) -> None:
    path, precious = tmp_path / "proxy", tmp_path / "precious"
    precious.write_text("precious")
    path.symlink_to(precious)
    write_proxy(path, b"new")
    assert not path.is_symlink()
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("location", ["", "none/proxy", "\0"])
def test_a_proxy_that_cannot_be_written_is_told(tmp_path: Path, location: str) -> None:
    with pytest.raises(MyproxyError) as caught:
        write_proxy(str(tmp_path / location), b"new")
    assert caught.value.code == "proxy-file"
    assert list(tmp_path.iterdir()) == []
