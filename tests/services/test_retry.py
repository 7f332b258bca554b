"""A service says when it wants to be asked again, and is heard if that is soon; what may pass is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from email.utils import formatdate

import pytest

from goclient.errors import GoclientError, LoginNeeded
from goclient.errors.conditions import PathNotFound, ServerFailed
from goclient.services.deadline import LONGEST_WAIT
from goclient.services.retry import insist, retry_after

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


AWAY = GoclientError("away", transient=True)
FAILED = ServerFailed("it has failed")


class Attempts:
    """Attempts that fail as told, and then give "done"; ``waited`` has the pauses, which take no time."""

    def __init__(self, failures: Iterable[GoclientError], progress: Callable[[int], int] = lambda _: 0) -> None:
        self.failures = list(failures)
        self.progress = progress
        self.waited: list[float] = []
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        if self.count <= len(self.failures):
            raise self.failures[self.count - 1]
        return "done"

    def insisted(self, patience: float, *, ended_after: int | None = None) -> str:
        def wait(pause: float) -> bool:
            self.waited.append(pause)
            return len(self.waited) == ended_after

        return insist(self, patience, wait=wait, progress=lambda: self.progress(self.count))


def test_what_may_pass_is_tried_again_after_pauses_that_grow() -> None:
    attempts = Attempts([AWAY, AWAY, LoginNeeded("the same of a credential", transient=True), AWAY])
    assert attempts.insisted(300.0) == "done"
    assert attempts.waited == [0.05, 0.1, 0.2, 0.4]


def test_no_pause_is_begun_that_ends_behind_the_patience() -> None:
    attempts = Attempts([AWAY] * 9)
    with pytest.raises(GoclientError, match="away"):
        attempts.insisted(0.25)
    assert attempts.waited == [0.05, 0.1, 0.2]


@pytest.mark.parametrize("patience", [0.0, 300.0])
def test_what_does_not_pass_is_raised_at_once(patience: float) -> None:
    attempts = Attempts([PathNotFound("it is not there")])
    with pytest.raises(PathNotFound):
        attempts.insisted(patience)
    assert attempts.waited == []


def test_without_patience_nothing_is_tried_again() -> None:
    attempts = Attempts([AWAY])
    with pytest.raises(GoclientError, match="away"):
        attempts.insisted(0.0)
    assert attempts.count == 1


def test_patience_begins_anew_with_each_progress() -> None:
    attempts = Attempts([AWAY] * 20, progress=lambda count: count)
    assert attempts.insisted(0.06) == "done"
    assert attempts.waited == [0.05] * 20


def test_a_server_that_says_it_has_failed_is_asked_twice_more_without_progress() -> None:
    attempts = Attempts([FAILED] * 3)
    with pytest.raises(ServerFailed):
        attempts.insisted(300.0)
    assert attempts.count == 3
    assert Attempts([AWAY, FAILED, AWAY, FAILED, AWAY]).insisted(300.0) == "done"
    assert Attempts([FAILED] * 9, progress=lambda count: count).insisted(300.0) == "done"


def test_who_ends_the_wait_gets_the_last_failure() -> None:
    attempts = Attempts([AWAY] * 9)
    with pytest.raises(GoclientError, match="away"):
        attempts.insisted(300.0, ended_after=2)
    assert attempts.count == 2
