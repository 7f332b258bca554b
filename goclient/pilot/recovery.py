"""Recovery of jobs whose pilot has died: carried on, or reported as failed, and nothing of them left behind.

A journal of a job that can be locked is nobody's.  What its journal and the server say decides what becomes of it.
"""

from __future__ import annotations

import time

from goclient.errors import GoclientError
from goclient.errors.conditions import StaleAttempt
from goclient.job_journal import JobJournal, job_files, prune
from goclient.journal import HOST
from goclient.node.engines.base import Attempt
from goclient.node.payload import PAYLOAD, PayloadError
from goclient.node.signals import check
from goclient.pilot.clean_up import has_endpoints, kill_processes
from goclient.pilot.pilot import Pilot
from goclient.pilot.report import PilotDied, Report, is_current
from goclient.pilot.taken import TakenJob, reload
from goclient.reporter.recording import RecordingReporter

MOST_RUNS = 5  # pilots that carry on with a job: it may be the job that they die of
EMPTY_AFTER = 60.0  # seconds that a journal is without an entry at most, unless its pilot died as it made it


def recover(pilot: Pilot) -> None:
    """End what earlier pilots of the same queue have left here; what cannot be ended now stays in its journal."""
    prune(pilot.settings.state, now=time.time())
    for file in job_files(pilot.settings.state):
        check()
        if not file.is_open:
            continue
        try:
            journal = JobJournal(pilot.settings.state, file.panda_id, file.attempt, make=False)
        except BlockingIOError:  # its pilot lives
            continue
        except GoclientError as error:
            pilot.reporter.warning(error.message, error.hint)
            continue
        try:
            _recover(journal, pilot)
        except GoclientError as error:
            what = f"PandaID {file.panda_id}, attempt {file.attempt}, is not ended yet"
            pilot.reporter.progress(f"{what}: {error.message}")
        finally:
            journal.close()


def _recover(journal: JobJournal, pilot: Pilot) -> None:
    """Decide what becomes of a job that nobody runs, and do it."""
    if journal.last("job", journal.job) is None:
        if journal.path.stat().st_mtime > time.time() - EMPTY_AFTER:
            return  # it may be a pilot's that is just making it
        job = TakenJob(journal, pilot.settings.site, Attempt(str(journal.panda_id), journal.attempt))
    elif (known := reload(journal)) is not None:
        job = known
    else:
        journal.finish()
        return
    if job.site != pilot.settings.site:
        return
    kill_processes(journal)
    reporter = RecordingReporter(pilot.reporter)
    payload = journal.last(PAYLOAD.what, PAYLOAD.key)
    report = Report.on_disk(journal)
    if job.host != HOST and (report is None or report.is_known) and not has_endpoints(journal):
        return  # the rest is on its own node
    if report is not None:
        pilot.close(job, report, within=0.0)
    elif not is_current(pilot.server, job):
        pilot.end(job, StaleAttempt("this attempt of the job is over for the server"), reporter)
    elif job.host != HOST:
        return  # the server will end it, and its own node has more of it
    elif payload is not None and payload.state == "failed":
        status = int(payload.subjects[0]) if payload.subjects else None
        pilot.end(job, PayloadError(payload.detail, status=status), reporter)
    elif payload is not None and payload.state == "done" and job.scratch is not None and _runs(journal) < MOST_RUNS:
        reporter.progress(f"PandaID {job.panda_id}: its pilot has died after the payload; it is carried on")
        pilot.carry_out(job.begin())
    else:
        died = PilotDied("the pilot of the job died before the job's end", hint="submit the job again")
        pilot.end(job, died, reporter)


def _runs(journal: JobJournal) -> int:
    """Return how many pilots have begun with the job."""
    return sum(entry.what == "job" and entry.state == "accepted" for entry in journal.entries())
