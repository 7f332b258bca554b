"""A drawing over time shows what jobs did: nothing is added, and nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.jobs.status import JobStatus
from goclient.jobs.timeline import BINS, Interval, Window, means, timeline
from tests.jobs.pages import NOW, SENT, campaign, transfer

WINDOW = Window(SENT, SENT + 12_000)
TIMES = st.floats(SENT, SENT + 12_000)
INTERVALS = st.lists(
    st.builds(
        lambda ends, weight: Interval("x", min(ends), max(ends), weight), st.tuples(TIMES, TIMES), st.floats(0, 1e6)
    ),
    max_size=20,
)


@given(INTERVALS)
def test_each_mean_is_the_overlap_with_its_bin(intervals: list[Interval]) -> None:
    found = means(intervals, WINDOW)
    assert len(found) == BINS
    for number, mean in enumerate(found):
        began = WINDOW.began + number * WINDOW.width
        ended = began + WINDOW.width
        overlap = sum(one.weight * max(min(one.ended, ended) - max(one.began, began), 0) for one in intervals)
        assert mean * WINDOW.width == pytest.approx(overlap, rel=1e-6, abs=1.0)


@given(INTERVALS)
def test_what_bins_have_in_all_is_what_was_put_in(intervals: list[Interval]) -> None:
    total = sum(one.weight * (one.ended - one.began) for one in intervals)
    assert sum(means(intervals, WINDOW)) * WINDOW.width == pytest.approx(total, rel=1e-6, abs=100.0)


def test_every_job_is_drawn_at_each_time_once_it_is_sent() -> None:
    found = timeline(campaign(200), NOW)
    assert found is not None
    totals = [sum(values) for values in zip(*found.jobs.values(), strict=True)]
    assert totals[1:] == pytest.approx([200] * (BINS - 1))


def test_the_bytes_of_all_rates_are_those_that_jobs_transferred() -> None:
    jobs = [one for one in campaign(200) if one.done]
    found = timeline(jobs, NOW)
    assert found is not None
    drawn = sum(map(sum, found.rates.values())) * found.window.width
    assert drawn == pytest.approx(sum(task.bytes for job in jobs for task in job.transfers))


def test_phases_follow_one_another_and_the_rest_is_not_known() -> None:
    seconds = {"stage-in": 100.0, "payload": 500.0, "output": 60.0, "total": 700.0}
    job = JobStatus(1, "finished", "", created=SENT, started=SENT + 200, ended=SENT + 1200, seconds=seconds)
    found = timeline([job], NOW)
    assert found is not None
    assert {band: round(sum(values) * found.window.width) for band, values in found.phases.items()} == {
        "stage-in": 100, "payload": 500, "output": 60, "other": 340,
    }  # fmt: skip
    assert list(found.phases) == ["stage-in", "payload", "output", "other"], "from the bottom, as a job has them"


@pytest.mark.parametrize(
    ("job", "bands"),
    [
        pytest.param(JobStatus(1, "activated", "", created=SENT), {"waiting"}, id="it waits until now"),
        pytest.param(JobStatus(1, "running", "", created=SENT, started=SENT + 60), {"waiting", "work"}, id="it runs"),
        pytest.param(JobStatus(1, "cancelled", "", created=SENT, ended=SENT + 60), {"waiting"}, id="it never ran"),
        pytest.param(JobStatus(1, "finished", "", created=SENT), set(), id="nobody knows when it ended"),
        pytest.param(
            JobStatus(1, "failed", "", created=SENT, started=SENT - 90, ended=SENT - 60),
            {"work", "failed"},
            id="clocks differ",
        ),
    ],
)
def test_a_job_is_drawn_as_far_as_its_times_are_known(job: JobStatus, bands: set[str]) -> None:
    found = timeline([job], NOW)
    assert found is not None
    assert set(found.jobs) == bands


def test_jobs_without_times_have_no_chart() -> None:
    assert timeline([], NOW) is None
    assert timeline([JobStatus(1, "finished", "", transfers=(transfer("stage-in", size=5),))], NOW) is None
