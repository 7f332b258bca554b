"""Jobs as the server describes them are read with care."""

from __future__ import annotations

from typing import Any

import pytest

from goclient.errors import ServerError
from goclient.model.records.answers import AssignedJob, ErrorCodes, JobState

ANSWER: dict[str, Any] = {
    "PandaID": 7,
    "jobName": "n",
    "transformation": "http://x/run",
    "jobPars": "run 1",
    "attemptNr": 2,
    "logFile": "n.job.log.tgz",
    "logGUID": "0c",
    "dispatchDblock": "NULL",
    "destinationDblock": "panda.destDB.1",
    "prodSourceLabel": "user",
}


def test_a_job_from_the_dispatcher_has_what_a_pilot_needs() -> None:
    assert AssignedJob.from_answer(ANSWER) == AssignedJob(
        panda_id=7,
        name="n",
        transformation="http://x/run",
        parameters="run 1",
        attempt=2,
        task_id=0,
        log_file="n.job.log.tgz",
        log_guid="0c",
        dispatch_block="",
        destination_block="panda.destDB.1",
    )


@pytest.mark.parametrize("unset", [None, "NULL"])
def test_what_the_dispatcher_leaves_unset_is_empty(unset: str | None) -> None:
    job = AssignedJob.from_answer({**dict.fromkeys(ANSWER, unset), "PandaID": "7"})
    assert (job.panda_id, job.attempt, job.parameters, job.log_file) == (7, 0, "", "")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({}, id="nothing"),
        pytest.param({**ANSWER, "PandaID": "NULL"}, id="unset-id"),
        pytest.param({**ANSWER, "PandaID": None}, id="no-id"),
        pytest.param({**ANSWER, "PandaID": "7x"}, id="an-id-that-is-no-number"),
        pytest.param({**ANSWER, "PandaID": float("inf")}, id="an-endless-id"),
        pytest.param({**ANSWER, "PandaID": [7]}, id="a-list-for-an-id"),
        pytest.param({**ANSWER, "attemptNr": "first"}, id="an-attempt-that-is-no-number"),
        pytest.param({**ANSWER, "taskID": -1}, id="a-task-that-is-no-number"),
        pytest.param([7], id="a-list"),
        pytest.param("7", id="a-text"),
        pytest.param(None, id="null"),
    ],
)
def test_what_is_no_job_is_the_servers_fault(answer: Any) -> None:
    with pytest.raises(ServerError) as caught:
        AssignedJob.from_answer(answer)
    assert (caught.value.code, caught.value.exit_code) == ("bad-answer", 90)


def test_a_state_says_everything_that_went_wrong() -> None:
    job = {
        "PandaID": 7,
        "attemptNr": "2",
        "jediTaskID": 41,
        "jobStatus": "failed",
        "jobParameters": "run",
        "pilotErrorDiag": "stage-in: no file",
        "exeErrorDiag": "NULL",
        "taskBufferErrorDiag": None,
        "ddmErrorDiag": "",
        "supErrorDiag": "killed",
        "brokerageErrorDiag": "stage-in: no file",
    }
    assert JobState.from_answer(job) == JobState(7, 2, 41, "failed", "stage-in: no file; killed", "run")
    assert JobState.from_answer({"PandaID": "7"}) == JobState(7, 0, 0, "", "", "")


def test_a_state_has_the_times_and_codes_that_the_server_gives() -> None:
    known = {
        "PandaID": 7,
        "jobName": "c1.d7d3bb9a-0b4a-4c9f-9d9f-8a1f3c2b1a00",
        "computingSite": "TEST1",
        "creationTime": {"__datetime__": "2026-11-29T00:00:00"},
        "startTime": "2026-11-29 00:00:01.5",
        "jobMetrics": "goclient=v1 total.s=1.0",
        "pilotErrorCode": 1137,
        "transExitCode": "1",
        "exeErrorCode": "x",
    }
    state = JobState.from_answer(known)
    assert (state.name, state.site, state.metrics) == (known["jobName"], "TEST1", "goclient=v1 total.s=1.0")
    assert (state.created, state.started, state.ended) == (1795910400.0, 1795910401.5, None)
    assert state.codes == ErrorCodes(pilot=1137, exit=1)


@pytest.mark.parametrize("time", [{"__datetime__": 5}, {}, "NULL", "yesterday", 5, "0001-01-01T00:00:00", "9" * 50])
def test_what_is_not_a_time_is_not_known(time: Any) -> None:
    assert JobState.from_answer({"PandaID": 7, "endTime": time}).ended in (None, -62135596800.0)


@pytest.mark.parametrize(
    ("metadata", "reported"),
    [
        pytest.param('{"user_job_metadata": {"goclient": {"a": 1}, "b": 2}}', {"a": 1}, id="ours"),
        pytest.param('{"user_job_metadata": {"goclient": [1]}}', {}, id="not-an-object"),
        pytest.param('{"user_job_metadata": [1]}', {}, id="not-runGen-s"),
        pytest.param('{"user_job_metadata"', {}, id="not-JSON"),
        pytest.param("[" * 100_000 + '"user_job_metadata"', {}, id="deep"),
        pytest.param("NULL", {}, id="unset"),
        pytest.param({"user_job_metadata": {}}, {}, id="not-a-text"),
    ],
)
def test_a_state_has_what_our_code_has_reported_in_the_job(metadata: Any, reported: dict[str, Any]) -> None:
    assert JobState.from_answer({"PandaID": 7, "metadata": metadata}).reported == reported


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(None, id="null"),
        pytest.param("7", id="a-text"),
        pytest.param([], id="a-list"),
        pytest.param({}, id="nothing"),
        pytest.param({"PandaID": None}, id="no-id"),
        pytest.param({"PandaID": "NULL"}, id="unset-id"),
        pytest.param({"PandaID": -7}, id="a-negative-id"),
        pytest.param({"PandaID": 7.5}, id="half-an-id"),
        pytest.param({"PandaID": "²"}, id="a-digit-that-is-no-number"),
        pytest.param({"PandaID": "9" * 5000}, id="an-endless-id"),
        pytest.param({"PandaID": 7, "attemptNr": "9" * 5000}, id="an-endless-attempt"),
    ],
)
def test_what_is_no_state_is_the_servers_fault(answer: Any) -> None:
    with pytest.raises(ServerError) as caught:
        JobState.from_answer(answer)
    assert caught.value.code == "bad-answer"
