"""Files that are replaced in a merged directory are never lost, whatever fails, and nothing is replaced unasked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from goclient.errors import EndpointError
from goclient.errors.conditions import PathExists
from goclient.model.endpoint import Endpoint
from tests.node.engines.benches import CollectionBench, GridftpBench, PairBench, item
from tests.servers.gridftp import GridftpServers


@pytest.fixture
def bench(tmp_path: Path) -> CollectionBench:
    """A collection by HTTPS whose directory has an older file of the name that comes."""
    made = CollectionBench(tmp_path)
    (made.there / "run").mkdir()
    (made.there / "run" / "part").write_text("old")
    (made.job / "run").mkdir()
    (made.job / "run" / "part").write_text("newer")
    return made


def test_an_old_file_stays_if_the_new_one_cannot_have_its_name(
    bench: CollectionBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, calls = bench.service.rename, list[str]()

    def failing(collection: Endpoint, old: str, new: str) -> None:
        calls.append(new)
        if calls.count(new) == 2 and new.endswith("/part"):
            raise EndpointError("503", transient=False)
        rename(collection, old, new)

    monkeypatch.setattr(bench.service, "rename", failing)
    with bench.stack, pytest.raises(EndpointError, match="503"):
        bench.take(item("run", "run"), overwrite=True)
    assert [(one.name, one.read_text()) for one in (bench.there / "run").iterdir()] == [("part", "old")]


def test_a_rename_whose_answer_is_lost_is_done_once(bench: CollectionBench, monkeypatch: pytest.MonkeyPatch) -> None:
    (bench.there / "run" / "part").unlink()
    rename = bench.service.rename

    def repeated(collection: Endpoint, old: str, new: str) -> None:
        rename(collection, old, new)
        if new.endswith("/part"):
            raise PathExists("it exists already")  # says the service to the SDK, which has asked again

    monkeypatch.setattr(bench.service, "rename", repeated)
    with bench.stack:
        bench.take(item("run", "run"), overwrite=True)
    assert [(one.name, one.read_text()) for one in (bench.there / "run").iterdir()] == [("part", "newer")]


@pytest.mark.parametrize("kind", [GridftpBench, PairBench])
def test_a_directory_that_goes_to_a_home_directory_replaces_nothing(
    kind: type[GridftpBench], gridftp: GridftpServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    GridftpBench.servers = gridftp
    name = tmp_path.name
    precious = gridftp.first.directory / name  # its home directory
    precious.write_text("old")
    bench: Any = kind(tmp_path)
    (bench.job / "run").mkdir()
    (bench.job / "run" / name).write_text("new")
    monkeypatch.setattr(bench, "path", lambda path: f"/~/{path}" if path else "/~")
    with bench.stack, pytest.raises(PathExists):
        bench.take(item("run", "", recursive=True))
    assert precious.read_text() == "old"
    assert not [one for one in gridftp.first.directory.iterdir() if one.name.startswith(".goclient-")]
