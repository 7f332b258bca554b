"""The carrier and its plans are added to an archive of panda-client's, which PanDA takes as before."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tarfile
import zlib
from pathlib import Path

import pytest

from goclient.errors import RequestError
from goclient.tasks import archive
from goclient.tasks.archive import add_carrier


def packed(path: Path, *names: str, kind: str = "gz") -> Path:
    """An archive as panda-client makes it."""
    with tarfile.open(path, "w:gz" if kind else "w") as made:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size, member.mode = 3, 0o640
            made.addfile(member, io.BytesIO(b"abc"))
    return path


@pytest.mark.parametrize("kind", ["gz", ""], ids=["packed", "plain, of --inTarBall"])
def test_what_was_there_stays_and_the_carrier_and_each_plan_come_last(tmp_path: Path, kind: str) -> None:
    path = packed(tmp_path / "jobO.x.tar.gz", "run.sh", "lib/a.py", kind=kind)
    add_carrier(path, carrier=b"CARRY", plans=[b"one", b"two"])
    with tarfile.open(path, "r:gz") as made:
        found = [(one.name, one.mode, made.extractfile(one).read()) for one in made]  # type: ignore[union-attr]
    assert found == [
        ("run.sh", 0o640, b"abc"),
        ("lib/a.py", 0o640, b"abc"),
        ("goclient-carry", 0o755, b"CARRY"),
        ("goclient-plan.json", 0o644, b"one"),
        ("goclient-plan-2.json", 0o644, b"two"),
    ]
    assert os.listdir(tmp_path) == [path.name]


def test_its_end_has_the_checksum_of_all_of_it(tmp_path: Path) -> None:
    path = packed(tmp_path / "jobO.x.tar.gz", "run.sh")
    add_carrier(path, carrier=b"CARRY", plans=[b"one"])
    checksum, size = struct.unpack("II", path.read_bytes()[-8:])  # as Client.putFile reads it
    content = gzip.decompress(path.read_bytes())
    assert (checksum, size) == (zlib.crc32(content), len(content))


def test_an_archive_of_nothing_gets_the_carrier_too(tmp_path: Path) -> None:
    path = tmp_path / "jobO.x.tar.gz"
    path.write_bytes(gzip.compress(bytes(10240)))  # tar --files-from /dev/null
    add_carrier(path, carrier=b"CARRY", plans=[b"one"])
    with tarfile.open(path) as made:
        assert made.getnames() == ["goclient-carry", "goclient-plan.json"]


@pytest.mark.parametrize("name", ["goclient-carry", "./goclient-plan.json", "panda_secrets.json", ".goclient-x/a"])
def test_a_name_that_the_carrier_has_is_refused(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path / "jobO.x.tar.gz", "run.sh", name)
    before = path.read_bytes()
    with pytest.raises(RequestError, match="is a name that goclient, or PanDA, uses"):
        add_carrier(path, carrier=b"CARRY", plans=[b"one"])
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("content", [b"no archive", gzip.compress(b"no archive" * 99, mtime=0), b"\x1f\x8bx", b""])
def test_what_is_not_an_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "jobO.x.tar.gz"
    path.write_bytes(content)
    with pytest.raises(RequestError, match="cannot be added to the task's archive"):
        add_carrier(path, carrier=b"CARRY", plans=[b"one"])
    assert path.read_bytes() == content


def test_sources_of_a_build_may_be_larger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LIMIT", 1 << 16)
    for name in ("sources.x.tar.gz", "jobO.x.tar.gz"):
        path = packed(tmp_path / name, "run.sh")
        if name.startswith("sources."):
            add_carrier(path, carrier=os.urandom(1 << 17), plans=[b"one"])
            continue
        with pytest.raises(RequestError, match=r'more than the 0 MB that PanDA takes; the largest: "run.sh"'):
            add_carrier(path, carrier=os.urandom(1 << 17), plans=[b"one"])
