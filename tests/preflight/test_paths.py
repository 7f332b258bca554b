"""A target is judged by what is there: who may write it, what would be overwritten, what can be made."""

from __future__ import annotations

from typing import Any

import pytest

from goclient.model.location import Location
from goclient.preflight.base import PreflightOptions
from tests.preflight.folders import ME, OTHER, SITE, Service, brought, codes, file, folder, looked

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


@pytest.mark.parametrize("wrong", range(9))
def test_no_warning_of_other_directories_hides_an_error(wrong: int) -> None:
    service = Service(dict([file("/f"), folder("/out"), file(f"/out/{wrong}")]))
    _, findings = looked(service, *(brought("/f", Location(SITE, f"/out/{number}/")) for number in range(9)))
    (error,) = [one for one in findings if one.level == "error"]
    assert f"/out/{wrong}" in error.message
    assert "more like it" not in error.message


@pytest.mark.parametrize(("owner", "hint"), [(ME, "the collection is your own"), (OTHER, f"ask {OTHER}@x for access")])
def test_nobody_is_told_to_ask_themselves(owner: str, hint: str) -> None:
    service = Service(dict([folder("/no"), file("/no/a")]), denied=["/", "/no/"], closed=["/no/"])
    service.owner = owner
    _, findings = looked(service, brought("/no/a"))
    (error,) = [one for one in findings if one.level == "error"]
    assert (error.code, hint in error.hint) == ("permission", True)


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
