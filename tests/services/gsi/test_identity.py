"""An identity is found where the C tools look, and whatever is wrong with one is told with what to type."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from goclient.errors import GoclientError, MyproxyError
from goclient.sandbox.myproxy.grid import Credential
from goclient.services.gsi.der import values
from goclient.services.gsi.identity import Identity, Search, find_identity
from goclient.services.gsi.pem import write_proxy
from goclient.services.myproxy.delegation import ask, assemble, load_signer, sign_request
from tests.myproxy_grid import HOUR, OTHER_USER, USER, Grid

NOW = datetime.now(UTC)
OLD: dict[str, Any] = {"start": NOW - timedelta(days=9), "end": NOW - timedelta(days=1)}
NOBODY = 4_000_000  # a user without a proxy in /tmp


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".globus").mkdir()
    return tmp_path


def issued(grid: Grid, folder: Path, name: str, dn: str = USER, **more: Any) -> Credential:
    return grid.authority.issue(dn, into=folder, name=name, names=(), **more)


def proxy_of(identity: Identity, path: Path, lifetime: int = HOUR, *, limited: bool = False) -> Path:
    """A proxy made of an identity, as a file."""
    asked = ask()
    signer = load_signer(identity, None)._replace(limited=limited)
    answer, _ = sign_request(asked.request, signer, lifetime=lifetime)
    write_proxy(path, assemble(asked, split(answer)))
    return path


def split(answer: bytes) -> list[bytes]:
    """The certificates behind the count."""
    found = [one.whole for one in values(answer[1:])]
    assert len(found) == answer[0]
    return found


def find(home: Path, uid: int | None = None, env: dict[str, str] | None = None, **more: Any) -> Identity:
    now = more.pop("now", None)
    return find_identity(Search(env or {}, home, os.getuid() if uid is None else uid, **more), now=now)


def errors_of(call: Callable[[], object]) -> list[MyproxyError]:
    with pytest.raises(GoclientError) as caught:
        call()
    found = list(caught.value.parts)
    assert all(isinstance(one, MyproxyError) and one.hint and one.message.isprintable() for one in found)
    return found  # type: ignore[return-value]


# --- where it is found ------------------------------------------------------------------------------------------


def default_pair(grid: Grid, home: Path) -> Credential:
    made = issued(grid, home, "own")
    shutil.copy2(made.certificate, home / ".globus/usercert.pem")
    shutil.copy2(made.key, home / ".globus/userkey.pem")
    return made


def test_the_default_pair_is_found(grid: Grid, home: Path) -> None:
    default_pair(grid, home)
    found = find(home)
    assert (found.found, found.dn, found.base, found.is_proxy) == ("the default place", USER, USER, False)
    assert found.rsa_bits == 2048
    assert found.certificate == str(home / ".globus/usercert.pem")


def test_info_prefers_the_proxy_and_a_deposit_the_certificate(grid: Grid, home: Path) -> None:
    default_pair(grid, home)
    proxy = proxy_of(find(home), home / "proxy")
    env = {"X509_USER_PROXY": str(proxy)}
    found = find(home, env=env)
    assert (found.found, found.is_proxy, found.base) == ("X509_USER_PROXY", True, USER)
    assert find(home, env=env, deposit=True).found == "the default place"
    other = issued(grid, home, "other", OTHER_USER)
    env |= {"X509_USER_CERT": str(other.certificate), "X509_USER_KEY": str(other.key)}
    assert find(home, env=env).found == "X509_USER_PROXY"
    deposit = find(home, env=env, deposit=True)
    assert (deposit.found, deposit.dn) == ("X509_USER_CERT", OTHER_USER)
    option = find(home, env=env, deposit=True, proxy=str(proxy))
    assert (option.found, option.base) == ("--proxy", USER)
    assert find(home, env=env, certificate=str(other.certificate), key=str(other.key)).found == "--cert"


def test_a_key_may_be_in_the_file_of_its_certificate(grid: Grid, home: Path) -> None:
    made = issued(grid, home, "own")
    both = home / "both.pem"
    both.write_bytes(made.certificate.read_bytes() + made.key.read_bytes())
    both.chmod(0o600)
    assert find(home, certificate=str(both)).key == str(both)
    assert find(home, env={"X509_USER_CERT": str(both)}).key == str(both)


def test_a_bad_one_that_was_only_found_is_told_and_the_next_one_used(
    grid: Grid, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    default_pair(grid, home)
    (home / ".globus/usercert.pem").write_text("garbage")
    proxy = proxy_of(grid.identity(USER), home / "proxy")
    found = find(home, env={"X509_USER_PROXY": str(proxy)}, deposit=True)
    assert found.found == "X509_USER_PROXY"
    assert [one for one in found.warnings if one.startswith("not used: the certificate") and "usercert.pem" in one]


def test_a_bad_one_that_was_named_is_an_error_although_another_is_there(grid: Grid, home: Path) -> None:
    default_pair(grid, home)
    (error,) = errors_of(lambda: find(home, env={"X509_USER_PROXY": str(home / "none")}))
    assert error.message == f'the proxy "{home}/none" is not there'


def test_a_file_that_is_not_there_is_told_with_the_variable_that_names_it_and_no_other(grid: Grid, home: Path) -> None:
    own, nothing = default_pair(grid, home), str(home / "none")
    cert, key, none = "X509_USER_CERT", "X509_USER_KEY", ""
    told = (
        ({cert: nothing}, cert),
        ({cert: str(own.certificate), key: nothing}, key),
        ({key: nothing}, key),
        ({cert: str(own.certificate)}, none),
    )
    for env, variable in told:
        if variable == none:
            (home / ".globus/userkey.pem").unlink()
        found = errors_of(lambda: find(home, NOBODY, env, deposit=True))  # noqa: B023
        (error,) = (one for one in found if one.code == "identity-missing")
        assert error.hint.partition("; or unset ")[2] == (f"{variable}, which names it" if variable else ""), env


def test_without_any_it_is_told_where_to_put_one(home: Path) -> None:
    (error,) = errors_of(lambda: find(home, NOBODY))
    assert error.code == "identity-missing"
    assert f"{home}/.globus/usercert.pem" in error.hint
    (home / ".globus/usercred.p12").touch()
    (error,) = errors_of(lambda: find(home, NOBODY))
    assert "openssl pkcs12 -in" in error.hint


# --- what can be wrong ------------------------------------------------------------------------------------------


def pair(made: Credential) -> dict[str, Any]:
    return {"certificate": str(made.certificate), "key": str(made.key)}


def changed(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


def readable(made: Credential) -> dict[str, str]:
    made.key.chmod(0o640)
    return pair(made)


def garbage(made: Credential) -> dict[str, str]:
    changed(made.certificate, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    return pair(made)


def cut(made: Credential) -> dict[str, str]:
    changed(made.certificate, made.certificate.read_bytes()[:200])
    return pair(made)


def no_base64(made: Credential) -> dict[str, str]:
    changed(made.certificate, b"-----BEGIN CERTIFICATE-----\n@@@@\n-----END CERTIFICATE-----\n")
    return pair(made)


def empty(made: Credential) -> dict[str, str]:
    changed(made.certificate, b"")
    return pair(made)


def folder(made: Credential) -> dict[str, str]:
    return pair(made) | {"certificate": str(made.certificate.parent)}


def pipe(made: Credential) -> dict[str, str]:
    made.key.unlink()
    os.mkfifo(made.key, 0o600)
    return pair(made)


def missing(made: Credential) -> dict[str, str]:
    made.key.unlink()
    return pair(made)


def no_key(made: Credential) -> dict[str, str]:
    return pair(made) | {"key": str(changed(made.key, made.certificate.read_bytes()))}


def damaged_key(made: Credential) -> dict[str, str]:
    changed(made.key, b"-----BEGIN RSA PRIVATE KEY-----\nMAAAAA==\n-----END RSA PRIVATE KEY-----\n")
    return pair(made)


def huge(made: Credential) -> dict[str, str]:
    changed(made.certificate, b"x" * ((1 << 20) + 1))
    return pair(made)


def nul(made: Credential) -> dict[str, str]:
    return pair(made) | {"certificate": f"{made.certificate}\0"}


def loop(made: Credential) -> dict[str, str]:
    made.certificate.unlink()
    made.certificate.symlink_to(made.certificate)
    return pair(made)


WRONG: dict[str, tuple[dict[str, Any], Callable[[Credential], dict[str, Any]], str, str]] = {
    "expired": (
        {"start": NOW - timedelta(days=9), "end": NOW - timedelta(days=1)},
        pair,
        "identity-expired",
        "expired on",
    ),
    "not valid yet": ({"start": NOW + timedelta(days=1)}, pair, "identity-early", "is not valid before"),
    "an EC key": ({"key": "ec"}, pair, "identity-kind", "has an EC key: a deposit could be made, but nobody"),
    "a short key": ({"bits": 1024}, pair, "identity-kind", "an RSA key of only 1024 bits"),
    "a key that others can read": ({}, readable, "identity-mode", "can be read or changed by others (mode 0640)"),
    "a certificate that is none": ({}, garbage, "identity-garbage", "cannot be used: it"),
    "a certificate that is cut": ({}, cut, "identity-garbage", "its CERTIFICATE has no end"),
    "a certificate that is no base64": (
        {},
        no_base64,
        "identity-garbage",
        "what should be base64 in it is something else",
    ),
    "an empty certificate": ({}, empty, "identity-garbage", "it has no certificate and no key in it"),
    "a folder": ({}, folder, "identity-file", "is a directory"),
    "a pipe": ({}, pipe, "identity-file", "is not a regular file"),
    "a huge file": ({}, huge, "identity-file", "is larger than"),
    "a link to itself": ({}, loop, "identity-file", "is a link"),
    "a NUL in a name": ({}, nul, "identity-file", "embedded null"),
    "no key": ({}, missing, "identity-missing", "is not there"),
    "a key's file without a key": ({}, no_key, "identity-garbage", "has no key in it"),
    "a key that is damaged": ({}, damaged_key, "identity-garbage", "the key"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_an_identity_is_told(grid: Grid, home: Path, case: str) -> None:
    more, spoil, code, said = WRONG[case]
    named = spoil(issued(grid, home, "own", **more))
    (error,) = errors_of(lambda: find(home, deposit=True, **named))
    assert error.code == code
    assert said in error.message
    assert str(home) in error.message


def test_a_key_of_another_certificate_is_told(grid: Grid, home: Path) -> None:
    one, other = issued(grid, home, "one"), issued(grid, home, "other")
    (error,) = errors_of(lambda: find(home, certificate=str(one.certificate), key=str(other.key)))
    assert error.code == "identity-mismatch"
    assert str(other.key) in error.message


def test_a_key_of_another_user_is_told(grid: Grid, home: Path) -> None:
    made = issued(grid, home, "own")
    (error,) = errors_of(lambda: find(home, NOBODY, **pair(made)))
    assert error.code == "identity-owner"


def test_everything_that_is_wrong_is_told_at_once(grid: Grid, home: Path) -> None:
    made = issued(grid, home, "own", key="ec", **OLD)
    codes = [error.code for error in errors_of(lambda: find(home, deposit=True, **pair(made)))]
    assert codes == ["identity-expired", "identity-kind"]
    made.key.chmod(0o644)
    codes = [error.code for error in errors_of(lambda: find(home, NOBODY, **pair(made)))]
    assert codes == ["identity-owner", "identity-mode"]


@pytest.mark.parametrize("spoil", ["expired", "limited", "readable", "garbage"])
def test_a_proxy_that_cannot_be_used_is_told(grid: Grid, home: Path, spoil: str) -> None:
    path = proxy_of(grid.identity(USER), home / "proxy", limited=spoil == "limited")
    now = None
    if spoil == "expired":
        now = (NOW + timedelta(hours=3)).timestamp()
    elif spoil == "readable":
        path.chmod(0o644)
    elif spoil == "garbage":
        path.write_text("garbage")
    (error,) = errors_of(lambda: find(home, proxy=str(path), deposit=True, now=now))
    assert error.code == {"readable": "identity-mode"}.get(spoil, f"identity-{spoil}")
    assert f'the proxy "{path}"' in error.message
    assert ("grid-proxy-init" in error.hint) or spoil == "readable"


# What becomes of a file that was pasted, or passed through a variable or another system; ``mends``: whether its hint is
# a command that makes it what it was.
SPOILT: dict[str, tuple[Callable[[bytes], bytes], str, bool]] = {
    "blanks": (lambda pem: pem.replace(b"\n", b" "), "its line breaks are lost", True),
    "blanks, and one break at the end": (
        lambda pem: pem.replace(b"\n", b" ") + b"\n",
        "its line breaks are lost",
        True,
    ),
    "two blanks": (lambda pem: pem.replace(b"\n", b"  "), "its line breaks are lost", True),
    "tabs": (lambda pem: pem.replace(b"\n", b"\t"), "its line breaks are lost", True),
    "nothing": (lambda pem: pem.replace(b"\n", b""), "its line breaks are lost", True),
    "CR alone": (lambda pem: pem.replace(b"\n", b"\r"), "its line breaks are lost", True),
    "the letters of an escape": (lambda pem: pem.replace(b"\n", b"\\n"), "its line breaks are lost", True),
    "the letters of two escapes": (lambda pem: pem.replace(b"\n", b"\\r\\n"), "its line breaks are lost", True),
    "only in the blocks": (
        lambda pem: pem.replace(b"\n", b" ").replace(b" -----", b"\n-----").replace(b"----- ", b"-----\n"),
        "its line breaks are lost",
        True,
    ),
    "a byte order mark": (lambda pem: b"\xef\xbb\xbf" + pem, "it begins with a byte order mark", True),
    "UTF-16": (lambda pem: pem.decode().encode("utf-16"), "it is UTF-16 text: save it as UTF-8", False),
    "a half": (lambda pem: pem[: pem.index(b"-----END RSA")], "has no end", False),
    "DER": (lambda pem: b"0\x82\x04\xa4\x02\x01\x00\x02\x82", "it is not UTF-8 text", False),
    "a token": (lambda pem: b"eyJhbGciOiJub25lIn0.eyJzZWNyZXQiOiJ0In0.c2lnbmF0dXJl\n", "it is a token, not", False),
    "panda-client's file": (lambda pem: b'{"id_token": "eyJhbGci", "refresh_token": "r"}', "it is a token, not", False),
    "its key": (
        lambda pem: b"-----BEGIN" + pem.split(b"-----BEGIN")[2],
        "it has a private key, and no certificate",
        False,
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_proxy_that_was_spoilt_is_not_shown_and_its_hint_mends_it(grid: Grid, home: Path, case: str) -> None:
    spoil, said, mends = SPOILT[case]
    path = proxy_of(grid.identity(USER), home / "my proxy")
    path.write_bytes(content := spoil(path.read_bytes()))
    (error,) = errors_of(lambda: find(home, proxy=str(path)))
    assert said in error.message
    shown = f"{error.message} {error.hint} {error.__cause__}"
    words = [word for word in re.findall(r"[A-Za-z0-9+/=._-]{16,}", content.decode("latin-1")) if "----" not in word]
    assert not [word for word in words if word in shown]
    if mends:
        subprocess.run(["sh", "-c", error.hint.removeprefix("type: ")], check=True, cwd=home)
        assert find(home, proxy=str(path)).is_proxy
        assert path.stat().st_mode & 0o777 == 0o600


def test_an_encrypted_key_of_the_old_form_is_recognised(grid: Grid, home: Path) -> None:
    made = issued(grid, home, "own")
    key = serialization.load_pem_private_key(made.key.read_bytes(), None)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    kept = serialization.BestAvailableEncryption(b"secret")
    changed(made.key, key.private_bytes(serialization.Encoding.PEM, form, kept))
    identity = find(home, **pair(made))
    assert identity.encrypted
    assert load_signer(identity, "secret").limited is False
    for wrong in ("wrong", None):
        (error,) = errors_of(partial(load_signer, identity, wrong))
        assert error.code == "identity-passphrase"


def test_nothing_is_signed_with_an_ec_key(grid: Grid, home: Path) -> None:
    identity = find(home, **pair(issued(grid, home, "own", key="ec")))
    assert identity.rsa_bits == 0
    (error,) = errors_of(lambda: load_signer(identity, None))
    assert (error.code, "it has no RSA key" in error.message) == ("identity-unusable", True)


def test_a_proxy_without_the_certificate_it_was_made_of_still_has_its_name(grid: Grid, home: Path) -> None:
    path = proxy_of(grid.identity(USER), home / "proxy")
    text = path.read_text()
    path.write_text(text[: text.rindex("-----BEGIN CERTIFICATE-----")])
    assert find(home, proxy=str(path)).base == USER


def test_an_encrypted_key_is_recognised(grid: Grid, home: Path) -> None:
    assert find(home, **pair(issued(grid, home, "own", passphrase="secret"))).encrypted
    assert not find(home, **pair(issued(grid, home, "other"))).encrypted
