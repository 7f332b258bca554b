"""The directory of a site: what is wrong with it is told before anything is brought, with what the site must grant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandboxes import Sandbox

SITE, GUEST = "mxp#MXP_BNL_TEST", "GUEST1"
Findings = list[tuple[str, str, str, str]]


@pytest.fixture(scope="module")
def user(shared_sandbox: Sandbox) -> Iterator[Sandbox]:
    """A user of a site with directories that are fit, closed, and a file."""
    sandbox = shared_sandbox
    for name in ("fit", "closed"):
        sandbox.path(SITE, name).mkdir()
    sandbox.path(SITE, "closed").chmod(0o555)
    sandbox.path(SITE, "file").write_text("")
    sandbox.env["GOCLIENT_SETTINGS"] = str(sandbox.cwd / "settings.toml")
    yield sandbox
    sandbox.path(SITE, "closed").chmod(0o755)


def id_of(user: Sandbox, name: str) -> str:
    (found,) = user.rows("select id from collections where display_name = ?", name)
    return str(found["id"])


def check(user: Sandbox, directory: str, *words: str, collection: str = SITE, **env: str) -> Findings:
    """Return what a check finds of the site's directory: level, code, message and hint."""
    lines = (f'collection = "{id_of(user, collection)}"', f'directory = "{directory}"', 'node = "/somewhere"')
    (user.cwd / "settings.toml").write_text("\n".join(("[site.TEST1]", *lines, "")))
    line = ("--computingSite=TEST1", f"--transformation={user.url}/transformations/datatransfer.sh", "--goVia=site")
    files = ("--Data=10mb-file.bin", "--OutputGO=wdeng#ANLHEP_ATLAS8:/atlas/dq2/test/")
    found: list[dict[str, Any]] = user.run("goclient", "check", *line, *files, "--json", *words, **env).json["findings"]
    named = (f"{directory}/", directory, collection)
    own = [one for one in found if one["subject"].endswith(named) and one["code"] != "endpoint"]
    return [(one["level"], one["code"], one["message"], one["hint"] or "") for one in own]


@pytest.mark.conformance  # it takes long
def test_a_directory_that_is_fit_is_told_and_tried_if_that_is_typed(user: Sandbox) -> None:
    assert [one[:2] for one in check(user, "/fit")] == [("ok", "staging")]
    tried = check(user, "/fit", "--goProbe")
    assert [one[:2] for one in tried] == [("ok", "staging"), ("ok", "probe")]
    assert "/fit/ can be written: a directory was made there, and removed" in tried[1][2]
    assert list(user.path(SITE, "fit").iterdir()) == []


def test_a_directory_that_is_not_there_is_told_with_what_makes_it(user: Sandbox) -> None:
    ((level, code, message, hint),) = check(user, "/fitt")
    assert (level, code) == ("error", "path-not-found")
    assert message.endswith('/fitt/", where files for the jobs are left, does not exist')
    assert 'did you mean "fit"? correct [site.TEST1] directory' in hint
    assert f"type: globus mkdir {id_of(user, SITE)}:/fitt/" in hint


def test_a_file_is_told(user: Sandbox) -> None:
    ((level, code, message, hint),) = check(user, "/file")
    assert (level, code, hint) == ("error", "not-a-directory", "correct [site.TEST1] directory in the settings")
    assert message.endswith("is a file, not a directory")


def test_a_directory_that_nobody_may_write_is_told_with_what_the_site_types(user: Sandbox) -> None:
    ((level, code, message, hint),) = check(user, "/closed")
    assert (level, code) == ("error", "read-only")
    assert message.endswith('/closed/", where files for the jobs are left: its mode is 0555')
    assert "setfacl -m u:ACCOUNT:rwx /closed/" in hint
    mode, tried = check(user, "/closed", "--goProbe")
    assert (mode[0], tried[0]) == ("warning", "error")
    assert ("cannot be written: " in tried[2], tried[3]) == (True, hint)


def test_rules_of_a_guest_collection_are_asked_and_the_one_that_lacks_is_told(user: Sandbox) -> None:
    env = {
        "GOCLIENT_CLIENT_ID": user.env["SANDBOX_PILOT_CLIENT_ID"],
        "GOCLIENT_CLIENT_SECRET": user.env["SANDBOX_PILOT_CLIENT_SECRET"],
    }
    there, unknown = check(user, "/in", collection=GUEST, **env)
    assert (there[0], unknown[:2]) == ("ok", ("warning", "write-unknown"))
    line = f"--permissions rw {id_of(user, GUEST)}:/in/"
    assert "--goProbe tells, or ask " in unknown[3]
    assert unknown[3].endswith(line)
    tried = check(user, "/in", "--goProbe", collection=GUEST, **env)[1]
    assert (tried[0], tried[3].endswith(line)) == ("error", True), tried
    assert [one[0] for one in check(user, "/in", collection=GUEST)] == ["ok"], "it is the user's own"


def test_a_full_directory_is_told_by_the_probe(user: Sandbox) -> None:
    full = {"code": "ExternalError.MkdirFailed", "message": "553 mkdir: No space left on device", "request_id": "x"}
    user.trouble("POST /v0.10/operation/endpoint/*/mkdir", "error", status=502, document=full)
    tried = check(user, "/fit", "--goProbe", "--goTimeout=5")[-1]
    user.clear_trouble()
    assert (tried[:2], "No space left on device" in tried[2]) == (("warning", "probe-left"), True), tried
