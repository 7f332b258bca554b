"""Client of the PanDA server: each method is one call of API v1, as the server 1.0.4 has it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any, TypeVar

from goclient import secrets
from goclient.errors import ServerError
from goclient.errors.sent import UnreadableJob
from goclient.errors.wording import cite, quote
from goclient.model.frozen import Frozen
from goclient.model.records.answers import AssignedJob, JobState, KnownJob, is_panda_id
from goclient.model.records.panda_job import UNSET
from goclient.services.panda.calls import ARCHIVED, DESCRIPTION, Body, PandaCalls, Refused

SECONDS_A_JOB = 0.25  # the server was measured to store 16 jobs/s at its slowest
SECONDS_A_DESCRIPTION = 0.05  # it looks a job up in four tables
DESCRIBED = 1000  # jobs a call: the server leaves out what is behind the 5,500th, without a word
JOBS_A_KILL = 1000
SLOWEST_UPLOAD = 100_000  # bytes a second
NO_JOBS = "No jobs in PanDA"  # pilot_api.acquire_jobs

Job = TypeVar("Job")


class Unstored(ServerError):
    """A report that the server got and did not store."""

    code = "unstored"


class Command(Enum):
    """Commands of the server to a pilot that reports a job."""

    GO_ON = ""
    STOP = "tobekilled"  # also for a job, or an attempt, that it does not have (any more): updateJobStatus of 1.0.4
    STALE = "alreadydone"  # this attempt has ended there

    @classmethod
    def from_answer(cls, text: object) -> Command:
        """Return the command in an answer, which may have others beside it, such as ``debug``."""
        words = str(text).split(",")
        if cls.STALE.value in words or "badattemptnr" in words:
            return cls.STALE
        return cls.STOP if cls.STOP.value in words else cls.GO_ON


class Rights(Frozen):
    """Rights of who asks, as the server sees them: a DN, or the name in a token, and whether it may report jobs."""

    name: str
    is_pilot: bool
    clock: float | None  # seconds by which its clock is ahead of this node's, None if it does not say


class PandaServer(PandaCalls):
    """A PanDA server; each method is one call, sent once."""

    # --- for users ---

    def submit(self, record: str, count: int) -> list[int | None]:
        """Submit ``count`` jobs; return their PandaIDs in order, None for one that the server's database refused.

        ``record`` is what :func:`goclient.model.records.panda_job.encode_jobs` gives.  Raises Refused if nothing was
        stored, ReplyLost if that is not known, ServerError if nothing was sent.
        """
        seconds = self._access.answer_timeout + count * SECONDS_A_JOB
        rows = self._call("job/submit", {"jobs": record}, seconds=seconds)
        if not isinstance(rows, list) or not all(isinstance(row, list) and row for row in rows):
            raise self._loss_error(f"its answer has no PandaIDs: {quote(rows)}")
        ids = [None if row[0] in (UNSET, None) else row[0] for row in rows]
        if not all(one is None or is_panda_id(one) for one in ids):
            raise self._loss_error(f"its answer has PandaIDs that are not numbers: {quote(ids)}")
        if len(ids) != count:
            raise self._loss_error(f"it answered for {len(ids)} of {count} jobs")
        return ids

    def describe(self, panda_ids: Sequence[int], *, archived: bool = False) -> list[JobState | UnreadableJob | None]:
        """Return the state of each job, None for one that the server does not know; one call asks for 1,000.

        A row that is not a job is in the list as its error: it hides no other.  ``archived``: the archive, where jobs
        are that ended days ago, is searched, too; the server takes longer for it.
        """
        return list(self._rows(panda_ids, ARCHIVED if archived else DESCRIPTION, JobState.from_answer))

    def records(self, panda_ids: Sequence[int]) -> list[KnownJob | UnreadableJob | None]:
        """Return the record of each job, those of the archive, too; rows are as in :meth:`describe`."""
        return list(self._rows(panda_ids, ARCHIVED, KnownJob.from_answer))

    def _rows(
        self, panda_ids: Sequence[int], method: str, read: Callable[[Any], Job]
    ) -> Iterator[Job | UnreadableJob | None]:
        for start in range(0, len(panda_ids), DESCRIBED):
            ids = list(panda_ids[start : start + DESCRIBED])
            seconds = self._access.answer_timeout + len(ids) * SECONDS_A_DESCRIPTION
            jobs = self._call(method, {"job_ids": ids}, jobs=len(ids), seconds=seconds)
            if not isinstance(jobs, list) or len(jobs) != len(ids):
                raise ServerError(f"{self.name} did not answer with one job for each id", code="bad-answer")
            for job in jobs:
                try:
                    yield None if job is None else read(job)
                except UnreadableJob as error:
                    yield error

    def task_jobs(self, task_id: int) -> list[int]:
        """Return the PandaIDs of a task's jobs, of all their attempts; none for a task that is not known."""
        ids = self._call(f"task/get_job_ids?task_id={task_id}", {}, verb="GET")
        if not isinstance(ids, list) or not all(map(is_panda_id, ids)):
            raise ServerError(f"{self.name} did not tell the jobs of task {task_id}: {quote(ids)}", code="bad-answer")
        return ids

    def task_state(self, task_id: int) -> str:
        """Return the state of a task."""
        return cite(self._call(f"task/get_status?task_id={task_id}", {}, verb="GET"))

    def kill(self, panda_ids: Sequence[int]) -> list[bool]:
        """Stop jobs; return for each whether the server does so: not for one that is over, or somebody else's.

        A job that no node runs is cancelled at once, any other by its pilot, which is told with its next report.
        """
        found: list[bool] = []
        for start in range(0, len(panda_ids), JOBS_A_KILL):
            ids = list(panda_ids[start : start + JOBS_A_KILL])
            seconds = self._access.answer_timeout + len(ids) * SECONDS_A_JOB
            done = self._call("job/kill", {"job_ids": ids}, seconds=seconds, jobs=len(ids))
            if not isinstance(done, list) or len(done) != len(ids):
                raise self._loss_error(f"it answered for {quote(done)}, not for {len(ids)} jobs")
            found += [one is True for one in done]
        return found

    def retry_task(self, task_id: int) -> str:
        """Have JEDI try what failed of a task again, as ``pbook`` does; return what the server says.

        Raises Refused for somebody else's task, and for one in a state in which that cannot be done.
        """
        return self._command("task/retry", task_id=task_id)

    def kill_task(self, task_id: int) -> str:
        """Have JEDI end a task and its jobs; return what the server says; raises Refused as :meth:`retry_task`."""
        return self._command("task/kill", task_id=task_id)

    # --- what goes before jobs ---

    def at(self, url: str) -> PandaServer:
        """Return the file server, which may have another URL, asked with the same credential."""
        return self if url == self.name else PandaServer(replace(self._access, url=url, variable="PANDACACHE_URL"))

    def upload(self, name: str, data: bytes) -> None:
        """Keep a file, which anybody who knows its name may fetch; raise Refused if the name is not new."""
        boundary = uuid.uuid4().hex  # RFC 7578
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        head += "Content-Type: application/octet-stream\r\n\r\n"
        content = b"".join((head.encode(), data, f"\r\n--{boundary}--\r\n".encode()))
        seconds = self._access.answer_timeout + len(data) / SLOWEST_UPLOAD
        body = Body(content, f"multipart/form-data; boundary={boundary}")
        self._call("file_server/upload_cache_file", body, seconds=seconds)

    def secrets(self) -> dict[str, str]:
        """Return all secrets of the user, by their keys; none of them is ever shown."""
        data = self._call("creds/get_user_secrets", {}, verb="GET")
        try:
            found = json.loads(data) if isinstance(data, str) else data or {}
            texts = {str(key): str(value) for key, value in found.items()}
        except (ValueError, AttributeError, RecursionError):  # whose text may hold a secret
            raise ServerError(f"{self.name} did not tell the user's secrets", code="bad-answer") from None
        secrets.register(*texts.values())
        return texts

    def set_secret(self, key: str, value: str | None) -> None:
        """Set a secret of the user, which pilots hand to jobs that ask for secrets; None removes it."""
        self._call("creds/set_user_secrets", {"key": key, "value": value})

    # --- for pilots ---

    def acquire(self, site: str, *, node: str) -> AssignedJob | None:
        """Return a job of the queue ``site``, now the caller's to run; None if there is none."""
        query = {"site_name": site, "prod_source_label": "user", "timeout": 60, "node": node}
        try:
            data = self._call("pilot/acquire_jobs", query)
        except Refused as error:
            if NO_JOBS in error.message:
                return None
            raise
        jobs = data.get("jobs") if isinstance(data, dict) else None
        if not jobs or not isinstance(jobs, list) or not isinstance(jobs[0], dict):
            raise ServerError(f"{self.name} sent no job and did not say so: {quote(data)}", code="bad-answer")
        return AssignedJob.from_answer(jobs[0])

    def update(self, panda_id: int, state: str, **details: Any) -> Command:
        """Tell the server a new state of a job; return its command to the pilot; raise Unstored if it did not take it.

        ``details`` are arguments of the server's ``pilot/update_job``.
        """
        data = self._call("pilot/update_job", {"job_id": panda_id, "job_status": state, **details})
        answer = data if isinstance(data, dict) else {}
        if answer.get("StatusCode") not in (0, None):  # success is true also if its database was busy
            message = f"{self.name} did not store the report: status {quote(answer.get('StatusCode'))}"
            raise Unstored(message, hint="ask later", transient=True)
        return Command.from_answer(answer.get("command"))

    def rights(self) -> Rights:
        """Return what the server sees of who asks."""
        data = self._call("system/get_user_attributes", {}, verb="GET")
        if not isinstance(data, dict):
            raise ServerError(f"{self.name} did not say who asks: {quote(data)}", code="bad-answer")
        return Rights(cite(data.get("user_dn_raw") or ""), data.get("is_production_user") is True, self._clock)
