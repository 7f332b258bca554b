"""A pilot, PanDA's side of a job: take it from the server, have its node carry it out, and report its end."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from goclient.errors import GoclientError, Interrupted
from goclient.errors.wording import quoted
from goclient.files.private import make_directory
from goclient.journal import JobJournal, Journal
from goclient.model.planner import plan
from goclient.model.records.panda_job import AssignedJob
from goclient.model.records.registry import decode
from goclient.model.spec import TransferSpec
from goclient.model.syntax.shell import words
from goclient.node.engines.base import Attempt, JobContext, TransferEngine, TransferService
from goclient.node.engines.globus import GlobusEngine
from goclient.node.engines.globus_task import Patience
from goclient.node.engines.local import LocalEngine
from goclient.node.globus_connect import check_node, node_endpoint
from goclient.node.job import NodeJob, run_job
from goclient.node.job_log import JobLog
from goclient.node.left import remove_left
from goclient.node.shared_filesystem import SAME, Shared
from goclient.node.signals import uninterrupted
from goclient.pilot.report import Outcome, PandaHeartbeat, report_end
from goclient.pilot.transformation import fetch
from goclient.reporter.base import Reporter
from goclient.reporter.recording import RecordingReporter
from goclient.services.panda.client import PandaServer


@dataclass(frozen=True)
class Settings:
    """Settings of a site's pilots."""

    site: str  # the queue
    work: Path  # where jobs run
    logs: Path  # where their logs stay
    patience: Patience
    heartbeat: float  # seconds
    connect: str  # the program globusconnectpersonal
    env: Mapping[str, str]  # the pilot's own
    own: tuple[str, ...]  # the real paths of the pilot's own files and directories, which no job copies
    shared: Shared = SAME


class Pilot:
    """Run jobs, one at a time; ``globus`` is called only if a job needs it."""

    def __init__(
        self,
        settings: Settings,
        server: PandaServer,
        globus: Callable[[], TransferService],
        journal: Journal,
        reporter: Reporter,
    ) -> None:
        self._settings = settings
        self._server = server
        self._globus = globus
        self._journal = journal
        self._reporter = reporter

    def run_one(self) -> Outcome | None:
        """Run one job of the queue, and return its outcome; None if there is no job.

        A node that could not carry a job out takes none.  Whatever happens to a job, everything temporary is removed
        and the server is told how it ended.  Raises Unreported if it cannot be told.
        """
        check_node(self._settings.work, self._settings.connect)
        reporter = RecordingReporter(self._reporter)
        job = None
        try:
            with uninterrupted():
                job = self._server.acquire(self._settings.site, node=socket.gethostname())
        except KeyboardInterrupt:
            if job is None:
                raise
            return self._end(job, _stopped(), None, reporter)
        if job is None:
            return None
        reporter.progress(f"PandaID {job.panda_id}: {job.transformation}")
        try:
            prefix = f"goclient-{job.panda_id}-"
            scratch = Path(tempfile.mkdtemp(prefix=prefix, dir=self._settings.work))
        except OSError as error:
            where = quoted(self._settings.work)
            no_directory = GoclientError(f"no directory for the job in {where}: {error.strerror}")
            return self._end(job, no_directory, None, reporter)
        try:
            log = JobLog(scratch, reporter)
            outcome = self._end(job, self._run(job, scratch, log, reporter), log, reporter)
            self._remove_left(job, outcome, reporter)
            return outcome
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _journal_of(self, job: AssignedJob) -> JobJournal:
        return JobJournal(self._journal.path.parent, job.panda_id, job.attempt)

    def _remove_left(self, job: AssignedJob, outcome: Outcome, reporter: Reporter) -> None:
        """Remove what attempts of a job have left beside its output, now that the server knows how it ended."""
        journal, attempt = self._journal_of(job), Attempt(str(job.panda_id), job.attempt)
        try:
            remove_left(journal, attempt, self._globus, delivered=outcome.error is None)
            journal.finish()
        except GoclientError as error:
            reporter.progress(f"clean-up: {error.message}")
            journal.close()

    def _run(self, job: AssignedJob, scratch: Path, log: JobLog, reporter: Reporter) -> GoclientError | None:
        """Run a job; return the error that it ended with, if any."""
        settings, journal = self._settings, self._journal_of(job)
        try:
            heartbeat = PandaHeartbeat(self._server, job, every=settings.heartbeat)
            heartbeat.change("starting")
            decoded = decode(job.parameters)
            spec = decoded.spec
            context = JobContext(
                panda_id=job.panda_id,
                attempt=Attempt(str(job.panda_id), job.attempt),
                scratch=scratch,
                pilot_env=settings.env,
                overwrite=spec.overwrite,
                journal=journal,
                reporter=reporter,
                heartbeat=heartbeat,
            )
            node_job = NodeJob(
                tasks=plan(spec),
                program=partial(fetch, job.transformation, scratch),
                arguments=tuple(word.value for word in words(decoded.payload)),
                variables={  # those of the pilots of 2012
                    "PandaID": str(job.panda_id),
                    "PandaSite": settings.site,
                    "QueueName": settings.site,
                    "PandaWorkdir": str(context.directory),
                    "dispatchBlock": job.dispatch_block,
                    "destinationBlock": job.destination_block,
                },
                log_name=job.log_file,
            )
            context.directory.mkdir(mode=0o700)
            with self._engines(spec, node_job, context) as engines:
                run_job(node_job, context, engines, log)
        except GoclientError as error:
            return error
        except KeyboardInterrupt:
            return _stopped()
        except Exception as error:  # a defect of ours must not leave a job without a report
            return GoclientError(f"unexpected {type(error).__name__}: {error}")
        finally:
            journal.close()
        return None

    @contextmanager
    def _engines(self, spec: TransferSpec, job: NodeJob, context: JobContext) -> Iterator[list[TransferEngine]]:
        """Run the body with the engines of a job, in the order in which they are asked for a task."""
        settings = self._settings
        engines: list[TransferEngine] = [LocalEngine(context, own=settings.own)]
        with ExitStack() as stack:
            if spec.makes_endpoint or not all(any(one.can_run(task) for one in engines) for task in job.tasks):
                service, connect = self._globus(), None
                if spec.makes_endpoint:
                    name = f"{spec.working}-{context.panda_id}"
                    connect = stack.enter_context(
                        node_endpoint(context, service, name=name, program=settings.connect)
                    )  # fmt: skip
                engines.append(
                    GlobusEngine(context, service, settings.patience, connect=connect, shared=settings.shared)
                )
            yield engines

    def _end(self, job: AssignedJob, error: GoclientError | None, log: JobLog | None, reporter: Reporter) -> Outcome:
        """Keep the log of a job that has ended, tell the server of it, and return its outcome."""
        with uninterrupted():
            reporter.progress("the job is done" if error is None else f"the job failed: {error.message}")
            kept = None
            if log is not None:
                try:
                    make_directory(self._settings.logs)
                    archive = self._settings.logs / (Path(job.log_file).name or f"{job.panda_id}.job.log.tgz")
                    log.write(archive)
                    kept = archive
                except (OSError, ValueError) as failure:
                    reporter.progress(f"the log is lost: {failure}")
            outcome = Outcome(job.panda_id, error, kept)
            report_end(self._server, job, outcome, site=self._settings.site, reporter=reporter)
            return outcome


def _stopped() -> Interrupted:
    return Interrupted("the pilot was stopped by a signal", hint="submit the job again if it was not you")
