"""Words about jobs that were just sent: their numbers, how to follow them, and where their files will be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from goclient.errors import GoclientError
from goclient.errors.wording import printable
from goclient.jobs.next_steps import delivery_step, final_names, status_command
from goclient.jobs.panda_ids import as_ranges
from goclient.model.location import Location
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.submission import SubmittedJob


def print_sent(jobs: Sequence[SubmittedJob]) -> None:
    """Print a line for each job; if that fails, their numbers are in the error."""
    with telling([job.panda_id for job in jobs]):
        lines = (f"PandaID={job.panda_id} jobName={printable(job.name)}\n" for job in jobs)
        print("".join(lines), end="", flush=True)


@contextmanager
def telling(panda_ids: Sequence[int]) -> Iterator[None]:
    """Run the body, which prints jobs that were accepted; if it cannot, raise GoclientError with their numbers."""
    try:
        yield
    except OSError as error:
        if not panda_ids:
            raise
        message = f"the jobs were accepted, but that could not be printed: {error.strerror}; PandaID "
        raise GoclientError(
            f"{message}{as_ranges(panda_ids)}", hint="do not submit them again", code="os-error"
        ) from error


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
