"""API v1 of the PanDA server in miniature, worded as server 1.0.4 words it: jobs, queues, pilots."""

from __future__ import annotations

import json
import time
from typing import Any

from goclient.errors import GoclientError
from goclient.model.records.panda_job import LOG, UNSET, decode_jobs
from goclient.sandbox.http import Document
from goclient.sandbox.panda import jobs as stored
from goclient.sandbox.panda import reports
from goclient.sandbox.panda.api import Api, Caller, in_range, refusal, success

MAX_JOBS = 5000  # the server cuts longer lists without a word
MAX_IDS = 5500  # likewise
# What the server tells of a queue: SiteSpec's attributes without those that the call leaves out (server 1.0.4).
SPEC = tuple(
    """
    sitename nickname dq2url cloud ddm type releases memory maxtime status setokens_output defaulttoken
    validatedreleases maxinputsize comment statusmodtime pledgedCPU coreCount reliabilityLevel iscvmfs
    transferringlimit maxwdir fairsharePolicy mintime allowfax pandasite corepower wnconnectivity catchall role
    pandasite_state maxrss minrss direct_access_lan direct_access_wan tier objectstores is_unified unified_name
    jobseed capability workflow maxDiskio extra_queue_params
    """.split()
)
# The attributes of a job that a pilot gets under their own names.
_FOR_PILOT = (
    "PandaID prodSourceLabel transformation homepackage jobName jobDefinitionID cloud attemptNr destinationSE "
    "prodUserID processingType transferType sourceSite maxCpuCount maxDiskCount minRamCount currentPriority taskID "
    "jobsetID maxWalltime"
).split()

routes = Api()


# --- jobs ---


@routes.method("job/submit", "POST")
def submit(caller: Caller, jobs: str) -> Document:
    """Store jobs; a row that the database refuses comes back with the PandaID "NULL", as from the server."""
    try:
        rows = decode_jobs(jobs)[:MAX_JOBS]
    except (GoclientError, TypeError) as error:
        return refusal(f"Failed to deserialize jobs: {error}")
    if not rows:
        return refusal("No jobs were submitted")
    if any(row.get("prodSourceLabel") == "managed" for row in rows) and not caller.is_production:
        return refusal(f"{caller.subject} is missing production for prodSourceLabel=managed submission")
    with caller.state.transaction():
        numbers = [stored.store(caller, row) for row in rows]
    answers = [
        [UNSET if number is None else number, row.get("jobDefinitionID", 0), {"jobsetID": UNSET}]
        for number, row in zip(numbers, rows, strict=True)
    ]
    return success(answers)


@routes.method("job/get_description")
@routes.method("job/get_description_incl_archive")
def get_description(caller: Caller, job_ids: list[int]) -> Document:
    """Tell every attribute of each job and of its files; null for a job that is not known."""
    return success([stored.describe(caller.state, in_range(panda_id)) for panda_id in job_ids[:MAX_IDS]])


@routes.method("job/get_status")
def get_status(caller: Caller, job_ids: list[int], timeout: int = 60) -> Document:
    """Tell the status of each job, and the command to its pilot."""
    found = [caller.state.row("select * from jobs where panda_id = ?", in_range(one)) for one in job_ids]
    return success([[row["status"], row["command"] or UNSET] if row else ["unknown", None] for row in found])


@routes.method("job/kill", "POST")
def kill(caller: Caller, job_ids: list[int]) -> Document:
    """Tell the pilots of one's own jobs to stop; cancel a job that no pilot has yet."""
    for panda_id in job_ids:
        stored.kill(caller.state, caller.id, in_range(panda_id))
    return success([True] * len(job_ids))


# --- queues ---


@routes.method("metaconfig/get_site_specs", "GET", secure=False)
def get_site_specs(caller: Caller, type: str = "analysis") -> Document:
    """Tell anybody the queues of a type, or ``all``; what a queue does not need here is not known of it."""
    known = {"type": "unified", "cloud": "SANDBOX", "maxinputsize": 0}
    specs = {}
    for row in caller.state.rows("select name, status, maxwdir from queues order by rowid"):
        own = {"sitename": row["name"], "nickname": row["name"], "status": row["status"], "maxwdir": row["maxwdir"]}
        specs[row["name"]] = dict.fromkeys(SPEC) | known | own
    return success({name: spec for name, spec in specs.items() if type in ("all", spec["type"])})


# --- system ---


@routes.method("system/is_alive", "GET", secure=False)
def is_alive(caller: Caller) -> Document:
    """Tell anybody that the server answers."""
    return success()


@routes.method("system/get_attributes", "GET")
def get_attributes(caller: Caller, **arguments: Any) -> Document:
    """Tell what the server sees of a call: its arguments, and who calls."""
    parameters = {name: str(value) for name, value in sorted(arguments.items())}
    environment = {"SSL_CLIENT_S_DN": caller.subject}
    sections = ["===== param =====", *(f"{n} = {v}" for n, v in parameters.items()), "", "====== env ======"]
    text = "\n".join([*sections, *(f"{name} : {value}" for name, value in environment.items()), ""])
    return success({"parameters": parameters, "environment": environment}, text)


@routes.method("system/get_user_attributes", "GET")
def get_user_attributes(caller: Caller) -> Document:
    """Tell who calls, and whether with the role of pilots."""
    return success({"user_dn_raw": caller.subject, "fqans": [], "is_production_user": caller.is_production})


# --- pilots ---


@routes.method("pilot/acquire_jobs", "POST")
def acquire_jobs(caller: Caller, site_name: str, prod_source_label: str | None = None, **rest: Any) -> Document:
    """Give the caller one activated job of a queue; without the production role, one of the caller's own jobs."""
    if not caller.is_production and prod_source_label != "user":
        return refusal("no production/pilot role in VOMS FQANs or non pilot owner")
    mine = "" if caller.is_production else " and owner = :owner"
    with caller.state.transaction() as connection:
        query = f"select * from jobs where status = 'activated' and site = :site{mine} order by panda_id limit 1"
        row = connection.execute(query, {"site": site_name, "owner": caller.id}).fetchone()
        if row is not None:
            statement = "update jobs set status = 'sent', changed = ? where panda_id = ?"
            connection.execute(statement, (time.time(), row["panda_id"]))
    if row is None:
        return refusal("No jobs in PanDA")
    return success({"StatusCode": 0, "jobs": [_describe_for_pilot(json.loads(row["attributes"]))]})


def _describe_for_pilot(job: dict[str, Any]) -> dict[str, Any]:
    """Return a job as the dispatcher hands it to a pilot (server 1.0.4, Protocol.appendJob); unset is "NULL"."""
    outputs = [file for file in job["Files"] if file.get("type") in ("output", LOG)]
    log: dict[str, Any] = next((file for file in outputs if file["type"] == LOG), {})
    return {
        **{name: job.get(name, UNSET) for name in _FOR_PILOT},
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
