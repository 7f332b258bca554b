"""The items of a list are parted by commas, or are the lines of a file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.errors import GoclientError, RequestError
from goclient.model.syntax.lists import split_items
from tests.model.syntax.test_options import mistakes
from tests.strategies import MANY


def no_lines(path: str) -> list[str]:
    raise AssertionError(f"{path} was read")


@pytest.mark.parametrize(
    ("values", "items"),
    [
        pytest.param(["A:/a"], ["A:/a"], id="one"),
        pytest.param(["A:/a,A:/b"], ["A:/a", "A:/b"], id="commas-separate"),
        pytest.param(["A:/a,A:/b", "A:/c"], ["A:/a", "A:/b", "A:/c"], id="repetitions-add-up"),
        pytest.param([" a ,b "], [" a ", "b "], id="blanks-belong-to-a-name"),
        pytest.param(["a=b=c,--x"], ["a=b=c", "--x"], id="equals-signs-belong-to-a-name"),
        pytest.param([], [], id="none"),
    ],
)
def test_a_list_is_separated_by_commas(values: list[str], items: list[str]) -> None:
    assert split_items("--Data", values, no_lines) == items


@pytest.mark.parametrize("value", ["", ",", "a,", ",a", "a,,b"])
def test_an_empty_item_is_a_mistake(value: str) -> None:
    (error,) = mistakes(lambda: split_items("--Data", ["x", value]))
    assert f'--Data="{value}"' in error.message
    assert (error.subject, error.code, error.exit_code) == ("--Data", "empty-item", 10)


def test_a_file_holds_one_item_a_line_whose_commas_are_part_of_it() -> None:
    files = {"list.txt": ["# inputs", "", "A:/a,b", "  A:/c \t", "   # no", "A:/d # e", "\r"]}
    assert split_items("--Data", ["x,y", "@list.txt", "z"], files.__getitem__) == [
        *("x", "y", "A:/a,b", "A:/c", "A:/d # e", "z")
    ]


@pytest.mark.parametrize("lines", [[], ["", " # a"]], ids=["empty", "only-comments"])
def test_a_file_that_lists_nothing_is_a_mistake(lines: list[str]) -> None:
    (error,) = mistakes(lambda: split_items("--Data", ["x", "@list.txt"], lambda _: lines))
    assert '--Data="@list.txt"' in error.message
    assert (error.subject, error.code) == ("--Data", "empty-item")


def test_a_file_that_cannot_be_read_is_the_options_mistake() -> None:
    def unreadable(path: str) -> list[str]:
        raise RequestError(f"{path} cannot be read", code="list-file")

    (error,) = mistakes(lambda: split_items("--Data", ["@list.txt"], unreadable))
    assert (error.message, error.subject, error.code) == ("list.txt cannot be read", "--Data", "list-file")


def test_an_at_sign_means_a_file_only_where_files_are_read_and_only_in_front() -> None:
    assert split_items("--Data", ["@a,b"]) == ["@a", "b"]
    assert split_items("--Data", ["a@b,@c"], no_lines) == ["a@b", "@c"]


@given(st.lists(st.text()))
@MANY
def test_any_text_is_split_into_items_or_refused(values: list[str]) -> None:
    try:
        items = split_items("--Data", values)
    except GoclientError:
        assert any("" in value.split(",") for value in values)
    else:
        assert ",".join(items) == ",".join(values)
