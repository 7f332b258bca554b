"""sendJob --goCredential token: jobs have fresh tokens for single collections, void once no job needs them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from goclient.services.globus import app
from goclient.services.globus.access import GlobusAccess
from tests.commands import TIMEOUT, Result
from tests.sandboxes import Sandbox
from tests.services.globus.test_tokens import log_in

INPUT, OUTPUT = "GUEST1:/campaign/in/0064.file", "GUEST1:/campaign/out/"
TOKEN = ("--computingSite=TEST1", "--goCarry", "--goCredential=token", "--transformation=./run.sh", "--json")
MOVES = (f"--StageinGOsrc={INPUT}", "--Data=hits.root", f"--OutputGO={OUTPUT}", "--goOverwrite")
SITE = ("goclient", "sandbox", "site", "--site=TEST1", "--once", "--json")


@pytest.fixture
def carrier(shared_sandbox: Sandbox) -> dict[str, str]:
    """The variables of a service client, which the user has not set."""
    return {name: value for name, value in shared_sandbox.env.items() if name.startswith("GOCLIENT_CARRY_")}


@pytest.fixture
def user(shared_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The sandbox's user, who has no service client, in a directory of their own, with nothing at PanDA."""
    (tmp_path / "run.sh").write_text("#!/bin/sh\nsort 0064.file > hits.root\n")
    shared_sandbox.cwd = tmp_path
    kept = {name: value for name, value in shared_sandbox.env.items() if not name.startswith("GOCLIENT_CARRY_")}
    monkeypatch.setattr(shared_sandbox, "env", {**kept, "GOCLIENT_STATE": str(tmp_path / "state")})
    shared_sandbox.rows("delete from secrets")
    shared_sandbox.rows("delete from tokens where scope like '%/https'")
    shared_sandbox.rows("delete from consents")
    shared_sandbox.rows("update jobs set status = 'failed' where status = 'activated'")
    return shared_sandbox


