"""Links in the directories of GridFTP servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from goclient.errors import EndpointError
from tests.node.engines.benches import GridftpBench, PairBench, item
from tests.servers.gridftp import GridftpServers


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
