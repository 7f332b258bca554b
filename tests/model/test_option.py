"""An option says all of itself: whether it takes a value, which numbers it takes, its help with its default.

As a module with options it does not use ``from __future__ import annotations``.
"""

from dataclasses import FrozenInstanceError, fields
from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.model.frozen import Frozen
from goclient.model.option import (
    help_text,
    is_flag,
    is_number,
    number_mistakes,
    option,
    setting_fields,
)
from tests.strategies import SOME


class Example(Frozen):
    """Options of each kind."""

    NAME: tuple[str, ...] = option("NAME", help="names", group="g", many=True)
    count: int = option("--count", help="how many", group="g", default=1, minimum=1, maximum=9, setting=True)
    signed: Optional[int] = option("--signed", help="any number", group="g")  # noqa: UP045  # as the options have it
    verbose: int = option("-v", help="say more", group="g", default=0, count=True)
    flag: bool = option("--flag", help="do it", group="g", default=False)
    must: str = option("--must", help="the queue", group="g", default="", required=True)


FIELDS = {one.name: one for one in fields(Example)}


def test_what_is_not_typed_is_as_its_field_says() -> None:
    typed = Example(count=3)
    assert (typed.NAME, typed.count, typed.signed, typed.flag, typed.must) == ((), 3, None, False, "")


def test_an_option_that_is_none_is_refused_and_typed_ones_are_frozen() -> None:
    with pytest.raises(TypeError, match="Example has no njobs, other"):
        Example(other=1, njobs=2)  # type: ignore[call-arg]
    with pytest.raises(FrozenInstanceError):
        Example().count = 2  # type: ignore[misc]


def test_an_option_tells_whether_it_takes_a_value_or_a_number() -> None:
    assert [name for name, one in FIELDS.items() if is_flag(one)] == ["verbose", "flag"]
    assert [name for name, one in FIELDS.items() if is_number(one)] == ["count", "signed", "verbose"]
    assert [one.name for one in setting_fields(Example)] == ["count"]


def test_the_help_has_the_default_where_there_is_one() -> None:
    shown = [help_text(one) for one in FIELDS.values()]
    assert shown == ["names", "how many (default: 1)", "any number", "say more", "do it", "the queue (required)"]
    assert help_text(FIELDS["must"], shows_required=False) == "the queue"


@pytest.mark.parametrize("value", ["1", "9", "+3", "09", 5])
def test_a_number_within_its_bounds_is_right(value: object) -> None:
    assert list(number_mistakes(FIELDS["count"], "--count", value)) == []


@pytest.mark.parametrize(
    ("value", "code"),
    [
        *[(value, "not-a-number") for value in ("", "x", "1.0", "1e3", "--1", "٣", " 1", "1" * 19, True, 2.0)],
        *[(value, "out-of-range") for value in ("0", "10", "-1", 10)],
    ],
)
def test_a_number_that_is_none_or_is_out_of_its_bounds_is_told_with_them(value: object, code: str) -> None:
    (error,) = number_mistakes(FIELDS["count"], "--count", value)
    assert (error.code, error.subject) == (code, "--count")
    assert error.hint == "--count takes a whole number from 1 to 9"
    assert f'"{value}"' in error.message


@given(st.text() | st.integers())
@SOME
def test_what_is_a_number_to_an_option_is_one_to_python(value: str | int) -> None:
    if not list(number_mistakes(FIELDS["signed"], "--signed", value)):
        assert isinstance(int(value), int)
