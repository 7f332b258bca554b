"""Words about jobs that were just sent: their numbers, how to follow them, and where their files will be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from goclient.errors import GoclientError
from goclient.errors.wording import printable
from goclient.jobs.next_steps import delivery_step, final_names, status_command
from goclient.model.location import Location
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.submission import SubmittedJob


def print_sent(jobs: Sequence[SubmittedJob]) -> None:
    """Print a line for each job; if that fails, their numbers are in the error."""
    lines = (f"PandaID={job.panda_id} jobName={printable(job.name)}\n" for job in jobs)
    try:
        print("".join(lines), end="", flush=True)
    except OSError as error:
        raise not_printed(jobs, error) from error


def not_printed(jobs: Sequence[SubmittedJob], error: OSError) -> GoclientError:
    """Return the error of jobs that were accepted, and that could not be printed."""
    ids = " ".join(str(job.panda_id) for job in jobs)
    message = f"the jobs were accepted, but that could not be printed: {error.strerror}; PandaID {ids}"
    return GoclientError(message, hint="do not submit them again", code="os-error")


def report_next_steps(
    jobs: Sequence[SubmittedJob], campaign: str, targets: Sequence[Location], *, is_staged: bool, reporter: Reporter
) -> None:
    """Report how to follow the jobs, and where their files will be; ``is_staged``: these are delivered afterwards."""
    command = status_command([job.panda_id for job in jobs], campaign, job_name=jobs[0].name)
    reporter.progress(f"to follow the {'job' if len(jobs) == 1 else 'jobs'}, type: {command}")
    if names := final_names(targets, [job.serial for job in jobs]):
        reporter.progress("the output will be at:", *names)
    if targets and is_staged:
        reporter.progress(delivery_step(campaign))
