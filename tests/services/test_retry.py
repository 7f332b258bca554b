"""A service says when it wants to be asked again, in seconds or by a date, and is heard if that is soon."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from goclient.services.deadline import LONGEST_WAIT
from goclient.services.retry import retry_after

SAID = {
    "seconds": ("7", 7.0),
    "nothing": ("", None),
    "as long as anybody waits": (f"{LONGEST_WAIT:.0f}", LONGEST_WAIT),
    "longer": (f"{LONGEST_WAIT + 1:.0f}", None),
    "a number without end": ("9" * 30, None),
    "less than none": ("-1", None),
    "words": ("soon", None),
    "a date without end": ("x" * 41, None),
}


@pytest.mark.parametrize("case", SAID)
def test_what_is_said_is_heard_if_it_is_soon(case: str) -> None:
    text, seconds = SAID[case]
    assert retry_after({"Retry-After": text}) == seconds


def test_a_date_is_the_time_until_then() -> None:
    def dated(seconds: float) -> float | None:
        return retry_after({"Retry-After": formatdate(time.time() + seconds, usegmt=True)})

    assert dated(-60) == 0.0
    assert dated(LONGEST_WAIT / 2) == pytest.approx(LONGEST_WAIT / 2, abs=LONGEST_WAIT / 4)
    assert dated(LONGEST_WAIT * 2 + 60) is None
