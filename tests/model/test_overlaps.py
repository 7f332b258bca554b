"""One place inside another is found: a file as a directory, output in input, a job that reads what a sibling writes."""

from __future__ import annotations

import time

import pytest

from goclient.model.location import Transfer
from goclient.model.overlaps import find_nested_targets, find_output_in_input, find_output_over_input
from goclient.model.serial import find_sibling_reads
from goclient.model.spec import TransferSpec
from goclient.model.syntax.parameters import read_typed
from tests.strategies import at


def spec_of(text: str) -> TransferSpec:
    typed = read_typed(text)
    assert typed.errors == []
    return typed.spec


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("--StageoutGOsrc=a,b --StageoutGOdest=S:/o/x,S:/o/x/", [("S:/o/x", "S:/o/x/b")]),
        ("--StageoutGOsrc=a,b --StageoutGOdest=S:/o/x,S:/o/x/y", [("S:/o/x", "S:/o/x/y")]),
        ("--StageoutGOsrc=b,a --StageoutGOdest=S:/o/x/y/z,S:/o//x", [("S:/o//x", "S:/o/x/y/z")]),
        ("--StageoutGOsrc=a,b,c --StageoutGOdest=S:/o/x,S:/o/x-1,S:/o/x/y", [("S:/o/x", "S:/o/x/y")]),
        ("--StageoutGOsrc=a --StageoutGOdest=S:/o/x --Data=b --OutputGO=S:/o/x/", [("S:/o/x", "S:/o/x/b")]),
        (
            "--StageoutGOsrc=a --StageoutGOdest=S:/o/${SN} --Data=b --OutputGO=S:/o/${SN}/",
            [("S:/o/${SN}", "S:/o/${SN}/b")],
        ),
        ("--StageoutGOsrc=a/,b --StageoutGOdest=S:/o/x/,S:/o/x/a/", []),
        ("--StageoutGOsrc=a,b --StageoutGOdest=S:/o/x,T:/o/x/y", []),
        ("--StageoutGOsrc=a,b --StageoutGOdest=S:/o/x,S:/o/xy/", []),
        ("in-mode=gc globus-endpoint-in=A files-in=r,r/x", []),
        ("--StageinGOsrc=A:/d/,A:/e --StageinGOdest=goclient:/in,goclient:/in/e", []),
        ("--StageinGOsrc=A:/d,A:/e --StageinGOdest=goclient:/in,goclient:/in/e", [("in", "in/e")]),
        ("--StageinGOsrc=A:/a,A:/b", []),
    ],
)
def test_a_target_that_is_a_file_and_a_directory_is_found(text: str, pairs: list[tuple[str, str]]) -> None:
    found = find_nested_targets(spec_of(text))
    assert [(str(one.outer.target), str(one.inner.target)) for one in found] == pairs


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("--StageinGOsrc=S:/d/ --Data=x --OutputGO=S:/d", ["S:/d/x"]),
        ("--StageinGOsrc=S:/d --Data=x --OutputGO=S:/d/e/f", ["S:/d/e/f/x"]),
        ("--StageinGOsrc=S:/ --Data=x --OutputGO=S:/d", ["S:/d/x"]),
        ("--StageinGOsrc=S:/d/a --Data=a --OutputGO=S:/d", ["S:/d/a"]),
        ("--StageinGOsrc=S:/d//////////////////a --Data=a --OutputGO=S:/d", ["S:/d/a"]),
        ("--StageinGOsrc=S:/d/,S:/d/e/ --Data=x,y --OutputGO=S:/d/e", ["S:/d/e/x", "S:/d/e/y"]),
        ("--StageinGOsrc=S:/d/ --StageoutGOsrc=S:/a --StageoutGOdest=S:/d/", ["S:/d/a"]),
        ("--StageinGOsrc=S:/d/a --Data=b --OutputGO=S:/d", []),
        ("--StageinGOsrc=S:/d/ --Data=x --OutputGO=S:/data", []),
        ("--StageinGOsrc=S:/d/ --Data=x --OutputGO=T:/d", []),
        ("--StageinGOsrc=S:/d/ --StageinGOdest=S:/e/", []),
        ("in-mode=local dir-in=/d files-in=r/ out-mode=local dir-out=/d/r files-out=x", ["file:///d/r/x"]),
    ],
)
def test_an_output_where_input_comes_from_is_found(text: str, written: list[str]) -> None:
    assert [str(one.inner.target) for one in find_output_in_input(spec_of(text))] == written


def test_a_directory_that_is_written_over_its_input_is_found() -> None:
    text = "--StageinGOsrc=S:/d/a,S:/d/b --Data=d/ --OutputGO=S:/"
    assert [str(one.inner.source) for one in find_output_over_input(spec_of(text))] == ["S:/d/a", "S:/d/b"]
    assert list(find_output_over_input(spec_of("--StageinGOsrc=S:/d/a --Data=d --OutputGO=S:/"))) == []


def test_ten_thousand_files_cost_little() -> None:
    names = ",".join(f"S:/d/{number}" for number in range(10_000))
    spec = read_typed(f"--StageinGOsrc={names} --Data=x --OutputGO=S:/o").spec
    start = time.process_time()
    assert (
        list(find_nested_targets(spec)) == list(find_output_in_input(spec)) == list(find_output_over_input(spec)) == []
    )
    assert list(find_sibling_reads(spec, 100_000)) == []
    assert time.process_time() - start < 2


def test_paths_of_many_slashes_cost_little() -> None:
    transfers = [Transfer(at(None, f"/{n}"), at("S", "/a" * (n + 1))) for n in range(2_000)]
    start = time.process_time()
    assert len(list(find_nested_targets(TransferSpec(stage_out=tuple(transfers), working="w")))) == 1_999
    assert time.process_time() - start < 5
