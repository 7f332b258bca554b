"""Pilots that speak the old protocol get jobs and report of them, however they write what they ask."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from goclient.model.records.panda_job import JOB_ATTRIBUTES, JobTemplate, encode_jobs, job_records
from tests.sandbox.panda.test_tasks import call
from tests.sandboxes import Sandbox

BOUND = 60.0  # seconds
WRITERS: dict[str, Callable[[Any], bytes]] = {
    "json": lambda given: json.dumps(given).encode(),
    "gzip": lambda given: gzip.compress(json.dumps(given).encode()),  # pilot 3.11, without a Content-Encoding
    "form": lambda given: urlencode(given).encode(),  # pilot 3.7, through curl
}
WANTED = {"siteName": "TEST1", "prodSourceLabel": "user", "node": "n1", "mem": 100, "diskSpace": 1}


def legacy(sandbox: Sandbox, method: str, given: Any, *, token: str = "pilot", form: str = "json") -> Any:
    headers = {"Accept": "application/json", "Origin": "sandbox"}
    if token:
        headers["Authorization"] = f"Bearer {(sandbox.root / f'{token}.token').read_text()}"
    url, body = f"{sandbox.url}/server/panda/{method}", WRITERS[form](given)
    answer = requests.post(url, data=body, headers=headers, timeout=BOUND)
    return answer.json() if answer.ok else [answer.status_code, answer.text]


def submit(sandbox: Sandbox, **attributes: str) -> int:
    """A plain job with these attributes; its PandaID."""
    common = JobTemplate("/bin/true", "TEST1", "user", "local", "panda.destDB.x", 7, 1000)
    rows = json.loads(encode_jobs(job_records(common, name="n", parameters="run it", count=1)))
    for name, value in attributes.items():
        rows[0][JOB_ATTRIBUTES.index(name)] = value
    ((panda_id, *_),) = call(sandbox, "job/submit", {"jobs": json.dumps(rows)})["data"]
    return int(panda_id)


def described(sandbox: Sandbox, panda_id: int) -> dict[str, Any]:
    return dict(call(sandbox, "job/get_description", {"job_ids": [panda_id]})["data"][0])


@pytest.mark.parametrize("form", WRITERS)
def test_a_job_is_taken_and_reported_in_any_form(panda: Sandbox, form: str) -> None:
    panda_id = submit(panda)
    job = legacy(panda, "getJob", WANTED, form=form)
    assert (job["StatusCode"], job["PandaID"], job["jobPars"]) == (0, panda_id, "run it")
    assert (job["transformation"], job["outFiles"], job["attemptNr"]) == ("/bin/true", "n.job.log.tgz", 0)
    assert "secrets" not in job
    report = {"jobId": panda_id, "attemptNr": 0, "siteName": "TEST1", "node": "n1"}
    assert legacy(panda, "updateJob", {**report, "state": "running"}, form=form) == {"StatusCode": 0, "command": "NULL"}
    moved = json.dumps({"user_job_metadata": {"moved": "x" * 600}})
    error = {"transExitCode": 1, "pilotErrorCode": 1305, "pilotErrorDiag": "d" * 501}
    end = {"state": "failed", **error, "metaData": moved}
    assert legacy(panda, "updateJob", {**report, **end}, form=form)["command"] == "NULL"
    job = described(panda, panda_id)
    assert (job["jobStatus"], job["transExitCode"], job["pilotErrorCode"]) == ("failed", "1", "1305")
    assert (len(job["pilotErrorDiag"]), job["metadata"]) == (500, None)
    assert legacy(panda, "updateJob", {**report, "state": "running"}, form=form)["command"] == "tobekilled"
    panda_id = submit(panda)
    legacy(panda, "getJob", WANTED, form=form)
    legacy(panda, "updateJob", {**report, "jobId": panda_id, "state": "finished", "metaData": moved}, form=form)
    assert described(panda, panda_id)["metadata"] == moved


def test_a_job_gets_all_secrets_of_its_user_if_it_asks(panda: Sandbox) -> None:
    secrets = {"A": "1", "___file___:b.json": "e30="}
    for key, value in secrets.items():
        call(panda, "creds/set_user_secrets", {"key": key, "value": value})
    for special, given in (("us", secrets), ("ddm:rucio,us", secrets), ("usx", None)):
        submit(panda, specialHandling=special)
        assert json.loads(legacy(panda, "getJob", WANTED).get("secrets", "null")) == given
    submit(panda, specialHandling="us")
    (job,) = call(panda, "pilot/acquire_jobs", {"site_name": "TEST1"}, token="pilot")["data"]["jobs"]
    assert json.loads(job["secrets"])["A"] == "1"


def test_a_killed_job_is_told_to_its_pilot(panda: Sandbox) -> None:
    panda_id = submit(panda)
    legacy(panda, "getJob", WANTED)
    call(panda, "job/kill", {"job_ids": [panda_id]})
    report = {"jobId": panda_id, "state": "running", "attemptNr": 0}
    assert legacy(panda, "updateJob", report)["command"] == "tobekilled"


REFUSALS = [
    pytest.param("getJob", WANTED, "pilot", {"StatusCode": 20, "errorDialog": "no jobs in PanDA"}, id="no job"),
    pytest.param("getJob", {**WANTED, "prodSourceLabel": "managed"}, "user", 60, id="a job of production"),
    pytest.param("getJob", WANTED, "", 60, id="nobody"),
    pytest.param("getJob", {}, "pilot", 500, id="no queue"),
    pytest.param("getJob", [], "pilot", 500, id="a list"),
    pytest.param("updateJob", {"jobId": 1, "state": "running"}, "user", 60, id="a report of no pilot"),
    pytest.param("updateJob", {"jobId": 1, "state": "odd"}, "pilot", {"StatusCode": 0}, id="an unknown state"),
    pytest.param("updateJob", {"jobId": "x", "state": "running"}, "pilot", "tobekilled", id="an unknown job"),
    pytest.param("updateJob", {"state": "running"}, "pilot", 500, id="no job in it"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "given", "token", "answer"), REFUSALS)
def test_refusals_are_those_of_the_old_server(panda: Sandbox, method: str, given: Any, token: str, answer: Any) -> None:
    told = legacy(panda, method, given, token=token, form="json")
    if isinstance(answer, int):
        assert (told[0] if isinstance(told, list) else told["StatusCode"]) == answer
    else:
        assert told == answer or told.get("command") == answer
