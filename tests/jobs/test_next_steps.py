"""After a submission its jobs go by the shortest words that mean them alone, and their files by their final names."""

from __future__ import annotations

import pytest

from goclient.jobs.next_steps import final_names, status_command, targets_of
from goclient.model.syntax.options import spec_from

UUID = "9f1c7a52-0f5e-4a55-8d5d-3f8f3c1a2b4c"


@pytest.mark.parametrize(
    ("panda_ids", "name", "command"),
    [
        ([42], UUID, "goclient status 42"),
        ([42, 43, 44], f"{UUID}_0", "goclient status 42-44"),
        ([42, 44], f"{UUID}_0", "goclient status --campaign 20261129-010203"),
        ([42], f"20261129-010203.{UUID}", "goclient status --campaign 20261129-010203"),
    ],
    ids=["one", "a range", "somebody's job between", "a campaign that was typed"],
)
def test_the_command_names_these_jobs_and_no_others(panda_ids: list[int], name: str, command: str) -> None:
    assert status_command(panda_ids, "20261129-010203", job_name=name) == command


def test_the_first_and_the_last_file_are_named() -> None:
    spec = spec_from({"Data": ["a.${SN/P}", "b/"], "OutputGO": ["SITE1:/out/${SN}/"],
                      "StageoutGOsrc": ["x"], "StageoutGOdest": ["SITE1:/x${SN}"]})  # fmt: skip
    assert final_names(targets_of(spec), range(1, 21)) == [
        "SITE1:/x1 to SITE1:/x20",
        "SITE1:/out/1/a.000001 to SITE1:/out/20/a.000020",
        "SITE1:/out/1/b/ to SITE1:/out/20/b/",
    ]
    assert final_names(targets_of(spec), [1])[0] == "SITE1:/x1"


def test_of_many_files_some_are_named_and_the_rest_is_counted() -> None:
    spec = spec_from({"Data": [f"{n}" for n in range(9)], "OutputGO": ["SITE1:/out/"]})
    assert final_names(targets_of(spec), [1]) == [*(f"SITE1:/out/{n}" for n in range(4)), "and 5 more for each job"]
