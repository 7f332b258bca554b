"""The PanDA server's API v1 in miniature, worded as the server 1.0.4 words it."""

from __future__ import annotations

import gzip
import inspect
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from goclient.errors import GoclientError
from goclient.model.record import DIAGNOSES, FILE_ATTRIBUTES, JOB_ATTRIBUTES, LOG, UNSET, WIDTHS, decode_jobs
from goclient.sandbox.http import ServiceError, answer, bearer
from goclient.sandbox.state import State, dumped

MAX_ID = (1 << 63) - 1  # the largest that the database takes
MAX_JOBS = 5000  # the server cuts longer lists without a word
DONE = ("finished", "failed", "cancelled", "closed")
STATES = ("sent", "starting", "running", "transferring", "holding", "finished", "failed")
FILE_WIDTHS = {"lfn": 4000, "dataset": 255, "destinationDBlock": 255, "type": 20}


class Panda:
    """The routes of the PanDA server; each method of the API is a method here, its arguments those of the API."""

    def __init__(self, state: State) -> None:
        self._state = state

    def rules(self) -> list[Rule]:
        """The routes and their handlers."""
        methods: dict[str, Callable[..., Any]] = {
            "job/submit": self.submit,
            "job/get_description": self.get_description,
            "job/get_description_incl_archive": self.get_description,
            "job/get_status": self.get_status,
            "job/kill": self.kill,
            "pilot/acquire_jobs": self.acquire_jobs,
            "pilot/update_job": self.update_job,
            "system/is_alive": self.is_alive,
        }
        return [
            Rule(f"/api/v1/{path}", endpoint=self._handler(method), methods=["GET", "POST"])
            for path, method in methods.items()
        ]

    def _handler(self, method: Callable[..., Any]) -> Callable[[Request], Response]:
        def handle(request: Request) -> Response:
            owner = self._owner(request)
            arguments = _arguments(request)
            if owner is None:
                return answer(_refusal("SSL secure connection is required"))
            try:
                bound = inspect.signature(method).bind(owner, **arguments)
            except TypeError as error:
                return answer(_refusal(f"Argument error: {error}"))
            return answer(method(*bound.args, **bound.kwargs))

        return handle

    def _owner(self, request: Request) -> dict[str, Any] | None:
        token = bearer(request)
        if not token:
            return None
        owner = self._state.row("select * from identities where token = ?", token)
        if owner is None:
            raise ServiceError(403, "ERROR : Token authentication failed. Signature verification failed")
        return owner

    # --- jobs ---

    def submit(self, owner: dict[str, Any], jobs: str) -> dict[str, Any]:
        """Stores jobs; a row that the database refuses comes back with the PandaID "NULL", as the server does it."""
        try:
            rows = decode_jobs(jobs)[:MAX_JOBS]
        except (GoclientError, TypeError) as error:
            return _refusal(f"Failed to deserialize jobs: {error}")
        if not rows:
            return _refusal("No jobs were submitted")
        if any(row.get("prodSourceLabel") == "managed" for row in rows) and not owner["production"]:
            return _refusal(f"{owner['subject']} is missing production for prodSourceLabel=managed submission")
        with self._state.transaction():
            stored = [self._store(owner, row) for row in rows]
        return _success(stored)

    def _store(self, owner: dict[str, Any], job: dict[str, Any]) -> list[Any]:
        definition = job.get("jobDefinitionID", 0)
        if not _fits(job):
            return [UNSET, definition, {"jobsetID": UNSET}]
        known = self._state.row("select 1 from queues where name = ?", str(job.get("computingSite")))
        status = "activated" if known else "failed"
        if not known:
            job["taskBufferErrorDiag"] = f"computingSite:{job.get('computingSite')} is unknown"
        job["prodUserID"] = owner["subject"]
        job["attemptNr"] = 1
        values = {
            "owner": owner["id"],
            "status": status,
            "site": str(job.get("computingSite")),
            "attributes": "{}",
            "changed": time.time(),
        }
        panda_id = self._state.insert("jobs", values)
        job["PandaID"] = panda_id
        for file in job["Files"]:
            file["PandaID"] = panda_id
            file["GUID"] = str(uuid.uuid4()) if file.get("type") == LOG else file.get("GUID")
        parameters = str(job.get("jobParameters", ""))
        job["jobParameters"] = parameters.replace("$JOBSETID", "000000").replace("$JEDITASKID", "")
        self._state.run("update jobs set attributes = ? where panda_id = ?", dumped(job), panda_id)
        return [panda_id, definition, {"jobsetID": UNSET}]

    def get_description(self, owner: dict[str, Any], job_ids: list[int]) -> dict[str, Any]:
        """Every attribute of each job and of its files; null for a job that is not known."""
        return _success([self._described(panda_id) for panda_id in _integers(job_ids)])

    def _described(self, panda_id: int) -> dict[str, Any] | None:
        row = self._state.row("select * from jobs where panda_id = ?", panda_id)
        if row is None:
            return None
        job = {**json.loads(row["attributes"]), "jobStatus": row["status"]}
        files = [{name: file.get(name) for name in FILE_ATTRIBUTES} for file in job["Files"]]
        return {**{name: job.get(name) for name in JOB_ATTRIBUTES}, "Files": files}

    def get_status(self, owner: dict[str, Any], job_ids: list[int], timeout: int = 60) -> dict[str, Any]:
        """The status of each job, and the command to its pilot."""
        found = [self._state.row("select * from jobs where panda_id = ?", one) for one in _integers(job_ids)]
        return _success([[row["status"], row["command"] or UNSET] if row else ["unknown", None] for row in found])

    def kill(self, owner: dict[str, Any], job_ids: list[int]) -> dict[str, Any]:
        """Tells the pilots of one's own jobs to stop; a job that no pilot has yet is cancelled."""
        for panda_id in _integers(job_ids):
            mine = "panda_id = ? and owner = ?"
            self._state.run(f"update jobs set command = 'tobekilled' where {mine}", panda_id, owner["id"])
            self._state.run(
                f"update jobs set status = 'cancelled' where {mine} and status = 'activated'", panda_id, owner["id"]
            )
        return _success([True] * len(_integers(job_ids)))

    def is_alive(self, owner: dict[str, Any]) -> dict[str, Any]:
        """Says that the server answers."""
        return _success("alive=yes")

    # --- pilots ---

    def acquire_jobs(
        self, owner: dict[str, Any], site_name: str, prod_source_label: str | None = None, **rest: Any
    ) -> dict[str, Any]:
        """One activated job of a queue, now sent to the caller; without the production role, one's own jobs only."""
        if not owner["production"] and prod_source_label != "user":
            return _refusal("no production/pilot role in VOMS FQANs or non pilot owner")
        mine = "" if owner["production"] else " and owner = :owner"
        with self._state.transaction() as connection:
            query = f"select * from jobs where status = 'activated' and site = :site{mine} order by panda_id limit 1"
            row = connection.execute(query, {"site": site_name, "owner": owner["id"]}).fetchone()
            if row is not None:
                self._set_status(row["panda_id"], "sent")
        if row is None:
            return _refusal("No jobs in PanDA")
        return _success({"StatusCode": 0, "jobs": [_for_pilot(json.loads(row["attributes"]))]})

    def update_job(
        self, owner: dict[str, Any], job_id: int, job_status: str, attempt_nr: int | None = None, **details: Any
    ) -> dict[str, Any]:
        """Takes a pilot's news of a job; the answer holds the command to the pilot."""
        if not owner["production"]:
            return _refusal("production or pilot role required")
        if job_status not in STATES:
            return {**_refusal(f"Invalid job status: {job_status}"), "data": {"StatusCode": 50}}
        row = self._state.row("select * from jobs where panda_id = ?", job_id)
        if row is None or row["status"] in DONE:
            return _success({"StatusCode": 0, "command": "tobekilled" if row is None else UNSET})
        job = json.loads(row["attributes"])
        if attempt_nr is not None and attempt_nr != job["attemptNr"]:
            return _success({"StatusCode": 0, "command": "badattemptnr"})
        for argument, attribute in _DETAILS.items():
            if details.get(argument) not in (None, ""):
                job[attribute] = str(details[argument])[:500]
        self._state.run("update jobs set attributes = ? where panda_id = ?", dumped(job), job_id)
        self._set_status(job_id, "finished" if job_status == "holding" else job_status)
        return _success({"StatusCode": 0, "command": row["command"] or UNSET})

    def _set_status(self, panda_id: int, status: str) -> None:
        self._state.run("update jobs set status = ?, changed = ? where panda_id = ?", status, time.time(), panda_id)


