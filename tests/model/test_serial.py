"""Two jobs never write one file, and none reads what another writes; a gap that a shell has left gets the number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.errors import GoclientError
from goclient.model.names import fill_serial
from goclient.model.serial import find_shared_targets, find_sibling_reads, insert_serial, needs_serial
from goclient.model.spec import TransferSpec
from goclient.model.syntax.options import spec_from
from goclient.model.syntax.parameters import read_typed
from tests.strategies import MANY


def spec_of(text: str) -> TransferSpec:
    typed = read_typed(text)
    assert typed.errors == []
    return typed.spec


@pytest.mark.parametrize(
    ("source", "name", "found"),
    [
        ("S:/o/1.root", "${SN}.root", True),
        ("S:/o/000003.root", "${SN/P}.root", True),
        ("S:/o/x1${SN}", "x${SN}", True),
        ("S:/o/${SN}.root", "1${SN}.root", True),
        ("S:/o/${SN}.root", "${SN}.root", False),
        ("S:/o/99.root", "${SN}.root", False),
        ("S:/i/1.root", "${SN}.root", False),
        ("T:/o/1.root", "${SN}.root", False),
        ("S:/o/in.${SN}.root", "out.${SN}.root", False),
    ],
)
def test_a_source_that_a_sibling_writes_is_found(source: str, name: str, found: bool) -> None:
    spec = spec_of(f"--StageinGOsrc={source} --Data={name} --OutputGO=S:/o/")
    assert bool(list(find_sibling_reads(spec, 20))) == found


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("--Data=out_.root --OutputGO=S:/o", "out_${SN}.root"),
        ("--Data=out..root --OutputGO=S:/o", "out.${SN}.root"),
        ("--Data=out- --OutputGO=S:/o", "out-${SN}"),
        ("--Data=_hits.root --OutputGO=S:/o", "${SN}_hits.root"),
        ("--Data=hits.root --OutputGO=S:/o", "S:/o/${SN}/"),
        ("--Data=r/hits --OutputGO=S:/o/", "S:/o/${SN}/"),
        ("--Data=results/ --OutputGO=S:/o", "S:/o/${SN}/"),
        ("--Data=.root --OutputGO=S:/o", "${SN}.root"),
        ("--Data=results_/ --OutputGO=S:/o", "results_${SN}/"),
        ("--Data=hits.root --OutputGO=S:/o//", "S:/o/${SN}/"),
        ("--Data=hits.root --OutputGO=S:/o//x", "S:/o/${SN}/x/"),
        ("--StageoutGOsrc=a --StageoutGOdest=S:/o/log_.txt", "S:/o/log_${SN}.txt"),
        ("--StageoutGOsrc=a --StageoutGOdest=S:/o/log.txt", "S:/o/log.${SN}.txt"),
        ("--StageoutGOsrc=S:/a --StageoutGOdest=S:/o/", "S:/o/${SN}/"),
    ],
)
def test_the_jobs_number_is_put_where_a_shell_has_left_a_gap_else_in_the_destination(text: str, right: str) -> None:
    (transfer,) = spec_of(text).transfers
    assert insert_serial(transfer) == right


OUTPUT: Mapping[str, Sequence[str]] = {"Data": ["x.root"], "OutputGO": ["B:/o/"]}


@pytest.mark.parametrize(
    ("items", "shared"),
    [
        pytest.param({}, [], id="nothing-is-written"),
        pytest.param({"StageinGOsrc": ["A:/a"]}, [], id="the-jobs-directory-is-its-own"),
        pytest.param(OUTPUT, ["B:/o/x.root"], id="same-name"),
        pytest.param({**OUTPUT, "Data": ["x_${SN}.root"]}, [], id="number-in-the-name"),
        pytest.param({**OUTPUT, "Data": ["x_${SN/P}.root"]}, [], id="padded-number-in-the-name"),
        pytest.param({**OUTPUT, "Data": ["${SN/P}/"]}, [], id="padded-number-is-the-name"),
        pytest.param({**OUTPUT, "OutputGO": ["B:/o/${SN}"]}, [], id="number-in-the-directory"),
        pytest.param({**OUTPUT, "OutputGO": ["B:/${SN/P}/o"]}, [], id="padded-number-in-the-directory"),
        pytest.param({**OUTPUT, "OutputGO": ["B:/$JEDITASKID/o"]}, ["B:/$JEDITASKID/o/x.root"], id="the-tasks-number"),
        pytest.param({**OUTPUT, "Data": ["a", "b"]}, ["B:/o/a", "B:/o/b"], id="each-is-named"),
        pytest.param(
            {"StageinGOsrc": ["A:/${SN}/a"], "StageinGOdest": ["B:/b"]}, ["B:/b"], id="numbered-source-renamed"
        ),
        pytest.param({"StageinGOsrc": ["A:/a_${SN/P}"], "StageinGOdest": ["B:/b/"]}, [], id="numbered-source-kept"),
        pytest.param(
            {"StageinGOsrc": ["A:/${SN}/a"], "StageinGOdest": ["B:/b/"]}, ["B:/b/a"], id="numbered-source-folder"
        ),
    ],
)
def test_two_jobs_never_write_one_file(items: dict[str, list[str]], shared: list[str]) -> None:
    assert [str(transfer.target) for transfer in needs_serial(spec_from(items))] == shared


@pytest.mark.parametrize(
    ("names", "count", "shared"),
    [
        pytest.param(["x1${SN}", "x${SN}"], 12, 1, id="x11-of-two-jobs"),
        pytest.param(["x1${SN}", "x${SN}"], 10, 0, id="too-few-jobs"),
        pytest.param(["x1${SN}", "x${SN}1"], 2, 1, id="of-one-job"),
        pytest.param(["a_${SN}", "b_${SN}"], 1000, 0, id="names-that-differ-in-front"),
        pytest.param(["${SN}.a", "${SN}.b"], 1000, 0, id="names-that-differ-behind"),
        pytest.param(["x1${SN/P}", "x${SN/P}"], 1000, 0, id="six-digits"),
        pytest.param(["${SN}", "${SN/P}"], 1000, 0, id="plain-and-padded"),
    ],
)
def test_two_names_are_never_one_in_two_jobs(names: list[str], count: int, shared: int) -> None:
    spec = spec_from({"Data": names, "OutputGO": ["B:/o"]})
    assert len(list(find_shared_targets(spec, count))) == shared


@given(st.lists(st.text("x1${SN/P}", min_size=1, max_size=8), min_size=2, max_size=4, unique=True), st.integers(2, 30))
@MANY
def test_what_the_jobs_write_is_different_or_refused(names: list[str], count: int) -> None:
    try:
        spec = spec_from({"Data": [f"{name}${{SN}}" for name in names], "OutputGO": ["B:/o"]})
    except GoclientError:
        return
    filled = [fill_serial(transfer.target_path, serial) for serial in range(1, count + 1) for transfer in spec.output]
    assert (len(set(filled)) < len(filled)) == bool(list(find_shared_targets(spec, count)) or _equal(spec))


def _equal(spec: TransferSpec) -> bool:
    """True if two moves are written to one place as typed; the plan refuses that."""
    targets = [transfer.target for transfer in spec.transfers]
    return len(set(targets)) < len(targets)
