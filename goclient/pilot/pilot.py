"""A pilot, PanDA's side of a job: take it from the server, have its node carry it out, and report its end."""

from __future__ import annotations

from pathlib import Path

from goclient.errors import GoclientError, Interrupted, LoginNeeded, ServerError, TransferFailed, raise_all
from goclient.errors.conditions import LeftForGood, StaleAttempt
from goclient.errors.sent import UnreadableJob
from goclient.files.private import make_directory
from goclient.job_journal import JobJournal
from goclient.journal import HOST
from goclient.model.records.answers import AssignedJob
from goclient.node.engines.base import Attempt
from goclient.node.job_log import JobLog
from goclient.node.left import remove_left
from goclient.node.signals import check, finishing, has_come, interruptible
from goclient.pilot.clean_up import clean_up
from goclient.pilot.execution import Node
from goclient.pilot.metrics import metrics
from goclient.pilot.readiness import Readiness
from goclient.pilot.report import Outcome, PandaHeartbeat, Report, Unreported, end_report, send_report
from goclient.pilot.settings import Services, Settings
from goclient.pilot.taken import TakenJob
from goclient.reporter.base import Reporter
from goclient.reporter.recording import RecordingReporter, SteadyReporter
from goclient.services.panda.client import PandaServer
from goclient.services.retry import turns

STOPPED_WITHIN = 5.0  # seconds that a pilot which was stopped has to tell the server: soon it is killed
JOURNAL_WITHIN = 10.0  # seconds in which another pilot lets go of a new journal that it has looked at


