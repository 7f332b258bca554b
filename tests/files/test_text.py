"""A text file that a user names is UTF-8 or says what it is instead, and no credential in it is shown."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.errors.conditions import UnreadWord
from goclient.files.text import (
    credential_in,
    decode,
    lines_joined,
    list_lines,
    split_command,
    unmark_command,
)
from goclient.secrets import hide, tokens_in
from tests.strategies import MANY

TOKEN = f"eyJ{'h' * 12}.eyJ{'c' * 12}.{'s' * 12}"
BODY = "\n".join(["A" * 64, "B" * 64, "C" * 10 + "=="])
PEM = f"-----BEGIN CERTIFICATE-----\n{BODY}\n-----END CERTIFICATE-----\n"


@given(st.text(), st.booleans())
@MANY
def test_any_text_comes_back_without_its_byte_order_mark(text: str, marked: bool) -> None:
    if not text.startswith("\ufeff"):
        assert decode(text.encode("utf-8-sig" if marked else "utf-8")) == text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("é".encode("utf-16"), "it is UTF-16 text: save it as UTF-8"),
        ("é".encode("utf-32"), "it is UTF-32 text: save it as UTF-8"),
        (b"a\nb\n\xff", "it is not UTF-8 text, see line 3"),
    ],
)
def test_what_is_not_utf_8_is_named_and_not_shown(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)) as caught:
        decode(content)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a\nb", ""),
        (f"x {TOKEN} y", "a token"),
        ('{"refresh_token": "some-text-of-16-letters"}', "a token"),
        (PEM.replace("CERTIFICATE", "RSA PRIVATE KEY"), "a private key"),
        (PEM, ""),
    ],
)
def test_a_credential_in_a_text_is_found_and_hidden_from_then_on(text: str, kind: str) -> None:
    assert credential_in(text) == kind
    for secret in (*tokens_in(text), *(["A" * 64] if "KEY" in text else [])):
        assert secret not in hide(text)


def test_a_list_has_its_lines_whatever_ends_them(tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_bytes(b"\xef\xbb\xbfa\r\nb\rc\n")
    assert list_lines(str(file)) == ["a", "b", "c", ""]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), (TOKEN.encode(), "it has a token in it, and is not a list"), (b"\xff\xfe", "UTF-16")],
)
def test_a_list_that_is_none_is_told_by_its_name(content: bytes | None, reason: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "list").write_bytes(content)
    with pytest.raises(UnreadWord, match=reason) as caught:
        list_lines(str(tmp_path / "list"))
    assert caught.value.message.startswith(f'the list "@{tmp_path}/list": ')


@pytest.mark.parametrize("instead", [" ", "\r", "\\n", "\\r\\n", ""])
def test_pem_whose_line_breaks_are_lost_is_noticed_and_the_command_gives_them_back(
    instead: str, tmp_path: Path
) -> None:
    assert not lines_joined(PEM)
    joined = PEM.rstrip().replace("\n", instead)
    assert lines_joined(joined)
    file = tmp_path / "a proxy"
    file.write_text(joined)
    subprocess.run(["bash", "-c", split_command(str(file))], check=True)
    assert file.read_text() == PEM
    assert file.stat().st_mode & 0o077 == 0


def test_the_command_takes_the_byte_order_mark_out_of_a_file(tmp_path: Path) -> None:
    assert shutil.which("sed")
    file = tmp_path / "a file"
    file.write_bytes(b"\xef\xbb\xbfa\nb\n")
    subprocess.run(["bash", "-c", unmark_command(str(file))], check=True)
    assert file.read_bytes() == b"a\nb\n"
