"""Rights that jobs have are listed, and taken back once no job needs them, by any later process."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from tests.commands import TIMEOUT, Result, started
from tests.sandbox.waiting import until
from tests.sandboxes import Sandbox

MOVES = ("--StageinGOsrc=GUEST1:/campaign/in/0064.file", "--Data=out.dat", "--OutputGO=GUEST1:/campaign/out/")
CARRIED = ("sendJob.py", "--computingSite=TEST1", "--goCarry", "--transformation=./run.sh", "--goOverwrite", "--json")


@pytest.fixture
def user(new_user: Sandbox) -> Sandbox:
    """The user with a program."""
    (new_user.cwd / "run.sh").write_text("#!/bin/sh\ncat 0064.file > out.dat\n")
    return new_user


def submitted(user: Sandbox, *words: str) -> int:
    result = user.run(*CARRIED, *MOVES, *words)
    assert result.code == 0, result.err
    return int(result.json["jobs"][0]["PandaID"])


def listed(user: Sandbox) -> list[dict[str, object]]:
    found: list[dict[str, object]] = user.run("goclient", "credential", "list", "--json").json
    return found


def revoke(user: Sandbox, *ids: str) -> Result:
    return user.run("goclient", "credential", "revoke", *ids, "--json")


def kept(user: Sandbox) -> list[str]:
    """The keys of the user's secrets at PanDA."""
    return [key for row in user.rows("select data from secrets") for key in json.loads(row["data"])]


def ended(user: Sandbox, panda_id: int) -> None:
    user.rows("update jobs set status = 'finished' where panda_id = ?", panda_id)


@pytest.mark.conformance  # it takes long
def test_a_credential_is_there_as_long_as_a_job_of_it(user: Sandbox) -> None:
    first, second = submitted(user), submitted(user)
    (one,) = listed(user)
    client = user.env["GOCLIENT_CARRY_CLIENT_ID"]
    assert one == {
        "id": one["id"],
        "kind": "service",
        "identity": f"{client}@clients.auth.globus.org",
        "for": ["GUEST1:/campaign/in/ (read)", "GUEST1:/campaign/out/ (write)"],
        "until": one["until"],
        "granted": [],
        "opens": [f"GUEST1:/campaign/ (rw, until {one['until']})"],
        "not_asked": [],
        "jobs": [first, second],
        "tasks": [],
        "state": "in use",
    }
    table = user.run("goclient", "credential", "list").out
    assert f"{first}, {second}" in table
    assert revoke(user).json == []
    ended(user, first)
    told = user.run("goclient", "status", str(first))
    assert (told.code, len(kept(user))) == (0, 1), "the other job needs it"
    ended(user, second)
    told = user.run("goclient", "status", str(second))
    assert f"the credential {one['id']} was taken back: no job needs it any more" in told.err
    assert (kept(user), listed(user)) == ([], [])
    assert "no credential is out there" in user.run("goclient", "credential", "list").err


@pytest.mark.conformance  # it takes long
def test_what_no_job_needs_is_taken_back_and_what_is_named(user: Sandbox) -> None:
    panda_id = submitted(user)
    ended(user, panda_id)
    (one,) = listed(user)
    assert one["state"] == "ended"
    assert [two["id"] for two in revoke(user).json] == [one["id"]]
    assert kept(user) == []
    panda_id = submitted(user)
    left = revoke(user)
    assert left.json == []
    assert f"the credential {one['id']} is in use (job {panda_id}) and was left" in left.err
    assert f"goclient credential revoke {one['id']}\n" in left.err
    gone = revoke(user, str(one["id"]))
    assert [two["id"] for two in gone.json] == [one["id"]], "its job is not done"
    assert f"jobs that need the credential {one['id']} fail from now on (job {panda_id})" in gone.err
    assert kept(user) == []
    submitted(user)
    begun = revoke(user, str(one["id"])[:6])
    assert (begun.code, begun.json["error"]["hint"]) == (10, f"one of {one['id']}")
    unknown = revoke(user, "0123456789abcdef")
    assert (unknown.code, unknown.json["error"]["code"]) == (10, "unknown-credential")


