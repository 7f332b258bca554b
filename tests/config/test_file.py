"""A file of the configuration is the user's or root's, and read whole or refused with what mends it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from goclient.config.file import LIMIT, ConfigFile, access_problems


@pytest.mark.parametrize(
    ("mode", "owner", "commands"),
    [
        pytest.param(0o100600, 1000, [], id="mine alone"),
        pytest.param(0o100644, 1000, [], id="read by others"),
        pytest.param(0o100644, 0, [], id="of root"),
        pytest.param(0o100664, 1000, ["chmod go-w"], id="written by the group"),
        pytest.param(0o100602, 1000, ["chmod go-w"], id="written by others"),
        pytest.param(0o100666, 0, ["chmod go-w"], id="of root, written by others"),
        pytest.param(0o100600, 1001, ["sudo chown 1000"], id="of somebody else"),
        pytest.param(0o100620, 1001, ["sudo chown 1000", "chmod go-w"], id="both"),
        pytest.param(0o020666, 0, [], id="a device"),
    ],
)
def test_a_file_that_others_could_change_is_found_out(mode: int, owner: int, commands: list[str]) -> None:
    status = os.stat_result((mode, 1, 1, 1, owner, owner, 0, 0, 0, 0))
    assert [command for _, command in access_problems(status, 1000)] == commands


def a_file(path: Path) -> ConfigFile:
    return ConfigFile(str(path), "settings file", "GOCLIENT_SETTINGS", "settings")


def test_a_file_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert a_file(tmp_path / "none").read() == ("", [])
    assert a_file(Path(os.devnull)).read() == ("", [])


@pytest.mark.parametrize(
    ("content", "problem", "hint"),
    [
        (
            b"\xff",
            "it is not TOML: it is not UTF-8 text, see line 1",
            "correct it with an editor, or move it away: mv ",
        ),
        (b"#" * (LIMIT + 1), f"it has more than {LIMIT} bytes", "correct it with an editor"),
        (b"-----BEGIN PRIVATE KEY-----\n", "it has a private key in it, and cannot be", "set GOCLIENT_SETTINGS to a"),
        (None, "it is not a regular file", "set GOCLIENT_SETTINGS to a file, or unset it"),
    ],
)
def test_a_file_that_cannot_be_one_says_why_and_what_to_do(
    content: bytes | None, problem: str, hint: str, tmp_path: Path
) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(content) if content is not None else path.mkdir()
    text, (error,) = a_file(path).read()
    assert (text, error.code, error.subject) == ("", "settings", str(path))
    assert error.message.startswith(f'the settings file "{path}": {problem}')
    assert error.hint.startswith(hint)


def test_a_file_that_its_group_may_change_is_read_and_told(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("a = 1\n")
    path.chmod(0o660)
    text, (error,) = a_file(path).read()
    assert (text, error.hint) == ("a = 1\n", f"chmod go-w {path}")
    assert "by its group (mode 0660): check its content first" in error.message


def test_a_problem_of_a_line_names_it() -> None:
    assert 'file "/x", line 3: why' in a_file(Path("/x")).wrong("why", "h", line=3).message