class Pilot:
    """Run jobs, one at a time."""

    def __init__(self, settings: Settings, server: PandaServer, services: Services, reporter: Reporter) -> None:
        self.settings = settings
        self.server = server
        self.reporter = SteadyReporter(reporter)
        self._services = services
        self._node = Node(settings, services)
        self._readiness = Readiness(settings, server)

    def run_one(self) -> Outcome | None:
        """Run one job of the queue, and return its outcome; None if there is no job.

        A node that could not carry a job out, or report it, takes none.  Whatever happens to a job, everything
        temporary is removed and the server is told how it ended.  Raises Unreported if it cannot be told yet.
        """
        check()
        self._readiness.check()
        with finishing():
            job = self._take()
            if job is None or job.assigned is None:
                return None
            self.reporter.progress(f"PandaID {job.panda_id}: {job.assigned.transformation}")
            return self.carry_out(job)

    def carry_out(self, job: TakenJob) -> Outcome:
        """Run a job, or what its journal says is left of it, to its end; a signal ends what runs, and nothing else."""
        with finishing():
            return self._carry_out(job, RecordingReporter(self.reporter))

    def _carry_out(self, job: TakenJob, reporter: RecordingReporter) -> Outcome:
        log = None
        error: GoclientError | None = None
        try:
            with interruptible():
                job = job.with_scratch(self.settings.work)
                log = job.open_log(reporter)
                self._node.run(job, PandaHeartbeat(self.server, job, every=self.settings.heartbeat), log, reporter)
        except TransferFailed as failure:  # a stale attempt is one in whatever phase it is found
            error = failure.error if isinstance(failure.error, StaleAttempt) else failure
        except GoclientError as failure:
            error = failure
        except KeyboardInterrupt:
            error = Interrupted("the pilot was stopped by a signal", hint="submit the job again if it was not you")
        except Exception as failure:  # a defect of ours must not leave a job without a report
            error = GoclientError(f"unexpected {type(failure).__name__}: {failure}")
        return self.end(job, error, reporter, log)

    def end(
        self, job: TakenJob, error: GoclientError | None, reporter: RecordingReporter, log: JobLog | None = None
    ) -> Outcome:
        """Keep the log of a job that has ended, tell the server of it, remove the rest, and return its outcome."""
        report = None
        with finishing():
            reporter.progress("the job is done" if error is None else f"the job failed: {error.message}")
            log = log or job.open_log(reporter)
            outcome = Outcome(job.panda_id, error, self._keep_log(job, log, reporter))
            if not isinstance(error, StaleAttempt):
                report = end_report(job, outcome, metrics=metrics(job.journal))
                try:
                    report.keep(job.journal)
                except GoclientError as failure:  # the server is told all the same
                    reporter.warning(failure.message, failure.hint)
            self.close(job, report, within=self.settings.report_within)
        return outcome

    def close(self, job: TakenJob, report: Report | None, *, within: float) -> None:
        """Tell the server the end of a job, if it has not heard of it, and remove what is left of the job."""
        heard = False
        with finishing():
            try:
                if report is not None and not report.is_known:
                    self._send(job, report, within=within)
                heard = True
            finally:
                left = clean_up(job.journal, self._services.globus)
                if heard:
                    delivered = report is not None and report.state == "finished"
                    with left, self._node.stores(job, self.reporter) as server:
                        remove_left(job.journal, job.attempt, self._services.globus, delivered=delivered, server=server)
                errors = [one for error in left.errors for one in error.parts]
                waiting = [error for error in errors if not isinstance(error, LeftForGood)]
                for error in errors:
                    hint = "a later pilot tries again" if error in waiting else error.hint
                    self.reporter.warning(f"PandaID {job.panda_id}: {error.message}", hint)
                if heard and not waiting:
                    job.journal.finish()
                job.journal.close()

    def _send(self, job: TakenJob, report: Report, *, within: float) -> None:
        """Tell the server the end of a job; the signal leaves little time for it."""
        soon = min(within, STOPPED_WITHIN)
        try:
            with interruptible():
                send_report(self.server, job, report, within=soon if has_come() else within, reporter=self.reporter)
        except KeyboardInterrupt as stop:  # the server may have heard: it is told the same again
            try:
                send_report(self.server, job, report, within=soon, reporter=self.reporter)
            except Unreported:
                raise stop from None  # the next pilot tells it

    def _take(self) -> TakenJob | None:
        """Return a job of the queue, which the server and the journal say is this pilot's; None if there is none."""
        assigned = self.server.acquire(self.settings.site, node=HOST)
        if assigned is None:
            return None
        attempt = Attempt(str(assigned.panda_id), assigned.attempt)
        if assigned.task_id and (task := self._task_of(assigned.panda_id)):
            attempt = Attempt(f"t{task}", assigned.panda_id)
        journal = self._new_journal(assigned)
        return TakenJob(journal, self.settings.site, attempt, assigned=assigned).begin()

    def _task_of(self, panda_id: int) -> int:
        """Return the number of a job's task, 0 if it has none, or if the server does not say."""
        try:
            (known,) = self.server.describe([panda_id])
        except (ServerError, LoginNeeded):
            return 0
        return known.task_id if known is not None and not isinstance(known, UnreadableJob) else 0

    def _new_journal(self, assigned: AssignedJob) -> JobJournal:
        """Return an empty journal; what a pilot that was given the same attempt, and died, has left is removed first.

        Raises GoclientError if a pilot still runs that attempt: the server will take the job back.
        """
        for waited in turns(0.05, 1.0):
            try:
                journal = JobJournal(self.settings.state, assigned.panda_id, assigned.attempt)
            except BlockingIOError:
                if waited < JOURNAL_WITHIN:
                    continue
                raise GoclientError(f"another pilot runs this attempt of PandaID {assigned.panda_id}") from None
            if journal.last("job", journal.job) is None:
                return journal
            if left := clean_up(journal, self._services.globus).errors:
                journal.close()
                raise_all(left)
            journal.finish()
        raise AssertionError("unreachable")

    def _keep_log(self, job: TakenJob, log: JobLog | None, reporter: Reporter) -> Path | None:
        """Return the archive with the job's log, None if there is nothing to keep, or no room."""
        if job.assigned is None or log is None:
            return None
        archive = self.settings.logs / (Path(job.assigned.log_file).name or f"{job.panda_id}.job.log.tgz")
        try:
            make_directory(self.settings.logs)
            log.write(archive)
        except (OSError, ValueError) as failure:
            reporter.progress(f"the log is lost: {failure}")
            return None
        finally:
            log.close()
        return archive
