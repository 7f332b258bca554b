"""A scale of a chart ends above its values, and not far."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from goclient.jobs.chart import ceiling


@given(st.floats(1e-3, 1e20))
def test_a_scale_ends_above_its_values_and_not_far(value: float) -> None:
    assert value * (1 - 1e-5) <= ceiling(value) <= value * 2.0001
