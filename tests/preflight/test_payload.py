"""The check of a payload: one request as the pilot makes it, its first bytes, and no credential to anybody."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from goclient.errors import GoclientError
from goclient.errors.findings import Finding
from goclient.pilot.transformation import fetch
from goclient.preflight.payload import HEAD, check_payload, judge_head, not_fetched
from goclient.secrets import hide
from tests.commands import TIMEOUT
from tests.pace import within
from tests.web_server import saying, serving

URL = "http://host/run.sh"
RIGHT = {
    "shell": b"#!/bin/sh\necho\n",
    "blank after the mark": b"#! /bin/bash -e\n",
    "env": b"#!/usr/bin/env python3\n",
    "one line without an end": b"#!/bin/sh",
    "cr in a later line": b"#!/bin/sh\necho\r\n",
    "cr at the end of what was read": b"#!/bin/sh " + b"x" * (HEAD - 11) + b"\r",
    "a program": b"\x7fELF\x02\x01\x01\x00",
    "a script that writes html": b"#!/bin/sh\necho '<html>'\n",
    "a script in another encoding": b"#!/bin/sh\necho \xff\xfe\n",
}
WRONG = {
    "empty": (b"", "is empty"),
    "html": (b"<html><body>", "web page"),
    "doctype": (b"<!DOCTYPE HTML PUBLIC>", "web page"),
    "xhtml": (b"<?xml version='1.0'?><html/>", "web page"),
    "html behind a mark and blanks": (b"\xef\xbb\xbf\r\n  <HTML>", "web page"),
    "byte order mark": (b"\xef\xbb\xbf#!/bin/sh\n", "byte order mark"),
    "utf-16": ("#!/bin/sh\n".encode("utf-16"), "byte order mark"),
    "cr": (b"#!/bin/sh\r\necho\r\n", "ends in CR"),
    "cr behind an option": (b"#!/bin/bash -e\r\n", "ends in CR"),
    "no interpreter": (b"#!\n", "not an absolute path"),
    "interpreter without its path": (b"#!python3\n", "not an absolute path"),
    "blank line first": (b"\n#!/bin/sh\n", "neither a script"),
    "text": (b"echo hello\n", "neither a script"),
    "gzip": (b"\x1f\x8b\x08\x00", "neither a script"),
    "json": (b'{"error": "no such file"}', "neither a script"),
    "nul": (b"\0\0\0\0", "neither a script"),
}


def check(payload: str, seconds: float) -> Finding:
    finding = check_payload(payload, seconds)
    assert finding is not None
    return finding


@pytest.mark.parametrize("head", RIGHT.values(), ids=RIGHT)
def test_what_a_node_can_run_is_said_so(head: bytes) -> None:
    finding = judge_head(URL, head)
    assert (finding.level, finding.code) == ("ok", "payload")
    assert f"{URL} is a" in finding.message
    assert finding.message.isprintable()


@pytest.mark.parametrize(("head", "says"), WRONG.values(), ids=WRONG)
def test_what_a_node_cannot_run_is_a_warning(head: bytes, says: str) -> None:
    finding = judge_head(URL, head)
    assert (finding.level, finding.code) == ("warning", "payload")
    assert says in finding.message
    assert finding.hint
    assert finding.message.isprintable()


@pytest.mark.parametrize(
    ("page", "raw"),
    [
        ("https://github.com/o/r/blob/main/run.sh", "https://github.com/o/r/raw/main/run.sh"),
        ("https://gitlab.cern.ch/o/r/-/blob/main/run.sh", "https://gitlab.cern.ch/o/r/-/raw/main/run.sh"),
    ],
)
def test_the_page_of_a_file_in_a_repository_has_the_url_of_the_file(page: str, raw: str) -> None:
    finding = judge_head(page, b"<!doctype html>")
    assert finding.hint == f"type: --transformation={raw}"


def test_it_stops_after_the_first_bytes_of_what_never_ends() -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"#!/bin/sh\n" + b"#" * HEAD)
        handler.wfile.flush()
        time.sleep(TIMEOUT)

    with serving(answer) as asked:
        with within(4.0):
            assert check(f"{asked.url}/run.sh", TIMEOUT).level == "ok"
        assert asked.paths == ["/run.sh"]


@pytest.mark.parametrize("status", [401, 403, 404, 410, 429, 500, 503])
def test_a_payload_that_is_refused_is_a_warning_with_the_status(status: int) -> None:
    with serving(saying(b"no", status=status)) as asked:
        finding = check(f"{asked.url}/run.sh", 5.0)
    assert f"answers {status}" in finding.message
    assert "curl -fsSL" in finding.hint


def test_a_redirect_is_followed_and_a_ring_of_them_is_not() -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        where = {"/a": "/b", "/ring": "/ring"}.get(handler.path)
        saying(b"#!/bin/sh\n", status=302 if where else 200, **({"Location": where} if where else {}))(handler)

    with serving(answer) as asked:
        assert check(f"{asked.url}/a", 5.0).level == "ok"
        assert asked.paths == ["/a", "/b"]
        assert "redirects" in check(f"{asked.url}/ring", 5.0).message


@pytest.mark.parametrize("where", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/"])
def test_a_redirect_to_another_scheme_is_not_followed(where: str) -> None:
    with serving(saying(b"", status=302, Location=where)) as asked:
        finding = check(f"{asked.url}/a", 5.0)
    assert "could not be fetched" in finding.message


@pytest.mark.parametrize("asking", ["check", "pilot"])
def test_nobody_gets_a_password_before_or_after_a_redirect(
    asking: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login me password hidden\nmachine 127.0.0.1 login me password hidden\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(saying(b"#!/bin/sh\n")) as other:
        there = other.url.replace("127.0.0.1", "localhost") + "/b"
        with serving(saying(b"", status=302, Location=there)) as asked:
            url = asked.url.replace("http://", "http://me:typed@") + "/a"
            if asking == "check":
                assert check(url, 5.0).level == "ok"
            else:
                fetch(url, tmp_path, tmp_path)
    assert (len(asked.paths), len(other.paths)) == (1, 1)
    sent = [value for headers in (*asked.headers, *other.headers) for value in headers.values()]
    assert not any("Basic" in value or "typed" in value for value in sent)
    assert not any("authorization" in name.lower() for one in (*asked.headers, *other.headers) for name in one)


def test_what_cannot_be_fetched_is_said_without_its_password() -> None:
    for url in ("http://me:hidden@127.0.0.1:9/run.sh", "http://hidden@127.0.0.1:9/run.sh"):
        for finding in (check(url, 5.0), not_fetched(url, "late"), judge_head(url, b"")):
            assert "hidden" not in finding.message + finding.hint


@pytest.mark.parametrize("location", ["me:Hidden-one@127.0.0.1:{port}/gone", "127.0.0.1:{port}/gone?token=Hidden-one"])
def test_the_pilot_says_what_it_cannot_fetch_without_its_credential(location: str, tmp_path: Path) -> None:
    with serving(saying(b"", status=404)) as asked:
        port = asked.url.rpartition(":")[2]
        with pytest.raises(GoclientError, match="could not be fetched: its server answers 404") as caught:
            fetch(f"http://{location.format(port=port)}", tmp_path, tmp_path)
    assert "Hidden" not in hide(caught.value.message + caught.value.hint)
    with pytest.raises(GoclientError, match="could not be fetched: Connection refused") as caught:
        fetch(f"http://{location.format(port=9)}", tmp_path, tmp_path)
    assert "Hidden" not in hide(caught.value.message)


def test_a_file_here_below_the_home_directory_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    (home / "run.sh").write_text("#!/bin/sh\n")
    finding = check(str(home / "run.sh"), 5.0)
    assert "below your home directory" in finding.message
    (tmp_path / "homework").write_text("x")
    for path in (home / "none.sh", tmp_path / "homework", Path("/usr/bin/env"), home):
        assert check_payload(str(path), 5.0) is None
    monkeypatch.setenv("HOME", "/")
    assert check_payload("/usr/bin/env", 5.0) is None, "a user whose home is the top"


def test_the_pilot_and_the_check_read_the_same(tmp_path: Path) -> None:
    with serving(saying(b"#!/bin/sh\n")) as asked:
        fetched = fetch(f"{asked.url}/run.sh", tmp_path, tmp_path)
        assert fetched.read_bytes() == b"#!/bin/sh\n"
        assert fetched.stat().st_mode & 0o777 == 0o700
        assert check(f"{asked.url}/run.sh", 5.0).level == "ok"
    with serving(saying(b"", status=404)) as asked:
        with pytest.raises(GoclientError, match="404"):
            fetch(f"{asked.url}/run.sh", tmp_path, tmp_path)
        assert "404" in check(f"{asked.url}/run.sh", 5.0).message
