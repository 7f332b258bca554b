"""PanDA in miniature tries jobs again, by itself or on demand, and ends those that nobody reports of any more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from goclient.model.records.panda_job import JobTemplate, encode_jobs, job_records
from goclient.sandbox.panda.watch import WATCHED
from tests.sandbox.panda.test_tasks import call, output, submit
from tests.sandbox.waiting import until
from tests.sandboxes import Sandbox

BOUND = 60.0  # seconds


@pytest.fixture
def panda(shared_sandbox: Sandbox) -> Iterator[Sandbox]:
    """A sandbox whose settings are set back, and which has no job to give, after the test."""
    yield shared_sandbox
    shared_sandbox.set()
    shared_sandbox.rows("update jobs set status = 'cancelled' where status not in ('finished', 'failed')")


def plain_job(sandbox: Sandbox) -> int:
    """A plain job that a pilot has taken; its PandaID."""
    common = JobTemplate("/bin/true", "TEST1", "user", "local", "panda.destDB.x", 7, 1000)
    record = encode_jobs(job_records(common, name="n", parameters="run 'n.job.log.tgz'", count=1))
    ((panda_id, *_),) = call(sandbox, "job/submit", {"jobs": record})["data"]
    assert taken(sandbox)["PandaID"] == panda_id
    return int(panda_id)


def taken(sandbox: Sandbox) -> dict[str, Any]:
    """The next job of the queue, for a pilot."""
    wanted = {"site_name": "TEST1", "prod_source_label": "user"}
    return dict(call(sandbox, "pilot/acquire_jobs", wanted, token="pilot")["data"]["jobs"][0])


def report(sandbox: Sandbox, panda_id: int, status: str, attempt: int | None, **details: Any) -> str:
    news = {"job_id": panda_id, "job_status": status, "attempt_nr": attempt, **details}
    return str(call(sandbox, "pilot/update_job", news, token="pilot")["data"]["command"])


def state(sandbox: Sandbox, panda_id: int) -> tuple[str, int]:
    (told,) = call(sandbox, "pilot/get_job_status", job_ids=panda_id)["data"]
    return told["status"], told["attempt_number"]


def described(sandbox: Sandbox, panda_id: int) -> dict[str, Any]:
    return dict(call(sandbox, "job/get_description", {"job_ids": [panda_id]})["data"][0])


def again(sandbox: Sandbox, panda_id: int) -> dict[str, int]:
    answer = requests.post(f"{sandbox.url}/sandbox/attempts", json={"job_id": panda_id}, timeout=BOUND)
    assert answer.ok, answer.text
    return dict(answer.json())


# --- plain jobs ---


@pytest.mark.parametrize("code", ["1200", "1201", "1213"])
def test_a_plain_job_that_its_batch_system_killed_is_tried_three_times(panda: Sandbox, code: str) -> None:
    panda_id = plain_job(panda)
    for attempt in range(3):
        assert state(panda, panda_id) == ("sent", attempt)
        assert report(panda, panda_id, "running", attempt) == "NULL"
        assert report(panda, panda_id, "failed", attempt, pilot_error_code=int(code), pilot_error_diag="x") == "NULL"
        if attempt < 2:
            job = taken(panda)
            assert (job["PandaID"], job["attemptNr"], job["logFile"]) == (
                panda_id,
                attempt + 1,
                f"n.job.log.tgz.{attempt + 1}",
            )
    job = described(panda, panda_id)
    assert (job["jobStatus"], job["attemptNr"], job["pilotErrorCode"]) == ("failed", 2, code)
    assert job["jobParameters"] == "run 'n.job.log.tgz.2'"


def test_other_failures_and_a_killed_job_are_not_tried_again(panda: Sandbox) -> None:
    failed = plain_job(panda)
    report(panda, failed, "failed", 0, pilot_error_code=1305)
    assert state(panda, failed) == ("failed", 0)
    killed = plain_job(panda)
    call(panda, "job/kill", {"job_ids": [killed]})
    assert report(panda, killed, "running", 0) == "tobekilled"
    report(panda, killed, "failed", 0, pilot_error_code=1201)
    assert state(panda, killed) == ("cancelled", 0)
    panda.set(plain_retries=0)
    strict = plain_job(panda)
    report(panda, strict, "failed", 0, pilot_error_code=1201)
    assert state(panda, strict) == ("failed", 0)
    assert described(panda, strict)["maxAttempt"] == 2, "as insertNewJob of the server sets it"


def test_a_stale_attempt_is_told_to_stop_and_its_reports_change_nothing(panda: Sandbox) -> None:
    panda_id = plain_job(panda)
    report(panda, panda_id, "running", 0)
    assert again(panda, panda_id) == {"PandaID": panda_id, "attemptNr": 1}
    assert state(panda, panda_id) == ("activated", 1)
    for status in ("running", "failed", "finished"):
        assert report(panda, panda_id, status, 0) == "tobekilled"
        assert state(panda, panda_id) == ("activated", 1)
    assert taken(panda)["attemptNr"] == 1
    assert report(panda, panda_id, "finished", 1) == "NULL"
    assert report(panda, panda_id, "finished", 0) == "tobekilled"
    assert state(panda, panda_id) == ("finished", 1)


def test_a_final_report_that_is_sent_again_is_known_already(panda: Sandbox) -> None:
    panda_id = plain_job(panda)
    panda.set(adder_seconds=3600)
    assert report(panda, panda_id, "finished", 0) == "NULL"
    assert state(panda, panda_id) == ("holding", 0)
    assert report(panda, panda_id, "finished", 0) == "alreadydone"
    panda.set(adder_seconds=0.1)
    until(lambda: state(panda, panda_id) == ("finished", 0))
    assert report(panda, panda_id, "finished", 0) == "tobekilled"


# --- jobs that nobody reports of ---

SILENT = [
    pytest.param("sent_seconds", None, 102, "Sent job didn't receive reply", id="sent"),
    pytest.param("heartbeat_seconds", "running", 100, "lost heartbeat : 20", id="running"),
    pytest.param("heartbeat_seconds", "starting", 100, "lost heartbeat : 20", id="starting"),
    pytest.param("holding_seconds", "holding", 103, "timeout in holding : last heartbeat at 20", id="holding"),
]


@pytest.mark.parametrize(("setting", "status", "code", "says"), SILENT)
def test_a_job_that_nobody_reports_of_is_failed(
    panda: Sandbox, setting: str, status: str | None, code: int, says: str
) -> None:
    panda_id = plain_job(panda)
    if status:
        report(panda, panda_id, status, 0)
    panda.set(**{setting: 0.05})
    until(lambda: state(panda, panda_id) == ("failed", 0))
    job = described(panda, panda_id)
    assert job["jobDispatcherErrorCode"] == code
    assert job["jobDispatcherErrorDiag"].startswith(says)
    assert report(panda, panda_id, "running", 0) == "tobekilled"


def test_heartbeats_keep_a_job(panda: Sandbox) -> None:
    panda_id, waiting = plain_job(panda), plain_job(panda)
    report(panda, panda_id, "running", 0)
    panda.rows("update jobs set changed = changed - 7190 where panda_id = ?", panda_id)
    panda.rows("update jobs set changed = changed - 7190 where panda_id = ?", waiting)
    until(lambda: state(panda, waiting) == ("failed", 0))
    assert report(panda, panda_id, "running", 0) == "NULL"
    panda.set(heartbeat_seconds=3600)
    assert state(panda, panda_id) == ("running", 0)


# --- jobs of tasks ---

NUMBERS = {"type": "template", "param_type": "pseudo_input", "dataset": "seq_number", "hidden": True}


def test_a_failed_job_of_a_task_is_followed_by_another_one_three_in_all(panda: Sandbox) -> None:
    words = [
        output("u${SN}", hidden=True),
        {**NUMBERS, "value": "${SEQNUMBER}", "offset": 10},
        {"type": "constant", "value": "${SN} ${SEQNUMBER} ${ATTEMPTNR}"},
    ]
    task = submit(panda, jobParameters=words)["data"]
    seen = []
    while status(panda, task) not in ("failed", "finished"):
        job = taken(panda)
        seen.append((job["jobPars"], job["attemptNr"]))
        report(panda, job["PandaID"], "failed" if "11" in job["jobPars"] else "finished", job["attemptNr"])
    assert seen == [("1 11 1", 1), ("2 12 1", 1), ("3 11 2", 2), ("4 11 3", 3)]
    assert status(panda, task) == "finished", "one input is done, the other one is not"


def status(sandbox: Sandbox, task: int) -> str:
    return str(call(sandbox, "task/get_status", task_id=task)["data"])


def test_on_demand_a_job_of_a_task_that_still_runs_is_followed_by_another_one(panda: Sandbox) -> None:
    task = submit(panda, nEvents=1)["data"]
    first = taken(panda)
    report(panda, first["PandaID"], "running", first["attemptNr"])
    made = again(panda, first["PandaID"])
    assert made == {"PandaID": first["PandaID"] + 1, "attemptNr": 2}
    assert described(panda, first["PandaID"])["jobDispatcherErrorDiag"] == "lost heartbeat"
    assert report(panda, first["PandaID"], "finished", first["attemptNr"]) == "tobekilled"
    second = taken(panda)
    report(panda, second["PandaID"], "finished", second["attemptNr"])
    assert status(panda, task) == "done"


def test_only_a_job_that_is_known_is_tried_again(panda: Sandbox) -> None:
    unknown: list[Any] = [{"job_id": 10**9}, {"job_id": "1"}, {}, []]
    for given in unknown:
        answer = requests.post(f"{panda.url}/sandbox/attempts", json=given, timeout=BOUND)
        assert (answer.status_code, answer.json()) == (400, {"errors": ["job_id must be the PandaID of a job"]})


def test_only_5500_jobs_of_a_call_are_described_without_a_word(panda: Sandbox) -> None:
    answer = call(panda, "job/get_description", {"job_ids": [0] * 5501})
    assert len(answer["data"]) == 5500
    (told,) = call(panda, "pilot/get_job_status", job_ids=10**9)["data"]
    assert told == {"job_id": 10**9, "status": "not found", "attempt_number": 0}


def test_looking_for_jobs_that_nobody_reports_of_reads_no_others(shared_sandbox: Sandbox) -> None:
    (step,) = shared_sandbox.rows(f"explain query plan select 1 from jobs where status in {WATCHED}")
    assert "USING COVERING INDEX jobs_in_state" in step["detail"]
