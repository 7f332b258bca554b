"""One job, from the dispatcher to its last report: stage in, run, stage out, output, clean up."""

from __future__ import annotations

import os
import shutil
import socket
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from goclient.errors import GoclientError, Interrupted, Several, quoted
from goclient.files.private import make_folder, private
from goclient.journal import Journal
from goclient.model.plan import TransferTask
from goclient.model.planner import plan
from goclient.model.records.panda_job import AssignedJob
from goclient.model.records.registry import decode
from goclient.model.spec import TransferSpec
from goclient.model.syntax.shell import words
from goclient.node import payload
from goclient.node.engines.apart import carry_apart
from goclient.node.engines.globus import Carrier, Patience
from goclient.node.environment import clean_environment
from goclient.node.globus_connect import check_node, node_endpoint
from goclient.node.shared_filesystem import SAME, Shared
from goclient.node.signals import uninterrupted
from goclient.pilot.report import Heartbeat, report_end
from goclient.secrets import hidden
from goclient.services.globus.sdk import Globus
from goclient.services.panda.client import PandaServer


@dataclass(frozen=True, slots=True)
class Settings:
    """What a site says of its pilots: the queue, where jobs run, where their logs stay, and how patient to be."""

    site: str
    work: Path
    logs: Path
    patience: Patience
    heartbeat: float  # seconds
    shared: Shared = SAME
    own: tuple[str, ...] = ()  # the real paths of the pilot's own files and folders, which no job copies


@dataclass(frozen=True, slots=True)
class Outcome:
    """A job that has ended; ``error`` is None if it ended well."""

    panda_id: int
    state: str
    error: GoclientError | None
    log: Path | None


