"""An archive has what was named, and nothing from elsewhere; what cannot travel is told at once."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from goclient.carrier import archive
from goclient.carrier.archive import Contents, check_size, pack
from goclient.carrier.archive import read_contents as read
from goclient.errors import GoclientError, RequestError

OURS = {"carrier": b"#!/usr/bin/env python3\n", "plan": b"{}"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "lib/deep").mkdir(parents=True)
    (tmp_path / "lib/a.py").write_text("a")
    (tmp_path / "lib/tool").write_text("t")
    (tmp_path / "lib/tool").chmod(0o750)
    (tmp_path / "lib/link").symlink_to("deep/../a.py")
    return tmp_path


def read_contents(program: str, files: list[str]) -> Contents:
    return read(program, files, packs_program="://" not in program)


def members(contents: Contents) -> dict[str, tarfile.TarInfo]:
    data = pack(contents, **OURS).data
    with tarfile.open(fileobj=io.BytesIO(data)) as opened:
        return {one.name: one for one in opened}


def wrong(program: str, *files: str) -> dict[str, str]:
    """The code of each mistake, by its message."""
    with pytest.raises(GoclientError) as raised:
        read_contents(program, list(files))
    return {one.message: one.code for one in raised.value.findings}


def test_the_program_and_the_files_keep_their_paths_and_modes(here: Path) -> None:
    found = members(read_contents("./run.sh", ["lib/"]))
    assert sorted(found) == [
        "goclient-carry", "goclient-plan.json", "lib", "lib/a.py", "lib/deep", "lib/link", "lib/tool", "run.sh",
    ]  # fmt: skip
    assert found["lib/tool"].mode == 0o750
    assert found["run.sh"].mode & 0o700 == 0o700
    assert (found["lib/link"].issym(), found["lib/link"].linkname) == (True, "deep/../a.py")
    assert {(one.uid, one.gid, one.uname, one.mtime) for one in found.values()} == {(0, 0, "", 0)}


def test_a_program_keeps_its_path_below_here_and_else_its_name_alone(
    here: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert read_contents("lib/tool", []).program == "./lib/tool"
    assert read_contents(str(here / "run.sh"), []).program == "./run.sh"
    assert read_contents("https://h/run.sh", []) == Contents("https://h/run.sh", ())


def test_two_files_do_not_have_one_name(here: Path) -> None:
    (here / "other").mkdir()
    (here / "other" / "run.sh").write_text("another")
    (message,) = wrong(str(here / "other" / "run.sh"), "run.sh")
    assert "two files that would have one name" in message
    assert read_contents(str(here / "run.sh"), ["run.sh"]).program == "./run.sh"


def test_the_same_content_has_the_same_bytes_and_checksum(here: Path) -> None:
    first = pack(read_contents("run.sh", ["lib"]), **OURS)
    os.utime(here / "lib/a.py", (1, 1))
    assert pack(read_contents("run.sh", ["lib/", "lib/a.py"]), **OURS) == first
    assert pack(read_contents("run.sh", ["lib"]), carrier=OURS["carrier"], plan=b"other").content == first.content
    (here / "lib/a.py").write_text("b")
    assert pack(read_contents("run.sh", ["lib"]), **OURS).content != first.content


@pytest.mark.parametrize("typed", ["/etc/passwd", "../x", "lib/../../x", "~/x", ".", "./"])
def test_a_file_from_elsewhere_is_refused(typed: str) -> None:
    (message,) = wrong("run.sh", typed)
    assert "is not a path below this directory" in message


@pytest.mark.parametrize("name", ["goclient-carry", "goclient-0.json", ".goclient", "panda_secrets.json", "job.out"])
def test_a_name_of_ours_is_refused(here: Path, name: str) -> None:
    (here / name).write_text("")
    assert list(wrong("run.sh", name).values()) == ["archive-name"]


def test_links_that_lead_out_of_the_archive_are_refused(here: Path) -> None:
    (here / "out").mkdir()
    for name, target in {
        "absolute": str(here / "run.sh"),
        "up": "../../x",
        "nowhere": "x",
        "else": "../lib/a.py",
    }.items():
        (here / "out" / name).symlink_to(target)
    assert sorted(wrong("run.sh", "out").values()) == ["archive-link"] * 4
    assert len(wrong("run.sh", "out", "lib")) == 3, "what it leads to travels, too"


def test_everything_that_cannot_travel_is_told_at_once(here: Path) -> None:
    os.mkfifo(here / "pipe")
    found = wrong("missing.sh", "pipe", "nothing", "/etc")
    assert sorted(found.values()) == ["archive-file", "archive-file", "archive-file", "archive-name"]
    assert list(wrong("lib")) == ['--transformation="lib" is not a file']


def test_an_archive_over_its_limit_names_what_is_largest(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LIMIT", 2 << 20)
    (here / "lib/large.dat").write_bytes(os.urandom(3 << 20))
    with pytest.raises(RequestError, match="larger than"):
        check_size(read_contents("run.sh", ["lib"]))
    with pytest.raises(RequestError, match=r"larger than the 2 MB.*largest: \"lib/large.dat\" \(3.0 MB\)"):
        pack(read_contents("run.sh", ["lib"]), **OURS)


def test_a_file_that_goes_before_it_is_packed_is_an_error(here: Path) -> None:
    contents = read_contents("run.sh", ["lib"])
    (here / "lib/a.py").unlink()
    with pytest.raises(RequestError, match=r"lib/a\.py"):
        pack(contents, **OURS)
