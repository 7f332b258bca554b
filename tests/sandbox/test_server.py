"""The services in miniature behave as the real ones: asked with globus-sdk, panda-client and plain HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from email.utils import parsedate_to_datetime
from typing import Any

import globus_sdk
import pytest
import requests

from tests.sandbox.waiting import until
from tests.sandboxes import Sandbox

BOUND = 60.0  # seconds


@pytest.fixture
def transfer(shared_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> globus_sdk.TransferClient:
    """globus-sdk's own client, logged in as the sandbox's user."""
    for name, value in shared_sandbox.env.items():
        if name.startswith("GLOBUS_SDK_"):
            monkeypatch.setenv(name, value)
    return transfer_client(shared_sandbox)


def transfer_client(sandbox: Sandbox, scope: str = "") -> globus_sdk.TransferClient:
    client = globus_sdk.ConfidentialAppAuthClient(
        sandbox.env["GOCLIENT_CLIENT_ID"], sandbox.env["GOCLIENT_CLIENT_SECRET"]
    )
    scope = scope or "urn:globus:auth:scope:transfer.api.globus.org:all"
    tokens = client.oauth2_client_credentials_tokens(requested_scopes=scope)
    token = tokens.by_resource_server["transfer.api.globus.org"]["access_token"]
    return globus_sdk.TransferClient(authorizer=globus_sdk.AccessTokenAuthorizer(token))


def collection(sandbox: Sandbox, name: str) -> str:
    return str(sandbox.rows("select id from collections where display_name = ?", name)[0]["id"])


def data(sandbox: Sandbox, source: str, target: str, **more: Any) -> globus_sdk.TransferData:
    wanted = globus_sdk.TransferData(collection(sandbox, "SITE1"), collection(sandbox, "mxp#MXP_OU_TEST"), **more)
    wanted.add_item(source, target)
    return wanted


# --- Transfer ---


def test_a_transfer_is_asynchronous_and_ends_with_the_file(
    shared_sandbox: Sandbox, transfer: globus_sdk.TransferClient
) -> None:
    accepted = transfer.submit_transfer(data(shared_sandbox, "/home/osg_data/panda/0064.file", "/home/usatlas1/a"))
    assert accepted["code"] == "Accepted"
    done = until(lambda: (task := transfer.get_task(accepted["task_id"]))["status"] != "ACTIVE" and task)
    assert (done["status"], done["files_transferred"], done["faults"]) == ("SUCCEEDED", 1, 0)
    assert shared_sandbox.path("mxp#MXP_OU_TEST", "home/usatlas1/a").exists()
    (moved,) = transfer.task_successful_transfers(accepted["task_id"])
    assert moved["destination_path"] == "/home/usatlas1/a"


def test_one_submission_id_is_one_task_however_often_it_is_sent(
    shared_sandbox: Sandbox, transfer: globus_sdk.TransferClient
) -> None:
    submission = transfer.get_submission_id()["value"]
    wanted = data(shared_sandbox, "/home/osg_data/panda/0064.file", "/home/usatlas1/b", submission_id=submission)
    answers = [transfer.submit_transfer(wanted) for _ in range(3)]
    assert [answer["code"] for answer in answers] == ["Accepted", "Duplicate", "Duplicate"]
    assert len({answer["task_id"] for answer in answers}) == 1


def test_a_missing_source_does_not_fail_a_task_it_stays_active_with_faults_until_its_deadline(
    shared_sandbox: Sandbox, transfer: globus_sdk.TransferClient
) -> None:
    from datetime import UTC, datetime, timedelta

    soon = datetime.now(UTC) + timedelta(seconds=2)
    wanted = data(shared_sandbox, "/home/osg_data/panda/none", "/home/usatlas1/c", deadline=soon)
    task_id = transfer.submit_transfer(wanted)["task_id"]
    faulty = until(lambda: (task := transfer.get_task(task_id))["faults"] and task)
    assert (faulty["status"], faulty["nice_status"], faulty["is_ok"]) == ("ACTIVE", "FILE_NOT_FOUND", False)
    event = transfer.task_event_list(task_id, query_params={"filter": "is_error:1"})["DATA"][0]
    assert event["code"] == "FILE_NOT_FOUND"
    with pytest.raises(globus_sdk.TransferAPIError):
        transfer.task_successful_transfers(task_id)
    ended = until(lambda: (task := transfer.get_task(task_id))["status"] != "ACTIVE" and task)
    assert (ended["status"], ended["fatal_error"]["code"]) == ("FAILED", "EXPIRED")


ERRORS = [
    pytest.param("operation_ls", ("SITE1", "/no/such"), 404, "ClientError.NotFound", id="ls of nothing"),
    pytest.param("operation_stat", ("SITE1", "/no/such"), 404, "NotFound", id="stat of nothing"),
    pytest.param(
        "operation_ls", ("SITE1", "/home/osg_data/panda/0064.file"), 502,
        "ExternalError.DirListingFailed.NotDirectory", id="ls of a file",
    ),
    pytest.param("operation_ls", ("SITE1", "/../../"), 403, "EndpointPermissionDenied", id="out of the collection"),
    pytest.param("operation_mkdir", ("SITE1", "/home"), 502, "ExternalError.MkdirFailed.Exists", id="mkdir of what is"),
    pytest.param("operation_ls", ("CONSENT1", "/data"), 403, "ConsentRequired", id="without the consent"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "arguments", "status", "code"), ERRORS)
def test_errors_have_the_service_s_status_and_code(
    shared_sandbox: Sandbox, transfer: globus_sdk.TransferClient, method: str, arguments: tuple[str, str], status: int,
    code: str,
) -> None:  # fmt: skip
    name, path = arguments
    with transfer.retry_config.tune(max_retries=0), pytest.raises(globus_sdk.TransferAPIError) as raised:
        getattr(transfer, method)(collection(shared_sandbox, name), path=path)
    assert (raised.value.http_status, raised.value.code) == (status, code)
    assert raised.value.request_id
    if code == "ConsentRequired":
        assert raised.value.info.consent_required.required_scopes


def test_with_its_consent_a_guarded_collection_is_listed(shared_sandbox: Sandbox, transfer: Any) -> None:
    guarded = collection(shared_sandbox, "CONSENT1")
    consent = f"[*https://auth.globus.org/scopes/{guarded}/data_access]"
    allowed = transfer_client(shared_sandbox, f"urn:globus:auth:scope:transfer.api.globus.org:all{consent}")
    assert [entry["name"] for entry in allowed.operation_ls(guarded, path="/data")] == ["guarded.dat"]


def test_a_token_that_is_none_is_refused(shared_sandbox: Sandbox) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        answer = requests.get(f"{shared_sandbox.url}/v0.10/task_list", headers=headers, timeout=BOUND)
        assert (answer.status_code, answer.json()["code"]) == (401, "AuthenticationFailed")
    wrong = requests.post(f"{shared_sandbox.url}/v2/oauth2/token", auth=("a", "b"), timeout=BOUND)
    assert (wrong.status_code, wrong.json()) == (401, {"error": "invalid_client"})


# --- Globus Connect Personal ---


def connect(sandbox: Sandbox, *words: str) -> subprocess.CompletedProcess[str]:
    program = str(sandbox.root / "bin" / "globusconnectpersonal")
    return subprocess.run([program, *words], env=sandbox.env, capture_output=True, text=True, timeout=BOUND)


def test_globus_connect_personal_lives_from_its_setup_to_its_stop(
    shared_sandbox: Sandbox, transfer: globus_sdk.TransferClient, tmp_path: Any
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "file").write_text("x")
    document = {"DATA_TYPE": "endpoint", "display_name": "mine", "is_globus_connect": True, "public": False}
    made = transfer.post("/v0.10/endpoint", data=document)
    folder = ("-dir", str(tmp_path / "config"))
    key = made["globus_connect_setup_key"]
    assert connect(shared_sandbox, *folder, "-status").returncode == 1
    assert connect(shared_sandbox, *folder, "-setup", "--setup-key", key).returncode == 0
    again = connect(shared_sandbox, "-dir", str(tmp_path / "other"), "-setup", "--setup-key", key)
    assert again.returncode == 1, "a setup key works once"

    program = str(shared_sandbox.root / "bin" / "globusconnectpersonal")
    running = subprocess.Popen([program, *folder, "-start", "-restrict-paths", f"rw{shared}"], env=shared_sandbox.env)
    until(lambda: "connected" in connect(shared_sandbox, *folder, "-status").stdout)
    until(lambda: transfer.get_endpoint(made["id"])["gcp_connected"])
    listed = until(lambda: _names(transfer, made["id"], f"{shared}/"))
    assert listed == ["file"]
    with pytest.raises(globus_sdk.TransferAPIError, match="not allowed"):
        transfer.operation_ls(made["id"], path=str(tmp_path))
    second = connect(shared_sandbox, *folder, "-start")
    assert second.returncode == 1, "one configuration runs once"

    running.kill()
    running.wait()
    with transfer.retry_config.tune(max_retries=0), pytest.raises(globus_sdk.TransferAPIError) as raised:
        transfer.operation_ls(made["id"], path=f"{shared}/")
    assert raised.value.code == "ExternalError.DirListingFailed.GCDisconnected"
    transfer.delete_endpoint(made["id"])


def _names(transfer: globus_sdk.TransferClient, id: str, path: str) -> list[str]:
    try:
        return [entry["name"] for entry in transfer.operation_ls(id, path=path)]
    except globus_sdk.TransferAPIError:
        return []


# --- PanDA ---


def call(sandbox: Sandbox, method: str, document: Any, *, token: str = "user") -> requests.Response:
    headers = {"Accept": "application/json", "Content-Type": "application/json", "Origin": "sandbox"}
    if token:
        headers["Authorization"] = f"Bearer {(sandbox.root / f'{token}.token').read_text()}"
    body = document if isinstance(document, str) else json.dumps(document)
    return requests.post(f"{sandbox.url}/api/v1/{method}", data=body, headers=headers, timeout=BOUND)


def test_panda_s_refusals_are_worded_as_the_server_words_them(shared_sandbox: Sandbox) -> None:
    refused = call(shared_sandbox, "job/submit", {"jobs": "[]"}, token="").json()
    assert refused == {"success": False, "message": "SSL secure connection is required", "data": None}
    assert call(shared_sandbox, "job/submit", {"jobs": "[]"}).json()["message"] == "No jobs were submitted"
    missing = call(shared_sandbox, "job/submit", {"job": "[]"}).json()
    assert missing["message"] == "Argument error: missing a required argument: 'jobs'"
    broken = call(shared_sandbox, "job/submit", "{")
    assert (broken.status_code, broken.text[:7]) == (500, "ERROR :")
    assert call(shared_sandbox, "pilot/acquire_jobs", {"site_name": "TEST1", "prod_source_label": "user"}).json() == {
        "success": False, "message": "No jobs in PanDA", "data": None,
    }  # fmt: skip
    update = call(shared_sandbox, "pilot/update_job", {"job_id": 1, "job_status": "running"}).json()
    assert update["message"] == "production or pilot role required"


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        pytest.param("/server/panda/submitJobs", 403, "ERROR : method submitJobs is forbidden", id="legacy PanDA"),
        pytest.param("/api/v1/job/nothing", 403, "ERROR : method nothing is forbidden", id="PanDA"),
        pytest.param("/v0.10/nothing", 404, "ClientError.NotFound", id="Transfer"),
        pytest.param("/v2/nothing", 404, "not_found", id="Auth"),
        pytest.param("/nothing", 404, "404 Not Found", id="web server"),
    ],
)
def test_unknown_routes_answer_as_the_real_service_does(
    shared_sandbox: Sandbox, path: str, status: int, text: str
) -> None:
    answer = requests.get(f"{shared_sandbox.url}{path}", timeout=BOUND)
    assert answer.status_code == status
    assert text in answer.text


PANDA_CLIENT = """
import json, sys
from pandaclient import Client
from pandaclient.JobSpec import JobSpec
from pandaclient.FileSpec import FileSpec
job = JobSpec()
for name, value in json.loads(sys.argv[1]).items():
    setattr(job, name, value)
