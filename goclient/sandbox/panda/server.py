"""API v1 of the PanDA server in miniature, worded as server 1.0.4 words it: jobs and queues."""

from __future__ import annotations

from typing import Any

from goclient.errors import GoclientError
from goclient.model.records.panda_job import UNSET, decode_jobs
from goclient.sandbox.http import Document
from goclient.sandbox.panda import jobs as stored
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
    """Tell the pilots of one's own jobs to stop; cancel a job that no node runs."""
    return success([stored.kill_own(caller, in_range(panda_id)) for panda_id in job_ids])


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
