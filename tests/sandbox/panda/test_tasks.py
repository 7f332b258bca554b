"""Tasks and their sources: asked with panda-client's own functions, and with plain HTTP where these are polite."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from typing import Any

import pytest
import requests

from tests.sandboxes import Sandbox

BOUND = 60.0  # seconds
ITEM = {"type": "constant", "value": "-p true"}
TASK: dict[str, Any] = {
    "taskName": "user.jdoe.api/",
    "vo": "atlas",
    "architecture": None,
    "transUses": "",
    "transHome": None,
    "processingType": "panda-client-2.2.0-jedi-run",
    "prodSourceLabel": "user",
    "site": "TEST1",
    "nEvents": 2,
    "nEventsPerJob": 1,
    "noInput": True,
    "jobParameters": [ITEM],
    "cliParams": "prun …",
}


def call(sandbox: Sandbox, method: str, document: Any = None, *, token: str = "user", **more: Any) -> Any:
    """The answer to one POST, or to one GET with more as its query; a text or bytes are sent as they are."""
    headers = {"Accept": "application/json", "Content-Type": "application/json", "Origin": "sandbox"}
    if token:
        headers["Authorization"] = f"Bearer {(sandbox.root / f'{token}.token').read_text()}"
    url = f"{sandbox.url}/api/v1/{method}"
    if document is None:
        return requests.get(url, params=more, headers=headers, timeout=BOUND).json()
    body = document if isinstance(document, str | bytes) else json.dumps(document)
    headers |= more.get("headers", {})
    answer = requests.post(url, data=body, headers=headers, timeout=BOUND)
    return answer.json() if answer.status_code == 200 else [answer.status_code, answer.text]


def submit(sandbox: Sandbox, **parameters: Any) -> Any:
    return call(sandbox, "task/submit", {"task_parameters": {**TASK, **parameters}, "parent_tid": None})


def job_parameters(sandbox: Sandbox, task: int) -> list[str]:
    rows = sandbox.rows("select attributes from jobs where task = ? order by panda_id", task)
    return [json.loads(row["attributes"])["jobParameters"] for row in rows]


CLIENT = """
import json, sys
from pandaclient import Client
task = json.loads(sys.argv[1])
status, (code, message) = Client.insertTaskParams(task, properErrorCode=True)
number = int(message.rpartition("=")[2])
print(json.dumps([
    status, code, message, Client.getTaskStatus(number), Client.getPandaIDsWithTaskID(number),
    Client.getTaskParamsMap(number)[1] == task,
    Client.getJediTaskDetails({"jediTaskID": number}, True, True)[1],
    [job.jediTaskID for job in Client.getFullJobStatus(Client.getPandaIDsWithTaskID(number)[1])[1]],
    [job["PandaID"] for job in Client.get_job_descriptions(number)[1]],
    Client.killTask(number), Client.killTask(number), Client.getTaskStatus(number), Client.finishTask(10**9),
    Client.hello(), Client.get_cert_attributes(),
    str(Client.get_tasks_detailed_info_since(filters={"jediTaskID": str(number)})[1][0]["creationDate"])[:2],
]))
"""


def test_panda_client_s_own_functions_see_a_task_from_its_start_to_its_end(sandbox: Sandbox) -> None:
    log = {"type": "template", "param_type": "log", "value": "l.$JEDITASKID.${SN}.tgz", "dataset": "user.jdoe.log/"}
    command = [sys.executable, "-c", CLIENT, json.dumps({**TASK, "log": log})]
    done = subprocess.run(command, env=sandbox.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    assert answers[:6] == [0, 0, "succeeded. new jediTaskID=1", [0, "ready"], [0, [1, 2]], True]
    details = {"outDS": "user.jdoe.log/", "statistics": "activated*2", "PandaID": [1, 2], "status": "ready"}
    assert details.items() <= answers[6].items()
    assert answers[7:9] == [[1, 1], [1, 2]]
    assert answers[9] == [0, [True, 0]]
    assert "the kill command is not accepted if the task is in aborted status" in answers[10][1][1]
    assert answers[11] == [0, "aborted"]
    assert answers[12] == [0, [False, "not the task owner or no production role"]]
    assert answers[13:] == [[0, ""], [0, {}], "20"]


STATUSES = [
    pytest.param(("activated", "activated"), "ready", id="no job has begun"),
    pytest.param(("running", "activated"), "running", id="one runs"),
    pytest.param(("finished", "activated"), "running", id="one waits"),
    pytest.param(("finished", "finished"), "done", id="all are good"),
    pytest.param(("finished", "failed"), "finished", id="one is bad"),
    pytest.param(("failed", "failed"), "failed", id="all are bad"),
]


@pytest.mark.parametrize(("jobs", "status"), STATUSES)
def test_the_status_of_a_task_is_that_of_its_jobs(shared_sandbox: Sandbox, jobs: tuple[str, ...], status: str) -> None:
    task = submit(shared_sandbox, site="TEST3")["data"]
    ids = call(shared_sandbox, "task/get_job_ids", task_id=task)["data"]
    for panda_id, state in zip(ids, jobs, strict=True):
        shared_sandbox.rows("update jobs set status = ? where panda_id = ?", state, panda_id)
    assert call(shared_sandbox, "task/get_status", task_id=task)["data"] == status


BUILD = {"archiveName": "sources.x.tar.gz", "jobParameters": "-i ${IN} -o ${OUT} --sourceURL ${SURL}"}
BUILD["prodSourceLabel"] = "panda"


def test_a_build_comes_first_and_its_library_goes_to_all_jobs(shared_sandbox: Sandbox) -> None:
    words = [{"type": "constant", "value": "-l ${LIB}"}]
    task = submit(shared_sandbox, site="TEST3", buildSpec=BUILD, jobParameters=words, sourceURL="http://s")["data"]
    build, *jobs = job_parameters(shared_sandbox, task)
    library = build.split()[3]
    assert build == f"-i sources.x.tar.gz -o {library} --sourceURL http://s"
    assert jobs == [f"-l {library}"] * 2
    first, *others = call(shared_sandbox, "task/get_job_descriptions", task_id=task)["data"]
    assert (first["prodSourceLabel"], first["jobStatus"]) == ("panda", "activated")
    assert [one["jobStatus"] for one in others] == ["defined"] * 2
    assert [file["lfn"] for one in others for file in one["Files"] if file["type"] == "input"] == [library] * 2
    details = call(shared_sandbox, "task/get_details", task_id=task, include_status=True)["data"]
    assert (details["status"], details["PandaID"]) == ("ready", [one["PandaID"] for one in others])
    assert call(shared_sandbox, "task/kill", {"task_id": task})["success"] is True
    assert call(shared_sandbox, "task/get_status", task_id=task)["data"] == "aborted"


@pytest.mark.parametrize(
    "change", [{"archiveName": 1}, {"tarBallViaDDM": "a:b"}, {"jobParameters": "--useAthenaPackages"}]
)
def test_a_build_that_the_sandbox_cannot_make_is_refused(shared_sandbox: Sandbox, change: dict[str, Any]) -> None:
    refused = submit(shared_sandbox, site="TEST3", buildSpec={**BUILD, **change})
    assert refused["success"] is False
    assert "doRefine failed with buildSpec" in refused["message"]


def output(value: str, dataset: str = "user.jdoe.o/", **more: Any) -> dict[str, Any]:
    return {"type": "template", "param_type": "output", "value": value, "dataset": dataset, **more}


def number(value: str, **more: Any) -> dict[str, Any]:
    return {"type": "template", "param_type": "number", "value": value, **more}


FILLED = [
    pytest.param([output("${SN/P}.x", hidden=True), "${SN} ${SN/P} $JEDITASKID"], "2 000002 TASK", id="serial numbers"),
    pytest.param([output("--o=u.$JEDITASKID._${SN/P}.x")], "--o=u.TASK._000002.x", id="an output is a stream"),
    pytest.param([output("u${SN}.x", hidden=True), "-o ${OUTPUT0} ${OUTPUT0/T}"], "-o u000002.x ['u000002.x']",
                 id="a stream by its name, as a list, too"),
    pytest.param([output("u${MIDDLENAME}%20", hidden=True), "${OUTPUT0/E} ${OUTPUT0/L} ${OUTPUT0/L/A}"],
                 "u  u%20 'u%20'", id="a stream decoded, and as a list"),
    pytest.param([output("a", hidden=True), output("b", hidden=True), "${OUTPUT0} ${OUTPUT1}"], "a ${OUTPUT1}",
                 id="one stream a data set"),
    pytest.param([output("u${SN}", offset=5, hidden=True), "${OUTPUT0}"], "u000007", id="an output that begins later"),
    pytest.param(["${SN}"], "0", id="nothing counts without an output"),
    pytest.param([number("${SKIPEVENTS}"), number("${MAXEVENTS}"), number("${FIRSTEVENT}", offset=10)], "1 1 11",
                 id="events"),
    pytest.param([number("${RNDMSEED}", offset=3)], "5", id="a seed"),
    pytest.param([{"type": "template", "param_type": "pseudo_input", "dataset": "seq_number", "offset": 4,
                   "value": "${SEQNUMBER}"}], "6", id="a number of a sequence"),
    pytest.param([{**ITEM, "value": '-p "', "padding": False}, 'x"'], '-p "x"', id="no padding"),
    pytest.param([{**ITEM, "value": "y", "es_only": True}, "x"], " x", id="nothing of an event service"),
    pytest.param(["${SURL} ${ATTEMPTNR}"], "URL 1", id="where the sources are"),
    pytest.param(["${OTHER} $X ${Y[0:2]}"], "${OTHER} $X ${Y[0:2]}", id="what is no placeholder stays"),
    pytest.param(["a --goclient=v1:1 --OutputGO=EP:/o/${SN/P}/", output("${SN}", hidden=True)],
                 "a --goclient=v1:1 --OutputGO=EP:/o/000002/", id="the words of a transfer"),
]  # fmt: skip


@pytest.mark.parametrize(("items", "expected"), FILLED)
def test_placeholders_are_filled_as_jedi_fills_them(shared_sandbox: Sandbox, items: list[Any], expected: str) -> None:
    given = [{**ITEM, "value": item} if isinstance(item, str) else item for item in items]
    answer = submit(shared_sandbox, jobParameters=given, sourceURL="http://127.0.0.1:1")
    assert answer["success"] is True, answer
    second = job_parameters(shared_sandbox, answer["data"])[1]
    assert second == expected.replace("TASK", str(answer["data"])).replace("URL", "http://127.0.0.1:1")


TRANSFORMATIONS = [
    pytest.param({}, "SANDBOX/trf/user/runGen-00-00-02", id="prun"),
    pytest.param({"processingType": "panda-client-2.2.0-jedi-athena-trf"}, "SANDBOX/trf/user/runAthena-00-00-12",
                 id="pathena"),
    pytest.param({"transPath": "http://pandaserver.cern.ch:25080/trf/user/runGen-00-00-02"},
                 "SANDBOX/trf/user/runGen-00-00-02", id="the server's own"),
    pytest.param({"transPath": "https://example.org/mine"}, "https://example.org/mine", id="the user's own"),
]  # fmt: skip


@pytest.mark.parametrize(("parameters", "expected"), TRANSFORMATIONS)
def test_the_server_s_transformations_are_looked_for_in_the_sandbox(
    shared_sandbox: Sandbox, parameters: dict[str, Any], expected: str
) -> None:
    task = submit(shared_sandbox, **parameters)["data"]
    (job, _) = call(shared_sandbox, "task/get_job_descriptions", task_id=task)["data"]
    assert job["transformation"] == expected.replace("SANDBOX", shared_sandbox.url)
    if expected.startswith("SANDBOX"):
        assert requests.get(job["transformation"], timeout=BOUND).text.startswith("#!/bin/bash\nNAME=run")


WRONG: list[Any] = [
    pytest.param({"taskName": None}, "failed to register task", id="no name"),
    pytest.param({"taskName": "user.asmith.x/"}, "it must begin with user.jdoe.", id="somebody else's"),
    pytest.param({"jobParameters": "x"}, "jobParameters must be of type list, got str", id="items that are none"),
    pytest.param({"jobParameters": ["x"]}, "neither a constant nor a template", id="an item that is none"),
    pytest.param({"jobParameters": [{**ITEM, "value": 1}]}, "its value must be a text", id="a value that is no text"),
    pytest.param({"jobParameters": [output("x", dataset=1)]}, "an output without a dataset", id="no data set"),  # type: ignore[arg-type]
    pytest.param({"jobParameters": [{**number("x"), "param_type": "y"}]}, "unknown param_type 'y'", id="a new kind"),
    pytest.param({"jobParameters": [{**ITEM, "value": "${IN/T}"}]}, "unresolved ${IN/T} when", id="no input"),
    pytest.param({"noInput": False}, "has no input data sets", id="an input that is not named"),
    pytest.param({"nEvents": "3"}, "nEvents='3': it must be a positive number", id="a number that is none"),
    pytest.param({"nEvents": 10**6}, "1000000 jobs: the sandbox makes 10000", id="too many jobs"),
    pytest.param({"site": "X"}, "no candidates", id="no such queue"),
    pytest.param({"site": "OFFLINE1"}, "no candidates", id="a queue that is offline"),
    pytest.param({"excludedSite": ["TEST1"]}, "no candidates", id="an excluded queue"),
    pytest.param({"processingType": "panda-client-2.2.0-jedi-cont"}, "it has no containers", id="a container"),
    pytest.param({"vo": "x" * 33}, "failed to generate jobs: a value is too long", id="a value that does not fit"),
]


@pytest.mark.parametrize(("parameters", "why"), WRONG)
def test_a_wrong_task_is_refused_and_leaves_nothing(
    shared_sandbox: Sandbox, parameters: dict[str, Any], why: str
) -> None:
    before = shared_sandbox.rows("select (select count(*) from jobs) j, (select count(*) from jedi_tasks) t")
    answer = submit(shared_sandbox, **parameters)
    assert (answer["success"], answer["data"]) == (False, 4)
    assert why in answer["message"]
    assert shared_sandbox.rows("select (select count(*) from jobs) j, (select count(*) from jedi_tasks) t") == before


@pytest.mark.parametrize("name", ["vo", "prodSourceLabel", "processingType", "jobParameters"])
def test_a_parameter_that_is_missing_is_named(shared_sandbox: Sandbox, name: str) -> None:
    task = {key: value for key, value in TASK.items() if key != name}
    answer = call(shared_sandbox, "task/submit", {"task_parameters": task})
    assert answer["message"] == f"failed to extract common parameters with KeyError:'{name}'"


CALLS = [
    pytest.param("task/submit", "{", {}, [500, "received invalid JSON"], id="JSON that is none"),
    pytest.param("task/submit", {}, {}, "Argument error: missing a required argument: 'task_parameters'", id="nothing"),
    pytest.param("task/submit", {"task_parameters": "{}"}, {},
                 "Type error: 'task_parameters' must be of type dict, got str.", id="a text for an object"),
    pytest.param("task/submit", {"task_parameters": {}, "parent_tid": "1"}, {},
                 "Type error: 'parent_tid' must be of type int, got str.", id="a text for a number"),
    pytest.param("task/submit", {"task_parameters": TASK}, {"Content-Type": "application/json; charset=utf-8"},
                 "Argument error: missing a required argument: 'task_parameters'", id="a Content-Type with more in it"),
    pytest.param("task/get_status", {"task_id": 1}, {}, "expecting GET, received POST", id="the wrong method"),
    pytest.param("file_server/upload_cache_file", {"file": "x"}, {},
                 "Type error: 'file' must be of type FileStorage, got str.", id="a text for a file"),
    pytest.param("file_server/validate_cache_file", {"file_size": 1, "checksum": []}, {},
                 "Type error: 'checksum' must be of type int, got list.", id="a list for a checksum"),
    pytest.param("job/get_description", {"job_ids": ["1"]}, {},
                 "Type error: All elements in 'job_ids' must be int.", id="texts for numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "document", "headers", "expected"), CALLS)
def test_a_wrong_call_is_answered_in_the_server_s_words(
    shared_sandbox: Sandbox, method: str, document: Any, headers: dict[str, str], expected: Any
) -> None:
    answer = call(shared_sandbox, method, document, headers=headers)
    if isinstance(expected, str):
        assert answer == {"success": False, "message": expected, "data": None}
    else:
        assert answer[0] == expected[0]
        assert expected[1] in answer[1]


def test_tasks_are_found_by_what_is_known_of_them(sandbox: Sandbox) -> None:
    tasks = [submit(sandbox, taskName=f"user.jdoe.{name}/")["data"] for name in "ab"]

    def found(**query: Any) -> Any:
        answer = call(sandbox, "task/get_tasks_detailed_info_since", **query)
        return [task["jediTaskID"] for task in answer["data"]] if answer["success"] else answer["message"]

    assert found() == found(since="2020-01-01 00:00:00") == tasks[::-1]
    assert found(since="2999-01-01 00:00:00") == []
    assert found(filters='{"taskName": "user.jdoe.a/", "status": "ready"}') == tasks[:1]
    assert found(n_tasks=1) == tasks[1:]
    assert "valid JSON" in found(filters="{")
    assert "must be a JSON object" in found(filters="[1]")
    assert "since no time" in found(since="now")
    info = call(sandbox, "task/get_detailed_info", task_id=tasks[0])["data"]
    assert {"userName": "Jane Doe", "nFiles": 2, "task_creation_arguments": "prun …"}.items() <= info.items()
    assert "status" not in call(sandbox, "task/get_details", task_id=tasks[0])["data"]
    for method in ("get_details", "get_detailed_info", "get_task_parameters"):
        assert call(sandbox, f"task/{method}", task_id=99)["success"] is False
    assert call(sandbox, "task/get_job_ids", task_id=99)["data"] == []
    bad = call(sandbox, "task/get_job_descriptions", task_id=tasks[0], unsuccessful_only=True)
    assert bad["data"] == []


def test_without_a_site_the_jobs_go_to_a_queue_that_is_not_excluded(shared_sandbox: Sandbox) -> None:
    for more, site in (
        ({"excludedSite": ["TEST1"]}, "TEST3"),
        ({"includedSite": ["X", "ANALY_BNL_T3"]}, "ANALY_BNL_T3"),
    ):
        task = submit(shared_sandbox, site=None, **more)["data"]
        assert call(shared_sandbox, "task/get_job_descriptions", task_id=task)["data"][0]["computingSite"] == site


def test_a_number_of_the_query_is_read_as_the_server_reads_it(shared_sandbox: Sandbox) -> None:
    told = "Type error: 'task_id' with value 'x' could not be casted to type int from str."
    assert call(shared_sandbox, "task/get_status", task_id="x")["message"] == told
    for number in ("0", "1e30", "-1e30", "0.5"):
        assert call(shared_sandbox, "task/get_status", task_id=number)["message"] == "Task not found"
    assert call(shared_sandbox, "job/get_status", job_ids=[0, -1])["data"] == [["unknown", None]] * 2


def test_a_compressed_task_is_taken_and_one_without_a_token_is_not(shared_sandbox: Sandbox) -> None:
    body = json.dumps({"task_parameters": TASK}).encode()
    packed = call(shared_sandbox, "task/submit", gzip.compress(body), headers={"Content-Encoding": "gzip"})
    assert packed["success"] is True
    assert call(shared_sandbox, "task/submit", body, token="")["message"] == "SSL secure connection is required"
    assert call(shared_sandbox, "system/is_alive", token="") == {"success": True, "message": "", "data": None}


def test_a_task_is_ended_by_its_owner_or_a_production_role_alone(shared_sandbox: Sandbox) -> None:
    task = submit(shared_sandbox)["data"]
    token = shared_sandbox.rows("select token from identities where username like 'asmith%'")[0]["token"]
    headers = {"Authorization": f"Bearer {token}"}
    refused = call(shared_sandbox, "task/kill", {"task_id": task}, headers=headers)
    assert refused["message"] == "not the task owner or no production role"
    assert call(shared_sandbox, "task/finish", {"task_id": task, "soft": True}, token="pilot")["success"] is True
    assert call(shared_sandbox, "task/get_status", task_id=task)["data"] == "failed"
    assert call(shared_sandbox, "task/kill", {"task_id": 10**9}, token="pilot")["data"] == 2


def upload(sandbox: Sandbox, name: str, content: bytes) -> Any:
    headers = {"Authorization": f"Bearer {(sandbox.root / 'user.token').read_text()}", "Accept": "application/json"}
    url = f"{sandbox.url}/api/v1/file_server/upload_cache_file"
    return requests.post(url, files={"file": (name, content)}, headers=headers, timeout=BOUND).json()


def test_sources_are_kept_under_their_last_name_and_never_exchanged(shared_sandbox: Sandbox) -> None:
    assert upload(shared_sandbox, "../a/jobO.1.tar.gz", b"one")["success"] is True
    assert upload(shared_sandbox, "jobO.1.tar.gz", b"two")["message"] == "ERROR: cannot overwrite file"
    assert upload(shared_sandbox, "..", b"x")["message"] == "ERROR: cannot overwrite file"
    assert upload(shared_sandbox, "x" * 300, b"x")["message"] == "ERROR: cannot write file"
    assert requests.get(f"{shared_sandbox.url}/cache/jobO.1.tar.gz", timeout=BOUND).content == b"one"
    for content in (b"old", b"new"):
        assert upload(shared_sandbox, "x.__ow__", content)["success"] is True
    assert (shared_sandbox.root / "cache" / "x.__ow__").read_bytes() == b"new"


def test_sources_that_are_too_large_are_refused(shared_sandbox: Sandbox) -> None:
    large = b"x" * ((10 << 20) + 1)
    assert (
        "10 MB > 10 MB. Please submit the job without --noBuild" in upload(shared_sandbox, "jobO.2", large)["message"]
    )
    assert upload(shared_sandbox, "sources.2", large)["success"] is True
