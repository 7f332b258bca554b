"""Jobs and tasks are stopped, and each is told what became of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

import goclient
from tests.commands import TIMEOUT, started
from tests.sandbox.panda.test_tasks import call, submit
from tests.sandbox.waiting import until
from tests.sandboxes import Sandbox


@pytest.fixture
def user(shared_sandbox: Sandbox, tmp_path: Path) -> Sandbox:
    shared_sandbox.env["GOCLIENT_STATE"] = str(tmp_path / "state")
    shared_sandbox.rows("delete from jobs")
    return shared_sandbox


def submitted(user: Sandbox, count: int) -> list[int]:
    result = user.submit(f"--njobs={count}", "--campaign=scan", "--json")
    assert result.code == 0, result
    return [job["PandaID"] for job in result.json["jobs"]]


def states(user: Sandbox) -> list[tuple[str, str]]:
    return [(row["status"], row["command"]) for row in user.rows("select * from jobs order by panda_id")]


@pytest.mark.conformance  # it takes long
def test_each_job_is_stopped_in_its_way(user: Sandbox) -> None:
    waits, runs, over, others = submitted(user, 4)
    user.rows("update jobs set status = 'running' where panda_id in (?, ?)", runs, others)
    user.rows("update jobs set status = 'finished' where panda_id = ?", over)
    subject = "json_set(attributes, '$.prodUserID', '/CN=Other Person')"
    user.rows(f"update jobs set owner = 'x', attributes = {subject} where panda_id = ?", others)
    result = user.run("goclient", "kill", f"{waits}-{others}", "999999", "--json")
    assert result.code == 90
    stopped = [(one["PandaID"], one["state"], one["stopped"]) for one in result.json["stopped"]]
    assert stopped == [
        (waits, "cancelled", True),
        (runs, "running", True),
        (over, "finished", True),
        (others, "running", False),
        (999_999, None, False),
    ]
    assert [one["code"] for one in result.json["refused"]] == ["not-stopped", "unknown-job"]
    assert states(user) == [("cancelled", "tobekilled"), ("running", "tobekilled"), ("finished", ""), ("running", "")]
    again = user.run("goclient", "kill", str(waits), str(runs), str(over))
    assert (again.code, again.err) == (0, "")
    assert "its pilot is told to stop it" in again.out
    assert "it was over before" in again.out


def test_a_campaign_is_stopped_at_once(user: Sandbox) -> None:
    ids = submitted(user, 3)
    assert user.run("goclient", "kill", "--campaign", "scan", "--json").code == 0
    assert states(user) == [("cancelled", "tobekilled")] * 3
    status = user.run("goclient", "status", *map(str, ids), "--json").json
    assert {job["retry"] for job in status} == {"unknown"}
    left = user.run("goclient", "retry", "--campaign", "scan")
    assert (left.code, left.out) == (0, "")
    assert "cancelled; --all retries such jobs, too" in left.err
    assert user.run("goclient", "retry", "--campaign", "scan", "--all").code == 0
    assert len(states(user)) == 6


def test_later_tries_of_the_jobs_that_were_named_are_told_and_their_hint_stops_them(user: Sandbox) -> None:
    first, second = submitted(user, 2)
    user.rows("update jobs set status = 'failed'")
    assert user.run("goclient", "retry", "--campaign=scan", "--noCheck").code == 0
    done = user.run("goclient", "kill", f"{first},{second}")
    assert (done.code, done.out.count("it was over before")) == (0, 2)
    again = f"{second + 1}-{second + 2}"
    assert f"PandaID {again} goes on: " in done.err
    assert f"type: goclient kill {again}\n" in done.err
    assert user.run("goclient", "kill", again).err == ""
    assert [state for state, _ in states(user)] == ["failed", "failed", "cancelled", "cancelled"]
    assert user.run("goclient", "kill", str(first), "--json").json["findings"] == []


def test_nothing_is_stopped_if_nothing_is_named(user: Sandbox) -> None:
    submitted(user, 1)
    result = user.run("goclient", "kill")
    assert (result.code, states(user)) == (2, [("activated", "")])
    assert "--campaign NAME" in result.err


def test_a_task_is_stopped_with_its_jobs(user: Sandbox) -> None:
    task = submit(user, taskName="user.jdoe.kill/")["data"]
    done = user.run("goclient", "kill", "--task", str(task))
    assert (done.code, done.err) == (0, "")
    assert f"JediTaskID={task} command=kill is registered" in done.out
    assert call(user, "task/get_status", task_id=task)["data"] == "aborted"
    again = user.run("goclient", "kill", "--task", str(task), "--json")
    assert (again.code, again.json["tasks"]) == (0, [{"task": task, "answer": "it was over before"}])


def test_only_a_task_that_ends_is_stopped_twice(user: Sandbox) -> None:
    task = submit(user, taskName="user.jdoe.others/")["data"]
    user.rows("update jedi_tasks set owner = 'somebody else' where task_id = ?", task)
    done = user.run("goclient", "kill", "--task", str(task), "--json")
    assert (done.code, done.json["error"]["code"]) == (90, "refused")
    assert f"goclient status --task {task}" in done.json["error"]["hint"]


def test_python_stops_jobs_too(user: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = submitted(user, 2)
    for name, value in user.env.items():
        monkeypatch.setenv(name, value)
    client = goclient.Client()
    assert [job.state for job in client.kill([one]).stopped] == ["cancelled"]
    assert [job.panda_id for job in client.kill(campaign="scan").stopped] == [one, two]
    with pytest.raises(goclient.ServerError, match="the server does not know it"):
        client.kill([999_999])
    with pytest.raises(goclient.UsageError, match="no job is named"):
        client.kill()


@pytest.mark.parametrize("phase", ["stage-in", "output"])
def test_a_job_is_stopped_while_its_files_move(user: Sandbox, phase: str) -> None:
    """Its transfer task is cancelled, and nothing of it gets its name."""
    long, short = "x" * 1000, "x"
    source, target = user.path("SITE1", "/kill/in.dat"), user.path("SITE1", "/kill/out")
    target.mkdir(parents=True, exist_ok=True)
    source.write_text(long if phase == "stage-in" else short)
    script = user.payload("copy.sh", f"#!/bin/sh\nprintf %s '{long}' > out.dat\n")
    moves = ("--StageinGOsrc=SITE1:/kill/in.dat", "--Data=out.dat", "--OutputGO=SITE1:/kill/out/")
    made = user.run("sendJob.py", "--computingSite=TEST1", f"--transformation={script}", "--json", *moves)
    (job,) = made.json["jobs"]
    user.set(bytes_per_second=1)
    words = ("goclient", "pilot", "--site=TEST1", "--once", "--heartbeatSeconds=1")
    process = started(words, env=user.env, cwd=user.cwd, stdout=-1, stderr=-1)
    try:
        assert process.stderr is not None
        assert any(f"{phase}: 1 item in task" in line for line in process.stderr)
        killed = user.run("goclient", "kill", str(job["PandaID"]), "--json")
        assert killed.code == 0, killed
        process.communicate(timeout=50)
    finally:
        user.set()
        process.kill()
    assert process.returncode != 0
    assert states(user) == [("cancelled", "tobekilled")]
    query = "select status, fatal from tasks where type = 'TRANSFER' order by request_time desc limit 1"
    (task,) = user.rows(query)
    assert (task["status"], json.loads(task["fatal"])["code"]) == ("FAILED", "CANCELED")
    assert [path.name for path in target.iterdir() if not path.name.startswith(".")] == []
    again = user.run("goclient", "kill", str(job["PandaID"]), "--json").json["stopped"]
    assert [(one["state"], one["why"]) for one in again] == [("cancelled", "it was over before")]


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize(("phase", "route"), [("stage-in", "GET /https/*/in.dat"), ("output", "PUT /https/*out.dat*")])
def test_a_carried_job_is_stopped_while_its_files_pass_by_https(
    user: Sandbox, tmp_path: Path, phase: str, route: str
) -> None:
    """Its credential is taken back, and another try delivers all: nothing of the first is there, or in its way."""
    user.cwd = tmp_path
    (tmp_path / "run.sh").write_text("#!/bin/sh\ncat in.dat in.dat | tee a.dat > out.dat\n")
    top = user.path("SITE1", f"/shared/campaign/kill-{phase}")
    top.mkdir()
    (top / "in.dat").write_text("x")
    where = f"GUEST1:/campaign/{top.name}"
    moves = (f"--StageinGOsrc={where}/in.dat", "--Data=a.dat,out.dat", f"--OutputGO={where}/")
    made = user.run("sendJob.py", "--computingSite=TEST1", "--goCarry", "--transformation=./run.sh", "--json", *moves)
    panda_id = made.json["jobs"][0]["PandaID"]
    at_a_site = ("goclient", "sandbox", "site", "--site=TEST1", "--once", "--json", "--heartbeatSeconds=1")
    user.trouble(route, "hang")
    process = started(at_a_site, env=user.env, cwd=user.cwd, stdout=-1, stderr=-1)
    try:
        until(lambda: requests.get(f"{user.url}/sandbox/trouble", timeout=TIMEOUT).json()["hanging"])
        assert user.run("goclient", "kill", str(panda_id)).code == 0
        told = json.loads(process.communicate(timeout=50)[0])
    finally:
        user.clear_trouble()
        process.kill()
    assert (told["PandaID"], told["state"], told["left"]) == (panda_id, "failed", [])
    assert [path.name for path in top.iterdir()] == ["in.dat"]
    status = user.run("goclient", "status", str(panda_id), "--exit-status")
    assert (status.code, "1 cancelled" in status.out, "was taken back" in status.err) == (5, True, True), status
    assert user.run("goclient", "retry", str(panda_id), "--all").code == 0
    assert user.run(*at_a_site).json["state"] == "finished"
    assert sorted(path.name for path in top.iterdir()) == ["a.dat", "in.dat", "out.dat"]
    assert (top / "a.dat").read_text() == (top / "out.dat").read_text() == "xx"
    assert [state for state, _ in states(user)] == ["cancelled", "finished"]
    assert user.run("goclient", "credential", "revoke").code == 0
    assert user.run("goclient", "credential", "list", "--json").json == []
