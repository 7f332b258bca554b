"""Methods for pilots of the PanDA server in miniature, in its API v1, worded as server 1.0.4 words it."""

from __future__ import annotations

import json
import time
from typing import Any

from goclient.model.records.panda_job import LOG, UNSET
from goclient.sandbox.http import Document
from goclient.sandbox.panda import reports, user_secrets
from goclient.sandbox.panda.api import Api, Caller, in_range, refusal, success
from goclient.sandbox.panda.jedi import WITH_SECRETS

NO_ROLE = "no production/pilot role in VOMS FQANs or non pilot owner"
# The attributes of a job that a pilot gets under their own names.
_FOR_PILOT = (
    "PandaID prodSourceLabel transformation homepackage jobName jobDefinitionID cloud attemptNr destinationSE "
    "prodUserID processingType transferType sourceSite maxCpuCount maxDiskCount minRamCount currentPriority taskID "
    "jobsetID maxWalltime cmtConfig reqID"
).split()

routes = Api()


@routes.method("pilot/acquire_jobs", "POST")
def acquire_jobs(caller: Caller, site_name: str, prod_source_label: str | None = None, **rest: Any) -> Document:
    """Give the caller one activated job of a queue."""
    if not may_take(caller, prod_source_label):
        return refusal(NO_ROLE)
    job = hand_out(caller, site_name)
    return refusal("No jobs in PanDA") if job is None else success({"StatusCode": 0, "jobs": [job]})


def may_take(caller: Caller, label: str | None) -> bool:
    """Return True if the caller may take jobs: without the production role, jobs of users only."""
    return caller.is_production or bool(caller.id and label == "user")


def hand_out(caller: Caller, site: str) -> Document | None:
    """Return the oldest activated job of a queue, None without one; the production role gets those of others, too."""
    mine = "" if caller.is_production else " and owner = :owner"
    with caller.state.transaction() as connection:
        query = f"select * from jobs where status = 'activated' and site = :site{mine} order by panda_id limit 1"
        row = connection.execute(query, {"site": site, "owner": caller.id}).fetchone()
        if row is None:
            return None
        statement = "update jobs set status = 'sent', changed = ? where panda_id = ?"
        connection.execute(statement, (time.time(), row["panda_id"]))
    job = json.loads(row["attributes"])
    described = _describe(job)
    if WITH_SECRETS in str(job.get("specialHandling") or "").split(","):
        described["secrets"] = user_secrets.of_user(caller.state, row["owner"])
    return described


def _describe(job: dict[str, Any]) -> Document:
    """Return a job as the dispatcher hands it to a pilot (server 1.0.4, Protocol.appendJob); unset is "NULL"."""
    outputs = [file for file in job["Files"] if file.get("type") in ("output", LOG)]
    log: dict[str, Any] = next((file for file in outputs if file["type"] == LOG), {})

    inputs = [file for file in job["Files"] if file.get("type") == "input"]

    def join(name: str, files: list[dict[str, Any]] = outputs) -> str:
        return ",".join(str(file.get(name) or UNSET) for file in files)

    return {
        **{name: job.get(name, UNSET) for name in _FOR_PILOT},
        "jobPars": job.get("jobParameters", ""),
        "inFiles": join("lfn", inputs),
        "outFiles": join("lfn"),
        "scopeOut": join("scope", [file for file in outputs if file is not log]),
        "scopeLog": log.get("scope") or UNSET,
        "realDatasets": join("dataset"),
        "destinationDblock": join("destinationDBlock"),
        "dispatchDblock": join("dispatchDBlock", inputs),
        "logFile": log.get("lfn", ""),
        "logGUID": log.get("GUID", ""),
        "swRelease": job.get("AtlasRelease", UNSET),
        "coreCount": 1,
        "nSent": 1,
    }


@routes.method("pilot/update_job", "POST")
def update_job(caller: Caller, job_id: int, job_status: str, attempt_nr: int | None = None, **details: Any) -> Document:
    """Take a pilot's report of a job; answer with the command to the pilot."""
    if not caller.is_production:
        return refusal("production or pilot role required")
    if job_status not in reports.STATES:
        return refusal(f"Invalid job status: {job_status}", {"StatusCode": 50})
    command = reports.take(caller, in_range(job_id), job_status, attempt=attempt_nr, details=details)
    return success({"StatusCode": 0, "command": command})


@routes.method("pilot/get_job_status", "GET")
def get_job_status(caller: Caller, job_ids: list[int], timeout: int = 60) -> Document:
    """Tell the status of each job, and the number of its attempt."""
    found = []
    for panda_id in job_ids:
        row = caller.state.row("select * from jobs where panda_id = ?", in_range(panda_id))
        told = {"status": "not found", "attempt_number": 0}
        if row is not None:
            told = {"status": row["status"], "attempt_number": json.loads(row["attributes"])["attemptNr"]}
        found.append({"job_id": panda_id, **told})
    return success(found)
