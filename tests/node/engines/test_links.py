"""Links in the directories of servers, which tell them, as GridFTP does, or do not, as WebDAV does."""

from __future__ import annotations

from pathlib import Path

import pytest

from goclient.errors import EndpointError
from goclient.node.engines.far_end import TOGETHER
from tests.node.engines.benches import GridftpBench, PairBench, WebdavBench, item
from tests.servers.gridftp import GridftpServers
from tests.servers.webdav import WebdavServer


@pytest.mark.parametrize("kind", [GridftpBench, PairBench])
def test_links_that_lead_round_are_told_and_not_followed(
    gridftp: GridftpServers, tmp_path: Path, kind: type[GridftpBench]
) -> None:
    GridftpBench.servers = gridftp
    bench = kind(tmp_path)
    with bench.stack:
        (bench.there / "in" / "a").mkdir(parents=True)
        (bench.there / "in" / "file").write_bytes(b"x")
        (bench.there / "in" / "once").symlink_to("a")
        assert bench.bring(item("in/", "in", recursive=True)).files == 1
        (bench.there / "in" / "a" / "round").symlink_to("..")
        (bench.there / "in" / "a" / "again").symlink_to("..")
        with pytest.raises(EndpointError, match="is a link to"):
            bench.bring(item("in/", "in2", recursive=True))


def test_links_of_a_webdav_server_are_what_they_lead_to_and_never_round(webdav: WebdavServer, tmp_path: Path) -> None:
    WebdavBench.server = webdav
    bench = WebdavBench(tmp_path)
    with bench.stack:
        (bench.there / "in" / "a").mkdir(parents=True)
        (bench.there / "in" / "a" / "file").write_bytes(b"x")
        (bench.there / "in" / "once").symlink_to("a")
        (bench.there / "in" / "file").symlink_to("a/file")
        for number in range(TOGETHER):
            (bench.there / "in" / f"f{number}").write_bytes(b"")
        assert bench.bring(item("in/", "in", recursive=True)).files == 3 + TOGETHER
        assert not any(one.is_symlink() for one in (bench.job / "in").rglob("*"))
        (bench.there / "in" / "a" / "round").symlink_to("..")
        (bench.there / "in" / "a" / "again").symlink_to("..")
        with pytest.raises(EndpointError, match="a link in it leads round"):
            bench.bring(item("in/", "in2", recursive=True))
        assert [one for one in (bench.job / "in2").rglob("*") if one.is_file()] == []


def test_directories_that_hold_the_same_are_brought(webdav: WebdavServer, tmp_path: Path) -> None:
    WebdavBench.server = webdav
    bench = WebdavBench(tmp_path)
    with bench.stack:
        (bench.there / "in" / "/".join("a" * 8)).mkdir(parents=True)
        bench.bring(item("in/", "in", recursive=True))
        assert (bench.job / "in" / "/".join("a" * 8)).is_dir()
