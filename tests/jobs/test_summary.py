"""A summary counts jobs once, and says together what they failed for together."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.cli.status_text import summary_lines
from goclient.jobs.cure import Cure
from goclient.jobs.follow import Followed
from goclient.jobs.page import page
from goclient.jobs.status import JobStatus
from goclient.jobs.summary import latest_tries, summarize
from goclient.model.remote import TaskState
from tests.strategies import SOME

NAME = "muons.d7d3bb9a-0b4a-4c9f-9d9f-8a1f3c2b1a00"
STATES = st.sampled_from(["finished", "failed", "cancelled", "closed", "running", "activated"])
JOBS = st.lists(
    st.builds(JobStatus, st.integers(1, 60), STATES, st.sampled_from(["", "no 1", "no 22", "x"])),
    unique_by=lambda job: job.panda_id,
)


def failed(panda_id: int, reason: str) -> JobStatus:
    return JobStatus(panda_id, "failed", reason, cure=Cure.MEND, hint="mend it")


GROUPS = [
    (("no /a/f1.root", "no /a/f2.root"), ("no /a/f….root",)),
    (("SITE1:/a1: gone", "SITE1:/a2: gone"), ("SITE1:/a…: gone",)),
    (("SITE1:/a: gone", "SITE1:/a: gone"), ("SITE1:/a: gone",)),
    (("job 7 has 9 files", "job 8 has 9 files"), ("job … has 9 files",)),
    (("no /a", "no /b"), ("no /a", "no /b")),
    (("", "no room"), ("no room", "the server says failed, and not why")),
]


@pytest.mark.parametrize(("reasons", "expected"), GROUPS)
def test_reasons_that_differ_in_numbers_are_one(reasons: tuple[str, ...], expected: tuple[str, ...]) -> None:
    groups = summarize([failed(number, reason) for number, reason in enumerate(reasons)]).groups
    assert sorted(group.reason for group in groups) == sorted(expected)
    assert {(group.cure, group.hint) for group in groups} == {(Cure.MEND, "mend it")}


@given(JOBS)
@SOME
def test_every_job_is_counted_and_every_failure_has_one_reason(jobs: list[JobStatus]) -> None:
    summary = summarize(jobs)
    assert sum(summary.states.values()) == len(jobs)
    grouped = [panda_id for group in summary.groups for panda_id in group.panda_ids]
    assert sorted(grouped) == sorted(job.panda_id for job in jobs if job.done and job.state != "finished")
    sizes = [len(group.panda_ids) for group in summary.groups]
    assert sizes == sorted(sizes, reverse=True)


def test_what_jobs_have_moved_is_added_up() -> None:
    task = TaskState("", "goclient 1 stage-in", "SUCCEEDED", 2, 1_000, 0, "")
    job = JobStatus(1, "finished", "", (task, task), seconds={"stage-in": 4.0, "payload": 60.0, "total": 70.0})
    summary = summarize([job, replace(job, panda_id=2, seconds={})])
    assert (summary.moved.files, summary.moved.bytes, summary.moved.rate) == (8, 4_000, 500.0)


def test_what_went_over_the_network_is_counted_once_and_no_copy_on_a_node() -> None:
    copy = TaskState("", "goclient 1 stage-in", "SUCCEEDED", 5, 700, 0, "", is_copy=True)
    delivery = TaskState("", "goclient 1 output", "SUCCEEDED", 1, 30, 0, "")
    bring = TaskState("x", "goclient muons bring", "SUCCEEDED", 4, 400, 0, "")
    job = JobStatus(1, "finished", "", (copy, delivery), seconds={"stage-in": 9.0, "output": 3.0})
    moved = summarize([job], transfers=[bring]).moved
    assert (moved.files, moved.bytes, moved.rate) == (5, 430, 10.0)


def test_what_earlier_tries_have_moved_is_told_apart() -> None:
    task = TaskState("", "goclient 1 stage-in", "SUCCEEDED", 2, 1_000, 0, "")
    first = JobStatus(1, "failed", "no room", (task,), name=NAME)
    jobs = (first, JobStatus(2, "finished", "", (task,), name=f"{NAME}.try2", campaign="muons"))
    lines = list(summary_lines(Followed("s", jobs), summarize(jobs)))
    assert lines == [
        "1 job: 1 finished (earlier tries beside them: 1, which moved 2 files)",
        "2 files transferred, 1.0 kB",
    ]
    shown = page(Followed("s", jobs), now=0)
    assert "<h1>1 job</h1>" in shown
    assert "<dt>files transferred</dt><dd>2</dd>" in shown
    assert "<dt>earlier tries beside them</dt><dd>1</dd>" in shown


WAITS = [
    (JobStatus(1, "running", "", created=100.0, started=160.0), 60.0),
    (JobStatus(1, "activated", "", created=100.0), 400.0),
    (JobStatus(1, "cancelled", "", created=100.0, ended=150.0), 50.0),
    (JobStatus(1, "failed", "", created=100.0), 0.0),
    (JobStatus(1, "running", "", created=200.0, started=160.0), 0.0),
    (JobStatus(1, "activated", ""), 0.0),
]


@pytest.mark.parametrize(("job", "seconds"), WAITS)
def test_a_job_waits_until_it_begins(job: JobStatus, seconds: float) -> None:
    assert summarize([job], now=500.0).longest_wait == seconds


def test_a_later_try_counts_instead_of_the_first() -> None:
    first, second = failed(1, "no room"), JobStatus(9, "failed", "no room", name=f"{NAME}.try2")
    third = JobStatus(12, "finished", "", name=f"{NAME}.try3")
    jobs = [replace(first, name=NAME), second, third, replace(first, panda_id=2, name=f"{NAME}_1")]
    assert [job.panda_id for job in latest_tries(jobs)] == [12, 2]
    assert (summarize(jobs).states, summarize(jobs).retried) == ({"finished": 1, "failed": 1}, 2)
    lines = list(summary_lines(Followed("s", tuple(jobs)), summarize(jobs)))
    assert lines == ["2 jobs: 1 finished, 1 failed (earlier tries beside them: 2)"]


def test_jobs_of_tasks_may_share_a_name() -> None:
    jobs = [JobStatus(number, "finished", "", name="user.jdoe.t", task_id=5) for number in (1, 2)]
    assert len(latest_tries(jobs)) == 2
