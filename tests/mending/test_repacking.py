"""The archive of a job is packed anew from what the file server gives, whatever that is."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from goclient.carrier.archive import pack, read_contents
from goclient.carrier.plan import CARRY, PLAN, CarrierPlan
from goclient.carrier.rungen import Start, read_start
from goclient.errors import EndpointError, RequestError
from goclient.mending import repacking
from goclient.mending.repacking import fetch_archive, with_archive
from tests.web_server import Request, Response, answering

THE_PLAN = CarrierPlan("n", (), overwrite=False, working="", program="./run.sh")
Edit = Callable[[tarfile.TarFile], None]


def start(url: str) -> Start:
    return Start(url, "jobO.x.tar.gz", THE_PLAN.sha256, ())


def fetched(data: bytes, directory: Path) -> repacking.Unpacked:
    """Return what is unpacked of an archive that a file server gives."""
    with answering(lambda _: Response(data)) as url:
        return fetch_archive(start(url), directory)


def archive_with(edit: Edit, plan: bytes = THE_PLAN.encode()) -> bytes:
    """An archive of goclient's, with more in it."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, content in (("run.sh", b"true"), (CARRY, b"old"), (PLAN, plan)):
            add(archive, name, content)
        edit(archive)
    return made.getvalue()


def add(archive: tarfile.TarFile, name: str, content: bytes = b"", **more: object) -> None:
    header = tarfile.TarInfo(name)
    header.size = len(content)
    for field, value in more.items():
        setattr(header, field, value)
    archive.addfile(header, io.BytesIO(content))


def test_what_was_packed_is_packed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/a.py").write_text("a")
    (tmp_path / "lib/link").symlink_to("a.py")
    (tmp_path / "run.sh").write_text("true")
    (tmp_path / "kept").mkdir()
    contents = read_contents("./run.sh", ["lib/"], packs_program=True)
    packed = pack(contents, carrier=b"carrier", plan=THE_PLAN.encode())
    unpacked = fetched(packed.data, tmp_path / "kept")
    assert unpacked.plan == THE_PLAN
    assert pack(unpacked.contents, carrier=b"carrier", plan=THE_PLAN.encode()) == packed


HOSTILE: dict[str, Edit] = {
    "a path above": lambda archive: add(archive, "../../escaped", b"x"),
    "an absolute path": lambda archive: add(archive, "/tmp/escaped-of-goclient", b"x"),
    "a link out": lambda archive: add(archive, "out", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a hard link": lambda archive: add(archive, "hard", type=tarfile.LNKTYPE, linkname="/etc/passwd"),
    "a device": lambda archive: add(archive, "null", type=tarfile.CHRTYPE),
    "a pipe": lambda archive: add(archive, "pipe", type=tarfile.FIFOTYPE),
    "a name of ours": lambda archive: add(archive, ".goclient-1-0", b"x"),
    "a line break": lambda archive: add(archive, "a\nb", b"x"),
}


@pytest.mark.parametrize("edit", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_archive_is_refused_and_writes_nothing_elsewhere(edit: Edit, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    with pytest.raises(RequestError):
        fetched(archive_with(edit), kept)
    assert not Path("/tmp/escaped-of-goclient").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert all(path.is_file() and not path.is_symlink() and path.name.isdigit() for path in kept.iterdir())


DAMAGED = {
    "not an archive": b"x" * 100,
    "nothing": b"",
    "another plan": archive_with(lambda _: None, CarrierPlan("m", (), overwrite=True, working="", program="").encode()),
    "no plan": archive_with(lambda _: None, b"{}"),
    "cut": archive_with(lambda _: None)[:-20],
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_an_archive_that_is_not_the_jobs_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(RequestError):
        fetched(data, tmp_path)


def test_too_much_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    monkeypatch.setattr(repacking, "MOST_UNPACKED", 1000)
    with pytest.raises(RequestError, match="more than an archive"):
        fetched(archive_with(lambda archive: add(archive, "big", b"0" * 2000)), first)
    monkeypatch.setattr(repacking, "MOST_MEMBERS", 3)
    with pytest.raises(RequestError, match="more than an archive"):
        fetched(archive_with(lambda archive: add(archive, "more", b"0")), second)


def test_an_archive_that_is_gone_is_told(tmp_path: Path) -> None:
    def gone(_: Request) -> Response:
        return Response("nothing here", status=404)

    with answering(gone) as url, pytest.raises(EndpointError, match="404") as caught:
        fetch_archive(start(url), tmp_path)
    assert "sendJob" in caught.value.hint


def test_the_parameters_name_the_new_archive_alone() -> None:
    old = Start("https://old.example", "jobO.1.tar.gz", "0" * 64, ("https://old.example", "-a", "jobO.1.tar.gz x"))
    new = Start("https://new.example", "jobO.2.tar.gz", "1" * 64, old.words)
    changed = with_archive(old.parameters().replace("${SN}", "7"), old, new)
    assert read_start(changed) == new
    assert "--job%3D7" in changed or "--job=7" in changed
