"""An attempt replaces what an earlier one of its job has delivered, and nothing else, wherever each of them dies."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import goclient.node.delivery
from goclient.errors import EndpointError, GoclientError, TransferFailed
from goclient.errors.conditions import PathExists, PathNotFound, StaleAttempt
from goclient.journal import Entry, Journal
from goclient.model.endpoint import GlobusEndpoint
from goclient.model.plan import TransferItem
from goclient.model.remote import FileInfo, Listing
from goclient.node.delivery import Delivery
from goclient.node.destination import Renaming, Store, find_left
from goclient.node.engines.base import Attempt, JobContext
from goclient.node.ownership import attempt_at, final_path, list_of, name_hidden, read_list
from goclient.reporter.base import SILENT
from tests.node.transfers import Beats

AT = "/out"
NAMES = ["a", "b", "d/"]  # the last one is a directory
EVERYTHING = 1000  # steps that no attempt needs


@pytest.fixture(autouse=True, scope="module")
def at_once() -> Iterator[None]:
    """Try again without a pause."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(goclient.node.delivery, "_AGAIN", (0.0, 0.0))
        yield


class Dead(Exception):
    """The pilot dies."""


class Memory(Store):
    """Files by their paths; the process that uses it dies after ``steps`` changes."""

    endpoint = GlobusEndpoint("11111111-1111-4111-8111-111111111111")

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.directories = {"", AT}
        self.steps = EVERYTHING
        self.can_rename = True
        self.refused: list[GoclientError] = []

    def change(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise Dead

    def write(self, path: str, content: str) -> None:
        self.change()
        self.files[path] = content
        while path := path.rpartition("/")[0]:
            self.directories.add(path)

    def listing(self, directory: str) -> Listing:
        top = directory.rstrip("/")
        if top not in self.directories:
            raise PathNotFound(f"{directory} is not there")
        files = {path: content for path, content in self.files.items() if path.rpartition("/")[0] == top}
        entries = {path.rpartition("/")[2]: FileInfo("", False, len(content)) for path, content in files.items()}
        below = [path for path in self.directories if path and path.rpartition("/")[0] == top]
        entries |= {path.rpartition("/")[2]: FileInfo("", True, 0) for path in below}
        named = {name: FileInfo(name, one.is_directory, one.size) for name, one in entries.items()}
        return Listing(named, can_rename=self.can_rename)

    def mkdir(self, *directories: str) -> None:
        for one in directories:
            self.change()
            self.directories.add(one)

    def rename(self, renamings: Sequence[Renaming], meanwhile: Callable[[], object]) -> list[GoclientError]:
        meanwhile()
        return [error for one in renamings for error in self._rename(one)]

    def _rename(self, one: Renaming) -> list[GoclientError]:
        self.change()
        if self.refused:
            return [self.refused.pop()]
        if one.new in self.files or one.new in self.directories:
            return [PathExists(one.new)]
        if one.old not in self.files and one.old not in self.directories:
            return [PathNotFound(one.old)]

        def moved(path: str) -> str:
            return one.new + path[len(one.old) :] if path == one.old or path.startswith(f"{one.old}/") else path

        self.files = {moved(path): content for path, content in self.files.items()}
        self.directories = set(map(moved, self.directories))
        return []

    def remove(self, directories: Sequence[str]) -> None:
        for top in directories:
            self.files = {path: content for path, content in self.files.items() if not path.startswith(f"{top}/")}
            self.directories = {one for one in self.directories if one != top and not one.startswith(f"{top}/")}

    def seen(self) -> dict[str, str]:
        """Return what a user sees: all that is not hidden."""
        return {path: content for path, content in self.files.items() if "/.goclient-" not in path}


class Paper(Journal):
    """A journal that is never on disk."""

    def append(self, entry: Entry) -> None:
        """Forget the entry."""


def delivery(
    store: Store, number: int, names: Sequence[str] = NAMES, *, origin: str = "7", overwrite: bool = False
) -> Delivery:
    job = JobContext(
        7, Attempt(origin, number), Path("/none"), Path("/none/job"), os.environ, overwrite, Paper(Path("/none")),
        SILENT, Beats(),
    )  # fmt: skip
    items = [TransferItem(name, f"{AT}/{name}", recursive=name.endswith("/")) for name in names]
    return Delivery(store, job, items)


def transfer(store: Memory, items: Sequence[TransferItem], content: str) -> None:
    """Do what a transfer task does: it writes whatever it was told to, where it was told."""
    for item in items:
        store.write(f"{item.destination}/x" if item.recursive else item.destination, content)


def attempt(store: Memory, number: int, *, steps: int = EVERYTHING, names: Sequence[str] = NAMES) -> None:
    """Carry out an attempt, which dies after so many steps; its files have so many characters as its number says."""
    store.steps = steps
    try:
        on_its_way = delivery(store, number, names)
        transfer(store, on_its_way.begin(), "o" * number)
        on_its_way.place(patience=0.0)
    finally:
        store.steps = EVERYTHING


def test_files_have_their_names_once_all_have_arrived() -> None:
    store = Memory()
    on_its_way = delivery(store, 1)
    transfer(store, on_its_way.begin(), "o")
    assert store.seen() == {}
    on_its_way.place(patience=0.0)
    assert store.seen() == {f"{AT}/a": "o", f"{AT}/b": "o", f"{AT}/d/x": "o"}


class Filing(Memory):
    """Files whose marks are in a file, of which a process that dies may leave the first half."""

    def mark(self, hidden: str, names: Sequence[str]) -> None:
        name, text = list_of(names)
        for end in (len(text) // 2, len(text)):
            self.write(f"{hidden}/{name}", text.decode()[:end])

    def read_list(self, path: str, entry: FileInfo) -> list[str]:
        return read_list(entry.name, self.files[path].encode())


STORES = st.sampled_from([Memory, Filing])
ENDS = st.lists(st.integers(0, 16), max_size=4)
OTHERS = st.sampled_from(["", f"{AT}/a", f"{AT}/b", f"{AT}/d/x", f"{AT}/d/y", f"{AT}/other"])


@given(STORES, ENDS)
def test_wherever_attempts_die_the_last_one_delivers(kind: type[Memory], ends: list[int]) -> None:
    store = kind()
    for number, steps in enumerate(ends, start=1):
        with pytest.raises(Dead) if steps < 7 else _maybe_dead():
            attempt(store, number, steps=steps)
    last = len(ends) + 1
    attempt(store, last)
    assert store.seen() == {f"{AT}/{name}": "o" * last for name in ("a", "b", "d/x")}
    store.remove(find_left(store, AT, Attempt("7", last), delivered=True))
    assert [one for one in store.directories if "goclient" in one] == []


@given(STORES, ENDS, st.integers(0, 16))
def test_a_pilot_that_goes_on_with_a_dead_one_s_attempt_delivers_once(
    kind: type[Memory], ends: list[int], steps: int
) -> None:
    store = kind()
    for end in [*ends, steps]:
        with _maybe_dead():
            attempt(store, 1, steps=end)
    attempt(store, 1)
    assert store.seen() == {f"{AT}/{name}": "o" for name in ("a", "b", "d/x")}
    assert not any(path.startswith(f"{AT}/.goclient-7-1/old/") for path in store.files), "nothing was replaced"


@given(STORES, st.lists(st.tuples(st.integers(0, 16), OTHERS), max_size=4))
def test_what_others_put_there_is_never_touched(kind: type[Memory], story: list[tuple[int, str]]) -> None:
    store, others = kind(), dict[str, str]()
    for number, (steps, path) in enumerate([*story, (EVERYTHING, "")], start=1):
        if path:  # in place of an attempt's file, too
            store.write(path, others.setdefault(path, f"somebody else's {path}"))
        before, refused = store.seen(), list[GoclientError]()
        try:
            attempt(store, number, steps=steps)
        except Dead:
            pass
        except GoclientError as error:
            refused = list(error.parts)
        if refused:
            assert {type(one) for one in refused} == {PathExists}
            assert set(others) & {f"{AT}/a", f"{AT}/b", f"{AT}/d/x", f"{AT}/d/y"}, "nothing else is in the way"
            assert store.seen() == before
        assert {path: store.files.get(path) for path in others} == others


@given(STORES, st.integers(0, 16), st.integers(0, 16), st.integers(3, 9))
def test_an_earlier_attempt_that_still_runs_does_no_harm(
    kind: type[Memory], steps: int, later: int, number: int
) -> None:
    store = kind()
    stale = delivery(store, 1)
    items = stale.begin()
    with _maybe_dead():
        attempt(store, 2, steps=steps)
    with _maybe_dead():
        attempt(store, number, steps=later + 1)  # something of it is there
    before = store.seen()
    transfer(store, items, "stale")
    with pytest.raises(StaleAttempt, match=f"a later attempt of this job, {number}"):
        stale.place(patience=0.0)
    with pytest.raises(StaleAttempt):
        delivery(store, 1).check()
    assert store.seen() == before


class _maybe_dead:  # noqa: N801  # it reads as a statement
    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is Dead


def test_jobs_of_a_task_are_attempts_of_one_another_if_they_deliver_the_same() -> None:
    store = Memory()
    for number in (12, 11):  # in any order, side by side
        sibling = delivery(store, number, [f"part{number}"], origin="t5")
        transfer(store, sibling.begin(), "part")
        other = delivery(store, 13, ["part13"], origin="t5")
        transfer(store, other.begin(), "other")
        sibling.place(patience=0.0)
    for number in (14, 15):
        whole = delivery(store, number, ["whole"], origin="t5")
        transfer(store, whole.begin(), "w" * number)
        whole.place(patience=0.0)
    parts = {f"{AT}/part11": "part", f"{AT}/part12": "part"}
    assert store.seen() == {**parts, f"{AT}/whole": "w" * 15}


def test_all_that_is_in_the_way_is_named_before_anything_is_sent() -> None:
    store = Memory()
    store.write(f"{AT}/a", "other")
    store.write(f"{AT}/d/other", "other")
    with pytest.raises(GoclientError) as raised:
        delivery(store, 1).check()
    assert [type(one) for one in raised.value.parts] == [PathExists, PathExists]
    assert [one.subject for one in raised.value.parts] == [f"{AT}/a", f"{AT}/d"]


def test_overwriting_replaces_a_file_and_merges_into_a_directory() -> None:
    store = Memory()
    store.write(f"{AT}/a", "other")
    store.write(f"{AT}/d/other", "other")
    on_its_way = delivery(store, 1, overwrite=True)
    items = on_its_way.begin()
    assert [item.destination for item in items] == [
        f"{AT}/.goclient-7-1/new/a", f"{AT}/.goclient-7-1/new/b", f"{AT}/d",
    ]  # fmt: skip


def test_a_new_name_that_an_earlier_attempt_made_is_not_gone_into() -> None:
    store = Memory()
    attempt(store, 1, names=["d/"])
    job = delivery(store, 2)._job
    renamed = Delivery(store, job, [TransferItem("made/", f"{AT}/d", recursive=True, renames=True)])
    assert [item.destination for item in renamed.begin()] == [f"{AT}/.goclient-7-2/new/d"]
    store.write(f"{AT}/e/other", "other")
    into = Delivery(store, job, [TransferItem("made/", f"{AT}/e", recursive=True, renames=True)])
    assert [item.destination for item in into.begin()] == [f"{AT}/e/.goclient-7-2/new/made"]


def test_an_answer_that_was_lost_is_found_by_a_second_look() -> None:
    store = Memory()
    on_its_way = delivery(store, 1, ["a"])
    transfer(store, on_its_way.begin(), "o")
    store.refused = [EndpointError("no answer", transient=True)]
    on_its_way.place(patience=10.0)
    assert store.seen() == {f"{AT}/a": "o"}


def test_a_storage_that_refuses_for_good_is_an_error() -> None:
    store = Memory()
    on_its_way = delivery(store, 1, ["a"])
    transfer(store, on_its_way.begin(), "o")
    store.refused = [EndpointError("not allowed"), EndpointError("not allowed")]
    with pytest.raises(EndpointError, match="not allowed"):
        on_its_way.place(patience=10.0)


def test_where_nothing_can_be_renamed_files_go_to_their_names_at_once() -> None:
    store = Memory()
    store.can_rename = False
    on_its_way = delivery(store, 1, ["new/deep/a", "b"])
    items = on_its_way.begin()
    assert [item.destination for item in items] == [f"{AT}/new/deep/a", f"{AT}/b"]
    transfer(store, items, "o")
    on_its_way.place(patience=0.0)
    again = delivery(store, 2, ["new/deep/a", "b"])
    assert [item.destination for item in again.begin()] == [f"{AT}/new/deep/a", f"{AT}/b"]
    store.write(f"{AT}/b", "somebody else's")
    with pytest.raises(PathExists):
        delivery(store, 3, ["new/deep/a", "b"]).check()


def test_what_a_later_attempt_needs_stays_until_the_job_has_delivered() -> None:
    store = Memory()
    with pytest.raises(Dead):
        attempt(store, 1, steps=1)  # it has marked nothing
    attempt(store, 2)
    store.mkdir(f"{AT}/.goclient-7-10")
    store.mkdir(f"{AT}/.goclient-8-1")
    assert find_left(store, AT, Attempt("7", 2), delivered=False) == [f"{AT}/.goclient-7-1"]
    assert find_left(store, AT, Attempt("7", 2), delivered=True) == [f"{AT}/.goclient-7-1", f"{AT}/.goclient-7-2"]
    assert find_left(store, "/gone", Attempt("7", 2), delivered=True) == []


NAME = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=20)


@given(st.integers(1, 10**29), st.integers(1, 10**29), NAME)
def test_the_path_of_a_hidden_file_tells_its_final_one(origin: int, number: int, name: str) -> None:
    items = [TransferItem(name, f"/out/{name}", recursive=False)]
    for attempt in (Attempt(str(origin), number), attempt_at(Attempt(f"t{origin}", number), items)):
        assert final_path(f"/out/{name_hidden(attempt)}/new/{name}") == f"/out/{name}"
    assert final_path(f"/out/new/{name}") == f"/out/new/{name}"


def test_an_error_of_a_phase_has_all_findings() -> None:
    store = Memory()
    for name in ("a", "b"):
        store.write(f"{AT}/{name}", "other")
    with pytest.raises(GoclientError) as raised:
        delivery(store, 1).check()
    assert len(TransferFailed("output", raised.value).findings) == 2