def test_what_another_machine_has_given_is_listed_and_kept_unless_it_is_named(user: Sandbox) -> None:
    submitted(user)
    user.env["GOCLIENT_STATE"] = str(user.cwd / "other")
    (one,) = listed(user)
    client = f"{user.env['GOCLIENT_CARRY_CLIENT_ID']}@clients.auth.globus.org"
    assert (one["state"], one["kind"], one["identity"], one["jobs"]) == ("elsewhere", "service", client, [])
    assert (revoke(user).json, len(kept(user))) == ([], 1)
    submitted(user)
    assert len(kept(user)) == 2, "each machine takes back its own"
    assert revoke(user, str(one["id"])).code == 0
    assert len(kept(user)) == 1


def test_a_submission_that_was_refused_leaves_no_credential(user: Sandbox) -> None:
    user.trouble("POST /api/v1/job/submit", "403")
    refused = user.run(*CARRIED, *MOVES)
    user.clear_trouble()
    assert refused.code == 90
    assert "was taken back" in refused.err
    assert (listed(user), kept(user)) == ([], [])


def test_a_submission_whose_end_is_not_known_keeps_its_credential(user: Sandbox) -> None:
    user.trouble("POST /api/v1/job/submit", "lost")
    assert user.run(*CARRIED, *MOVES).code == 90
    user.clear_trouble()
    assert [one["state"] for one in listed(user)] == ["unknown"]
    assert (revoke(user).json, len(kept(user))) == ([], 1)


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("who", ["service", "token"])
def test_a_task_keeps_its_credential_until_it_has_ended(user: Sandbox, who: str) -> None:
    words = ("--exec=./run.sh", f"--outDS=user.jdoe.{who}", "--noBuild", "--site=TEST1", "--goCarry", "--goOverwrite")
    sent = user.run("goclient", "prun", *words, "--outputs=out.dat", *MOVES, f"--goCredential={who}")
    assert sent.code == 0, sent.err + sent.out
    (one,) = listed(user)
    (task,) = user.rows("select max(task_id) as task_id from jedi_tasks")
    assert (one["kind"], one["tasks"], one["jobs"], one["state"]) == (who, [task["task_id"]], [], "in use")
    assert (revoke(user).json, len(kept(user))) == ([], 1)
    done = user.run("goclient", "sandbox", "site", "--site=TEST1", "--once", "--json")
    assert done.json["state"] == "finished", done.out
    assert [two["id"] for two in revoke(user).json] == [one["id"]]
    assert kept(user) == []
    assert not user.rows("select * from tokens where scope like '%/https'"), "neither the job's nor the user's"


@pytest.mark.parametrize(
    ("words", "message"),
    [((), "the action is missing"), (("lost",), '"lost" is not an action'), (("list", "x"), "list takes no names")],
)
def test_a_wrong_action_is_told(user: Sandbox, words: tuple[str, ...], message: str) -> None:
    result = user.run("goclient", "credential", *words)
    assert result.code == 2
    assert message in result.err


def test_what_cannot_be_taken_back_now_stays_listed(user: Sandbox) -> None:
    panda_id = submitted(user)
    ended(user, panda_id)
    user.trouble("POST /api/v1/creds/set_user_secrets", "500")
    assert revoke(user).code == 90
    told = user.run("goclient", "status", str(panda_id))
    user.clear_trouble()
    assert told.code == 0
    assert "a credential was not taken back" in told.err
    assert [one["state"] for one in listed(user)] == ["ended"]


@pytest.mark.conformance  # it takes long
def test_a_secret_that_is_lost_while_jobs_are_sent_is_set_again(user: Sandbox) -> None:
    before = len(user.rows("select 1 from jobs"))
    user.trouble("POST /api/v1/job/submit", "delay", seconds=4, after=True, times=1)
    process = started((*CARRIED, *MOVES), env=user.env, cwd=user.cwd, stdout=subprocess.DEVNULL)
    try:
        until(lambda: len(user.rows("select 1 from jobs")) > before)
        user.rows("delete from secrets")  # another machine has replaced them all
        assert process.wait(TIMEOUT) == 0
    finally:
        process.kill()
        user.clear_trouble()
    assert len(kept(user)) == 1


@pytest.mark.conformance  # it takes long
def test_a_secret_that_another_machine_has_replaced_after_both_looked_is_told_by_the_job(user: Sandbox) -> None:
    panda_id = submitted(user)
    user.rows("delete from secrets")  # the server has lost it, with a change of another machine at the same moment
    assert user.run("goclient", "sandbox", "site", "--site=TEST1", "--once").code == 0
    told = user.run("goclient", "status", str(panda_id), "--json")
    assert [one["state"] for one in told.json] == ["failed"]
    assert re.search('the credential "goclient-[0-9a-f]+.json" was not handed out by the site', told.json[0]["reason"])
    assert submitted(user) > panda_id, "typed again, the secret is set again"
    assert len(kept(user)) == 1


