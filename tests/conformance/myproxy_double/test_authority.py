"""The authority's certificates are what OpenSSL and the grid tools take, and are named as they name them."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from goclient.sandbox.myproxy.authority import Authority
from goclient.sandbox.myproxy.grid import Credential
from goclient.sandbox.myproxy.names import oneline, parse_name

ODD = [
    pytest.param("/C=TW/O=Test Grid/OU=People/CN=J Doe", id="blanks"),
    pytest.param("/DC=org/DC=doegrids/OU=People/CN=Nurcan Ozturk 18551", id="domain components"),
    pytest.param("/C=TW/O=Test Grid/OU=Hosts/CN=host/grid.example.org", id="a slash"),
    pytest.param("/C=TW/O=Test Grid/CN=J (Robot) [1] {2}+^$|*?.\\", id="signs"),
    pytest.param("/C=TW/O=Test Grid/CN=Jürgen Müller 林", id="Unicode"),
    pytest.param("/C=TW/O=Test Grid/CN=  MANY   Blanks.  ", id="many blanks"),
    pytest.param("/C=TW/O=Test Grid/UID=jdoe/emailAddress=J.Doe@example.org/CN=J/CN=12345", id="other types"),
    pytest.param([("O", "Test Grid"), ("CN", "J/CN=Not a part")], id="pairs"),
]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("authority")
    return Authority.make(folder / "certificates", key=folder / "authority.key")


@pytest.fixture(scope="module")
def issued(authority: Authority) -> Credential:
    return authority.issue("/C=TW/O=Test Grid/OU=People/CN=J Doe", into=authority.directory.parent, name="jdoe")


def openssl(*words: str | Path) -> str:
    if not shutil.which("openssl"):
        pytest.skip("the program openssl is not installed")
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("subject", ODD)
def test_a_name_is_hashed_and_written_as_openssl_does(
    authority: Authority, tmp_path: Path, subject: str | list[tuple[str, str]]
) -> None:
    made = Authority.make(tmp_path, subject=subject)
    shown = openssl("x509", "-in", made.file("0"), "-noout", "-hash", "-subject", "-nameopt", "compat")
    assert shown == f"{made.file('0').stem}\nsubject={made.dn}".rstrip()


@pytest.mark.parametrize("subject", ["", "CN=J", "x/CN=J", "/X=J", "J Doe"])
def test_a_name_without_a_type_is_refused(subject: str) -> None:
    with pytest.raises(ValueError, match="does not begin with one of C, ST, L, O, OU"):
        parse_name(subject)


def test_a_name_reads_back_as_it_was_typed() -> None:
    for subject in (r"/C=TW/O=Test Grid/CN=host\/a.b", "/DC=org/DC=x/CN=J (1)", r"/CN=a\/CN=b\+c"):
        assert oneline(parse_name(subject)) == subject
    assert parse_name("/CN=host/a.b+c") == parse_name(r"/CN=host\/a.b\+c") == parse_name([("CN", "host/a.b+c")])


def test_openssl_verifies_what_it_issued(authority: Authority, issued: Credential) -> None:
    assert "OK" in openssl("verify", "-x509_strict", "-crl_check", "-CApath", authority.directory, issued.certificate)
    text = openssl("x509", "-in", issued.certificate, "-noout", "-ext", "keyUsage,subjectAltName")
    assert "Digital Signature, Key Encipherment" in text
    assert "DNS:localhost" in text


def test_the_files_of_a_credential_have_modes_that_grid_tools_take(issued: Credential) -> None:
    assert issued.key.stat().st_mode & 0o777 == 0o400
    assert issued.certificate.stat().st_mode & 0o777 == 0o644


def test_the_folder_has_what_grid_tools_look_for_and_no_key(authority: Authority) -> None:
    name = authority.file("0").stem
    assert {path.name for path in authority.directory.iterdir()} == {
        f"{name}.0",
        f"{name}.r0",
        f"{name}.signing_policy",
    }
    policy = authority.file("signing_policy").read_text()
    assert "'/C=TW/O=Test Grid/CN=Test Grid CA'" in policy
    assert "'\"/C=TW/O=Test Grid/*\"'" in policy
    assert (authority.directory.parent / "authority.key").stat().st_mode & 0o777 == 0o600


def test_a_revoked_certificate_is_refused_and_another_is_not(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path / "certificates", key=tmp_path / "authority.key")
    several = [authority.issue(f"/C=TW/O=Test Grid/CN={n}", into=tmp_path, name=n) for n in "abc"]
    authority.revoke(several[0])
    Authority.load(authority.directory, tmp_path / "authority.key").revoke(several[1])
    listed = x509.load_pem_x509_crl(authority.file("r0").read_bytes())
    assert len(listed) == 2
    assert "OK" in openssl("verify", "-crl_check", "-CApath", authority.directory, several[2].certificate)
    for one in several[:2]:
        with pytest.raises(AssertionError, match="certificate revoked"):
            openssl("verify", "-crl_check", "-CApath", authority.directory, one.certificate)


def test_a_certificate_has_the_times_the_key_and_the_pass_phrase_that_are_wanted(
    authority: Authority, tmp_path: Path
) -> None:
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=9)
    more = {"start": start, "end": start + timedelta(days=1), "passphrase": "open sesame"}
    made = authority.issue("/O=Test Grid/CN=old", into=tmp_path, name="old", names=(), key="ec", **more)  # type: ignore[arg-type]
    certificate = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    assert (certificate.not_valid_before_utc, certificate.not_valid_after_utc) == (start, start + timedelta(days=1))
    with pytest.raises(x509.ExtensionNotFound):
        certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert b"ENCRYPTED" in made.key.read_bytes()
    key = serialization.load_pem_private_key(made.key.read_bytes(), b"open sesame")
    assert key.public_key() == certificate.public_key()


def test_a_credential_can_be_issued_again_in_its_place(authority: Authority, tmp_path: Path) -> None:
    serials = set()
    for bits in (2048, 1024):
        made = authority.issue("/O=Test Grid/CN=J", into=tmp_path, name="j", bits=bits)
        serials.add(x509.load_pem_x509_certificate(made.certificate.read_bytes()).serial_number)
    assert len(serials) == 2
    assert "1024 bit" in openssl("pkey", "-in", made.key, "-noout", "-text")


def test_grid_proxy_init_takes_it(authority: Authority, issued: Credential, tmp_path: Path) -> None:
    if not shutil.which("grid-proxy-init"):
        pytest.skip("grid-proxy-init is not installed")
    env = {"X509_CERT_DIR": str(authority.directory), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    words = ["-cert", issued.certificate, "-key", issued.key, "-out", tmp_path / "proxy", "-rfc", "-verify"]
    done = subprocess.run(["grid-proxy-init", *map(str, words)], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Your identity: /C=TW/O=Test Grid/OU=People/CN=J Doe" in done.stdout
    shown = openssl(
        "verify",
        "-allow_proxy_certs",
        "-CApath",
        authority.directory,
        "-untrusted",
        tmp_path / "proxy",
        tmp_path / "proxy",
    )
    assert "OK" in shown