@pytest.fixture
def person(user: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """The user is a person from now on; gives what logs them in."""
    user.env["GOCLIENT_CLIENT_ID"] = user.env["SANDBOX_NATIVE_CLIENT_ID"]
    del user.env["GOCLIENT_CLIENT_SECRET"]
    user.env["HOME"] = str(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in user.env.items():
        if name.startswith("GLOBUS_SDK_"):
            monkeypatch.setenv(name, value)
    return lambda *names: log_in(GlobusAccess(user.env["GOCLIENT_CLIENT_ID"]), *names)


def submit(user: Sandbox, *words: str) -> Result:
    return user.run("sendJob.py", *TOKEN, *MOVES, *words)


def handed_out(user: Sandbox) -> dict[str, str]:
    """The tokens in the user's one secret at PanDA, by their collections."""
    (row,) = user.rows("select data from secrets")
    (value,) = json.loads(row["data"]).values()
    tokens: dict[str, str] = json.loads(base64.b64decode(value))["tokens"]
    return tokens


def codes(result: Result, level: str) -> list[str]:
    found = result.json["error"] if "error" in result.json and "findings" not in result.json else result.json
    return [one["code"] for one in found["findings"] if one["level"] == level]


def run_and_end(user: Sandbox, result: Result) -> list[str]:
    """Let a site run the job; return what is left of its tokens once its status was asked."""
    assert result.code == 0, result.err
    panda_id = result.json["jobs"][0]["PandaID"]
    tokens = list(handed_out(user).values())
    assert user.run(*SITE).code == 0
    assert user.rows("select status from jobs where panda_id = ?", panda_id) == [{"status": "finished"}]
    assert still_valid(user, tokens) == tokens, "other jobs may need them: no carrier revokes them"
    told = user.run("goclient", "status", str(panda_id))
    assert "was taken back: no job needs it any more" in told.err
    assert not any(json.loads(row["data"]) for row in user.rows("select data from secrets"))
    return still_valid(user, tokens)


def still_valid(user: Sandbox, tokens: list[str]) -> list[str]:
    return [one for one in tokens if user.rows("select 1 from tokens where access_token = ?", one)]


@pytest.mark.conformance  # it takes long
def test_a_service_of_the_users_gives_a_token_and_never_its_secret(user: Sandbox) -> None:
    result = submit(user)
    (collection,) = user.rows("select id from collections where display_name = 'GUEST1'")
    (token,) = user.rows("select * from tokens where access_token = ?", *handed_out(user).values())
    assert list(handed_out(user)) == [collection["id"]]
    assert token["scope"] == f"https://auth.globus.org/scopes/{collection['id']}/https"
    (one,) = user.run("goclient", "credential", "list", "--json").json
    assert (one["kind"], one["identity"], one["state"]) == ("token", user.env["GOCLIENT_CLIENT_ID"], "in use")
    assert one["until"] is not None
    assert run_and_end(user, result) == []
    delivered = user.path("SITE1", "shared/campaign/out/hits.root")
    assert delivered.read_bytes() == b"The input of the 2012 example.\n" * 64
    assert user.env["GOCLIENT_CLIENT_SECRET"] not in result.out + result.err


@pytest.mark.conformance  # it takes long
def test_a_person_gives_a_new_token_and_keeps_the_stored_ones(user: Sandbox, person: Callable[..., list[str]]) -> None:
    missing = submit(user)
    assert (missing.code, missing.json["error"]["code"]) == (4, "not-logged-in")
    assert "goclient login --https GUEST1" in missing.json["error"]["hint"]
    person("GUEST1")
    stored = app.token_file(GlobusAccess(user.env["GOCLIENT_CLIENT_ID"])).get_token_data_by_resource_server()
    result = submit(user)
    assert result.code == 0, result.err
    own = {one for data in stored.values() for one in (data.access_token, data.refresh_token) if one}
    assert own.isdisjoint(handed_out(user).values())
    assert run_and_end(user, result) == []
    assert still_valid(user, sorted(own)) == sorted(own), "the login lasts"


def test_a_person_without_the_consent_is_told_the_command(user: Sandbox, person: Callable[..., list[str]]) -> None:
    person()
    missing = submit(user)
    assert (missing.code, missing.json["error"]["code"]) == (4, "consent-needed")
    assert missing.json["error"]["hint"] == "type: goclient login --https GUEST1"


@pytest.mark.parametrize(("route", "kind", "skip"), [
    ("GET /api/v1/creds/get_user_secrets", "403", 2),  # what was set cannot be read back
    ("POST /api/v1/creds/set_user_secrets", "403", 0),
])  # fmt: skip
def test_a_token_that_no_job_got_is_void(user: Sandbox, route: str, kind: str, skip: int) -> None:
    of_the_guest = "select access_token from tokens where scope like '%/https'"
    before = user.rows(of_the_guest)
    user.trouble(route, kind, skip=skip, times=3)
    failed = submit(user)
    user.clear_trouble()
    assert failed.code != 0
    assert "no job was sent" in failed.json["error"]["message"]
    user.run("goclient", "credential", "revoke")  # in case PanDA could not be asked before
    assert user.run("goclient", "credential", "list", "--json").json == []
    assert not any(json.loads(row["data"]) for row in user.rows("select data from secrets"))
    assert user.rows(of_the_guest) == before


def test_a_mapped_collection_is_warned_of_and_a_guest_is_not(user: Sandbox) -> None:
    mapped = user.run(
        "sendJob.py", *TOKEN, "--StageinGOsrc=SITE1:/home/osg_data/panda/0064.file", "--noSubmit", *MOVES[1:]
    )
    assert mapped.code == 0, mapped.err
    (found,) = [one for one in mapped.json["findings"] if one["code"] == "token-mapped"]
    assert 'may use "SITE1" as you until the token ends' in found["message"]
    assert "all that you may do there" in found["message"]
    assert "token-mapped" not in codes(submit(user, "--noSubmit"), "warning")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--StageinGOsrc=GUEST1:/campaign/in/", "--goOverwrite"), "token-directory"),
        (("--StageoutGOsrc=d/", "--StageoutGOdest=GUEST1:/campaign/out/"), "token-directory"),
        (("--Data=a", "--OutputGO=GUEST1:/campaign/missing/"), "no-folder"),
        (("--StageinGOsrc=GUEST1:/campaign/in/0064.file", "--StageinGOdest=SITE1:/home/"), "token-transfer"),
        (("--Data=a", f"--OutputGO={OUTPUT}", "--goNeeds=40"), "token-ends"),
        (("--Data=a", f"--OutputGO={OUTPUT}", "--noCheck"), "combination"),
        (("--Data=a", f"--OutputGO={OUTPUT}", "--pilotIdentity=jdoe@sandbox.example"), "combination"),
    ],
)
def test_what_tokens_cannot_do_is_refused_with_the_reason(user: Sandbox, words: tuple[str, ...], code: str) -> None:
    result = user.run("sendJob.py", *TOKEN, *words)
    assert result.json["error"]["code"] == code, result.out
    assert not user.rows("select * from secrets")


@pytest.mark.conformance  # it takes long
def test_directories_are_made_at_submission(user: Sandbox) -> None:
    words = (f"--StageinGOsrc={INPUT}", "--Data=hits.root", "--OutputGO=GUEST1:/campaign/new/${SN}/", "--goMkdir")
    result = user.run("sendJob.py", *TOKEN, *words)
    assert run_and_end(user, result) == []
    assert user.path("SITE1", "shared/campaign/new/1/hits.root").is_file()


def test_a_submission_that_is_refused_leaves_no_token(user: Sandbox) -> None:
    user.trouble("POST /api/v1/job/submit", "403")
    refused = submit(user)
    user.clear_trouble()
    assert refused.code == 90
    assert not any(json.loads(row["data"]) for row in user.rows("select data from secrets"))
    client, collection = user.env["GOCLIENT_CLIENT_ID"], "%/https"
    assert user.rows("select * from tokens where client = ? and scope like ?", client, collection) == []


def test_no_output_and_no_journal_holds_a_token(user: Sandbox) -> None:
    result = submit(user, "-v")
    (token,) = handed_out(user).values()
    assert token not in result.out + result.err + (user.cwd / "state/journal.jsonl").read_text()
    headers = {"Authorization": f"Bearer {token}"}
    assert requests.get(f"{user.url}/v0.10/task_list", headers=headers, timeout=TIMEOUT).status_code in (401, 403)
