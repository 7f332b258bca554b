"""sendJob --goGrant gives the service client what it lacks, with an end, and it is taken back with the credential."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goclient.sandbox.globus.task_document import moment
from tests.commands import Result
from tests.sandboxes import Sandbox

MOVES = ("--StageinGOsrc=GUEST1:/campaign/in/0064.file", "--Data=out.dat", "--OutputGO=GUEST1:/campaign/out/")
CARRIED = ("sendJob.py", "--computingSite=TEST1", "--goCarry", "--transformation=./run.sh", "--goOverwrite", "--json")


@pytest.fixture
def user(shared_sandbox: Sandbox, tmp_path: Path) -> Iterator[Sandbox]:
    """The sandbox's user, whose service client has no permission at all."""
    (tmp_path / "run.sh").write_text("#!/bin/sh\ncat 0064.file > out.dat\n")
    shared_sandbox.cwd = tmp_path
    shared_sandbox.env["GOCLIENT_STATE"] = str(tmp_path / "state")
    shared_sandbox.rows("delete from secrets")
    shared_sandbox.rows("update jobs set status = 'failed' where status = 'activated'")
    shared_sandbox.rows("delete from rules where principal = ?", shared_sandbox.env["GOCLIENT_CARRY_CLIENT_ID"])
    yield shared_sandbox
    shared_sandbox.clear_trouble()


def submit(user: Sandbox, *words: str) -> Result:
    return user.run(*CARRIED, *MOVES, *words)


def rules(user: Sandbox) -> dict[str, str]:
    """The permissions of the service client, by their directories."""
    client = user.env["GOCLIENT_CARRY_CLIENT_ID"]
    found = user.rows("select * from rules where principal = ? order by path", client)
    assert all(row["expires"] for row in found)
    return {row["path"]: row["permissions"] for row in found}


def ends(user: Sandbox) -> set[float]:
    """In how many hours the permissions end."""
    client, now = user.env["GOCLIENT_CARRY_CLIENT_ID"], datetime.now(UTC).timestamp()
    return {
        round((row["expires"] - now) / 3600) for row in user.rows("select * from rules where principal = ?", client)
    }


def ended(user: Sandbox, result: Result) -> Result:
    """Let a site run the job, and ask for its status."""
    assert result.code == 0, result.err
    panda_id = result.json["jobs"][0]["PandaID"]
    assert user.run("goclient", "sandbox", "site", "--site=TEST1", "--once").code == 0
    told = user.run("goclient", "status", str(panda_id), "--json")
    assert [one["state"] for one in told.json] == ["finished"], told.out
    return told


@pytest.mark.conformance  # it takes long
def test_a_directory_whose_parent_nobody_may_make_is_refused_and_can_be_made(user: Sandbox) -> None:
    words = (*CARRIED, MOVES[0], "--Data=out.dat", "--OutputGO=GUEST1:/fifth/a/", "--goGrant", "--noSubmit")
    refused = user.run(*words)
    wrong = [one for one in refused.json["findings"] if one["level"] == "error"]
    assert (refused.code, [(one["code"], one["subject"]) for one in wrong]) == (40, [("no-folder", "GUEST1:/fifth/a/")])
    assert 'may not make it: its permission is for "GUEST1:/fifth/a/" only' in wrong[0]["message"]
    assert "--goMkdir" in wrong[0]["hint"]
    assert user.run(*words, "--goMkdir").code == 0
    other = user.run(*words[:-3], "--OutputGO=GUEST1:/sixth/", *words[-2:])
    assert other.code == 0, "one level is made by whom the permission is for"


@pytest.mark.conformance  # it takes long
def test_what_is_missing_is_given_with_an_end_and_taken_back(user: Sandbox) -> None:
    refused = submit(user)
    assert (refused.code, refused.json["error"]["code"]) == (40, "pilot-permission")
    assert all(
        "add --goGrant, or type: globus " in (one["hint"] or "")
        for one in refused.json["findings"]
        if one["level"] == "error"
    )
    tried = submit(user, "--goGrant", "--noSubmit")
    assert (tried.code, rules(user)) == (0, {}), tried.err
    assert [one["message"] for one in tried.json["findings"] if one["code"] == "grant"]
    result = submit(user, "--goGrant", "--goNeeds=10")
    assert rules(user) == {"/campaign/in/": "r", "/campaign/out/": "rw"}
    assert 'the permission rw for "/campaign/out/" of ' in result.err
    assert ends(user) == {34}
    (one,) = user.run("goclient", "credential", "list", "--json").json
    collection = user.rows("select id from collections where display_name = 'GUEST1'")[0]["id"]
    assert sorted(one["granted"]) == [f"{collection}:/campaign/in/ (r)", f"{collection}:/campaign/out/ (rw)"]
    assert moment(one["until"]) > datetime.now(UTC).timestamp() + 33 * 3600
    ended(user, result)
    assert rules(user) == {}
    assert user.path("SITE1", "shared/campaign/out/out.dat").is_file()


@pytest.mark.conformance  # it takes long
def test_a_campaign_has_one_permission_which_lasts_as_long_as_its_jobs(user: Sandbox) -> None:
    first = submit(user, "--goGrant", "--goNeeds=10")
    second = submit(user, "--goGrant", "--goNeeds=100")
    assert (len(rules(user)), ends(user)) == (2, {124}), "the same rules, for longer"
    assert submit(user, "--goNeeds=100").code == 0, "nothing is missing any more"
    ended(user, first)
    assert len(rules(user)) == 2, "the other jobs need them"
    ended(user, second)
    user.rows("update jobs set status = 'failed' where status = 'activated'")
    assert user.run("goclient", "credential", "revoke").code == 0
    assert rules(user) == {}


