"""sendJob --goCarry sends one archive and one secret for all jobs, and nothing of it where nothing is to be sent."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import requests

import goclient
from goclient.model.records.panda_job import decode_jobs
from goclient.model.records.registry import decode
from tests.commands import Result
from tests.sandboxes import Sandbox

INPUT, OUTPUT = "GUEST1:/campaign/in/0064.file", "GUEST1:/campaign/out/"
CARRIED = ("--computingSite=TEST1", "--goCarry", "--transformation=./run.sh", "--goFiles=lib/")
MOVES = (f"--StageinGOsrc={INPUT}", "--Data=hits.root", f"--OutputGO={OUTPUT}")


@pytest.fixture
def user(shared_sandbox: Sandbox, tmp_path: Path) -> Sandbox:
    """The sandbox's user in a directory of their own, with a program, and without a secret at PanDA."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/a.py").write_text("a\n")
    (tmp_path / "run.sh").write_text("#!/bin/sh\ncat 0064.file > hits.root\n")
    shared_sandbox.cwd = tmp_path
    shared_sandbox.env["GOCLIENT_STATE"] = str(tmp_path / "state")
    shared_sandbox.rows("delete from secrets")
    shared_sandbox.rows("delete from cache_files")
    requests.delete(f"{shared_sandbox.url}/sandbox/requests", timeout=60)
    return shared_sandbox


def sent(user: Sandbox) -> dict[str, int]:
    """How often the PanDA server was asked for what changes it."""
    asked = requests.get(f"{user.url}/sandbox/requests", timeout=60).json()["requests"]
    last = [one["path"].rpartition("/")[2] for one in asked]
    return {name: last.count(name) for name in ("upload_cache_file", "set_user_secrets", "submit")}


def shown(result: Result, level: str) -> list[str]:
    return [one["code"] for one in result.json["findings"] if one["level"] == level]


@pytest.mark.conformance  # it takes long
def test_a_thousand_jobs_have_one_archive_and_one_secret(user: Sandbox) -> None:
    result = user.run("sendJob.py", *CARRIED, *MOVES, "--njobs=1000", "--noCheck", "--json", "--goOverwrite")
    assert (result.code, result.json["error"]["code"]) == (10, "shared-target"), "each needs its number"
    moves = (*MOVES[:2], f"--OutputGO={user_collection(user)}:/campaign/out/${{SN}}/")
    moves = (f"--StageinGOsrc={user_collection(user)}:/campaign/in/0064.file", *moves[1:])
    result = user.run("sendJob.py", *CARRIED, *moves, "--njobs=1000", "--noCheck", "--json")
    assert result.code == 0, result.err
    assert len(result.json["jobs"]) == 1000
    assert sent(user) == {"upload_cache_file": 1, "set_user_secrets": 1, "submit": 1}
    (kept,) = user.rows("select * from cache_files")
    assert kept["name"] == result.json["carried"]["archive"]
    again = user.run("sendJob.py", *CARRIED, *moves, "--noCheck", "--goOverwrite")
    assert again.code == 0, again.err
    assert sent(user)["set_user_secrets"] == 1, "the secret is there already"


def user_collection(user: Sandbox) -> str:
    return str(user.rows("select id from collections where display_name = 'GUEST1'")[0]["id"])


def test_the_job_and_the_journal_name_what_travels(user: Sandbox) -> None:
    result = user.run("sendJob.py", *CARRIED, *MOVES, "--jobParameters=-n 5 'a b'", "--json")
    assert result.code == 0, result.err
    assert shown(result, "warning") == []
    panda_id, carried = str(result.json["jobs"][0]["PandaID"]), result.json["carried"]
    job = json.loads(user.rows("select attributes from jobs where panda_id = ?", panda_id)[0]["attributes"])
    assert (job["specialHandling"], job["transformation"].rpartition("/")[2]) == ("us", "runGen-00-00-02")
    explained = user.run("goclient", "explain", "--pandaid", panda_id, "--json").json
    assert explained["payload"] == "-n 5 'a b'"
    assert explained["carried"]["plan"] == carried["plan"]
    assert explained["carried"]["archive"].endswith(f"/cache/{carried['archive']}")
    assert explained["plan"] == result.json["plan"]
    assert requests.get(explained["carried"]["archive"], timeout=60).ok, "the host of the upload is the job's"
    table = user.run("goclient", "explain", "--pandaid", panda_id).out
    assert f"brings its own transfers: the plan is {carried['plan'][:16]}…" in table
    entries = user.run("goclient", "journal", "show", panda_id, "--json").json
    whats = [(one["what"], one["state"]) for one in entries]
    assert whats == [
        ("request", "intended"), ("upload", "intended"), ("upload", "done"), ("secret", "intended"),
        ("secret", "accepted"), ("submission", "intended"), ("submission", "accepted"), ("request", "done"),
    ]  # fmt: skip
    assert user.run("goclient", "journal", "show", carried["archive"]).code == 0
    checked = user.run("goclient", "check", "--pandaid", panda_id, "--json").json
    acting = f"the service client {user.env['GOCLIENT_CARRY_CLIENT_ID']} may read "
    assert checked["ok"]
    assert any(one["message"].startswith(acting) for one in checked["findings"])
    (status,) = user.run("goclient", "status", panda_id, "--json").json
    assert (status["PandaID"], status["state"], status["transfers"]) == (int(panda_id), "activated", [])