log = FileSpec()
log.lfn, log.type, log.dataset = job.jobName + ".job.log.tgz", "log", job.destinationDBlock
job.addFile(log)
status, ids = Client.submitJobs([job])
_, (found,) = Client.getJobStatus([ids[0][0]]) if ids and ids[0][0] != "NULL" else (0, (None,))
print(json.dumps([status, ids, found and [found.jobStatus, found.jobParameters, found.ddmErrorDiag]]))
"""
JOB = {"jobDefinitionID": 7, "jobName": "n", "transformation": "/bin/true", "computingSite": "TEST1",
       "prodSourceLabel": "user", "destinationSE": "local", "destinationDBlock": "panda.destDB.x",
       "currentPriority": 1000, "jobParameters": "--goclient=v1:0 ü"}  # fmt: skip


def stock_client(sandbox: Sandbox, **job: Any) -> Any:
    command = [sys.executable, "-c", PANDA_CLIENT, json.dumps({**JOB, **job})]
    done = subprocess.run(command, env=sandbox.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_panda_client_itself_submits_to_the_sandbox_and_sees_its_job(shared_sandbox: Sandbox) -> None:
    status, ((panda_id, definition, _),), found = stock_client(shared_sandbox)
    assert (status, definition, found[:2]) == (0, 7, ["activated", JOB["jobParameters"]])
    assert panda_id > 0
    shared_sandbox.rows("update jobs set status = 'cancelled' where panda_id = ?", panda_id)


@pytest.mark.conformance  # it takes long
def test_a_row_that_the_database_refuses_comes_back_without_a_panda_id(shared_sandbox: Sandbox) -> None:
    for name, width in (("transformation", 250), ("computingSite", 128), ("cloud", 32), ("jobName", 256)):
        _, ((panda_id, *_),), _ = stock_client(shared_sandbox, **{name: "x" * (width + 1)})
        assert panda_id == "NULL", name


def test_a_job_of_an_unknown_queue_fails_although_it_was_accepted(shared_sandbox: Sandbox) -> None:
    _, ((panda_id, *_),), found = stock_client(shared_sandbox, computingSite="NOWHERE")
    assert panda_id > 0
    assert (found[0], found[2]) == ("failed", "computingSite:NOWHERE is unknown")


def test_a_finished_job_is_in_the_archive_and_later_reports_change_nothing(shared_sandbox: Sandbox) -> None:
    _, ((panda_id, *_),), _ = stock_client(shared_sandbox)
    cases = [
        ("starting", "starting", "NULL"),
        ("running", "running", "NULL"),
        ("holding", "holding", "NULL"),
        ("finished", "finished", "NULL"),
        ("finished", "finished", "tobekilled"),
        ("failed", "finished", "tobekilled"),
    ]
    for state, after, command in cases:
        news = {"job_id": panda_id, "job_status": state, "attempt_nr": 0}
        answer = call(shared_sandbox, "pilot/update_job", news, token="pilot").json()["data"]
        assert answer == {"StatusCode": 0, "command": command}
        (job,) = call(shared_sandbox, "job/get_description", {"job_ids": [panda_id]}).json()["data"]
        assert job["jobStatus"] == after


def test_ids_that_no_job_has_are_null(shared_sandbox: Sandbox) -> None:
    answer = call(shared_sandbox, "job/get_description", {"job_ids": [0, -1, 10**30]})
    assert answer.json() == {"success": True, "message": "", "data": [None, None, None]}


@pytest.mark.conformance  # it takes long
def test_only_5000_jobs_of_a_call_are_stored_without_a_word(sandbox: Sandbox) -> None:
    from goclient.model.records.panda_job import JobTemplate, encode_jobs, job_records

    common = JobTemplate("/bin/true", "TEST1", "user", "local", "panda.destDB.x", 7, 1000)
    record = encode_jobs(job_records(common, name="n", parameters="", count=5001))
    answer = call(sandbox, "job/submit", {"jobs": record}).json()
    assert answer["success"] is True
    assert len(answer["data"]) == 5000


@pytest.mark.parametrize("seconds", [-86_400, 86_400])
def test_the_clock_of_the_sandbox_may_be_wrong(shared_sandbox: Sandbox, seconds: int) -> None:
    shared_sandbox.set(clock_seconds=seconds)
    try:
        date = requests.get(f"{shared_sandbox.url}/api/v1/system/is_alive", timeout=BOUND).headers["Date"]
    finally:
        shared_sandbox.set()
    assert abs(parsedate_to_datetime(date).timestamp() - time.time() - seconds) < BOUND
