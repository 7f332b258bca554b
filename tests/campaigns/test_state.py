"""Steps that are due in a batch are a pure function of what is known of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from goclient.campaigns.state import (
    Deed,
    Known,
    Sent,
    Shape,
    Slot,
    Standing,
    Step,
    due,
    serials_of,
)
from goclient.jobs.panda_ids import as_ranges
from goclient.journal import Entry
from goclient.model.staging import MAX_ITEMS

SHAPE = Shape(brings=1, outputs=(1,), jobs=4)
DONE = Entry("transfer", "bring.0.0", "done", ("s", "", "t"))


def _known(*entries: Entry, **more: object) -> Known:
    return Known({one.key: one for one in (DONE, *entries)}, Sent.YES, **more)  # type: ignore[arg-type]


@given(st.sets(st.integers(1, 500)))
def test_numbers_of_jobs_read_back(numbers: set[int]) -> None:
    entry = Entry("transfer", "deliver.0.0", "intended", ("s", as_ranges(numbers)))
    assert serials_of(entry) == tuple(sorted(numbers))


def test_jobs_are_sent_when_all_inputs_are_there() -> None:
    assert due(SHAPE, Known({})) == [Step(Deed.SUBMIT, Slot("bring", 0, 0))]
    assert due(Shape(2, (1,), 4), Known({DONE.key: DONE})) == [Step(Deed.SUBMIT, Slot("bring", 1, 0))]
    assert due(SHAPE, Known({DONE.key: DONE})) == [Step(Deed.SEND)]
    assert due(SHAPE, Known({DONE.key: DONE}, Sent.UNKNOWN)) == [Step(Deed.ASK)]


def test_deliveries_wait_until_half_of_the_jobs_have_ended_or_none_runs() -> None:
    running = dict.fromkeys(range(1, 5), Standing.RUNNING)
    assert due(SHAPE, _known(jobs={**running, 1: Standing.FINISHED})) == []
    half = _known(jobs={**running, 1: Standing.FINISHED, 2: Standing.FINISHED})
    assert due(SHAPE, half) == [Step(Deed.SUBMIT, Slot("deliver", 0, 0), (1, 2))]
    failed = dict.fromkeys(range(1, 5), Standing.FAILED)
    last = _known(jobs={**failed, 1: Standing.FINISHED})
    assert due(SHAPE, last) == [Step(Deed.SUBMIT, Slot("deliver", 0, 0), (1,))]


def test_what_is_staged_stays_while_failed_jobs_may_be_mended() -> None:
    failed = dict.fromkeys(range(1, 5), Standing.FAILED)
    assert due(SHAPE, _known(jobs=failed)) == [Step(Deed.MEND, serials=(1, 2, 3, 4))]
    assert due(SHAPE, _known(jobs=failed, gives_up=True)) == [Step(Deed.SUBMIT, Slot("clean", 0, 0))]
    stopped = _known(jobs={**failed, 2: Standing.CANCELLED}, curable=(1,))
    assert due(SHAPE, stopped) == [Step(Deed.MEND, serials=(1, 3, 4, 2))], "none is sent again unasked"
    missed = {**failed, 2: Standing.UNKNOWN}
    assert due(SHAPE, _known(jobs=missed, gives_up=True)) == [Step(Deed.MISS, serials=(2,))]
    begun = Entry("transfer", "clean.0.0", "accepted", ("", "", "t"))
    assert due(SHAPE, _known(begun, jobs=missed)) == [Step(Deed.WATCH, Slot("clean", 0, 0))]
    blocked = {0: frozenset({1})}
    assert (
        due(SHAPE, _known(jobs=dict.fromkeys(range(1, 5), Standing.FINISHED), blocked={0: frozenset(range(1, 5))}))
        == []
    )
    assert due(SHAPE, _known(jobs={1: Standing.FINISHED}, blocked=blocked, gives_up=True)) == []
    lost = _known(jobs={1: Standing.FINISHED}, lost=blocked, gives_up=True)
    assert due(SHAPE, lost) == [Step(Deed.SUBMIT, Slot("clean", 0, 0))]


def _turns(what: str, *states: str) -> list[Entry]:
    return [Entry("transfer", f"{what}.0.{n}", state, ("s", "1", "t")) for n, state in enumerate(states)]


def test_what_has_failed_too_often_in_succession_waits_for_a_person() -> None:
    one = Shape(1, (1,), 1)
    done = {1: Standing.FINISHED}
    for states, deed in (
        (("failed", "failed"), Deed.SUBMIT),
        (("failed", "failed", "failed"), Deed.STUCK),
        (("failed", "failed", "done", "failed"), Deed.SUBMIT),
    ):
        turns = _turns("deliver", *states)
        jobs = {**done, 2: Standing.FINISHED}
        (step,) = due(Shape(1, (1,), 2), _known(*turns, jobs=jobs))
        assert (step.deed, step.slot) == (deed, Slot("deliver", 0, len(states)))
        (again,) = due(Shape(1, (1,), 2), _known(*turns, jobs=jobs, again=True))
        assert again.deed is Deed.SUBMIT
    under_way = _known(*_turns("deliver", "accepted"), jobs={**done, 2: Standing.FINISHED})
    assert due(one, under_way) == [Step(Deed.WATCH, Slot("deliver", 0, 0), (1,))], "one delivery at a time"


def test_a_delivery_has_no_more_items_than_a_task_takes() -> None:
    shape = Shape(1, (MAX_ITEMS,), 2)
    finished = _known(jobs=dict.fromkeys((1, 2), Standing.FINISHED))
    assert due(shape, finished) == [Step(Deed.SUBMIT, Slot("deliver", 0, 0), (1,))]
