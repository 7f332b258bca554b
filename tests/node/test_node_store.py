"""Directories of the node, to which copies are delivered: errors are those that a service would have."""

from __future__ import annotations

from pathlib import Path

import pytest

from goclient.errors import EndpointError
from goclient.errors.conditions import NotADirectory, PathExists, PathNotFound
from goclient.node.destination import Renaming
from goclient.node.node_store import NodeStore

STORE = NodeStore()


def nothing() -> None:
    """Do nothing meanwhile."""


def test_a_listing_tells_files_directories_and_links_apart(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("four")
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to("directory")
    (tmp_path / "broken").symlink_to("nowhere")
    found = STORE.listing(f"{tmp_path}/")
    assert {name: (one.is_directory, bool(one.link_target)) for name, one in found.items()} == {
        "file": (False, False), "directory": (True, False), "link": (True, True), "broken": (False, True),
    }  # fmt: skip
    assert found["file"].size == 4
    assert found.can_rename


def test_what_cannot_be_listed_is_the_error_that_a_service_has(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, kind in ((tmp_path / "gone", PathNotFound), (tmp_path / "file", NotADirectory)):
        with pytest.raises(EndpointError) as raised:
            STORE.listing(f"{path}/")
        assert type(raised.value) is kind
        assert not raised.value.transient


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
def test_a_name_that_is_taken_is_not_given(tmp_path: Path, kind: str) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    if kind == "file":
        old.write_text("old")
        new.touch()
    elif kind == "directory":
        old.mkdir()
        new.mkdir()
    else:
        old.symlink_to("old target")
        new.symlink_to("new target")
    other = Renaming(str(tmp_path / "gone"), str(tmp_path / "free"))
    failures = STORE.rename([Renaming(str(old), str(new)), other], nothing)
    assert [type(one) for one in failures] == [PathExists, PathNotFound]
    (new.rmdir if kind == "directory" else new.unlink)()
    assert STORE.rename([Renaming(str(old), str(new))], nothing) == []
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_a_directory_is_made_once_and_removed_with_all_below_it(tmp_path: Path) -> None:
    for _ in range(2):
        STORE.mkdir(f"{tmp_path}/top")
    (tmp_path / "top" / "below").mkdir()
    for _ in range(2):
        STORE.remove([f"{tmp_path}/top"])
    assert list(tmp_path.iterdir()) == []