@pytest.mark.parametrize("check", [(), ("--noCheck",)])
def test_nothing_is_sent_where_nothing_is_to_be_sent(user: Sandbox, check: tuple[str, ...]) -> None:
    collection = user_collection(user)
    moves = tuple(word.replace("GUEST1", collection) for word in MOVES)
    result = user.run("sendJob.py", *CARRIED, *moves, "--noSubmit", "--json", *check)
    assert result.code == 0, result.err
    assert sent(user) == {"upload_cache_file": 0, "set_user_secrets": 0, "submit": 0}
    (record,) = decode_jobs(result.json["record"])
    assert decode(record["jobParameters"]).carried == result.json["carried"]["plan"]
    assert not (user.cwd / "state" / "secrets.lock").exists()


def test_without_the_net_all_is_done_that_needs_none(user: Sandbox) -> None:
    nobody = "http://127.0.0.1:9/"
    names = ("PANDA_URL_SSL", "PANDACACHE_URL", "GLOBUS_SDK_SERVICE_URL_TRANSFER", "GLOBUS_SDK_SERVICE_URL_AUTH")
    away = dict.fromkeys(names, nobody)
    named = user.run("sendJob.py", *CARRIED, *MOVES, "--noSubmit", "--noCheck", **away)
    assert named.code == 40
    assert '"GUEST1" is not in the catalogue and was not looked up' in named.err
    moves = tuple(word.replace("GUEST1", user_collection(user)) for word in MOVES)
    result = user.run("sendJob.py", *CARRIED, *moves, "--noSubmit", "--noCheck", **away)
    assert result.code == 0, result.err
    assert "--sourceURL http://127.0.0.1:9 " in result.out


def test_a_submission_that_fails_before_its_jobs_can_be_typed_again(user: Sandbox) -> None:
    user.trouble("POST /api/v1/file_server/upload_cache_file", "500")
    first = user.run("sendJob.py", *CARRIED, *MOVES)
    user.clear_trouble()
    assert first.code == 90
    assert "; no job was sent" in first.err
    assert sent(user)["submit"] == 0
    assert user.run("sendJob.py", *CARRIED, *MOVES).code == 0


@pytest.mark.conformance  # it takes long
def test_secrets_of_others_are_named_before_anything_is_sent(user: Sandbox) -> None:
    user.run("sendJob.py", *CARRIED, *MOVES)
    user.rows("update secrets set data = json_set(data, '$.\"grid pass\"', 'x')")
    for words in ((), ("--noCheck",)):
        moves = tuple(word.replace("GUEST1", user_collection(user)) for word in MOVES) if words else MOVES
        refused = user.run("sendJob.py", *CARRIED, *moves, *words, "--goOverwrite", "--json")
        assert (refused.code, refused.json["error"]["code"]) == (10, "other-secrets"), refused.err
        assert '"grid pass"' in refused.json["error"]["message"]
        assert refused.json["error"]["hint"].startswith("type: pbook delete_secret 'grid pass'; ")
    assert sent(user)["submit"] == 1
    assert user.run("sendJob.py", *CARRIED, *MOVES, "--goShareSecrets").code == 0
    unshared = [one["code"] for one in user.run("goclient", "check", *CARRIED, *MOVES, "--json").json["findings"]]
    assert "other-secrets" in unshared