_DETAILS = {
    "trans_exit_code": "transExitCode",
    "pilot_error_code": "pilotErrorCode",
    "pilot_error_diag": DIAGNOSES[0],
    "exe_error_code": "exeErrorCode",
    "exe_error_diag": DIAGNOSES[1],
    "job_metrics": "jobMetrics",
    "node": "modificationHost",
    "job_output_report": "metadata",
}


def _fits(job: dict[str, Any]) -> bool:
    """Whether the database takes the row: widths, and no NUL."""
    texts = [value for value in job.values() if isinstance(value, str)]
    if any("\0" in text for text in texts):
        return False
    files_fit = all(len(str(file.get(n, ""))) <= w for file in job["Files"] for n, w in FILE_WIDTHS.items())
    return files_fit and all(len(str(job.get(name, ""))) <= width for name, width in WIDTHS.items())


def _for_pilot(job: dict[str, Any]) -> dict[str, Any]:
    """A job as the dispatcher hands it to a pilot (server 1.0.4, Protocol.appendJob); unset is "NULL"."""

    def of(name: str) -> Any:
        return job.get(name, UNSET)

    outputs = [file for file in job["Files"] if file.get("type") in ("output", LOG)]
    log: dict[str, Any] = next((file for file in outputs if file["type"] == LOG), {})
    same = (
        "PandaID",
        "prodSourceLabel",
        "transformation",
        "homepackage",
        "jobName",
        "jobDefinitionID",
        "cloud",
        "attemptNr",
        "destinationSE",
        "prodUserID",
        "processingType",
        "transferType",
        "sourceSite",
        "maxCpuCount",
        "maxDiskCount",
        "minRamCount",
        "currentPriority",
        "taskID",
        "jobsetID",
        "maxWalltime",
    )
    return {
        **{name: of(name) for name in same},
        "jobPars": job.get("jobParameters", ""),
        "inFiles": "",
        "outFiles": ",".join(file["lfn"] for file in outputs),
        "destinationDblock": ",".join(file.get("destinationDBlock", UNSET) for file in outputs),
        "dispatchDblock": "",
        "logFile": log.get("lfn", ""),
        "logGUID": log.get("GUID", ""),
        "coreCount": 1,
        "nSent": 1,
    }


def _arguments(request: Request) -> dict[str, Any]:
    """The arguments of a call, found as the server finds them: a JSON body, a form, or the query string."""
    if request.method == "GET":
        return {key: values[0] if len(values) == 1 else values for key, values in request.args.lists()}
    if request.headers.get("Content-Type") != "application/json":
        return dict(request.form.items())
    body = request.get_data()
    try:
        parsed = json.loads(gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body)
    except (ValueError, OSError, EOFError) as error:
        raise ServiceError(500, f"ERROR : received invalid JSON : {error}") from error
    if not isinstance(parsed, dict):
        raise ServiceError(500, "argument after ** must be a mapping")
    return parsed


def _integers(values: Any) -> list[int]:
    listed = values if isinstance(values, list) else [values]
    try:
        return [min(int(one), MAX_ID) for one in listed]
    except (TypeError, ValueError, OverflowError) as error:
        raise ServiceError(200, _refusal("Type error: All elements in 'job_ids' must be int.")) from error


def _success(data: Any) -> dict[str, Any]:
    return {"success": True, "message": "", "data": data}


def _refusal(message: str) -> dict[str, Any]:
    return {"success": False, "message": message, "data": None}
