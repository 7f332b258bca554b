"""A world in miniature around a batch: Globus and a PanDA server that a process may be killed beside, at any call."""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from goclient.campaigns.advance import Advance
from goclient.campaigns.batch import Batch, KeptBatch, keep
from goclient.campaigns.jobs import NewJob, PandaJobs, Sender
from goclient.campaigns.progress import Progress
from goclient.campaigns.state import NOTHING_MORE, Allowed
from goclient.config.connections import Connections
from goclient.errors import raise_all
from goclient.errors.conditions import Disconnected, PathNotFound
from goclient.journal import Journal
from goclient.mending.retries import retry_jobs
from goclient.model.endpoint import Endpoint, read_endpoint
from goclient.model.names import first_name
from goclient.model.plan import TransferItem
from goclient.model.records.answers import JobState, KnownJob
from goclient.model.records.panda_job import JobRecord, JobTemplate, decode_jobs
from goclient.model.remote import FileInfo, Listing, TaskState, TransferRequest
from goclient.model.retry_options import RetryOptions
from goclient.model.staging import Bring, Output, StagingArea
from goclient.reporter.base import SILENT, Reporter
from goclient.services.panda.client import PandaServer, Rights

SOURCE, SITE, DESTINATION = (read_endpoint(f"{n}" * 8 + "-0000-0000-0000-000000000000") for n in "123")
KEY = "0" * 8 + "-1111-2222-3333-444444444444"
AREA = StagingArea(SITE, "/staging/C.00000000", "/node/C.00000000")
TEMPLATE = JobTemplate("https://host/run.sh", "SITE1", "user", "local", "panda.destDB.x", 1, 1000)


OWNER = "/O=Grid/CN=Jane Doe"


class Killed(BaseException):
    """The process is killed here."""


def batch_of(jobs: int, *, overwrite: bool = False, outputs: int = 1) -> Batch:
    """Return a batch of so many jobs that read one file each, and write so many."""
    items = tuple(TransferItem(f"/data/{n}", f"in/0/data/{n}", recursive=False) for n in range(1, jobs + 1))
    outs = tuple(
        Output(f"${{SN/P}}.{n}", DESTINATION, f"/out/${{SN}}.{n}", "x", renames=True, is_directory=False)
        for n in range(1, outputs + 1)
    )
    records = tuple(JobRecord(TEMPLATE, f"C.{KEY}_{n}", f"words {n}") for n in range(jobs))
    return Batch(KEY, "C", "https://panda", "me", AREA, overwrite, (Bring(SOURCE, items),), outs, records)


def serial_of(job: JobState) -> int:
    """Return the number of a job, whichever try it is."""
    return int(first_name(job.name).rpartition("_")[2]) + 1


@dataclass
class Task:
    """A task of Globus."""

    id: str
    request: TransferRequest | None  # none: a removal
    status: str = "ACTIVE"


