"""The tasks of the PanDA server in miniature: what prun, pathena and pbook ask of it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from werkzeug.routing import Rule

from goclient.sandbox.panda import api, jedi, jobs
from goclient.sandbox.panda.api import Method, in_range, refusal, success
from goclient.sandbox.state import State, dumped

# Codes of insertTaskParamsPanda and sendCommandTaskPanda, which panda-client is given as ``data``.
DUPLICATE, UNREGISTERED = 2, 4
NOT_FOUND, IRRELEVANT = 2, 4
ENDED = ("done", "finished", "failed", "aborted")
NOT_OWNER = "not the task owner or no production role"
TIME = "%Y-%m-%d %H:%M:%S"


class PandaTasks:
    """The routes for tasks; each method of the API is a method here, its arguments those of the API."""

    def __init__(self, state: State) -> None:
        self._state = state

    def rules(self) -> list[Rule]:
        """The routes and their handlers."""
        methods = (
            Method("task/submit", self.submit, "POST"),
            Method("task/get_status", self.get_status, "GET"),
            Method("task/get_details", self.get_details, "GET"),
            Method("task/get_detailed_info", self.get_detailed_info, "GET"),
            Method("task/get_tasks_detailed_info_since", self.get_tasks_detailed_info_since, "GET"),
            Method("task/get_task_parameters", self.get_task_parameters, "GET", secure=False),
            Method("task/get_job_ids", self.get_job_ids, "GET"),
            Method("task/get_job_descriptions", self.get_job_descriptions, "GET"),
            Method("task/kill", self.kill, "POST"),
            Method("task/finish", self.finish, "POST"),
        )
        return api.rules(self._state, methods)

    # --- submission ---

    def submit(
        self, owner: dict[str, Any], task_parameters: dict[str, Any], parent_tid: int | None = None
    ) -> dict[str, Any]:
        """Takes a task and makes its jobs at once; what the real JEDI would find wrong later is said now."""
        name, url = task_parameters.get("taskName"), self._state.fact("url")
        if not isinstance(name, str):
            return refusal("failed to register task", UNREGISTERED)
        prefix = f"user.{owner['username'].partition('@')[0]}."
        if not name.startswith(prefix) and not owner["production"]:
            return refusal(f"taskName={name} is not yours: it must begin with {prefix}", UNREGISTERED)
        try:
            task = jedi.refine(task_parameters, site=self._site(task_parameters), url=url)
            with self._state.transaction():
                if task_parameters.get("uniqueTaskName") is True and (known := self._duplicate(owner, name)):
                    return refusal(known, DUPLICATE)
                task_id = self._store(owner, name, task_parameters, task)
        except jedi.TaskRefused as error:
            return refusal(str(error), UNREGISTERED)
        return success(task_id, f"succeeded. new jediTaskID={task_id}")

    def _site(self, parameters: dict[str, Any]) -> str:
        """The queue that the task's jobs go to; raises TaskRefused if it is none."""
        queues = [
            row["name"] for row in self._state.rows("select name from queues where status = 'online' order by rowid")
        ]
        excluded = parameters.get("excludedSite") or []
        wanted = [parameters["site"]] if parameters.get("site") else parameters.get("includedSite") or queues
        found = [one for one in wanted if one in queues and one not in excluded]
        if not found:
            raise jedi.TaskRefused(f"no candidates: no queue of {', '.join(map(str, wanted))} is online")
        return str(found[0])

    def _duplicate(self, owner: dict[str, Any], name: str) -> str:
        """Why a name cannot be used again, or the empty string."""
        query = "select task_id from jedi_tasks where owner = ? and name = ? order by task_id desc limit 1"
        row = self._state.row(query, owner["id"], name)
        if row is None:
            return ""
        status = self._status(row["task_id"])
        told = f"jediTaskID={row['task_id']} is in the {status} state for outDS={name}. "
        if status in ENDED:
            return f"{told}The sandbox does not execute a task again: use another outDS"
        return (
            f"{told}You can re-submit the task with new parameters for the same or another input "
            "once it goes into finished/failed/done. "
            "Or you can retry the task once it goes into running/finished/failed/done. "
        )

    def _store(self, owner: dict[str, Any], name: str, parameters: dict[str, Any], task: jedi.Task) -> int:
        """The number of a task that is stored now, with its jobs; raises TaskRefused."""
        now = time.time()
        values = {"owner": owner["id"], "name": name, "parameters": dumped(parameters), "created": now, "changed": now}
        task_id = self._state.insert("jedi_tasks", values)
        for job in jedi.jobs_of(task, task_id):
            if jobs.store(self._state, owner, job, task=task_id) is None:
                raise jedi.TaskRefused("failed to generate jobs: a value is too long for its column, or has a NUL")
        return task_id

    # --- questions ---

    def get_status(self, owner: dict[str, Any], task_id: int) -> dict[str, Any]:
        """The status of a task."""
        status = self._status(in_range(task_id))
        return success(status) if status else refusal("Task not found")

    def get_details(
        self, owner: dict[str, Any], task_id: int, include_parameters: bool = False, include_status: bool = False
    ) -> dict[str, Any]:
        """The data sets, jobs and figures of a task."""
        row = self._state.row("select * from jedi_tasks where task_id = ?", in_range(task_id))
        if row is None:
            return refusal("Task not found or error retrieving the details")
        parameters, found = json.loads(row["parameters"]), self._jobs(row["task_id"])
        log = parameters.get("log", [])
        items = [*parameters["jobParameters"], *(log if isinstance(log, list) else [log])]
        datasets = [item["dataset"] for item in items if item.get("param_type") in jedi.OUTPUTS]
        statuses = [job["status"] for job in found]
        details: dict[str, Any] = {
            "inDS": "",
            "outDS": ",".join(dict.fromkeys(datasets)),
            "statistics": ",".join(f"{one}*{statuses.count(one)}" for one in dict.fromkeys(statuses)),
            "PandaID": [job["panda_id"] for job in found],
            "mergeStatus": None,
            "mergePandaID": [],
        }
        details |= {"status": self._status(row["task_id"])} if include_status else {}
        return success(details | ({"cliParams": parameters.get("cliParams", "")} if include_parameters else {}))

    def get_detailed_info(self, owner: dict[str, Any], task_id: int) -> dict[str, Any]:
        """All that is known of a task."""
        row = self._state.row("select * from jedi_tasks where task_id = ?", in_range(task_id))
        return refusal("Task not found or error retrieving task info") if row is None else success(self._info(row))

    def get_tasks_detailed_info_since(
        self, owner: dict[str, Any], since: str | None = None, filters: str | None = None, n_tasks: int = 500
    ) -> dict[str, Any]:
        """All that is known of the caller's own tasks, youngest first: those with these values, changed since then."""
        try:
            wanted = json.loads(filters) if filters else {}
            start = datetime.strptime(since, TIME).replace(tzinfo=UTC).timestamp() if since else 0.0
        except ValueError:
            return refusal("filters is not valid JSON, or since no time")
        if not isinstance(wanted, dict):
            return refusal("filters must be a JSON object")
        rows = self._state.rows("select * from jedi_tasks where owner = ? order by task_id desc", owner["id"])
        infos = [self._info(row) for row in rows if self._changed(row) > start]
        found = [one for one in infos if all(str(one.get(name, "")) == str(value) for name, value in wanted.items())]
        return success(found[: max(n_tasks, 0)])

    def get_task_parameters(self, owner: dict[str, Any] | None, task_id: int) -> dict[str, Any]:
        """What a task was submitted with."""
        row = self._state.row("select parameters from jedi_tasks where task_id = ?", in_range(task_id))
        return refusal("Task not found") if row is None else success(json.loads(row["parameters"]))

    def get_job_ids(self, owner: dict[str, Any], task_id: int) -> dict[str, Any]:
        """The PandaIDs of a task's jobs."""
        return success([job["panda_id"] for job in self._jobs(in_range(task_id))])

    def get_job_descriptions(
        self, owner: dict[str, Any], task_id: int, unsuccessful_only: bool = False
    ) -> dict[str, Any]:
        """Every attribute of a task's jobs."""
        found = [job for job in self._jobs(in_range(task_id)) if not unsuccessful_only or job["status"] in _BAD]
        return success([jobs.described(self._state, job["panda_id"]) for job in found])

    # --- commands ---

    def kill(self, owner: dict[str, Any], task_id: int, broadcast: bool = False) -> dict[str, Any]:
        """Ends a task of one's own: no job of it starts any more, and the pilots of the others are told to stop."""
        return self._command(owner, in_range(task_id), "kill")

    def finish(
        self, owner: dict[str, Any], task_id: int, soft: bool = False, broadcast: bool = False
    ) -> dict[str, Any]:
        """The same; ``soft`` lets the jobs that run go on."""
        return self._command(owner, in_range(task_id), "soft finish" if soft else "finish")

    def _command(self, owner: dict[str, Any], task_id: int, command: str) -> dict[str, Any]:
        row = self._state.row("select * from jedi_tasks where task_id = ?", task_id)
        if not owner["production"] and (row is None or row["owner"] != owner["id"]):
            return refusal(NOT_OWNER)
        if row is None:
            return refusal(f"jediTaskID={task_id} not found", NOT_FOUND)
        name, status = command.rpartition(" ")[2], self._status(task_id)
        if status in ENDED:
            told = f"Command rejected: the {name} command is not accepted if the task is in {status} status "
            return refusal(told, IRRELEVANT)
        with self._state.transaction():
            query = "update jedi_tasks set command = ?, changed = ? where task_id = ?"
            self._state.run(query, name, time.time(), task_id)
            for job in self._jobs(task_id):
                if job["status"] == "activated" or command != "soft finish":
                    jobs.kill(self._state, {"id": row["owner"]}, job["panda_id"])
        told = f"command={name} is registered for task ID {task_id}. will be executed in a few minutes"
        return success(0, told)

    # --- what is known ---

    def _jobs(self, task_id: int) -> list[dict[str, Any]]:
        return self._state.rows("select * from jobs where task = ? order by panda_id", task_id)

    def _status(self, task_id: int) -> str:
        """The status of a task, which is that of its jobs; the empty string for a task that is not known."""
        row = self._state.row("select command from jedi_tasks where task_id = ?", task_id)
        if row is None:
            return ""
        statuses = [job["status"] for job in self._jobs(task_id)]
        if any(status not in jobs.DONE for status in statuses):
            return "ready" if all(status == "activated" for status in statuses) else "running"
        if row["command"] == "kill":
            return "aborted"
        good = statuses.count("finished")
        return "done" if good == len(statuses) else "finished" if good else "failed"

    def _changed(self, row: dict[str, Any]) -> float:
        """When a task, or a job of it, was changed last, in seconds."""
        return max(float(one["changed"]) for one in (row, *self._jobs(row["task_id"])))

    def _info(self, row: dict[str, Any]) -> dict[str, Any]:
        """The attributes of a task by which pbook shows it, under the server's names."""
        parameters, status = json.loads(row["parameters"]), self._status(row["task_id"])
        statuses = [job["status"] for job in self._jobs(row["task_id"])]
        good, bad = statuses.count("finished"), sum(statuses.count(one) for one in _BAD)
        owner = self._state.row("select subject from identities where id = ?", row["owner"]) or {"subject": ""}
        same = ("prodSourceLabel", "vo", "processingType", "transUses", "transHome", "architecture", "site")
        return {
            **{name: parameters.get(name) for name in same},
            "jediTaskID": row["task_id"],
            "reqID": row["task_id"],
            "taskName": row["name"],
            "userName": owner["subject"].rpartition("=")[2],
            "taskType": "anal",
            "creationDate": _moment(row["created"]),
            "modificationTime": _moment(self._changed(row)),
            "status": status,
            "superStatus": status,
            "nFiles": len(statuses),
            "nFilesFinished": good,
            "nFilesFailed": bad,
            "pctFinished": 100 * good // len(statuses),
            "pctFailed": 100 * bad // len(statuses),
            "task_creation_arguments": parameters.get("cliParams"),
        }


_BAD = ("failed", "cancelled", "closed")


def _moment(seconds: float) -> dict[str, str]:
    """A time as the server's JSON has it, in UTC (encode_special_cases in panda.py of 1.0.4)."""
    return {"__datetime__": datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(timespec="seconds")}