def test_a_program_submits_such_jobs_too(user: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in set(os.environ) - set(user.env):
        monkeypatch.delenv(name)
    for name, value in user.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(user.cwd)
    options: dict[str, Any] = {
        "computingSite": "TEST1", "goCarry": True, "transformation": "./run.sh", "goFiles": ["lib/"],
        "StageinGOsrc": [INPUT], "Data": ["hits.root"], "OutputGO": [OUTPUT],
    }  # fmt: skip
    client = goclient.Client()
    assert client.check(**options).ok
    submission = client.submit(**options)
    assert submission.luggage is not None
    assert decode(submission.records[0].jobParameters).carried == submission.luggage.plan.sha256
    assert client.explain(client.parameters(submission.jobs[0].panda_id)).carried == submission.luggage.plan.sha256
    (found,) = [one for one in client.check(**{**options, "goCarry": False}).findings if one.code == "combination"]
    assert found.hint == "add goCarry=True, or leave out goFiles"
    with pytest.raises(goclient.UsageError, match='"refresh" is not known'):
        client.check(**options, goCredential="refresh")


def test_no_output_holds_the_secret(user: Sandbox) -> None:
    secret = user.env["GOCLIENT_CARRY_CLIENT_SECRET"]
    results = [
        user.run("sendJob.py", *CARRIED, *MOVES, "-v", "--json"),
        user.run("sendJob.py", *CARRIED, *MOVES, "-v", GOCLIENT_CARRY_CLIENT_ID=user.env["GOCLIENT_CLIENT_ID"]),
    ]
    assert [one.code for one in results] == [0, 10]
    assert secret not in "".join(one.out + one.err for one in results)
    assert secret not in (user.cwd / "state" / "journal.jsonl").read_text()


def test_a_permission_without_an_end_or_for_all_of_a_collection_is_a_warning(user: Sandbox) -> None:
    (rule,) = user.rows("select * from rules where path = '/campaign/'")
    user.rows("update rules set path = '/', expires = null where id = ?", rule["id"])
    result = user.run("sendJob.py", *CARRIED, *MOVES, "--noSubmit", "--json", "--goNeeds=5")
    user.rows("update rules set path = ?, expires = ? where id = ?", rule["path"], rule["expires"], rule["id"])
    assert shown(result, "warning") == ["service-lasting", "service-wide"]
    hint = next(one["hint"] for one in result.json["findings"] if one["code"] == "service-lasting")
    assert hint.startswith("type: globus endpoint permission update --expiration-date '")
    assert f" {rule['collection']} {rule['id']}; " in hint


def test_a_client_that_others_use_as_well_is_warned_of(user: Sandbox) -> None:
    (rule,) = user.rows("select * from rules where path = '/campaign/'")
    more = {**rule, "id": "8b5eb87a-10b2-4626-96dc-d9ab00c6942b", "path": "/private/"}
    user.rows(f"insert into rules ({', '.join(more)}) values ({', '.join('?' * len(more))})", *more.values())
    result = user.run("sendJob.py", *CARRIED, *MOVES, "--noSubmit", "--json", "--goOverwrite")
    user.rows("delete from rules where id = ?", more["id"])
    assert shown(result, "warning") == ["service-shared"]
    assert '"GUEST1:/private/"' in result.err


def test_the_identity_that_is_checked_is_the_one_that_acts(user: Sandbox) -> None:
    client = user.env["GOCLIENT_CARRY_CLIENT_ID"]
    for identity in (client, client.upper(), f"{client}@clients.auth.globus.org"):
        result = user.run("sendJob.py", *CARRIED, *MOVES, f"--pilotIdentity={identity}", "--noSubmit", "--goOverwrite")
        assert result.code == 0, result.err
    refused = user.run("sendJob.py", *CARRIED, *MOVES, "--pilotIdentity=jdoe@sandbox.example", "--noSubmit")
    assert refused.code == 10
    assert 'identity "jdoe@sandbox.example"' in refused.err.lower()


def test_a_file_with_a_secret_of_the_users_is_told_before_it_travels(user: Sandbox) -> None:
    (user.cwd / "lib/env.sh").write_text(f"export X={user.env['GOCLIENT_CARRY_CLIENT_SECRET']}\n")
    result = user.run("sendJob.py", *CARRIED, *MOVES, "--noSubmit", "--json", "--goOverwrite")
    assert "credential" in shown(result, "warning")
    assert user.env["GOCLIENT_CARRY_CLIENT_SECRET"] not in result.out + result.err


def test_a_file_server_that_is_away_is_named_by_its_own_variable(user: Sandbox) -> None:
    away = "http://127.0.0.1:9/server/panda"
    result = user.run("sendJob.py", *CARRIED, *MOVES, "--json", "--goOverwrite", PANDACACHE_URL=away)
    assert (result.code, sent(user)["submit"]) == (90, 0)
    assert "check PANDACACHE_URL and" in result.json["error"]["hint"]
    assert result.json["error"]["message"].endswith("; nothing was sent"), "it is said once"


def test_the_checks_leave_no_token_of_the_service_client(user: Sandbox) -> None:
    assert user.run("sendJob.py", *CARRIED, *MOVES, "--noSubmit").code == 0
    client = user.env["GOCLIENT_CARRY_CLIENT_ID"]
    asked = [one["path"] for one in requests.get(f"{user.url}/sandbox/requests", timeout=60).json()["requests"]]
    assert [path for path in asked if path.endswith("/oauth2/token")], "it has got one"
    assert user.rows("select * from tokens where client = ?", client) == []


def test_a_flag_that_is_typed_twice_is_the_only_mistake(user: Sandbox) -> None:
    refused = user.run("sendJob.py", *CARRIED, *MOVES, "--goCarry", "--json")
    assert (refused.code, refused.json["error"]["message"]) == (2, "--goCarry is given 2 times: --goCarry, --goCarry")
