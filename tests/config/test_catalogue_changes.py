"""The catalogue's file is changed at once and whole, or not at all."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from goclient.config import catalogue, catalogue_changes
from goclient.config.catalogue_toml import command
from goclient.config.file import LIMIT
from goclient.config.toml_text import key
from goclient.errors import GoclientError, RequestError
from goclient.services.deadline import within
from tests.config.test_catalogue_toml import NASTY

UUID, OTHER = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f", "8b5eb87a-10b2-4626-96dc-d9ab00c6942a"

SITE1 = f'[SITE1]\nkind = "globus"\nid = "{UUID}"\n'


@pytest.mark.parametrize("name", NASTY)
def test_the_hint_to_a_name_that_is_taken_or_wrong_removes_it(path: Path, name: str) -> None:
    line = command("remove", name)
    assert catalogue_changes.refuse_taken(str(path), name, UUID).hint.startswith(f"{line} takes it out")
    path.write_text(f"[{key(name)}]\nkind = 's3'\n")
    with pytest.raises(RequestError) as caught:
        catalogue.read(str(path))
    assert f"type {line} if the file is your own" in caught.value.hint


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A catalogue with a comment and one entry."""
    file = tmp_path / "endpoints.toml"
    file.write_text(f"# by hand\n\n{SITE1}")
    file.chmod(0o640)
    return file


def test_a_file_that_is_not_there_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "deep" / "e.toml"
    before = os.umask(0)
    try:
        assert catalogue_changes.add(str(file), "SITE1", UUID)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (file, file.parent, file.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]
    assert file.read_text() == SITE1
    assert os.listdir(file.parent) == ["e.toml"]


def test_permissions_and_bytes_are_kept(path: Path) -> None:
    before = path.read_bytes()
    assert catalogue_changes.add(str(path), "NEW", OTHER)
    assert catalogue_changes.remove(str(path), "NEW")
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_what_is_there_already_is_not_written(path: Path) -> None:
    before = path.stat()
    assert not catalogue_changes.add(str(path), "SITE1", UUID)
    assert not catalogue_changes.remove(str(path), "NEW")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_name_that_means_something_else_stays_so(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(RequestError) as caught:
        catalogue_changes.add(str(path), "SITE1", OTHER)
    assert (caught.value.code, caught.value.exit_code) == ("name-taken", 10)
    assert UUID in caught.value.message
    assert "goclient endpoint remove SITE1" in caught.value.hint
    assert path.read_bytes() == before


def test_a_link_to_the_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    catalogue_changes.add(str(link), "NEW", OTHER)
    assert link.is_symlink()
    assert catalogue.read(str(path)) == {"SITE1": UUID, "NEW": OTHER}


@pytest.mark.conformance  # it takes long
def test_many_additions_at_once_lose_nothing(tmp_path: Path) -> None:
    file = str(tmp_path / "new" / "e.toml")
    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(lambda number: catalogue_changes.add(file, f"S{number}", UUID), range(64)))
    assert sorted(catalogue.read(file)) == sorted(f"S{number}" for number in range(64))
    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(lambda number: catalogue_changes.remove(file, f"S{number}"), range(64)))
    assert Path(file).read_text() == ""
    assert os.listdir(tmp_path / "new") == ["e.toml"]


def test_a_change_that_cannot_be_written_leaves_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(RequestError, match="it cannot be changed: No space left"):
        catalogue_changes.add(str(path), "NEW", OTHER)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_wrong_entry_can_be_removed_and_stops_an_addition(path: Path) -> None:
    right = path.read_text()
    path.write_text(f'{right}\n[B]\nkind = "s3"\n\n[C]\n')
    with pytest.raises(GoclientError, match=r"\[B\] has the kind"):
        catalogue_changes.add(str(path), "NEW", OTHER)
    assert catalogue_changes.remove(str(path), "B")
    assert catalogue_changes.remove(str(path), "C")
    assert path.read_text() == right


def test_what_is_no_toml_is_not_changed(path: Path) -> None:
    path.write_text("[B\n")
    for change in (
        partial(catalogue_changes.add, str(path), "A", UUID),
        partial(catalogue_changes.remove, str(path), "B"),
    ):
        with pytest.raises(RequestError, match="line 1: it is not TOML"):
            change()
    assert path.read_text() == "[B\n"


@pytest.mark.parametrize("file", ["/dev/null", "."])
def test_what_is_no_file_is_not_changed(file: str) -> None:
    with pytest.raises(RequestError):
        catalogue_changes.add(file, "A", UUID)


@pytest.mark.parametrize("kind", ["device", "pipe", "directory"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    file = {"device": "/dev/zero", "pipe": str(tmp_path / "pipe"), "directory": str(tmp_path)}[kind]
    within(20, lambda: refused_as_no_file(file))


def refused_as_no_file(file: str) -> None:
    with pytest.raises(RequestError, match="it is not a regular file") as caught:
        catalogue.read(file)
    assert (caught.value.exit_code, "GOCLIENT_ENDPOINTS" in caught.value.hint) == (10, True)
    for change in (partial(catalogue_changes.add, file, "A", UUID), partial(catalogue_changes.remove, file, "A")):
        with pytest.raises(RequestError, match=r"not a regular file|Is a directory"):
            change()


def test_a_file_of_more_than_4_MiB_is_neither_read_nor_changed(path: Path) -> None:
    path.write_bytes(b"#" * (LIMIT - 1) + b"\n")
    assert catalogue.read(str(path)) == {}
    os.truncate(path, LIMIT + 1)
    for act in (lambda: catalogue.read(str(path)), lambda: catalogue_changes.add(str(path), "NEW", UUID)):
        with pytest.raises(RequestError, match="it has more than 4194304 bytes"):
            act()
    assert path.stat().st_size == LIMIT + 1


@pytest.mark.parametrize("mode", [0o660, 0o606, 0o666])
def test_a_file_that_others_can_change_is_neither_read_nor_changed(path: Path, mode: int) -> None:
    path.chmod(mode)
    before = path.read_bytes()
    acts = (
        lambda: catalogue.read(str(path)),
        lambda: catalogue_changes.add(str(path), "NEW", UUID),
        lambda: catalogue_changes.remove(str(path), "SITE1"),
    )
    for act in acts:
        with pytest.raises(RequestError) as caught:
            act()
        assert f"mode {mode:04o}" in caught.value.message
        assert caught.value.hint == f"chmod go-w {path}"
        assert caught.value.exit_code == 10
    assert path.read_bytes() == before
