"""A plan has one task a phase and pair of endpoints, in the order in which they are done."""

from __future__ import annotations

import pytest
from hypothesis import given

from goclient.errors import GoclientError, RequestError
from goclient.model.plan import TransferItem
from goclient.model.planner import plan
from goclient.model.spec import TransferSpec
from goclient.model.syntax.options import spec_from
from tests.strategies import MANY, Items, specs


def ends(items: Items) -> list[tuple[str, str | None, str | None]]:
    """The phase and the two endpoints of each task."""
    return [(task.phase, task.source.text or None, task.destination.text or None) for task in plan(spec_from(items))]


def paths(items: Items) -> list[tuple[str, str]]:
    """The two paths of each item, of all tasks."""
    return [(item.source, item.destination) for task in plan(spec_from(items)) for item in task.items]


def test_nothing_to_move_is_no_task() -> None:
    assert plan(TransferSpec()) == ()
    assert plan(TransferSpec(working="W")) == ()


def test_a_phase_between_two_endpoints_is_one_task_whose_items_keep_their_order() -> None:
    items = {"StageinGOsrc": ["A:/z", "B:/y", "A:/x", "B:/w", "A:/a"]}
    tasks = plan(spec_from(items))
    assert [(task.source.text, task.destination.text or None) for task in tasks] == [("A", None), ("B", None)]
    assert [[item.source for item in task.items] for task in tasks] == [["/z", "/x", "/a"], ["/y", "/w"]]


def test_phases_are_done_in_order_and_never_in_one_task() -> None:
    items = {
        "Data": ["d"],
        "OutputGO": ["A:/out"],
        "StageoutGOsrc": ["o", "B:/p"],
        "StageoutGOdest": ["A:/o", "A:/p"],
        "StageinGOsrc": ["A:/i", "B:/j"],
    }
    assert ends(items) == [
        ("stage-in", "A", None),
        ("stage-in", "B", None),
        ("stage-out", None, "A"),
        ("stage-out", "B", "A"),
        ("output", None, "A"),
    ]


def test_destinations_on_several_endpoints_are_several_tasks() -> None:
    items = {"Data": ["a", "b", "c"], "OutputGO": ["A:/o", "B:/o", "A:/p"]}
    assert ends(items) == [("output", None, "A"), ("output", None, "B")]
    assert paths(items) == [("a", "/o/a"), ("c", "/p/c"), ("b", "/o/b")]


@pytest.mark.parametrize(("phase", "key"), [("stage-in", "StageinGO"), ("stage-out", "StageoutGO")])
def test_between_two_other_endpoints_the_node_takes_no_part(phase: str, key: str) -> None:
    items = {f"{key}src": ["A:/a/x"], f"{key}dest": ["B:/b/"]}
    assert ends(items) == [(phase, "A", "B")]
    assert paths(items) == [("/a/x", "/b/x")]


@pytest.mark.parametrize(
    ("items", "item"),
    [
        pytest.param({"StageinGOsrc": ["A:/d/a"]}, TransferItem("/d/a", "a", False), id="a-file-keeps-its-name"),
        pytest.param({"StageinGOsrc": ["A:/d/a/"]}, TransferItem("/d/a/", "a/", True), id="a-directory-keeps-its-name"),
        pytest.param(
            {"StageinGOsrc": ["A:/a"], "StageinGOdest": ["W:/in/"], "WorkingendpointGO": ["W"]},
            TransferItem("/a", "in/a", False),
            id="into-a-folder-of-the-job",
        ),
        pytest.param(
            {"StageinGOsrc": ["A:/a"], "StageinGOdest": ["B:/b"]},
            TransferItem("/a", "/b", False, renames=True),
            id="under-a-new-name",
        ),
        pytest.param(
            {"StageinGOsrc": ["A:/a/"], "StageinGOdest": ["B:/b"]},
            TransferItem("/a/", "/b", True, renames=True),
            id="a-directory-under-a-new-name",
        ),
        pytest.param(
            {"StageoutGOsrc": ["r/"], "StageoutGOdest": ["B:/~/out/"]},
            TransferItem("r/", "/~/out/r/", True),
            id="a-directory-of-the-job-into-a-home",
        ),
        pytest.param(
            {"Data": ["r/x"], "OutputGO": ["B:/o"]}, TransferItem("r/x", "/o/x", False), id="output-of-a-folder"
        ),
        pytest.param(
            {"Data": ["x_${SN/P}"], "OutputGO": ["B:/o"]},
            TransferItem("x_${SN/P}", "/o/x_${SN/P}", False),
            id="numbered",
        ),
    ],
)
def test_an_item_has_full_paths_at_both_ends(items: Items, item: TransferItem) -> None:
    (task,) = plan(spec_from(items))
    assert task.items == (item,)


