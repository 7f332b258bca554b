"""A source that cannot be brought is told, and what jobs bring is counted."""

from __future__ import annotations

import pytest

from goclient.errors.grouping import group_findings
from goclient.model.endpoint import JOB
from goclient.model.location import Location
from tests.preflight.folders import SITE, Service, brought, codes, file, folder, looked

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


def test_many_empty_files_are_told_as_one() -> None:
    names = [f"/d/{number}" for number in range(1000)]
    service = Service(dict([folder("/d"), *(file(name, size=0) for name in names)]))
    _, findings = looked(service, *(brought(name, Location(JOB, f"/{at}")) for at, name in enumerate(names)))
    told = [one for one in findings if one.code == "empty"]
    assert len(told) == 1000
    (one,) = group_findings(told)
    assert one.message == '"SITE:/d/0" is an empty file; and 999 more like it: "1", "2", "3", …'
    assert service.asked == {("ls", "/d/"): 1}


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
