"""An explanation calls endpoints by their names in the catalogue, and counts in plain English."""

from __future__ import annotations

import pytest

from goclient.carrier.rungen import Start
from goclient.jobs.explain import Explained, explain, rows, summary
from goclient.model.endpoint import read_endpoint
from goclient.model.records.registry import attach_carried
from goclient.model.spec import TransferSpec

SITE, SERVER = "01234567-89ab-cdef-0123-456789abcdef", "fedcba98-7654-3210-fedc-ba9876543210"
CATALOGUE = {"SITE1": read_endpoint(SITE, "SITE1"), "SERVER1": read_endpoint(SERVER, "SERVER1")}
THROUGH_A_SERVER = (
    f"run --goclient=v1:4 --StageinGOsrc={SITE}:/a,{SITE}:/b --WorkingendpointGO=W --InmodeGO=server "
    f"--LocalendpointGO={SERVER}"
)


def shown(explained: Explained) -> list[tuple[str, ...]]:
    return [tuple(row) for row in rows(explained.plan, explained.spec.working)]


def test_a_server_goes_by_its_name_in_the_catalogue() -> None:
    explained = explain(THROUGH_A_SERVER, catalogue=CATALOGUE)
    assert shown(explained) == [
        ("1", "before the payload", "SITE1:/a", "W (seen by SERVER1): a"),
        ("1", "before the payload", "SITE1:/b", "W (seen by SERVER1): b"),
    ]
    lines = summary(explained.plan, explained.spec)
    assert "through the server SERVER1, which must see the job's directory" in lines


def test_without_a_catalogue_endpoints_go_by_what_the_record_has() -> None:
    explained = explain(THROUGH_A_SERVER, catalogue={})
    found = rows(explained.plan, explained.spec.working)
    assert (found[0].source, found[0].destination) == (f"{SITE}:/a", f"W (seen by {SERVER}): a")


def test_a_name_of_the_catalogue_is_resolved_and_shown_again() -> None:
    explained = explain("run --StageinGOsrc=SITE1:/a", catalogue=CATALOGUE)
    assert explained.document()["plan"][0]["source"] == SITE
    assert shown(explained)[0][2] == "SITE1:/a"


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        pytest.param("--StageinGOsrc=A:/a", "1 transfer task with 1 item", id="one"),
        pytest.param("--StageinGOsrc=A:/a,B:/b,B:/c", "2 transfer tasks with 3 items", id="several"),
        pytest.param("in-mode=local dir-in=/d files-in=a", "0 transfer tasks and 1 copy task on the node", id="copies"),
    ],
)
def test_tasks_and_items_are_counted(text: str, counts: str) -> None:
    explained = explain(text, catalogue={})
    assert summary(explained.plan, explained.spec)[0].startswith(counts)


def test_words_without_effect_are_warnings_and_the_rest_is_the_payloads() -> None:
    explained = explain("run in-mode=gc globus-endpoint-in=A", catalogue={})
    assert (explained.payload, [one.level for one in explained.warnings]) == (
        "run",
        ["warning"] * len(explained.warnings),
    )
    assert explained.warnings


def test_a_server_is_shown_by_its_url() -> None:
    text = "run --StageinGOsrc=gsiftp://h:2811/a"
    assert shown(explain(text, catalogue={}))[0][2] == "gsiftp://h/a"
    assert shown(explain(text, catalogue={"OLD": read_endpoint("gsiftp://h:2811", "OLD")}))[0][2] == "OLD:/a"


@pytest.mark.parametrize(
    ("text", "near", "lines"),
    [
        pytest.param(
            "--StageinGOsrc=gsiftp://h/a",
            "the job's directory: a",
            [
                "1 server task with 1 item",
                "with the user's proxy, which the pilot retrieves, at gsiftp://h",
                "names no MyProxy account: the pilot has no proxy",
            ],
            id="a-gridftp-server",
        ),
        pytest.param(
            "in-mode=gc globus-endpoint-in=davs://h files-in=a globus-user=wdeng",
            "the job's directory: a",
            [
                "1 server task with 1 item",
                "with the user's proxy, which the pilot retrieves, at davs://h",
                "names the Globus user wdeng",
                "names no MyProxy account: the pilot tries the one of wdeng",
            ],
            id="an-account-that-is-guessed",
        ),
        pytest.param(
            "in-mode=https globus-endpoint-in=A files-in=a",
            "the job's directory: a",
            ["1 HTTPS task with 1 item"],
            id="https",
        ),
        pytest.param(
            "--StageinGOsrc=A:/a,gsiftp://h/b",
            "goclient (the node): a",
            [
                "1 transfer task and 1 server task with 2 items",
                "through a Globus Connect endpoint that the job makes, goclient-…",
                "with the user's proxy, which the pilot retrieves, at gsiftp://h",
                "names no MyProxy account: the pilot has no proxy",
            ],
            id="both",
        ),
        pytest.param(
            "in-mode=server globus-endpoint-in=gsiftp://h globus-endpoint-local=gsiftp://l files-in=a",
            "goclient (seen by gsiftp://l): a",
            [
                "1 server task with 1 item",
                "through the server gsiftp://l, which must see the job's directory",
                "with the user's proxy, which the pilot retrieves, at gsiftp://h",
                "names no MyProxy account: the pilot has no proxy",
            ],
            id="a-server-that-sees-the-directory",
        ),
    ],
)
def test_it_says_how_files_get_to_the_jobs_directory(text: str, near: str, lines: list[str]) -> None:
    explained = explain(text, catalogue={})
    assert shown(explained)[0][3] == near
    assert summary(explained.plan, explained.spec) == lines


def test_words_that_are_not_those_of_the_carriers_plan_are_told() -> None:
    start = Start("https://h", "jobO.a.tar.gz", "0" * 64, ("x",))
    for plan, warnings in (("0" * 64, []), ("1" * 64, ["other-plan"])):
        text = attach_carried(start.parameters().replace("${SN}", "1"), TransferSpec(), plan)
        assert [one.code for one in explain(text, catalogue={}).warnings] == warnings