class Pilot:
    """Runs jobs, one at a time; ``globus`` is asked for only if a job moves anything."""

    def __init__(
        self,
        settings: Settings,
        server: PandaServer,
        globus: Callable[[], Globus],
        journal: Journal,
        say: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._server = server
        self._globus = globus
        self._journal = journal
        self._report_to = say
        self._said: list[str] = []

    def run_one(self) -> Outcome | None:
        """What became of one job of the queue; None if there is none.

        A node that could not carry a job out takes none.  Whatever happens to a job, everything temporary is removed
        and the server is told how it ended.  Raises ServerError if that cannot be told.
        """
        check_node(self._settings.work)
        self._said = []
        job = None
        try:
            with uninterrupted():
                job = self._server.acquire(self._settings.site, node=socket.gethostname())
        except KeyboardInterrupt:
            if job is None:
                raise
            return self._ended(job, None, _stopped())
        if job is None:
            return None
        self._say(f"PandaID {job.panda_id}: {job.transformation}")
        try:
            folder = Path(tempfile.mkdtemp(prefix=f"goclient-{job.panda_id}-", dir=self._settings.work))
        except OSError as error:
            no_folder = GoclientError(f"no folder for the job in {quoted(self._settings.work)}: {error.strerror}")
            return self._ended(job, None, no_folder)
        try:
            return self._ended(job, folder, self._try(job, folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _try(self, job: AssignedJob, folder: Path) -> GoclientError | None:
        """The error that a job ended with, or None."""
        try:
            self._job(job, folder)
        except GoclientError as error:
            return error
        except KeyboardInterrupt:
            return _stopped()
        except Exception as error:  # a defect of ours must not leave a job without a report
            return GoclientError(f"unexpected {type(error).__name__}: {error}")
        return None

    def _job(self, job: AssignedJob, folder: Path) -> None:
        """None, once the job is done; raises what went wrong."""
        beat = Heartbeat(self._server, job, self._settings.heartbeat)
        beat.send("starting")
        spec, own_words = decode(job.parameters)
        tasks = plan(spec)
        arguments = [word.value for word in words(own_words)]
        directory = folder / "job"
        directory.mkdir(mode=0o700)
        globus = self._globus() if spec.makes_endpoint or not all(task.is_copy for task in tasks) else None
        with self._node(globus, spec, job, folder) as node:
            carry = self._carrier(globus, spec, node, directory, job, beat)
            for task in tasks:
                if task.phase == "stage-in":
                    carry(task)
            program = payload.fetch(job.transformation, folder)
            beat.send("running")
            self._say("the payload runs")
            done = payload.run(
                program, arguments, folder=directory, env=self._environment(job, directory), beat=beat.maybe
            )
            self._say(f"the payload ended well after {done.seconds:.1f} s")
            self._put_log(job, spec, folder)
            for task in tasks:
                if task.phase != "stage-in":
                    carry(task)

    def _node(
        self, globus: Globus | None, spec: TransferSpec, job: AssignedJob, folder: Path
    ) -> AbstractContextManager[str | None]:
        """The node's own endpoint if the job needs one."""
        if globus is None or not spec.makes_endpoint:
            return nullcontext()
        return node_endpoint(
            globus,
            name=f"{spec.working}-{job.panda_id}",
            shared=folder / "job",
            config=folder / "connect",
            journal=self._journal,
            say=self._say,
        )

    def _carrier(
        self,
        globus: Globus | None,
        spec: TransferSpec,
        node: str | None,
        directory: Path,
        job: AssignedJob,
        beat: Heartbeat,
    ) -> Callable[[TransferTask], None]:
        """What carries out a task of the job; an error says in which phase it happened."""

        def carry(task: TransferTask) -> None:
            with _in_phase(task.phase):
                if task.is_copy:
                    own = (*self._settings.own, str(directory.parent))
                    copied = carry_apart(task, folder=directory, overwrite=spec.overwrite, own=own, beat=beat.maybe)
                    self._say(f"{task.phase}: {copied} file(s) copied on the node")
                    return
                assert globus is not None, "a job with transfers has a service to give them to"
                Carrier(
                    globus,
                    self._journal,
                    panda_id=job.panda_id,
                    folder=directory,
                    node=node,
                    seen_as=self._settings.shared.path(directory),
                    overwrite=spec.overwrite,
                    patience=self._settings.patience,
                    say=self._say,
                    beat=beat.maybe,
                ).carry(task)

        return carry

    def _environment(self, job: AssignedJob, directory: Path) -> dict[str, str]:
        """The payload's environment: ours without credentials, and the variables of the 2012 pilots."""
        return {
            **clean_environment(os.environ),
            "PandaID": str(job.panda_id),
            "PandaSite": self._settings.site,
            "QueueName": self._settings.site,
            "PandaWorkdir": str(directory),
            "dispatchBlock": job.dispatch_block,
            "destinationBlock": job.destination_block,
        }

    # --- the end ---

    def _ended(self, job: AssignedJob, folder: Path | None, error: GoclientError | None) -> Outcome:
        """The outcome, once the server knows it; the log is kept first."""
        with uninterrupted():
            return self._told(job, folder, error)

    def _told(self, job: AssignedJob, folder: Path | None, error: GoclientError | None) -> Outcome:
        self._say("the job is done" if error is None else f"the job failed: {error.message}")
        log = self._keep_log(job, folder) if folder is not None else None
        state = report_end(self._server, job, site=self._settings.site, error=error, log=log, say=self._say)
        return Outcome(job.panda_id, state, error, log)

    def _keep_log(self, job: AssignedJob, folder: Path) -> Path | None:
        """The archive with the payload's output and what the pilot said, or None if it cannot be written."""
        try:
            make_folder(self._settings.logs)
            archive = self._settings.logs / (Path(job.log_file).name or f"{job.panda_id}.job.log.tgz")
            self._write_log(archive, folder, opener=private)
        except (OSError, ValueError) as error:
            self._say(f"the log is lost: {error}")
            return None
        return archive

    def _write_log(self, archive: Path, folder: Path, *, opener: Callable[[str, int], int]) -> None:
        text = "".join(f"{hidden(line)}\n" for line in self._said)
        with open(folder / "pilot.log", "wb", opener=private) as log:
            log.write(text.encode(errors="backslashreplace"))
        with open(archive, "wb", opener=opener) as file, tarfile.open(fileobj=file, mode="w:gz") as tar:
            for name in (folder / "pilot.log", folder / "job" / payload.OUTPUT):
                if name.is_file() and not name.is_symlink():
                    tar.add(name, name.name)

    def _put_log(self, job: AssignedJob, spec: TransferSpec, folder: Path) -> None:
        """Writes the log, as far as it goes, into the job's directory if it is to be taken away with the output."""
        archive = folder / "job" / job.log_file
        moved = (*spec.stage_out, *spec.output)
        wanted = any(transfer.source.in_job and transfer.source.path == f"/{job.log_file}" for transfer in moved)
        if wanted and Path(job.log_file).name == job.log_file and not os.path.lexists(archive):
            self._write_log(archive, folder, opener=payload.of_job)

    def _say(self, text: str) -> None:
        self._said.append(f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} {text}")
        with suppress(OSError, ValueError):  # nobody may be listening any more: the job goes on
            self._report_to(text)


def _stopped() -> Interrupted:
    return Interrupted("the pilot was stopped by a signal", hint="submit the job again if it was not you")


@contextmanager
def _in_phase(phase: str) -> Iterator[None]:
    """Runs its body; an error of the transfer there says in which phase it happened."""
    try:
        yield
    except GoclientError as error:
        parts = [one.replace(message=f"{phase}: {one.message}", code=f"{phase}:{one.code}") for one in error.parts]
        raise (parts[0] if len(parts) == 1 else Several(parts)) from error
