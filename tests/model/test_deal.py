"""The sources of stage-in are dealt in order, each to one job, and none is lost or had twice."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.errors import RequestError
from goclient.model.deal import Deal, DealOrder, plan_dealt
from goclient.model.options import MAX_JOBS
from goclient.model.spec import TransferSpec
from goclient.model.syntax.options import spec_from
from tests.strategies import MANY

ENDS = ("SITE1", "SITE2")


def spec_of(names: Sequence[str], *destinations: str) -> TransferSpec:
    return spec_from({"StageinGOsrc": list(names), "StageinGOdest": list(destinations)})


def dealt(names: Sequence[str], per_job: int, *destinations: str) -> tuple[TransferSpec, Deal]:
    spec, deal, errors = DealOrder(per_job).deal(spec_of(names, *destinations))
    assert deal is not None
    assert not errors
    return spec, deal


def collisions(names: Sequence[str], per_job: int, *destinations: str) -> list[RequestError]:
    spec, deal = dealt(names, per_job, *destinations)
    return list(deal.find_collisions(spec))


@given(st.lists(st.booleans(), min_size=1, max_size=40).filter(any), st.integers(1, 12))
@MANY
def test_each_file_is_in_one_job_in_its_order_and_each_job_has_what_is_numbered(own: list[bool], per_job: int) -> None:
    names = [f"{ENDS[at % 2]}:/d/{at}" + ("" if one else "${SN}") for at, one in enumerate(own)]
    spec, deal = dealt(names, per_job)
    specs = list(deal.specs(spec))
    files = sum(own)
    assert (deal.files, deal.jobs) == (files, len(specs)) == (files, -(-files // per_job))
    shares = [[str(one.source) for one in job.stage_in] for job in specs]
    common = [name for name, one in zip(names, own, strict=True) if not one]
    assert all([name for name in share if "$" in name] == common for share in shares)
    plain = [[name for name in share if "$" not in name] for share in shares]
    assert [name for share in plain for name in share] == [name for name in names if "$" not in name]
    assert [len(share) for share in plain[:-1]] == [per_job] * (len(plain) - 1)
    assert all(names.index(a) < names.index(b) for share in shares for a, b in pairwise(share))
    table = deal.table(spec)
    assert [(row.serial, row.files, str(row.first), str(row.last)) for row in table.rows] == [
        (serial, len(share), share[0], share[-1]) for serial, share in enumerate(plain, 1)
    ]
    assert [sum(map(len, table.document()["rows"])), table.document()["files"]] == [4 * len(plain), files]
    assert deal.largest(spec) in specs


@given(st.lists(st.sampled_from(ENDS), min_size=1, max_size=30), st.integers(1, 7))
@MANY
def test_the_tasks_of_all_jobs_say_whose_each_item_is(ends: list[str], per_job: int) -> None:
    spec, deal = dealt([f"{end}:/d/{at}" for at, end in enumerate(ends)], per_job)
    tasks, serials = plan_dealt(spec), deal.serials_in(spec)
    assert [len(task.items) for task in tasks] == list(map(len, serials))
    whose = {item.source: serial for task, one in zip(tasks, serials, strict=True)
             for item, serial in zip(task.items, one, strict=True)}  # fmt: skip
    assert whose == {f"/d/{at}": at // per_job + 1 for at in range(len(ends))}


def test_two_jobs_may_have_files_of_one_name_and_one_job_may_not() -> None:
    names = ["SITE1:/a/x", "SITE1:/a/y", "SITE2:/b/x", "SITE2:/b/y"]
    assert collisions(names, 2) == []
    (error, _) = collisions(names, 4)
    assert '"SITE1:/a/x" and "SITE2:/b/x" would both be written to' in error.message
    assert "another --nFilesPerJob" in error.hint


@pytest.mark.parametrize("names", [("SITE1:/a", "SITE1:/b", "SITE1:/a"), ("SITE1:/a/", "SITE1:/a")])
def test_no_two_jobs_have_one_file(names: Sequence[str]) -> None:
    (error,) = collisions(names, 1)
    assert '"SITE1:/a" is named twice: ' in error.message
    assert error.hint == "leave one of them out"


def test_many_files_that_are_named_twice_are_one_error_with_their_number() -> None:
    names = [f"SITE1:/a/{number}" for number in range(30)]
    (error,) = collisions([*names, *names], 1)
    assert error.message.startswith('30 files are named twice, such as "SITE1:/a/0", "SITE1:/a/1", ')
    assert error.hint == "leave one of each out"


def test_what_two_jobs_would_write_to_one_place_outside_is_found() -> None:
    names = ["SITE1:/a/x", "SITE1:/b/x"]
    (error,) = collisions(names, 1, "SITE2:/there/")
    assert error.code == "one-destination"
    spec, deal = dealt(names, 1, "SITE2:/there/${SN}/")
    assert list(deal.find_collisions(spec)) == []
    assert [one.target.path for one in spec.stage_in] == ["/there/1/x", "/there/2/x"]


@pytest.mark.parametrize(
    ("names", "order", "message", "hint"),
    [
        ((), DealOrder(5), "there is no file of --StageinGOsrc to be dealt", "--StageinGOsrc=@LIST"),
        (("SITE1:/x${SN}",), DealOrder(5), "no file of --StageinGOsrc without ${SN} to be dealt", "name all"),
        (tuple(f"S:/{n}" for n in range(5)), DealOrder(2, 2), "5 files, 2 for each job, need 3 jobs, more than "
         "--njobs 2", "type --nFilesPerJob 3, or --njobs 3"),
        (tuple(f"S:/{n}" for n in range(MAX_JOBS + 1)), DealOrder(1), f"more than the {MAX_JOBS} of one submission",
         "type --nFilesPerJob 2"),
    ],
    ids=["none", "none without number", "too few jobs", "too many jobs"],
)  # fmt: skip
def test_what_cannot_be_dealt_is_told_with_its_remedy(
    names: Sequence[str], order: DealOrder, message: str, hint: str
) -> None:
    (error,) = order.deal(spec_of(names)).errors
    assert message in error.message
    assert hint in (error.hint or "")
    assert error.hint is None or (MAX_JOBS + 1 not in map(int, filter(str.isdigit, error.hint.split())))


def test_a_word_says_how_many_files_the_last_job_has() -> None:
    def said(files: int, per_job: int) -> str:
        return dealt([f"S:/{at}" for at in range(files)], per_job)[1].summary

    assert said(500, 25) == "500 files for 20 jobs, 25 for each"
    assert said(7, 3) == "7 files for 3 jobs, 3 for each, 1 for the last"
    assert said(1, 3) == "1 file for 1 job"
