"""Many calls at once have one end: what has not answered by then is told, and nobody waits for it."""

from __future__ import annotations

import threading

import pytest

from goclient.errors import EndpointError, GoclientError, RequestError
from goclient.errors.conditions import GlobusTimeout
from goclient.services.deadline import Deadline
from goclient.services.parallel import PARALLEL, Parallel


def test_answers_and_errors_come_in_the_order_of_their_subjects() -> None:
    def call(number: int) -> int:
        if number % 2:
            raise RequestError(f"no {number}")
        return number * 10

    found = Parallel(Deadline(60)).map(call, range(100))
    assert list(found) == list(range(100))
    assert [one.message if isinstance(one, GoclientError) else one for one in found.values()] == [
        f"no {number}" if number % 2 else number * 10 for number in range(100)
    ]


def test_as_many_calls_are_made_at_once_as_the_service_allows() -> None:
    together = threading.Barrier(PARALLEL)
    found = Parallel(Deadline(60)).map(lambda _: together.wait(60), range(PARALLEL))
    assert sorted(one for one in found.values() if isinstance(one, int)) == list(range(PARALLEL))


def test_what_has_not_answered_in_time_is_told_and_the_others_count() -> None:
    forever = threading.Event()
    found = Parallel(Deadline(0.5)).map(lambda one: one == "quick" or forever.wait(), ["slow", "quick"])
    forever.set()
    assert found["quick"] is True
    assert isinstance(found["slow"], GlobusTimeout)
    assert "--goTimeout" in found["slow"].hint


def test_the_error_of_a_late_one_may_be_another_s() -> None:
    found = Parallel(Deadline(0)).map(str, ["a"], late=lambda one, seconds: EndpointError(f"{one} after {seconds:.0f}"))
    assert str(found["a"]) == "a after 0"


def test_an_error_that_is_none_of_ours_is_raised() -> None:
    def call(_: str) -> str:
        raise KeyError("defect")

    with pytest.raises(KeyError, match="defect"):
        Parallel(Deadline(60)).map(call, ["a"])
