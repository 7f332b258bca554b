"""The exit code of jobs that are followed says the worst, and a task counts instead of its jobs."""

from __future__ import annotations

import pytest

from goclient.errors.findings import ExitCode
from goclient.jobs.follow import Followed, FollowedTask
from goclient.jobs.status import JobStatus

CODES = [
    (("finished",), ExitCode.DONE),
    (("finished", "failed", "running"), ExitCode.JOBS_FAILED),
    (("finished", "running"), ExitCode.JOBS_RUNNING),
    (("closed",), ExitCode.JOBS_FAILED),
    ((), ExitCode.DONE),
]


@pytest.mark.parametrize(("states", "code"), CODES)
def test_the_exit_code_says_the_worst(states: tuple[str, ...], code: ExitCode) -> None:
    assert Followed("s", tuple(JobStatus(number, state, "") for number, state in enumerate(states))).exit_code is code


@pytest.mark.parametrize(
    ("state", "code"),
    [("done", ExitCode.DONE), ("finished", ExitCode.JOBS_FAILED), ("aborted", ExitCode.JOBS_FAILED),
     ("running", ExitCode.JOBS_RUNNING), ("exhausted", ExitCode.JOBS_RUNNING)],
)  # fmt: skip
def test_a_task_counts_instead_of_its_jobs(state: str, code: ExitCode) -> None:
    attempts = (JobStatus(1, "failed", "", task_id=5), JobStatus(2, "finished", "", task_id=5))
    assert Followed("s", attempts, (FollowedTask(5, state),)).exit_code is code