@dataclass
class World:
    """Everything outside of the process: files, tasks, jobs.  ``calls`` is how many calls it lives to make."""

    files: dict[tuple[str, str], str] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    submissions: dict[str, str] = field(default_factory=dict)  # the task of each submission id
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)  # of jobs, by PandaID
    hidden: set[int] = field(default_factory=set)  # jobs that the server does not know now
    calls: int | None = None
    written: Counter[str] = field(default_factory=Counter)
    asleep: bool = False
    wrong: tuple[str, ...] = ()

    def made(self, effect: Callable[[], Any]) -> Any:
        """Let a call have its effect, unless the process is killed before it; it may be killed after it, too."""
        self._tick()
        answer = effect()
        self._tick()
        return answer

    def _tick(self) -> None:
        if self.calls is not None:
            self.calls -= 1
            if self.calls < 0:
                raise Killed

    # --- Globus ---

    def listing(self, collection: Endpoint, directory: str) -> Listing:
        """List a directory of a collection."""
        if self.asleep and collection == DESTINATION:
            raise Disconnected("it sleeps")
        names = {
            posixpath.basename(path): text
            for (end, path), text in self.files.items()
            if end == collection.text and posixpath.dirname(path) == directory.rstrip("/")
        }
        if not names:
            raise PathNotFound("there is no such path")
        return Listing({name: FileInfo(name, False, len(text)) for name, text in names.items()})

    def submission_id(self) -> str:
        """Give a new id."""
        return str(self.made(lambda: f"s{len(self.submissions)}-{self._new_id()}"))

    def _new_id(self) -> str:
        self._ids = getattr(self, "_ids", 0) + 1
        return str(self._ids)

    def submit(self, request: TransferRequest) -> str:
        """Accept a transfer, once."""

        def accept() -> str:
            if request.submission_id not in self.submissions:
                task = Task(f"t{len(self.tasks)}", request)
                self.tasks[task.id] = task
                self.submissions[request.submission_id] = task.id
            return self.submissions[request.submission_id]

        return str(self.made(accept))

    def remove(self, collection: Endpoint, *directories: str, label: str) -> str:
        """Accept a removal."""
        assert (collection, directories, label) == (SITE, (f"{AREA.directory}/",), "goclient C clean")

        def accept() -> str:
            self._check_done()
            task = Task(f"t{len(self.tasks)}", None)
            self.tasks[task.id] = task
            return task.id

        return str(self.made(accept))

    def _check_done(self) -> None:
        """Check that nobody needs what is staged any more."""
        for job in self.jobs.values():
            assert job.is_over, f"{job.name} may still read what is removed, or write there"
            serial = serial_of(job)
            staged = AREA.below(f"out/{serial:06d}.1")  # a try of which nobody knows may have finished, too
            made = [text for (end, path), text in self.files.items() if end == SITE.text and path.startswith(staged)]
            is_delivered = self.files.get((DESTINATION.text, f"/out/{serial}.1")) in made
            assert is_delivered or job.state != "finished", f"what {job.name} made is removed undelivered"

    def state_of(self, task_ids: Sequence[str]) -> dict[str, TaskState]:
        """Show tasks."""
        found = (self.tasks[one] for one in task_ids)
        return {one.id: TaskState(one.id, "", one.status, 1, 1, len(self.wrong), "") for one in found}

    def faults(self, task_id: str) -> list[str]:
        """Tell what is wrong with the storages."""
        assert task_id in self.tasks
        return list(self.wrong)

    def cancel(self, task_id: str) -> None:
        """End a task."""

        def end() -> None:
            if self.tasks[task_id].status == "ACTIVE":
                self.tasks[task_id].status = "FAILED"

        self.made(end)

    def end_tasks(self, *, fails: bool = False) -> None:
        """Carry out the tasks that are accepted, or let them fail with nothing done."""
        for task in self.tasks.values():
            if task.status == "ACTIVE":
                task.status = "FAILED" if fails else "SUCCEEDED"
                if not fails:
                    self._carry_out(task)

    def _carry_out(self, task: Task) -> None:
        if task.request is None:
            self.files = {one: text for one, text in self.files.items() if not one[1].startswith(AREA.directory)}
            return
        for item in task.request.items:
            text = self.files[task.request.source, item.source]
            self.files[task.request.destination, item.destination] = text
            self.written[item.destination] += 1

    # --- PanDA ---

    name = "https://panda"

    def submit_jobs(self, record: str, count: int) -> list[int]:
        """Accept jobs."""

        def accept() -> list[int]:
            first = len(self.rows) + 1
            for panda_id, row in enumerate(decode_jobs(record), first):
                self.rows[panda_id] = {**row, "PandaID": panda_id, "jobStatus": "activated", "prodUserID": OWNER}
            assert len(self.rows) == first + count - 1
            return [*range(first, first + count)]

        found: list[int] = self.made(accept)
        return found

    def describe(self, panda_ids: Sequence[int], *, archived: bool = False) -> list[JobState | None]:
        """Show jobs; the archive has no others."""
        return [None if one in self.hidden else self.jobs.get(one) for one in panda_ids]

    @property
    def jobs(self) -> dict[int, JobState]:
        """Jobs as they are, also those that the server does not know now."""
        return {panda_id: JobState.from_answer(row) for panda_id, row in self.rows.items()}

    @property
    def first(self) -> list[int]:
        """Numbers of the jobs' first tries, by which a user names them: the journal may not know the others."""
        return [one.panda_id for one in self.jobs.values() if one.name == first_name(one.name)]

    def records(self, panda_ids: Sequence[int]) -> list[KnownJob | None]:
        """Show the records of jobs."""
        rows = (None if one in self.hidden else self.rows.get(one) for one in panda_ids)
        return [None if row is None else KnownJob.from_answer(json.loads(json.dumps(row))) for row in rows]

    def rights(self) -> Rights:
        """Tell whose jobs they are."""
        return Rights(OWNER, False, None)

    def end_job(self, panda_id: int, state: str, *, code: int = 0) -> None:
        """Let a job end; one that finishes leaves its outputs at the site, if its input is there."""
        job = self.jobs[panda_id]
        serial, more = serial_of(job), job.name[len(first_name(job.name)) :]
        assert (SITE.text, AREA.below(f"in/0/data/{serial}")) in self.files, "a job runs when its input is there"
        self.rows[panda_id] |= {"jobStatus": state, "pilotErrorCode": code}
        if state == "finished":
            self.files[SITE.text, AREA.below(f"out/{serial:06d}.1{more}")] = f"of job {serial}{more}"


