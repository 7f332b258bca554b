"""Limits of the engines: of bytes, and of names that somebody else has by now."""

from __future__ import annotations

from pathlib import Path

import pytest

from goclient.errors.conditions import PathExists, PermissionDenied, SourceChanged
from goclient.model.endpoint import JOB
from goclient.model.mode import Mode
from goclient.model.plan import TransferTask
from goclient.model.remote import FileInfo, Listing
from goclient.node.engines.base import JobContext, TransferEngine
from goclient.node.engines.collection_end import CollectionEnd
from goclient.node.engines.far_end import FarEnd
from goclient.node.engines.gridftp_end import GridftpEnd
from goclient.node.engines.https import HttpsEngine
from goclient.node.engines.webdav_end import WebdavEnd
from tests.node.engines.benches import SITE, Bench, CollectionBench, GridftpBench, WebdavBench, item
from tests.node.transfers import HttpsCollections
from tests.servers.collection import collection_server

ENDS: dict[type[Bench], type[FarEnd]] = {
    CollectionBench: CollectionEnd, WebdavBench: WebdavEnd, GridftpBench: GridftpEnd,
}  # fmt: skip


def test_a_file_with_more_bytes_than_were_listed_is_not_taken(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    if (kind := ENDS.get(type(bench))) is None:
        return  # this node does not read it
    entries, listing = kind.entries, kind.listing

    def less(info: object) -> FileInfo:
        assert isinstance(info, FileInfo)
        return FileInfo(info.name, info.is_directory, info.size // 2)

    def smaller(end: FarEnd, paths: list[str]) -> object:
        return {path: less(info) for path, info in entries(end, paths).items()}

    def listed_smaller(end: FarEnd, directory: str) -> Listing:
        return Listing({name: less(info) for name, info in listing(end, directory).items()})

    monkeypatch.setattr(kind, "entries", smaller)
    (bench.there / "in").mkdir()
    (bench.there / "in" / "file").write_bytes(bytes(1000))
    with pytest.raises(SourceChanged, match="more than the 500 bytes came that it has"):
        bench.bring(item("in/file", "one"))
    monkeypatch.setattr(kind, "listing", listed_smaller)
    with pytest.raises(SourceChanged, match="more than the 500 bytes came that it has"):
        bench.bring(item("in", "all", recursive=True))
    assert [one for one in bench.job.rglob("*") if one.is_file()] == []


def test_files_that_are_complete_stay_if_what_comes_next_cannot_be_listed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (kind := ENDS.get(type(bench))) is None:
        return  # this node does not read it
    monkeypatch.setattr(kind, "together", 1)
    listing = kind.listing

    def denied(end: FarEnd, directory: str) -> Listing:
        if directory.endswith("/in/"):
            raise PermissionDenied(f'"{directory}": no right to list it', subject=directory)
        return listing(end, directory)

    monkeypatch.setattr(kind, "listing", denied)
    (bench.there / "in").mkdir()
    (bench.there / "file").write_bytes(b"complete")
    with pytest.raises(PermissionDenied, match="no right to list it"):
        bench.bring(item("file", "one"), item("in", "all", recursive=True))
    assert (bench.job / "one").read_bytes() == b"complete"


class Alone(CollectionBench):
    """A collection's HTTPS server, and nothing that lists or renames there."""

    def engine(self, context: JobContext) -> TransferEngine:
        server = self.stack.enter_context(collection_server(self.there))
        return HttpsEngine(context, collections=HttpsCollections({SITE.text: server}))


def test_a_name_that_somebody_has_by_now_is_not_overwritten_by_https_alone(tmp_path: Path) -> None:
    bench = Alone(tmp_path)
    for name in ("one", "two"):
        (bench.job / name).write_text(name)

    def appears() -> None:
        (bench.there / "two").write_text("theirs")  # once it was seen that both are free

    with bench.stack, pytest.raises(PathExists, match='"/two" exists by now'):
        bench.take(item("one", "one"), item("two", "two"), meanwhile=appears)
    assert (bench.there / "two").read_text() == "theirs"
    with bench.stack:
        bench.take(item("two", "two"), overwrite=True)
    assert (bench.there / "two").read_text() == "two"


@pytest.mark.parametrize("mode", Mode)
def test_a_collection_is_asked_by_https_in_that_mode_only(tmp_path: Path, mode: Mode) -> None:
    bench = CollectionBench(tmp_path)
    with bench.stack:
        task = TransferTask("stage-in", SITE, JOB, (item("/a", "a"),), mode=mode)
        assert bench.engine(bench.context).can_run(task) is (mode is Mode.HTTPS)
