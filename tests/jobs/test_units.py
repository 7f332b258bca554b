"""Sizes and times are words of a few characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.jobs.units import day, duration, moment, size


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9940, "9.9 kB"), (9950, "10 kB"), (999_499, "999 kB"),
     (999_500, "1.0 MB"), (1_234_000_000, "1.2 GB"), (5e21, "5000 EB"), (0.4, "0 B")],
)  # fmt: skip
def test_a_size_has_the_unit_that_keeps_it_short(number: float, shown: str) -> None:
    assert size(number) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (725, "12 min 5 s"), (3600, "1 h 0 min"), (12_000, "3 h 20 min"),
     (86_399.6, "1 d 0 h"), (187_200, "2 d 4 h")],
)  # fmt: skip
def test_a_duration_has_its_two_largest_units(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_a_moment_is_in_utc() -> None:
    assert moment(1_795_910_400.9) == "2026-11-29 00:00"


@given(st.floats(0, 1e21), st.floats(0, 1e21))
def test_a_larger_size_is_never_shown_as_a_smaller_one(a: float, b: float) -> None:
    units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    keys = [(units.index(unit), float(number)) for number, unit in (size(one).split() for one in sorted((a, b)))]
    assert keys == sorted(keys)


def test_a_day_is_in_english_whatever_the_user_speaks() -> None:
    assert day(1_795_910_400.9) == "29 Nov 00:00"
    assert day(1_795_910_455.0, to_seconds=True) == "29 Nov 00:00:55"