def test_a_permission_of_the_users_own_is_not_changed(user: Sandbox) -> None:
    collection = user.rows("select id from collections where display_name = 'GUEST1'")[0]["id"]
    client = user.env["GOCLIENT_CARRY_CLIENT_ID"]
    soon = datetime.now(UTC).timestamp() + 3600
    user.rows(
        "insert into rules (id, collection, path, created, expires, principal_type, principal, permissions) "
        "values ('8b5eb87a-10b2-4626-96dc-d9ab00c6942a', ?, '/campaign/out/', 1, ?, 'identity', ?, 'rw')",
        collection, soon, client,
    )  # fmt: skip
    refused = submit(user, "--goGrant")
    assert (refused.code, refused.json["error"]["code"]) == (40, "grant")
    assert "is not goclient's" in refused.json["error"]["message"]
    assert rules(user) == {"/campaign/out/": "rw"}, "what was given before is taken back, and nothing else"
    assert not user.rows("select * from secrets")


def test_what_was_given_before_the_submission_failed_is_taken_back(user: Sandbox) -> None:
    user.trouble("POST /api/v1/file_server/upload_cache_file", "500")
    assert submit(user, "--goGrant").code == 90
    user.clear_trouble()
    assert rules(user) == {}
    assert user.run("goclient", "credential", "list", "--json").json == []


def test_a_collection_that_takes_no_more_rules_is_told_and_keeps_none(user: Sandbox) -> None:
    user.set(access_rules=1)
    try:
        refused = submit(user, "--goGrant")
    finally:
        user.set(access_rules=100)
    assert refused.code == 40, refused.out
    assert "as many access rules as it may have" in refused.json["error"]["message"]
    assert (rules(user), user.rows("select * from secrets")) == ({}, []), "the first one was given"
    assert user.run("goclient", "credential", "list", "--json").json == []


@pytest.mark.conformance  # it takes long
def test_what_cannot_be_taken_back_after_a_failure_is_told_and_taken_back_later(user: Sandbox) -> None:
    user.trouble("POST /api/v1/file_server/upload_cache_file", "500")
    user.trouble("DELETE /v0.10/endpoint/*/access/*", "500")
    result = submit(user, "--goGrant")
    user.clear_trouble()
    assert (result.code, "goclient credential revoke" in result.err, len(rules(user))) == (90, True, 2), result.err
    assert [one["state"] for one in user.run("goclient", "credential", "list", "--json").json] == ["ended"]
    assert user.run("goclient", "credential", "revoke").code == 0
    assert rules(user) == {}


@pytest.mark.conformance  # it takes long
def test_a_lost_answer_leaves_one_rule_which_is_known(user: Sandbox) -> None:
    user.trouble("POST /v0.10/endpoint/*/access", "lost")
    result = submit(user, "--goGrant")
    user.clear_trouble()
    assert rules(user) == {"/campaign/in/": "r", "/campaign/out/": "rw"}
    ended(user, result)
    assert rules(user) == {}


@pytest.mark.parametrize("words", [("--noCheck",), ("--goCredential=token",)])
def test_what_needs_the_checks_or_a_client_is_refused_without(user: Sandbox, words: tuple[str, ...]) -> None:
    assert '"combination"' in submit(user, "--goGrant", *words).out


def test_a_collection_of_others_gets_no_permission(user: Sandbox) -> None:
    user.env["GOCLIENT_CLIENT_ID"], kept = user.env["SANDBOX_OTHER_CLIENT_ID"], user.env["GOCLIENT_CLIENT_ID"]
    secret = user.env["GOCLIENT_CLIENT_SECRET"]
    user.env["GOCLIENT_CLIENT_SECRET"] = user.env["SANDBOX_OTHER_CLIENT_SECRET"]
    try:
        refused = submit(user, "--goGrant")
    finally:
        user.env["GOCLIENT_CLIENT_ID"], user.env["GOCLIENT_CLIENT_SECRET"] = kept, secret
    assert refused.code == 40
    assert rules(user) == {}


def test_nobody_is_given_all_of_a_collection(user: Sandbox) -> None:
    refused = user.run(*CARRIED, *MOVES[:2], "--OutputGO=GUEST1:/", "--goGrant")
    assert (refused.code, refused.json["error"]["code"]) == (40, "pilot-permission"), refused.out
    assert rules(user) == {}


def test_each_directory_is_tried_as_the_client_where_the_user_sees_no_rules(user: Sandbox) -> None:
    assert submit(user, "--goGrant").code == 0
    (guest,) = user.rows("select owner from collections where display_name = 'GUEST1'")
    user.rows("update collections set owner = 'somebody-else' where display_name = 'GUEST1'")
    try:
        words = (*CARRIED, MOVES[0], "--Data=out.dat", "--OutputGO=GUEST1:/private/", "--goGrant", "--noSubmit")
        refused = user.run(*words)
        wrong = [one for one in refused.json["findings"] if one["level"] == "error"]
        assert (refused.code, [one["code"] for one in wrong]) == (40, ["service-permission"]), refused.out
        assert 'may not use "GUEST1:/private/"' in wrong[0]["message"]
        assert user.run(*CARRIED, *MOVES, "--noSubmit").code == 0, "what it may use is not refused"
    finally:
        user.rows("update collections set owner = ? where display_name = 'GUEST1'", guest["owner"])
