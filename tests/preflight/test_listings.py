"""Findings from listings of sources and targets, and how seldom anybody is asked for one."""

from __future__ import annotations

from collections import Counter

import pytest

from goclient.errors import EndpointError
from goclient.errors.conditions import PermissionDenied
from goclient.model.endpoint import JOB, Endpoint
from goclient.model.location import Location
from goclient.model.remote import FileInfo
from goclient.preflight.listings import MOST_ABOUT, MOST_SINGLE
from tests.preflight.folders import SITE, Service, brought, codes, file, folder, looked


def test_each_folder_is_asked_for_once() -> None:
    files = [f"/d{at}/{number}" for at in range(20) for number in range(50)]
    paths = [*(folder(f"/d{at}") for at in range(20)), *(file(name) for name in files), folder("/out")]
    service = Service(dict(paths))
    looked(service, *(brought(name, Location(SITE, f"/out/{name.replace('/', '-')}")) for name in files))
    assert {method for method, _ in service.asked} == {"ls", "stat"}
    assert sum(service.asked.values()) == 20 + 1 + 1, "the folders of the files, that of the output, and what it is"


@pytest.mark.parametrize("below", ["", "a/b/"])
@pytest.mark.parametrize("there", [None, 0, 3])
def test_of_many_numbered_directories_only_those_that_are_there_are_asked_for(there: int | None, below: str) -> None:
    made = () if there is None else ["/out", *(f"/out/{number}" for number in range(there))]
    service = Service(dict([file("/f"), *map(folder, made)]))
    targets = [Location(SITE, f"/out/{number}/{below}") for number in range(1000)]
    _, findings = looked(service, *(brought("/f", target) for target in targets))
    listed = Counter(path for method, path in service.asked.elements() if method == "ls")
    each = [f"/out/{number}/" for number in range(there or 0)]
    assert set(listed) == {"/", "/out/", *each, *(f"{one}{part}" for one in each for part in ("a/", below) if below)}
    assert set(listed.values()) == {1}
    assert service.asked.total() <= 4 + 3 * len(each) + 2 * MOST_ABOUT
    assert not [one for one in findings if one.level == "error"]


def test_of_directories_and_folders_of_output_a_few_are_looked_into() -> None:
    paths = [folder("/d"), *(folder(f"/d/{at}") for at in range(100)), *(folder(f"/out{at}") for at in range(100))]
    service = Service(dict(paths))
    transfers = [brought(f"/d/{at}/", Location(SITE, f"/out{at}/x/")) for at in range(100)]
    _, findings = looked(service, *transfers)
    asked = Counter(method for method, _ in service.asked.elements())
    assert (asked["empty"], asked["stat"]) == (MOST_ABOUT, 2 * MOST_ABOUT), "and of those above missing ones"
    assert [one.code for one in findings if one.code == "empty"] == ["empty"] * MOST_ABOUT


@pytest.mark.parametrize("path", ["/closed/a", "/closed/deep/a", "/closed/deep/", "/closed/deep"])
def test_a_folder_that_may_only_be_entered_is_right(path: str) -> None:
    paths = [folder("/closed"), folder("/closed/deep"), file("/closed/a"), file("/closed/deep/a")]
    service = Service(dict(paths), denied=["/", "/closed/", "/closed/deep/"])
    _, findings = looked(service, brought(path))
    assert codes(findings, "error") == []
    assert codes(findings) == []
    assert max(service.asked.values()) == 1


def test_in_a_folder_that_may_only_be_entered_what_is_not_there_is_an_error() -> None:
    service = Service(dict([folder("/closed"), file("/closed/a")]), denied=["/", "/closed/"])
    _, findings = looked(service, brought("/closed/b"))
    assert codes(findings, "error") == ["path-not-found"]


def test_of_many_files_in_a_folder_that_may_only_be_entered_a_few_are_asked_for() -> None:
    names = [f"/closed/{number}" for number in range(500)]
    service = Service(dict([folder("/closed"), *map(file, names)]), denied=["/", "/closed/"])
    _, findings = looked(service, *(brought(name, Location(JOB, f"/{at}")) for at, name in enumerate(names)))
    assert codes(findings, "error") == []
    assert set(codes(findings)) == {"unchecked"}
    assert len(service.asked) == 1 + MOST_SINGLE


@pytest.mark.parametrize("code", ["globus", "not-a-directory", "storage-login", "globus-answer"])
def test_a_storage_that_does_not_tell_of_single_files_is_a_warning(code: str) -> None:
    class Silent(Service):
        def entry(self, collection: Endpoint, path: str) -> FileInfo:
            raise EndpointError("not supported", code=code)

    service = Silent(dict([folder("/closed"), file("/closed/a")]), denied=["/closed/"])
    _, findings = looked(service, brought("/closed/a"))
    assert codes(findings, "error") == []
    assert codes(findings) == ["unchecked"]


def test_a_collection_that_lets_nobody_in_is_not_asked_for_single_files() -> None:
    class Closed(Service):
        def listing(self, collection: Endpoint, folder: str) -> dict[str, FileInfo]:
            self._note("ls", folder)
            raise PermissionDenied("its roles deny it", subject=f"SITE:{folder}")

    service = Closed({})
    assert codes(looked(service, brought("/d/a"))[1], "error") == ["permission"]
    assert set(service.asked) == {("ls", "/d/")}


def test_a_listing_that_is_late_is_no_reason_to_ask_for_single_files() -> None:
    class Late(Service):
        def listing(self, collection: Endpoint, folder: str) -> dict[str, FileInfo]:
            self._note("ls", folder)
            raise EndpointError("late", code="globus-timeout", transient=True)

    service = Late({})
    _, findings = looked(service, brought("/d/a"))
    assert codes(findings, "error") == ["globus-timeout"]
    assert set(service.asked) == {("ls", "/d/")}
    assert all(one.exit_code for one in findings if one.is_error)
