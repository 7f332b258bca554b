"""The sandbox takes the reports of pilots, and tries jobs again, as the PanDA server's own code does."""

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
from goclient.sandbox.panda import attempts, reports
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


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    made = State(Directory(tmp_path))
    made.create()
    yield made
    made.close()


def real(cases: Cases) -> dict[str, list[Any]]:
    """What the server's own code makes of the cases."""
    python = os.environ.get("GOCLIENT_TEST_SERVER_PYTHON")
    if not python:
        pytest.skip("GOCLIENT_TEST_SERVER_PYTHON names no interpreter that has panda-server-source")
    given = json.dumps({"report": [], "retry": [], **cases})
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