@pytest.mark.parametrize(
    ("items", "target", "sources"),
    [
        pytest.param(
            {"StageinGOsrc": ["A:/1/x", "B:/2/x"]},
            '"x"',
            ['"A:/1/x"', '"B:/2/x"'],
            id="same-name-in-the-jobs-directory",
        ),
        pytest.param(
            {"Data": ["a/x", "b/x"], "OutputGO": ["B:/o"]},
            '"B:/o/x"',
            ['"a/x"', '"b/x"'],
            id="same-name-of-two-folders",
        ),
        pytest.param(
            {"StageoutGOsrc": ["a", "b"], "StageoutGOdest": ["B:/x", "B:/x"]},
            '"B:/x"',
            ['"a"', '"b"'],
            id="same-new-name",
        ),
        pytest.param(
            {"StageoutGOsrc": ["a"], "StageoutGOdest": ["B:/o/x"], "Data": ["x"], "OutputGO": ["B:/o"]},
            '"B:/o/x"',
            ['"a"', '"x"'],
            id="of-two-phases",
        ),
        pytest.param(
            {"StageoutGOsrc": ["a", "a/"], "StageoutGOdest": ["B:/o/", "B://o//"]},
            '"B://o/a/"',
            ['"a"', '"a/"'],
            id="however-it-is-written",
        ),
    ],
)
def test_two_items_that_would_be_written_to_one_place_are_refused(
    items: Items, target: str, sources: list[str]
) -> None:
    with pytest.raises(RequestError) as caught:
        plan(spec_from(items))
    assert caught.value.code == "one-destination"
    assert all(quoted in caught.value.message for quoted in (target, *sources)), caught.value.message


def test_every_item_that_is_in_the_way_of_another_is_reported() -> None:
    with pytest.raises(GoclientError) as caught:
        plan(spec_from({"StageinGOsrc": ["A:/1/x", "A:/2/x", "A:/1/y", "A:/2/y", "A:/3/y", "A:/z"]}))
    first, second, third = caught.value.parts
    assert all('"x"' in first.message and '"y"' in part.message for part in (second, third))
    assert '"A:/2/x"' in first.message
    assert '"A:/3/y"' in third.message


@pytest.mark.parametrize(
    "items",
    [
        pytest.param({"StageinGOsrc": ["A:/x"], "Data": ["x"], "OutputGO": ["B:/o"]}, id="in-and-out"),
        pytest.param({"Data": ["x", "x"], "OutputGO": ["A:/o", "B:/o"]}, id="on-two-endpoints"),
        pytest.param({"StageoutGOsrc": ["a", "b"], "StageoutGOdest": ["B:/x", "B:/x/"]}, id="in-a-folder-of-that-name"),
        pytest.param({"Data": ["x", "X"], "OutputGO": ["A:/o"]}, id="capitals"),
        pytest.param({"Data": ["a_${SN}", "b_${SN}"], "OutputGO": ["A:/o"]}, id="numbered"),
        pytest.param({"Data": ["a_${SN/P}", "b_${SN/P}"], "OutputGO": ["A:/o"]}, id="numbered-with-six-digits"),
    ],
)
def test_what_goes_to_two_places_is_in_nothings_way(items: Items) -> None:
    assert sum(len(task.items) for task in plan(spec_from(items))) == 2


@given(specs)
@MANY
def test_every_move_is_in_exactly_one_task(spec: TransferSpec) -> None:
    try:
        tasks = plan(spec)
    except GoclientError:
        return  # two would be written to one place
    keys = [(task.phase, task.source, task.destination) for task in tasks]
    assert len(set(keys)) == len(keys)
    assert sum(len(task.items) for task in tasks) == len(list(spec.transfers))
