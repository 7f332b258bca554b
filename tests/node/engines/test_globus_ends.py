"""Directories of a collection: names are given side by side, and a removal that fails is told."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from goclient.errors import EndpointError
from goclient.errors.conditions import PathExists, PathNotFound
from goclient.model.endpoint import Endpoint, GlobusEndpoint
from goclient.model.remote import TaskState
from goclient.node.destination import Renaming
from goclient.node.engines import globus_ends
from goclient.node.engines.globus_ends import AT_ONCE, CollectionStore
from tests.node.transfers import Service

SITE = GlobusEndpoint("11111111-1111-4111-8111-111111111111", "SITE1")


class Busy(Service):
    """A service whose renames meet, and whose removals end in a state."""

    status = "SUCCEEDED"

    def __init__(self, top: Path) -> None:
        super().__init__({SITE.text: top})
        self.together = threading.Barrier(AT_ONCE, timeout=20)
        self.met = 0

    def rename(self, collection: Endpoint, old: str, new: str) -> None:
        self.together.wait()
        self.met += 1
        if old.endswith("gone"):
            raise PathNotFound(old)
        if new.endswith("taken"):
            raise PathExists(new)

    def tasks(self, task_ids: Sequence[str]) -> dict[str, TaskState]:
        return {one: TaskState(one, "", self.status, 0, 0, 0, "no permission") for one in task_ids}


@pytest.fixture
def service(tmp_path: Path) -> Busy:
    return Busy(tmp_path)


def test_names_are_given_side_by_side_and_all_failures_are_told(service: Busy) -> None:
    store = CollectionStore(SITE, service, "7")
    renamings = [Renaming("/a", "/taken"), Renaming("/gone", "/b"), Renaming("/c", "/d"), Renaming("/e", "/f")]
    assert len(renamings) == AT_ONCE
    beats: list[int] = []
    failures = store.rename(renamings, lambda: beats.append(1))
    assert {type(one) for one in failures} == {PathExists, PathNotFound}
    assert service.met == AT_ONCE
    assert beats
    assert store.rename([], lambda: None) == []


def test_what_is_raised_meanwhile_ends_the_work(service: Busy) -> None:
    service.together = threading.Barrier(1)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        CollectionStore(SITE, service, "7").rename([Renaming("/a", f"/{n}") for n in range(100)], stop)
    assert service.met < 100


def test_a_removal_that_fails_is_an_error_and_one_that_takes_long_is_left_to_the_service(
    service: Busy, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = CollectionStore(SITE, service, "7")
    store.remove(["/x"])
    service.status = "FAILED"
    with pytest.raises(EndpointError, match='"SITE1:/x" is not removed: no permission'):
        store.remove(["/x", "/y"])
    service.status = "ACTIVE"
    monkeypatch.setattr(globus_ends, "REMOVED_WITHIN", 0.0)
    store.remove(["/x"])