class Globus:
    """Transfer service of a world."""

    def __init__(self, world: World) -> None:
        self.listing, self.submission_id, self.submit = world.listing, world.submission_id, world.submit
        self.remove, self.tasks, self.faults, self.cancel = world.remove, world.state_of, world.faults, world.cancel


class Panda:
    """PanDA server of a world."""

    def __init__(self, world: World) -> None:
        self.name, self.submit, self.describe = world.name, world.submit_jobs, world.describe
        self.records, self.rights = world.records, world.rights


class Here(Connections):
    """Connections of a user to a world."""

    def __init__(self, world: World, state: Path) -> None:
        super().__init__(environ={"GOCLIENT_STATE": str(state), "HOME": str(state)})
        self._world = world

    def panda(self, *, pilot: bool = False) -> Any:
        """Return the PanDA server of the world."""
        return Panda(self._world)


def retry(world: World, state: Path, *panda_ids: int, again: bool = False, all: bool = False) -> list[str]:
    """Run one process that sends jobs again; return the codes of what is refused."""
    options = RetryOptions(noCheck=True, again=again, all=all)
    return [one.code for one in retry_jobs(panda_ids, options, Here(world, state)).refused]


def advance(world: World, kept: KeptBatch, allowed: Allowed = NOTHING_MORE, *, reporter: Reporter = SILENT) -> Progress:
    """Run one process that does what is due."""
    main = Journal(kept.path.parent.parent / "journal.jsonl")
    server = cast(PandaServer, Panda(world))

    def again(panda_ids: Sequence[int], show: Callable[[Sequence[NewJob]], None]) -> None:
        raise_all(retry_jobs(panda_ids, RetryOptions(noCheck=True), Here(world, main.path.parent), show).refused)

    jobs = PandaJobs(kept.read(), Sender(server, main, SILENT, allowed, retry=again))
    with kept.lock() as is_ours:
        assert is_ours
        return Advance(kept, Globus(world), jobs, reporter=reporter, allowed=allowed).run()


def begin(state: Path, batch: Batch, world: World) -> KeptBatch:
    """Keep a batch whose inputs are at their source."""
    for bring in batch.brings:
        for item in bring.items:
            world.files[SOURCE.text, item.source] = "input"
    with keep(batch, state) as kept:
        return kept
