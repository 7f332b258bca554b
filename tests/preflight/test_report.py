"""A report of a text: what is found before any service is asked, in the words of the user's catalogue."""

from __future__ import annotations

from typing import Any

import pytest

from goclient.model.endpoint import read_endpoint
from goclient.model.request import Job
from goclient.preflight.base import PreflightOptions, Report
from goclient.preflight.report import check_text
from goclient.preflight.run import Preflight

SITE = "11111111-1111-4111-8111-111111111111"


def never() -> Any:
    raise AssertionError("no service is asked")


def checked(text: str) -> Report:
    catalogue = {"SITE1": read_endpoint(SITE, "SITE1")}
    preflight = Preflight(lambda: catalogue, None, accounts=never, options=PreflightOptions(), queues=never)
    return check_text(text, preflight, Job())


@pytest.mark.parametrize(
    ("text", "code", "subject"),
    [
        (f"--StageinGOsrc={SITE}:/a/x --StageinGOdest={SITE}:/a/", "onto-itself", "SITE1:/a/x"),
        (f"--StageinGOsrc={SITE}:/a/x,{SITE}:/b/x --StageinGOdest={SITE}:/c/", "one-destination", "SITE1:/c/x"),
        (f"--Data=y --OutputGO={SITE}:/a/*/", "wildcard", "SITE1:/a/*/"),
        (f"--StageinGOsrc={SITE}:/a/ --Data=y --OutputGO={SITE}:/a/", "output-in-input", "SITE1:/a/y"),
    ],
)
def test_a_text_is_judged_by_the_catalogues_names(text: str, code: str, subject: str) -> None:
    (found,) = (one for one in checked(text).findings if one.code == code)
    assert found.subject == subject
    assert subject in found.message
    assert SITE not in f"{found.message}{found.hint}"


@pytest.mark.parametrize(
    ("sources", "message", "hint"),
    [
        ("gsiftp://h:2811/x,gsiftp://h/x", '"gsiftp://h/x" is named twice, to be written to "x"', "name it once"),
        ("SITE1:/a//x,SITE1:/a/x", '"SITE1:/a//x" and "SITE1:/a/x" would', "leave one of them out: they are one file"),
        ("SITE1:/a/x,SITE1:/a/x", '"SITE1:/a/x" is named twice, to be written to "x"', "name it once"),
        ("SITE1:/a/x,SITE1:/b/x", '"SITE1:/a/x" and "SITE1:/b/x" would', "give each its own destination"),
    ],
)
def test_one_file_that_is_named_twice_is_told_from_two_files(sources: str, message: str, hint: str) -> None:
    (found,) = (one for one in checked(f"--StageinGOsrc={sources}").findings if one.code == "one-destination")
    assert message in found.message
    assert found.hint == hint


def test_of_a_carried_job_without_its_transfers_only_their_number_is_told() -> None:
    (found,) = checked(f"-p x goclient=v1:2 --CountsGO=1,2500 --CarriedGO={'0' * 64}").findings
    assert (found.level, found.code) == ("warning", "nothing-to-check")
    assert found.message == "the plan in the job's archive alone names its transfers: 2500 items"
