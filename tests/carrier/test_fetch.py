"""The user's program, and Globus Connect, are files of the archive, or what is at a URL; anything else is told."""

from __future__ import annotations

import io
import os
import tarfile
import warnings
from collections.abc import Callable
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from goclient.carrier.fetch import check_program, fetch, fetch_connect, prepare_command
from goclient.errors import EndpointError
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


# --- Globus Connect ---

CONNECT = "globusconnectpersonal-3.2.8/globusconnectpersonal"


def connect_archive(name: str = CONNECT, *, mode: int = 0o755, target: str = "") -> bytes:
    """An archive as Globus gives it, with one file, or a link."""
    packed, header = io.BytesIO(), tarfile.TarInfo(name)
    header.mode, header.size = mode, len(SCRIPT)
    if target:
        header.type, header.linkname, header.size = tarfile.SYMTYPE, target, 0
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(header, io.BytesIO(SCRIPT))
    return packed.getvalue()


@pytest.mark.parametrize(
    "where", ["URL", "URL#sha256=SUM", "/archive.tgz", "./archive.tgz", "/unpacked", f"/{CONNECT}"]
)
def test_globus_connect_is_found_wherever_it_is(where: str, tmp_path: Path) -> None:
    archive = connect_archive()
    (tmp_path / "scratch").mkdir()
    (tmp_path / "archive.tgz").write_bytes(archive)
    for name in (CONNECT, "unpacked/globusconnectpersonal"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(SCRIPT)
        (tmp_path / name).chmod(0o755)
    with serving(answering(200, archive)) as asked:
        there = where.replace("URL", f"{asked.url}/latest.tgz").replace("SUM", sha256(archive).hexdigest())
        if where.startswith("/"):
            there = f"{tmp_path}{where}"
        program = Path(fetch_connect(there, tmp_path, tmp_path / "scratch"))
    assert program.read_bytes() == SCRIPT
    assert os.access(program, os.X_OK)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(connect_archive("bin/other"), "no program globusconnectpersonal is there", id="another-program"),
        pytest.param(connect_archive(mode=0o644), "no program globusconnectpersonal is there", id="not-executable"),
        pytest.param(connect_archive()[:-40], "it cannot be unpacked", id="broken-off"),
        pytest.param(connect_archive(target="/bin/sh"), "it cannot be unpacked", id="a-link-that-leads-out"),
        pytest.param(connect_archive("../globusconnectpersonal"), "it cannot be unpacked", id="a-name-that-leads-out"),
        pytest.param(b"<html>log in</html>", "no program globusconnectpersonal is there", id="a-page"),
        pytest.param(None, "could not be fetched", id="nothing"),
    ],
)
def test_globus_connect_that_is_no_good_is_told(content: bytes | None, words: str, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    answer = answering(404 if content is None else 200, content or b"")
    with serving(answer) as asked, pytest.raises(EndpointError) as caught:
        fetch_connect(f"{asked.url}/latest.tgz?key=abcdefghijkl", tmp_path, tmp_path / "scratch")
    assert words in caught.value.message
    assert "abcdefghijkl" not in caught.value.message
    assert not (tmp_path / "globusconnectpersonal").exists()


@pytest.mark.parametrize("filtered", [True, False], ids=["by Python", "by us alone"])
def test_no_member_of_an_archive_is_written_outside(
    filtered: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not filtered:  # as with Python 3.11.2
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
        monkeypatch.setattr(tarfile.TarFile, "extraction_filter", None, raising=False)
        warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12, that it filters nothing
    symlink, hard, device, file = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.REGTYPE
    bad = {
        "a name": [("../out", file, "")],
        "a link": [("bin", symlink, "../.."), ("bin/out", file, "")],
        "a link to a link": [("one", symlink, "."), ("one/two", symlink, "..")],
        "a hard link": [("out", hard, "../secret")],
        "a device": [("null", device, "")],
    }
    (tmp_path / "secret").write_text("kept")
    for number, (what, members) in enumerate(bad.items()):
        with tarfile.open(tmp_path / "archive.tgz", "w:gz") as archive:
            for name, kind, target in members:
                header = tarfile.TarInfo(name)
                header.type, header.linkname = kind, target
                archive.addfile(header)
        (scratch := tmp_path / str(number)).mkdir()
        with pytest.raises(EndpointError, match="it cannot be unpacked"):
            fetch_connect("archive.tgz", tmp_path, scratch)
        assert {path.name for path in tmp_path.iterdir()} <= {"secret", "archive.tgz", *map(str, range(number + 1))}, (
            what
        )
        assert not (scratch / "out").exists(), what


def test_what_a_tasks_command_begins_with_is_made_executable(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    for name in ("job/run.sh", "job/other.sh", "outside.sh"):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(0o640)
    (tmp_path / "job/link").symlink_to(tmp_path / "outside.sh")
    for command in ("run.sh other.sh", "link", "../outside.sh", "missing", "", "echo x"):
        assert prepare_command(("/bin/sh", "-c", command), tmp_path / "job") == Path("/bin/sh")
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("job/run.sh", "job/other.sh", "outside.sh")]
    assert modes == [0o751, 0o640, 0o640]


@pytest.mark.parametrize("words", [(), ("sh", "-c", "x")], ids=["nothing", "a program somewhere"])
def test_a_command_without_a_path_is_not_run(words: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(PayloadError, match="no command to run"):
        prepare_command(words, tmp_path)


def test_globus_connect_that_was_changed_is_not_used(tmp_path: Path) -> None:
    with serving(answering(200, connect_archive())) as asked, pytest.raises(EndpointError, match="its sha256 is "):
        fetch_connect(f"{asked.url}/latest.tgz#sha256={'0' * 64}", tmp_path, tmp_path)
