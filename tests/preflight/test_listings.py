"""What listings say of sources and targets, and how seldom anybody is asked for it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from goclient.errors import EndpointError
from goclient.errors.conditions import NotADirectory, PathNotFound, PermissionDenied, StorageDenied
from goclient.errors.findings import Finding
from goclient.model.endpoint import JOB, Endpoint, read_endpoint
from goclient.model.location import Location, Transfer
from goclient.model.remote import FileInfo
from goclient.model.spec import TransferSpec
from goclient.preflight.base import Context, PreflightOptions
from goclient.preflight.listings import MOST_ABOUT, MOST_SINGLE
from goclient.preflight.paths import Paths, ReadOnly
from goclient.preflight.sources import Contents, Size
from goclient.services.globus.collection import Collection
from tests.preflight.contexts import connected, run

ME, NODE = "me", Location(JOB, "/")
SITE = read_endpoint("11111111-1111-4111-8111-111111111111", "SITE")
OTHER = "22222222-2222-4222-8222-222222222222"


class Service:
    """A Transfer service that holds these paths; a folder's ends with a slash.

    What is in ``denied`` cannot be listed, and nothing in it be told of if it is in ``closed``, too.
    """

    identity = ME
    owner = ME

    def __init__(self, paths: dict[str, FileInfo], *, denied: Sequence[str] = (), closed: Sequence[str] = ()) -> None:
        self._paths = paths
        self._denied = denied
        self._closed = closed
        self._lock = threading.Lock()
        self.asked: Counter[tuple[str, str]] = Counter()

    def _note(self, method: str, path: str) -> None:
        with self._lock:
            self.asked[method, path] += 1

    def collection(self, collection: Endpoint) -> Collection:
        return Collection(
            collection.text, "SITE", "", "GCSv5_mapped_collection", f"{self.owner}@x", None, None, False, True, "", (),
            self.owner,
        )  # fmt: skip

    def _missing(self, path: str) -> EndpointError:
        return PathNotFound(f"{path}: there is no such path", subject=f"SITE:{path}")

    def _denial(self, path: str) -> StorageDenied:
        return StorageDenied(f"SITE:{path}: the storage denies it", subject=f"SITE:{path}")

    def listing(self, collection: Endpoint, folder: str) -> dict[str, FileInfo]:
        self._note("ls", folder)
        if folder in self._denied:
            raise self._denial(folder)
        if folder != "/" and folder.rstrip("/") not in self._paths:
            raise self._missing(folder)
        if folder != "/" and not self._paths[folder.rstrip("/")].is_directory:
            raise NotADirectory(f"{folder}: it is a file", subject=f"SITE:{folder}")
        below = {path.removeprefix(folder): info for path, info in self._paths.items() if path.startswith(folder)}
        return {name: info for name, info in below.items() if name and "/" not in name}

    def entry(self, collection: Endpoint, path: str) -> FileInfo:
        self._note("stat", path)
        if any(path.startswith(folder) for folder in self._closed):
            raise self._denial(path)
        if path not in self._paths:
            raise self._missing(path)
        return self._paths[path]

    def is_empty(self, collection: Endpoint, folder: str) -> bool:
        self._note("empty", folder)
        return not any(path.startswith(folder) for path in self._paths)

    def mkdir(self, collection: Endpoint, folder: str) -> None:
        self._note("mkdir", folder)


def file(path: str, size: int = 1, **more: str) -> tuple[str, FileInfo]:
    return path, FileInfo(path.rpartition("/")[2], False, size, **{"type": "file", "permissions": "0644", **more})


def folder(path: str, permissions: str = "0755") -> tuple[str, FileInfo]:
    return path, FileInfo(path.rpartition("/")[2], True, 4096, "dir", permissions)


def looked(
    service: Any, *transfers: Transfer, jobs: int = 1, overwrite: bool = False, options: PreflightOptions | None = None
) -> tuple[Context, list[Finding]]:
    spec = TransferSpec(stage_in=transfers, working="w", overwrite=overwrite)
    context = connected(spec, service, count=jobs, options=options)
    return context, run(context, Paths(), Contents(), ReadOnly(), Size())


def brought(path: str, to: Location = NODE) -> Transfer:
    return Transfer(Location(SITE, path), to)


def codes(findings: Sequence[Finding], level: str = "warning") -> list[str]:
    return [one.code for one in findings if one.level == level]


TYPES = ["invalid_symlink", "pipe", "chr", "blk", "socket", "other", "door", "whiteout"]


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_neither_a_file_nor_a_directory_is_an_error(kind: str) -> None:
    service = Service(dict([folder("/d"), file("/d/a", type=kind)]))
    _, findings = looked(service, brought("/d/a"))
    (error,) = [one for one in findings if one.level == "error"]
    assert error.code == "not-a-file"
    assert '"SITE:/d/a"' in error.message
    assert error.hint
    assert codes(findings) == [], "an empty pipe is no second finding"


@pytest.mark.parametrize("kind", ["file", ""])
def test_a_file_of_a_service_that_tells_little_is_right(kind: str) -> None:
    service = Service(dict([folder("/d"), file("/d/a", type=kind, permissions="")]))
    assert codes(looked(service, brought("/d/a"))[1]) == []


UNREADABLE = ["0000", "0222", "0111", "0333", "1000"]
READABLE = ["0400", "0040", "0004", "0644", "2755", "", "rw-r--r--", "99"]
MODES = [*((mode, True) for mode in UNREADABLE), *((mode, False) for mode in READABLE)]


@pytest.mark.parametrize(("mode", "closed"), MODES)
def test_a_mode_that_lets_nobody_read_is_a_warning(mode: str, closed: bool) -> None:
    service = Service(dict([folder("/d"), file("/d/a", permissions=mode)]))
    assert codes(looked(service, brought("/d/a"))[1]) == (["unreadable"] if closed else [])


READ_ONLY, WRITABLE = ["0555", "0000", "0500", "1555"], ["0755", "0575", "0557", "0333", "", "drwx"]
FOLDER_MODES = [*((mode, True) for mode in READ_ONLY), *((mode, False) for mode in WRITABLE)]


@pytest.mark.parametrize(("mode", "closed"), FOLDER_MODES)
def test_a_mode_that_lets_nobody_write_a_folder_is_an_error_unless_that_is_tried(mode: str, closed: bool) -> None:
    service = Service(dict([folder("/d"), file("/d/a"), folder("/out", mode)]))
    _, findings = looked(service, brought("/d/a", Location(SITE, "/out/")))
    assert codes(findings, "error") == (["read-only"] if closed else [])
    _, findings = looked(service, brought("/d/a", Location(SITE, "/out/")), options=PreflightOptions(probe=True))
    assert (codes(findings, "error"), codes(findings)) == ([], ["read-only"] if closed else [])


def test_a_directory_that_is_missing_cannot_be_made_where_nobody_writes() -> None:
    service = Service(dict([folder("/d"), file("/d/a"), folder("/out", "0555")]))
    _, findings = looked(service, brought("/d/a", Location(SITE, "/out/new/deep/")))
    assert codes(findings, "error") == ["read-only"]
    assert codes(findings, "warning") == ["no-folder"]


@pytest.mark.parametrize(("top", "missing"), [("/out/", []), ("/out/new/", ["no-folder"]), ("/else/", ["no-folder"])])
def test_directories_may_be_new_below_one_that_is_there(top: str, missing: list[str]) -> None:
    service = Service(dict([folder("/d"), file("/d/a"), folder("/out"), folder("/else")]))
    options = PreflightOptions(new_below=Location(SITE, top))
    _, findings = looked(service, brought("/d/a", Location(SITE, "/out/new/deep/")), options=options)
    assert codes(findings, "warning") == missing


def test_of_many_empty_files_a_few_are_told() -> None:
    names = [f"/d/{number}" for number in range(1000)]
    service = Service(dict([folder("/d"), *(file(name, size=0) for name in names)]))
    _, findings = looked(service, *(brought(name, Location(JOB, f"/{at}")) for at, name in enumerate(names)))
    told = [one for one in findings if one.code == "empty"]
    assert len(told) == 5
    assert "and 995 more like it" in told[-1].message
    assert service.asked == {("ls", "/d/"): 1}


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


@pytest.mark.parametrize("wrong", range(9))
def test_no_warning_of_other_directories_hides_an_error(wrong: int) -> None:
    service = Service(dict([file("/f"), folder("/out"), file(f"/out/{wrong}")]))
    _, findings = looked(service, *(brought("/f", Location(SITE, f"/out/{number}/")) for number in range(9)))
    (error,) = [one for one in findings if one.level == "error"]
    assert f"/out/{wrong}" in error.message
    assert "more like it" not in error.message


def test_of_directories_and_folders_of_output_a_few_are_looked_into() -> None:
    paths = [folder("/d"), *(folder(f"/d/{at}") for at in range(100)), *(folder(f"/out{at}") for at in range(100))]
    service = Service(dict(paths))
    transfers = [brought(f"/d/{at}/", Location(SITE, f"/out{at}/x/")) for at in range(100)]
    _, findings = looked(service, *transfers)
    asked = Counter(method for method, _ in service.asked.elements())
    assert (asked["empty"], asked["stat"]) == (MOST_ABOUT, 2 * MOST_ABOUT), "and of those above missing ones"
    assert [one.code for one in findings if one.code == "empty"] == ["empty"] * 5


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


@pytest.mark.parametrize(("owner", "hint"), [(ME, "the collection is your own"), (OTHER, f"ask {OTHER}@x for access")])
def test_nobody_is_told_to_ask_themselves(owner: str, hint: str) -> None:
    service = Service(dict([folder("/no"), file("/no/a")]), denied=["/", "/no/"], closed=["/no/"])
    service.owner = owner
    _, findings = looked(service, brought("/no/a"))
    (error,) = [one for one in findings if one.level == "error"]
    assert (error.code, hint in error.hint) == ("permission", True)


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


def test_what_jobs_bring_is_counted_for_each_of_them() -> None:
    paths = [folder("/d"), file("/d/all", 1000), file("/d/1", 10), file("/d/2", 20), file("/d/3", 30), folder("/d/run")]
    transfers = [brought("/d/all"), brought("/d/${SN}"), brought("/d/run/x")]
    service = Service(dict([*paths, file("/d/run/x", 5)]))
    context, findings = looked(service, *transfers, brought("/d/all", Location(SITE, "/d/run/")), jobs=3)
    (size,) = [one for one in findings if one.code == "size"]
    assert "12 files of 6075 bytes" in size.message
    assert "in 3 jobs" in size.message
    assert context.input_size == 1000 + 30 + 5, "what goes elsewhere takes no room"


def test_a_hundred_thousand_jobs_are_counted_at_once() -> None:
    context, findings = looked(Service(dict([folder("/d"), file("/d/all", 7)])), brought("/d/all"), jobs=100_000)
    assert "100000 files of 700000 bytes" in findings[-1].message
    assert context.input_size == 7
    assert len([one for one in findings if one.code == "source"]) == 1


OVERWRITTEN = [
    pytest.param("/d/a", "/out/", folder("/out/a"), "a directory", id="a file onto a directory"),
    pytest.param("/d/a", "/out/b", None, "", id="a file under a new name"),
    pytest.param("/d/a", "/out/", file("/out/a"), "", id="a file onto a file"),
    pytest.param("/d/run/", "/out/", folder("/out/run"), "", id="a directory onto a directory"),
    pytest.param("/d/run", "/out/", folder("/out/run"), "", id="a directory without its slash"),
    pytest.param("/d/run/", "/out/", file("/out/run"), "a file", id="a directory onto a file"),
    pytest.param("/d/run", "/out/", file("/out/run"), "a file", id="a directory without its slash onto a file"),
    pytest.param("/d/a", "/out/", file("/out/a", type="pipe"), "a named pipe", id="a file onto a pipe"),
    pytest.param("/d/a", "/out/", file("/out/a", type="invalid_symlink"), "leads nowhere", id="a file onto a link"),
]


@pytest.mark.parametrize(("source", "target", "there", "says"), OVERWRITTEN)
def test_overwriting_replaces_what_is_of_a_kind(source: str, target: str, there: Any, says: str) -> None:
    paths = [folder("/d"), file("/d/a"), folder("/d/run"), file("/d/run/x"), folder("/out")]
    service = Service(dict([*paths, *([there] if there else [])]))
    _, findings = looked(service, brought(source, Location(SITE, target)), overwrite=True)
    errors = [one for one in findings if one.level == "error"]
    assert [one.code for one in errors] == (["exists"] if says else [])
    assert all(says in one.message and one.hint for one in errors)


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