def test_all_that_a_client_may_do_is_listed_also_for_other_campaigns(user: Sandbox) -> None:
    submitted(user)
    client = user.env["GOCLIENT_CARRY_CLIENT_ID"]
    (guest,) = user.rows("select id from collections where display_name = 'GUEST1'")
    user.rows(
        "insert into rules (id, collection, path, created, principal_type, principal, permissions) "
        "values ('8b5eb87a-10b2-4626-96dc-d9ab00c6942b', ?, '/other-campaign/', 1, 'identity', ?, 'r')",
        guest["id"], client,
    )  # fmt: skip
    try:
        (one,) = listed(user)
        assert one["opens"] == [f"GUEST1:/campaign/ (rw, until {one['until']})",
                                "GUEST1:/other-campaign/ (r, without an end)"]  # fmt: skip
        assert "GUEST1:/other-campaign/ (r, without an end)" in user.run("goclient", "credential", "list").out
    finally:
        user.rows("delete from rules where path = '/other-campaign/'")


@pytest.mark.conformance  # it takes long
def test_permissions_that_goclient_gave_are_listed_though_globus_cannot_be_asked(user: Sandbox) -> None:
    client = user.env["GOCLIENT_CARRY_CLIENT_ID"]
    before = user.rows("select * from rules where principal = ?", client)
    user.rows("delete from rules where principal = ?", client)
    try:
        submitted(user, "--goGrant")
        (guest,) = user.rows("select id from collections where display_name = 'GUEST1'")
        user.trouble("GET /v0.10/endpoint/*/access_list", "500")
        told = user.run("goclient", "credential", "list", "--json")
        (one,) = told.json
        assert one["opens"] == [f"{guest['id']}:/campaign/in/ (r, until {one['until']})",
                                f"{guest['id']}:/campaign/out/ (rw, until {one['until']})"]  # fmt: skip
        assert one["not_asked"] == ["GUEST1", guest["id"]]
        assert (
            told.code,
            f"what else a service client may do in GUEST1, {guest['id']} is not known: " in told.err,
        ) == (0, True)
        user.clear_trouble()
        assert listed(user)[0]["opens"] == [one.replace(guest["id"], "GUEST1") for one in one["opens"]], "once each"
        assert revoke(user, str(one["id"])).code == 0
    finally:
        user.clear_trouble()
        for row in before:
            marks = ", ".join("?" * len(row))
            user.rows(f"insert into rules ({', '.join(row)}) values ({marks})", *row.values())


def test_a_token_opens_its_collections_and_is_told_so_on_any_machine(user: Sandbox) -> None:
    submitted(user, "--goCredential=token")
    (guest,) = user.rows("select id from collections where display_name = 'GUEST1'")
    (one,) = listed(user)
    assert one["opens"] == ["all that you may do in GUEST1"]
    user.env["GOCLIENT_STATE"] = str(user.cwd / "other")
    (other,) = listed(user)
    assert (other["kind"], other["opens"]) == ("token", [f"all that you may do in {guest['id']}"])
    assert revoke(user, str(one["id"])).code == 0


@pytest.mark.parametrize(
    "words",
    [(*CARRIED, *MOVES), (*CARRIED, *MOVES, "--goCredential=token"), ("goclient", "retry", "1"),
     ("goclient", "prun", "--site=TEST1", "--outDS=user.jdoe.x", "--noBuild", "--exec=x", "--goCarry", MOVES[0])],
    ids=["service", "token", "retry", "prun"],
)  # fmt: skip
def test_a_directory_of_the_journal_that_cannot_be_written_is_told(user: Sandbox, words: tuple[str, ...]) -> None:
    wrong = user.run(*words, GOCLIENT_STATE="/proc/goclient")
    assert wrong.code == 10, wrong.out + wrong.err
    assert re.search("error: the journal('s directory)? \"/proc/goclient.* cannot be written: ", wrong.err), wrong.err
    assert "set GOCLIENT_STATE to another directory" in wrong.err
    assert kept(user) == []
