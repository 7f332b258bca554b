"""A job's report of its own transfers is taken as far as it can be true: a job can write anything there."""

from __future__ import annotations

from typing import Any

import pytest

from goclient.jobs.follow import Followed
from goclient.jobs.page import page
from goclient.jobs.status import MOST_TOLD, status_told
from goclient.jobs.summary import summarize
from goclient.model.records.answers import JobState

ROW = {"task_id": None, "phase": "output", "state": "done", "files": 2, "bytes": 300}


def job(*rows: Any) -> JobState:
    return JobState(1, 0, 0, "finished", "", "", reported={"transfers": list(rows)})


def test_rows_of_a_carried_job_are_its_transfers() -> None:
    (task,) = status_told(job(ROW)).transfers
    assert (task.status, task.files, task.bytes, task.label) == ("SUCCEEDED", 2, 300, "goclient 1 output")


@pytest.mark.parametrize("wrong", [10**4000, 10**18, -1, float("inf"), float("nan"), "x", None, [], {}])
def test_a_row_whose_number_cannot_be_one_hides_no_other(wrong: Any) -> None:
    status = status_told(job(ROW, {**ROW, "bytes": wrong}, ROW))
    assert [task.bytes for task in status.transfers] == [300, 300]
    assert summarize([status]).moved.bytes == 600
    assert "600 B" in page(Followed("https://panda.example", (status,)), now=0)


def test_a_job_tells_of_a_thousand_transfers_at_most() -> None:
    assert len(status_told(job(*[ROW] * 5000)).transfers) == MOST_TOLD


def test_json_has_the_pages_of_a_job_and_of_its_transfers() -> None:
    task_id = "6b1c5b3e-0d5a-4a51-8a0e-1f8b2c3d4e5f"
    status = status_told(job(ROW, {**ROW, "task_id": task_id}, {**ROW, "task_id": "../x"}))
    document = status.document("https://pandaserver.cern.ch", has_pages=True)
    assert document["url"] == "https://bigpanda.cern.ch/job?pandaid=1"
    assert [one["url"] for one in document["transfers"]] == [None, f"https://app.globus.org/activity/{task_id}", None]
    elsewhere = status.document("https://panda.example")
    assert (elsewhere["url"], elsewhere["transfers"][1]["url"]) == (None, None)
