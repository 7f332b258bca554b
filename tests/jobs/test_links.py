"""A page of the monitor, or of Globus, is named where it is known."""

from __future__ import annotations

from goclient.jobs.links import job_page, task_page


def test_pages_are_named_where_they_are_known() -> None:
    assert job_page(7, "https://pandaserver.cern.ch:25443") == "https://bigpanda.cern.ch/job?pandaid=7"
    assert job_page(7, "https://panda.example") == job_page(7, "https://notcern.ch") == ""
    assert task_page("x") == "https://app.globus.org/activity/x"
