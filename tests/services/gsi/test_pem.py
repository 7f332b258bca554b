"""PEM files are taken apart with care, and no message says what is in them; a proxy is its owner's alone."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.errors import MyproxyError, Several
from goclient.errors.myproxy import IdentityError, IdentityMendable, IdentityMissing
from goclient.services.gsi.der import Damaged
from goclient.services.gsi.pem import MAX_FILE, Block, Mendable, blocks, read_file, write_proxy
from tests.strategies import SOME

SECRET = base64.b64encode(b"the key of jdoe that nobody sees").decode()


def pem(label: str, data: bytes, *headers: str) -> str:
    body = base64.encodebytes(data).decode()
    return "\n".join((f"-----BEGIN {label}-----", *headers, f"{body}-----END {label}-----\n"))


@given(st.lists(st.tuples(st.sampled_from(("CERTIFICATE", "PRIVATE KEY")), st.binary(min_size=1, max_size=200))))
@SOME
def test_blocks_come_in_their_order_among_other_lines(parts: list[tuple[str, bytes]]) -> None:
    text = "".join(f"subject=/CN=x\n{pem(*one)}" for one in parts)
    if parts:
        assert blocks(text.encode()) == [Block(*one, False) for one in parts]


@pytest.mark.parametrize(
    ("text", "encrypted"),
    [
        (pem("ENCRYPTED PRIVATE KEY", b"x"), True),
        (pem("RSA PRIVATE KEY", b"x", "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,00", ""), True),
        (pem("RSA PRIVATE KEY", b"x"), False),
    ],
)
def test_an_encrypted_key_is_recognised(text: str, encrypted: bool) -> None:
    assert [one.encrypted for one in blocks(text.encode())] == [encrypted]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it has no certificate and no key in it"),
        ("\0\x01", "it has no certificate and no key in it"),
        (f'{{"access_token": "{SECRET}"}}', "it is a token, not a certificate"),
        (pem("CERTIFICATE", b"x").replace("eA==", "e*=="), "what should be base64 in it is something else"),
        (pem("CERTIFICATE", b"x").partition("-----END")[0], "its CERTIFICATE has no end"),
    ],
)
def test_what_is_no_pem_is_told_without_its_content(text: str, why: str) -> None:
    with pytest.raises(Damaged, match=why) as caught:
        blocks(text.encode())
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "command"),
    [
        (b"\xef\xbb\xbf" + pem("CERTIFICATE", b"x").encode(), "sed -i '1s/"),
        (pem("CERTIFICATE", b"x" * 90).replace("\n", " ").encode(), "(umask 077; sed "),
    ],
)
def test_what_a_command_mends_has_it(content: bytes, command: str) -> None:
    with pytest.raises(Mendable) as caught:
        blocks(content)
    assert caught.value.command("/a b").startswith(command)
    assert "'/a b'" in caught.value.command("/a b")


def read(path: Path | str, *, secret: bool = True, follow: bool = True, uid: int | None = None) -> bytes:
    return read_file(str(path), what="key", uid=os.getuid() if uid is None else uid, secret=secret, follow=follow)


def test_a_file_of_one_s_own_is_read(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"x")
    file.chmod(0o600)
    (tmp_path / "link").symlink_to(file)
    assert read(file) == read(tmp_path / "link") == b"x"


def test_each_thing_that_is_wrong_with_a_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "a key"
    file.write_bytes(b"x")
    file.chmod(0o644)
    with pytest.raises(IdentityMendable) as mendable:
        read(file)
    assert mendable.value.hint.startswith(f"type: chmod 600 '{file}'")
    with pytest.raises(Several) as caught:
        read(file, uid=os.getuid() + 1)
    assert [one.code for one in caught.value.parts] == ["identity-owner", "identity-mode"]
    assert read(file, secret=False) == b"x"


@pytest.mark.parametrize(
    ("kind", "words", "error"),
    [
        ("none", "is not there", IdentityMissing),
        ("directory", "is a directory", IdentityError),
        ("pipe", "is not a regular file", IdentityError),
        ("link", "is a link", IdentityError),
        ("large", f"is larger than {MAX_FILE} bytes", IdentityError),
        ("a\0b", "cannot be read", IdentityError),
    ],
)
def test_what_is_no_file_of_an_identity_is_told(
    kind: str, words: str, error: type[IdentityError], tmp_path: Path
) -> None:
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "large")
    (tmp_path / "large").write_bytes(bytes(MAX_FILE + 1))
    with pytest.raises(error, match=words):
        read(f"{tmp_path}/{kind}", secret=False, follow=False)


def test_a_proxy_is_written_whole_and_for_its_owner_in_place_of_a_link(tmp_path: Path) -> None:
    other, proxy = tmp_path / "other", tmp_path / "proxy"
    other.write_text("stays")
    proxy.symlink_to(other)
    write_proxy(proxy, b"new")
    assert (proxy.read_bytes(), proxy.is_symlink(), proxy.stat().st_mode & 0o777) == (b"new", False, 0o600)
    assert other.read_text() == "stays"


@pytest.mark.parametrize("name", ["", "none/proxy", "a\0b"])
def test_a_proxy_that_cannot_be_written_says_what_to_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(MyproxyError, match="cannot be written") as caught:
        write_proxy(f"{tmp_path}/{name}", b"new")
    assert (caught.value.code, caught.value.hint) == ("proxy-file", "name another file: --out FILE")
