"""Marks say what an attempt calls its own, and a later one may replace nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from goclient.model.remote import FileInfo
from goclient.node.ownership import Fate, Left, is_list, judge, list_of, marks_of, read_list, read_marks
from tests.node.test_delivery import NAME

CONTENTS = st.sampled_from(["00000000", "11111111", "ffffffff"])

LEFT = st.builds(
    lambda number, contents, waiting: Left(
        number, read_marks(marks_of(contents)), {name: FileInfo(name, False, 0) for name in waiting}
    ),
    st.integers(1, 5), st.dictionaries(NAME, CONTENTS, max_size=40), st.sets(NAME),
)  # fmt: skip


@given(NAME, st.none() | CONTENTS, st.lists(LEFT, max_size=4), st.integers(1, 5))
def test_only_what_an_earlier_attempt_has_marked_may_be_replaced(
    name: str, contents: str | None, left: list[Left], number: int
) -> None:
    fate = judge(name, contents, left, number=number, overwrite=False)
    owners = {one.number for one in left if one.has_delivered(name, contents)}
    assert (fate is Fate.DELIVERED) == (number in owners)
    assert (fate is Fate.FREE) == (contents is None and number not in owners)
    if fate is Fate.REPLACE:
        assert min(owners) < number
    allowed = judge(name, contents, left, number=number, overwrite=True)
    assert allowed is (Fate.REPLACE if fate is Fate.REFUSE else fate)


@given(st.dictionaries(NAME, CONTENTS, max_size=100))
def test_marks_are_read_as_they_were_written_and_have_names_that_fit(contents: dict[str, str]) -> None:
    names = marks_of(contents)
    assert len(read_marks([*names, "new", "old"])) == len(contents)
    assert all(len(name) <= 255 and "/" not in name for name in names)


@given(st.dictionaries(NAME, CONTENTS, min_size=1, max_size=100), st.integers(0, 5000))
def test_a_file_of_marks_is_read_whole_or_not_at_all(contents: dict[str, str], end: int) -> None:
    names = marks_of(contents)
    name, text = list_of(names)
    assert is_list(name)
    assert not any(is_list(one) for one in names)
    assert read_list(name, text) == names
    assert read_list(name, text[:end]) == (names if end >= len(text) else [])
    assert read_marks([name]).keys().isdisjoint(read_marks(names))  # as a pilot sees it that knows no such files
