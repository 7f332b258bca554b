"""The user's program is a file of the archive, or what is at a URL; anything else is told."""

from __future__ import annotations

import os
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from goclient.carrier.fetch import check_program, fetch
from goclient.node.payload import PayloadError
from tests.web_server import Answer, serving

SCRIPT = b"#!/bin/sh\nexit 0\n"


def answering(status: int, content: bytes, *, length: int | None = None, location: str = "") -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(content) if length is None else length))
        if location:
            handler.send_header("Location", location)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def test_a_program_is_fetched_for_its_owner_alone(tmp_path: Path) -> None:
    with serving(answering(200, SCRIPT)) as asked:
        file = fetch(f"{asked.url}/run.sh", tmp_path, tmp_path)
    assert file.read_bytes() == SCRIPT
    assert file.stat().st_mode & 0o777 == 0o700


def test_a_redirect_is_followed(tmp_path: Path) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        is_first = handler.path == "/first"
        answering(302 if is_first else 200, b"" if is_first else SCRIPT, location="/second" if is_first else "")(
            handler
        )

    with serving(answer) as asked:
        assert fetch(f"{asked.url}/first", tmp_path, tmp_path).read_bytes() == SCRIPT


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(answering(404, b"none"), "404", id="not-there"),
        pytest.param(answering(200, b"#!", length=100), "breaks off", id="broken-off"),
        pytest.param(answering(302, b"", location="file:///etc/passwd"), "could not be fetched", id="a-file"),
    ],
)
def test_what_cannot_be_fetched_is_told(answer: Answer, words: str, tmp_path: Path) -> None:
    with serving(answer) as asked, pytest.raises(PayloadError) as caught:
        fetch(f"{asked.url}/run.sh?token=abcdefghijkl", tmp_path, tmp_path)
    assert words in caught.value.message
    assert "abcdefghijkl" not in caught.value.message
    assert caught.value.status is None


def test_a_server_that_is_away_is_told(tmp_path: Path) -> None:
    with pytest.raises(PayloadError, match="could not be fetched: Connection refused"):
        fetch("http://127.0.0.1:9/run.sh", tmp_path, tmp_path)


def test_a_file_of_the_archive_is_run_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_bytes(SCRIPT)
    (tmp_path / "run.sh").chmod(0o755)
    check_program("./run.sh", tmp_path)
    assert fetch("./run.sh", tmp_path, tmp_path / "scratch") == tmp_path / "run.sh"


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda path: None, id="not-there"),
        pytest.param(lambda path: path.write_bytes(SCRIPT), id="not-executable"),
        pytest.param(lambda path: path.mkdir(), id="a-directory"),
        pytest.param(lambda path: os.symlink("/bin/true", path), id="a-link-that-leads-out"),
    ],
)
def test_a_file_that_cannot_be_run_is_told(make: Callable[[Path], object], tmp_path: Path) -> None:
    make(tmp_path / "run.sh")
    with pytest.raises(PayloadError, match="is not in the job's archive, or is not executable"):
        check_program("./run.sh", tmp_path)
