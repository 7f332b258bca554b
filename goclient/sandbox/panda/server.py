"""The PanDA server's API v1 in miniature, worded as the server 1.0.4 words it."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.routing import Rule

from goclient.errors import GoclientError
from goclient.model.records.panda_job import DIAGNOSES, LOG, UNSET, decode_jobs
from goclient.sandbox.panda import api, jobs
from goclient.sandbox.panda.api import Method, in_range, refusal, success
from goclient.sandbox.state import State, dumped

MAX_JOBS = 5000  # the server cuts longer lists without a word
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
STATES = ("sent", "starting", "running", "transferring", "holding", "finished", "failed")


class Panda:
    """The routes of the PanDA server; each method of the API is a method here, its arguments those of the API."""

    def __init__(self, state: State) -> None:
        self._state = state

    def rules(self) -> list[Rule]:
        """The routes and their handlers."""
        methods = (
            Method("job/submit", self.submit, "POST"),
            Method("job/get_description", self.get_description),
            Method("job/get_description_incl_archive", self.get_description),
            Method("job/get_status", self.get_status),
            Method("job/kill", self.kill, "POST"),
            Method("pilot/acquire_jobs", self.acquire_jobs, "POST"),
            Method("pilot/update_job", self.update_job, "POST"),
            Method("metaconfig/get_site_specs", self.get_site_specs, "GET", secure=False),
            Method("system/is_alive", self.is_alive, "GET", secure=False),
            Method("system/get_attributes", self.get_attributes, "GET"),
        )
        return api.rules(self._state, methods)

    # --- jobs ---

    def submit(self, owner: dict[str, Any], jobs: str) -> dict[str, Any]:
        """Stores jobs; a row that the database refuses comes back with the PandaID "NULL", as the server does it."""
        try:
            rows = decode_jobs(jobs)[:MAX_JOBS]
        except (GoclientError, TypeError) as error:
            return refusal(f"Failed to deserialize jobs: {error}")
        if not rows:
            return refusal("No jobs were submitted")
        if any(row.get("prodSourceLabel") == "managed" for row in rows) and not owner["production"]:
            return refusal(f"{owner['subject']} is missing production for prodSourceLabel=managed submission")
        with self._state.transaction():
            stored = [self._store(owner, row) for row in rows]
        return success(stored)

    def _store(self, owner: dict[str, Any], job: dict[str, Any]) -> list[Any]:
        panda_id = jobs.store(self._state, owner, job)
        return [UNSET if panda_id is None else panda_id, job.get("jobDefinitionID", 0), {"jobsetID": UNSET}]

    def get_description(self, owner: dict[str, Any], job_ids: list[int]) -> dict[str, Any]:
        """Every attribute of each job and of its files; null for a job that is not known."""
        return success([jobs.described(self._state, in_range(panda_id)) for panda_id in job_ids])

    def get_status(self, owner: dict[str, Any], job_ids: list[int], timeout: int = 60) -> dict[str, Any]:
        """The status of each job, and the command to its pilot."""
        found = [self._state.row("select * from jobs where panda_id = ?", in_range(one)) for one in job_ids]
        return success([[row["status"], row["command"] or UNSET] if row else ["unknown", None] for row in found])

    def kill(self, owner: dict[str, Any], job_ids: list[int]) -> dict[str, Any]:
        """Tells the pilots of one's own jobs to stop; a job that no pilot has yet is cancelled."""
        for panda_id in job_ids:
            jobs.kill(self._state, owner, in_range(panda_id))
        return success([True] * len(job_ids))

    # --- queues ---

    def get_site_specs(self, owner: dict[str, Any] | None, type: str = "analysis") -> dict[str, Any]:
        """Tell anybody the queues of a type, or ``all``; what a queue does not need here is not known of it."""
        rows = self._state.rows("select name, status, maxwdir from queues order by rowid")
        known = {"type": "unified", "cloud": "SANDBOX", "maxinputsize": 0}
        specs = {one["name"]: dict.fromkeys(SPEC) | known | {"sitename": one["name"], "nickname": one["name"],
                 "status": one["status"], "maxwdir": one["maxwdir"]} for one in rows}  # fmt: skip
        return success({name: spec for name, spec in specs.items() if type in ("all", spec["type"])})

    # --- system ---

    def is_alive(self, owner: dict[str, Any] | None) -> dict[str, Any]:
        """Says that the server answers, to anybody."""
        return success()

    def get_attributes(self, owner: dict[str, Any], **arguments: Any) -> dict[str, Any]:
        """What the server sees of a call: its arguments, and who calls."""
        parameters = {name: str(value) for name, value in sorted(arguments.items())}
        environment = {"SSL_CLIENT_S_DN": owner["subject"]}
        sections = ["===== param =====", *(f"{n} = {v}" for n, v in parameters.items()), "", "====== env ======"]
        text = "\n".join([*sections, *(f"{name} : {value}" for name, value in environment.items()), ""])
        return success({"parameters": parameters, "environment": environment}, text)

    # --- pilots ---

    def acquire_jobs(
        self, owner: dict[str, Any], site_name: str, prod_source_label: str | None = None, **rest: Any
    ) -> dict[str, Any]:
        """One activated job of a queue, now sent to the caller; without the production role, one's own jobs only."""
        if not owner["production"] and prod_source_label != "user":
            return refusal("no production/pilot role in VOMS FQANs or non pilot owner")
        mine = "" if owner["production"] else " and owner = :owner"
        with self._state.transaction() as connection:
            query = f"select * from jobs where status = 'activated' and site = :site{mine} order by panda_id limit 1"
            row = connection.execute(query, {"site": site_name, "owner": owner["id"]}).fetchone()
            if row is not None:
                jobs.set_status(self._state, row["panda_id"], "sent")
        if row is None:
            return refusal("No jobs in PanDA")
        return success({"StatusCode": 0, "jobs": [_for_pilot(json.loads(row["attributes"]))]})

    def update_job(
        self, owner: dict[str, Any], job_id: int, job_status: str, attempt_nr: int | None = None, **details: Any
    ) -> dict[str, Any]:
        """Takes a pilot's news of a job; the answer holds the command to the pilot."""
        if not owner["production"]:
            return refusal("production or pilot role required")
        if job_status not in STATES:
            return {**refusal(f"Invalid job status: {job_status}"), "data": {"StatusCode": 50}}
        row = self._state.row("select * from jobs where panda_id = ?", job_id)
        if row is None or row["status"] in jobs.DONE:
            return success({"StatusCode": 0, "command": "tobekilled" if row is None else UNSET})
        job = json.loads(row["attributes"])
        if attempt_nr is not None and attempt_nr != job["attemptNr"]:
            return success({"StatusCode": 0, "command": "badattemptnr"})
        for argument, attribute in _DETAILS.items():
            if details.get(argument) not in (None, ""):
                job[attribute] = str(details[argument])[:500]
        self._state.run("update jobs set attributes = ? where panda_id = ?", dumped(job), job_id)
        jobs.set_status(self._state, job_id, "finished" if job_status == "holding" else job_status)
        return success({"StatusCode": 0, "command": row["command"] or UNSET})


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
