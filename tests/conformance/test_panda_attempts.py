"""The sandbox takes reports of pilots and commands of users, and tries jobs again, as the PanDA server's code does."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from goclient.sandbox.directory import Directory
from goclient.sandbox.panda import attempts, jobs, reports, task_commands
from goclient.sandbox.panda.api import Caller
from goclient.sandbox.settings import Tuning
from goclient.sandbox.state import State

SCRIPT = Path(__file__).with_name("panda_attempts.py")
Cases = dict[str, list[dict[str, Any]]]
BY_PILOT = "set to {} by the pilot at 2026-11-28 12:00:00"
# Statuses of a job, each with who has set it; None for a job that is in the archive.
STATUSES: list[tuple[str | None, str | None]] = [
    *(("sent", None), ("starting", None), ("running", None), ("holding", None), ("transferring", None), (None, None)),
    *((status, BY_PILOT.format(status)) for status in ("holding", "transferring")),
]
LOG, PARAMETERS = "n.job.log.tgz", "run 'n.job.log.tgz' n.job.log.tgz -o=n.job.log.tgz \"n.job.log.tgz\""


TASK = {
    **dict.fromkeys(("architecture", "transUses", "transHome"), ""),
    "vo": "wlcg",
    "processingType": "panda-client-jedi-run",
    "taskName": "t",
    "prodSourceLabel": "user",
    "noInput": True,
    "nEvents": 1,
    "nEventsPerJob": 1,
    "jobParameters": [],
}


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    made = State(Directory(tmp_path))
    made.create()
    yield made
    made.close()


def real(cases: Cases) -> dict[str, list[Any]]:
    """Return what the server's own code makes of the cases."""
    python = os.environ.get("GOCLIENT_TEST_SERVER_PYTHON")
    if not python:
        pytest.skip("GOCLIENT_TEST_SERVER_PYTHON names no interpreter that has panda-server-source")
    given = json.dumps({"report": [], "retry": [], "kill": [], "command": [], **cases})
    done = subprocess.run([python, str(SCRIPT)], input=given, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def stored(state: State, job: dict[str, Any], *, status: str = "finished", command: str = "") -> int:
    """A job of the sandbox's database; return its PandaID."""
    values = {"owner": "x", "status": status, "command": command, "site": "TEST1", "changed": 0}
    return state.insert("jobs", {**values, "attributes": json.dumps(job)})


def test_every_report_is_answered_and_kept_as_by_the_server(state: State) -> None:
    cases: list[dict[str, Any]] = []
    for (old, by_pilot), new, attempt, command in itertools.product(
        STATUSES, reports.STATES, (None, 0, 1, 2), (None, "tobekilled")
    ):
        job: dict[str, Any] = {"PandaID": 1, "jobStatus": old or "running", "attemptNr": 1, "commandToPilot": command}
        job |= {"prodSourceLabel": "user", "jobDispatcherErrorDiag": by_pilot}
        cases.append({"job": job, "gone": old is None, "status": new, "attempt": attempt})
    caller = Caller(state, tuning=Tuning())
    caller.tuning.change({"adder_seconds": 3600})
    found = []
    for case in cases:
        given = case["job"]
        kept = {name: given[name] for name in ("attemptNr", "jobDispatcherErrorDiag")}
        old = "failed" if case["gone"] else given["jobStatus"]
        panda_id = stored(state, {**kept, "Files": []}, status=old, command=given["commandToPilot"] or "")
        answer = reports.take(caller, panda_id, case["status"], attempt=case["attempt"], details={})
        after = state.rows("select status from jobs where panda_id = ?", panda_id)
        found.append([answer, [] if case["gone"] else [[after[0]["status"]]]])
    expected = real({"report": cases})["report"]
    assert len(found) == 384
    assert [(c, f, e) for c, f, e in zip(cases, found, expected, strict=True) if f != e] == []


def test_a_plain_job_is_tried_again_under_the_conditions_of_the_server(state: State) -> None:
    cases: list[dict[str, Any]] = []
    for label, kind, code, site, attempt, command in itertools.product(
        ("user", "panda", "managed"),
        ("panda-client", "gangarobot-x", "hammercloud-x"),
        ("1200", "1201", "1213", "1305", ""),
        ("TEST1", "ANALY_LONG_X"),
        (0, 1, 2, 3),
        (None, "tobekilled"),
    ):
        job: dict[str, Any] = {"PandaID": 1, "jobStatus": "holding", "attemptNr": attempt, "maxAttempt": attempt + 2}
        job |= {"prodSourceLabel": label, "processingType": kind, "computingSite": site, "commandToPilot": command}
        job |= {"pilotErrorCode": code or None, "transExitCode": "3", "jobParameters": PARAMETERS}
        cases.append({"job": job, "files": [{"type": "log", "lfn": LOG}], "code": code})
    caller, found = Caller(state), []
    for case in cases:
        given = {**case["job"], "Files": [dict(file) for file in case["files"]]}
        panda_id = stored(state, given, status="holding", command=given["commandToPilot"] or "")
        (row,) = state.rows("select * from jobs where panda_id = ?", panda_id)
        attempts.end(caller, row, "failed", given)
        (after,) = state.rows("select * from jobs where panda_id = ?", panda_id)
        kept = json.loads(after["attributes"])
        told = [after["status"] == "activated", kept["attemptNr"], kept["Files"][0]["lfn"], kept["jobParameters"]]
        found.append([*told, "transExitCode" in kept])
    expected = [
        [done, jobs[0][1], files[0][0], parameters[0][0], jobs[0][3] is not None]
        for done, jobs, files, parameters in real({"retry": cases})["retry"]
    ]
    assert sum(one[0] for one in found) == 12
    assert [(c, f, e) for c, f, e in zip(cases, found, expected, strict=True) if f != e] == []


def test_a_job_is_killed_as_by_the_server(state: State) -> None:
    cases: list[dict[str, Any]] = []
    tables = {"defined": "jobsDefined4", "failed": "jobsArchived4", "finished": "jobsArchived4"}
    statuses = ("defined", "activated", "sent", "starting", "running", "holding", "transferring", "failed", "finished")
    for status, user, production, label, command in itertools.product(
        statuses, ("jdoe", "other"), (False, True), ("user", "managed"), (None, "tobekilled")
    ):
        job: dict[str, Any] = {"PandaID": 1, "jobStatus": status, "prodUserID": "jdoe", "prodSourceLabel": label}
        job |= {"commandToPilot": command, "workingGroup": "", "taskBufferErrorCode": None}
        table = tables.get(status, "jobsActive4")
        cases.append({"job": job, "user": user, "production": production, "table": table})
    found = []
    for case in cases:
        job = {**case["job"], "Files": []}
        panda_id = stored(state, job, status=job["jobStatus"], command=job["commandToPilot"] or "")
        state.run("update jobs set owner = ? where panda_id = ?", job["prodUserID"], panda_id)
        caller = Caller(state, case["user"], case["user"], case["user"], is_production=case["production"])
        done = jobs.kill_own(caller, panda_id)
        (row,) = state.rows("select * from jobs where panda_id = ?", panda_id)
        kept = json.loads(row["attributes"])
        told = [row["status"], row["command"] or None, kept["taskBufferErrorCode"], kept.get("taskBufferErrorDiag")]
        found.append([done, told])
    # With the role of production others' managed jobs can be killed, which the sandbox has not.
    both = zip(cases, found, real({"kill": cases})["kill"], strict=True)
    compared = [(c, f, e) for c, f, e in both if not (c["production"] and c["job"]["prodSourceLabel"] == "managed")]
    assert sum(1 for _, (done, _), _ in compared if done) > 10
    assert [(c, f, e) for c, f, e in compared if f != e] == []


@pytest.mark.parametrize("command", ["retry", "kill"])
def test_commands_to_a_task_are_answered_as_by_the_server(state: State, command: str) -> None:
    statuses = {"ready": "activated", "running": "running", "done": "finished", "failed": "failed"}
    cases = [
        {"command": command, "status": status, "user": user, "task": task}
        for status, user, task in itertools.product(statuses, ("jdoe", "other"), (1, 2))
    ]
    found = []
    for case in cases:
        state.run("delete from jobs")
        state.run("delete from jedi_tasks")
        values = {"owner": "jdoe", "name": "t", "parameters": json.dumps(TASK), "created": 0, "changed": 0}
        state.insert("jedi_tasks", {**values, "task_id": 1})
        names = dict.fromkeys(("id", "username", "client_id", "client_secret", "subject", "token"), "jdoe")
        state.run("delete from identities")
        state.insert("identities", {**names, "production": 0})
        panda_id = stored(state, {"attemptNr": 1, "Files": []}, status=statuses[str(case["status"])])
        state.run("update jobs set owner = 'jdoe', task = 1, record = 1 where panda_id = ?", panda_id)
        caller = Caller(state, str(case["user"]), str(case["user"]), str(case["user"]))
        answer = (task_commands.retry if command == "retry" else task_commands.kill)(caller, int(str(case["task"])))
        found.append([answer["success"], answer["message"], answer["data"]])
    expected = real({"command": cases})["command"]
    assert [(c, f, e) for c, f, e in zip(cases, found, expected, strict=True) if f != e] == []
