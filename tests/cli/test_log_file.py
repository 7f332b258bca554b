"""Every command keeps what it tells in a file, and is quiet, if it is told to; no credential is kept."""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path

import pytest

from goclient import secrets
from goclient.cli.general import read_general
from goclient.cli.log_file import LogFile
from goclient.cli.main import COMMANDS
from goclient.errors import GoclientError
from tests.commands import Run

SEND = ("sendJob.py", "--noSubmit", "--noCheck", "--computingSite=T", "--transformation=https://example.org/a.sh")
TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \[\d+\] ")


def test_a_command_keeps_what_it_tells_with_its_line_and_its_end(run: Run, tmp_path: Path) -> None:
    for _ in range(2):
        done = run(*SEND, "--goProbe", "--log-file", "log")
        assert done.code == 0
    lines = (tmp_path / "log").read_text().splitlines()
    assert len(lines) == 6
    assert all(LINE.match(line) for line in lines)
    begin, warning, end = (LINE.sub("", line) for line in lines[3:])
    assert begin.startswith("begin: goclient ")
    assert begin.endswith("sendJob.py " + " ".join(SEND[1:]) + " --goProbe --log-file log")
    assert warning == done.err.rstrip("\n")
    assert re.fullmatch(r"end: exit code 0 after \d+\.\d{3} s", end)
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


def test_a_file_that_others_can_read_is_theirs_no_more(run: Run, tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    (tmp_path / "log").chmod(0o666)
    run("goclient", "version", "--log-file", "log")
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("--token=SeCrEt123456 -n 2", "--token=*** -n 2"),
        ("run --api-key SeCrEt123456", "run --api-key ***"),
        ("X_PASSWORD=SeCrEt123456 run", "X_PASSWORD=*** run"),
        ("--goCredential=token --tokens 12345678", "--goCredential=token --tokens 12345678"),
    ],
)
def test_what_is_called_a_secret_is_not_kept(run: Run, tmp_path: Path, word: str, kept: str) -> None:
    run("sendJob.py", "--noSubmit", "--jobParameters", word, "--log-file", "log")
    assert f"'{kept}'" in (tmp_path / "log").read_text().splitlines()[0]


def test_an_error_is_in_the_file_and_its_traceback_if_that_is_asked_for(run: Run, tmp_path: Path) -> None:
    done = run("goclient", "explain", "--log-file=log", "--", "--Data=x")
    assert done.code == 10
    text = (tmp_path / "log").read_text()
    assert "goclient explain: error: " in text
    assert "exit code 10" in text
    assert "Traceback" not in text
    assert run("goclient", "settings", "show", "--log-file=log", GOCLIENT_TIMEOUT="~").code in (0, 10)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_takes_a_log_file(run: Run, tmp_path: Path, name: str) -> None:
    assert run("goclient", name, "--help", "--log-file", "log", "--quiet").code == 0
    assert f"goclient {name}" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("link", [False, True])
def test_without_its_file_a_command_does_nothing(run: Run, tmp_path: Path, link: bool) -> None:
    (tmp_path / "other").touch()
    (tmp_path / "log").symlink_to("other") if link else (tmp_path / "log").mkdir()
    done = run(*SEND, "--log-file", "log", "--json")
    assert (done.code, done.json["error"]["code"]) == (10, "log-file")
    assert f'"log" cannot be written: {"it is a link" if link else "Is a directory"}' in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--log-file",), "--log-file needs a value"),
        (("--log-file=",), "--log-file has an empty value"),
        (("--log-file", "--quiet"), "--log-file needs a value"),
        (("--log-file", "a", "--log-file=b"), "--log-file is given 2 times"),
        (("--quiet", "--quiet"), "--quiet is given 2 times"),
        (("--quiet=yes",), "--quiet takes no value"),
    ],
)
def test_a_mistake_in_a_general_option_is_told_with_all_others(run: Run, words: tuple[str, ...], message: str) -> None:
    done = run("sendJob.py", *words, "--njobs=x")
    assert done.code == 2
    assert message in done.err
    assert "--njobs" in done.err


def test_what_follows_two_dashes_is_not_ours() -> None:
    assert read_general(["TEXT", "--", "--quiet", "--log-file", "x"]) == (
        False,
        "",
        ["TEXT", "--", "--quiet", "--log-file", "x"],
    )
    assert read_general(["--log-file", "x", "--quiet"]) == (True, "x", ["--quiet"])


def test_a_quiet_command_tells_of_warnings_and_not_of_progress(run: Run) -> None:
    loud = run("goclient", "journal", "list")
    assert "nothing is open" in loud.err
    assert run("goclient", "journal", "list", "--quiet").err == ""
    assert "--goProbe had no effect" in run(*SEND, "--goProbe", "--quiet", "-v").err


def test_no_credential_is_kept(tmp_path: Path) -> None:
    path, hostile = tmp_path / "log", ("two\nlines", "https://user:passphrase@host/x?key=abcdefgh")
    words = [f"--jobParameters={TOKEN}", "-----BEGIN RSA PRIVATE KEY-----\nMII", *hostile]
    log = LogFile(str(path), "goclient x", words)
    secrets.register("passphrase-of-mine")
    log.write("it is passphrase-of-mine\n  and more")
    log.end(0)
    text = path.read_text()
    for secret in (TOKEN, "MII", "user:", "abcdefgh", "passphrase-of-mine"):
        assert secret not in text
    assert len(text.splitlines()) == 5


@pytest.mark.parametrize("blocks", [0, 1])
def test_a_disk_that_is_full_stops_no_command_that_has_begun(run: Run, tmp_path: Path, blocks: int) -> None:
    """Blocks of 512 bytes: of the first line, or of the lines that follow it."""
    program = str(Path(sys.executable).parent / "goclient")
    words = ("-c", f'ulimit -f {blocks}; exec "$@" --log-file log', "sh", program, "explain", "0" * 300)
    done = run("sh", *words, PYTHONDONTWRITEBYTECODE="1")
    problem = '"log" lacks what was told last: File too large' if blocks else '"log" cannot be written: File too large'
    assert problem in done.err
    assert "name another file" in done.err
    assert (done.code, "no transfer" in done.err) == ((0, True) if blocks else (1, False))
    assert (tmp_path / "log").stat().st_size == 512 * blocks


def test_a_pipe_is_not_a_log_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    with pytest.raises(GoclientError, match="cannot be written"):
        LogFile(str(tmp_path / "log"), "goclient", [])
