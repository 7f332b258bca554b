"""A pilot runs on: it pauses without a job, recovers, and stops when it is told to, or when its node is to blame."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from goclient.errors import EndpointError, GoclientError, Interrupted, RequestError, ServerError, TransferFailed
from goclient.errors.conditions import PathExists, StaleAttempt
from goclient.errors.myproxy import IdentityError, NoUserProxy
from goclient.node.payload import PayloadError
from goclient.pilot.pilot import Pilot
from goclient.pilot.report import Killed, Outcome
from goclient.pilot.service import PAUSES, TooManyFailures, serve
from tests.pilot.servers import Server, job, pilot

OURS = EndpointError("Globus Connect did not start")
EXISTS = PathExists("it exists", subject="/a")


class Scripted(Pilot):
    """A pilot with these outcomes, one after the other; it is stopped at the end."""

    def __init__(self, tmp_path: Path, outcomes: list[GoclientError | Outcome | None]) -> None:
        made = pilot(tmp_path, Server())
        self.__dict__.update(made.__dict__)
        self._outcomes = outcomes

    def run_one(self) -> Outcome | None:
        if not self._outcomes:
            raise KeyboardInterrupt
        one = self._outcomes.pop(0)
        if isinstance(one, GoclientError):
            raise one
        return one


def failed(error: GoclientError | None) -> Outcome:
    return Outcome(17, error, None)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, none of which takes any time."""
    made: list[float] = []
    monkeypatch.setattr(time, "sleep", made.append)
    return made


@pytest.fixture
def served(tmp_path: Path, pauses: list[float]) -> Callable[..., list[Outcome]]:
    """Return what a pilot with these outcomes told; it stops after two failures in a row."""

    def run(*outcomes: GoclientError | Outcome | None) -> list[Outcome]:
        told: list[Outcome] = []
        with pytest.raises(KeyboardInterrupt):
            serve(Scripted(tmp_path, list(outcomes)), max_failures=2, told=told.append)
        return told

    assert pauses == []
    return run


def test_a_signal_without_a_job_says_that_none_is_concerned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", stop)
    with pytest.raises(Interrupted, match="while it had no job"):
        serve(Scripted(tmp_path, [None]), max_failures=2, told=lambda _: None)


def test_pauses_without_a_job_grow_to_minutes_and_differ(
    served: Callable[..., list[Outcome]], pauses: list[float]
) -> None:
    served(*[None] * 30)
    assert len(pauses) == 30
    assert PAUSES[0] * 0.75 <= pauses[0] <= PAUSES[0] * 1.25
    assert max(pauses) <= PAUSES[1] * 1.25
    assert min(pauses[-5:]) >= PAUSES[1] * 0.75
    assert len(set(pauses)) == 30


def test_a_proxy_that_users_have_not_deposited_is_not_the_node_s_fault_but_its_own_certificate_is(
    served: Callable[..., list[Outcome]],
) -> None:
    missing = NoUserProxy("nothing is deposited", hint="deposit one")
    assert len(served(*[failed(missing)] * 5)) == 5
    expired = IdentityError("the pilot's proxy expired", hint="make a new one")
    with pytest.raises(TooManyFailures):
        served(failed(expired), failed(expired))


def test_the_next_job_comes_without_a_pause(served: Callable[..., list[Outcome]], pauses: list[float]) -> None:
    assert len(served(None, None, failed(None), failed(None), None)) == 2
    assert len(pauses) == 3
    assert pauses[2] <= PAUSES[0] * 1.25


@pytest.mark.parametrize("error", [ServerError("away", transient=True), RequestError("no room")])
def test_a_pilot_that_may_take_no_job_now_waits(
    served: Callable[..., list[Outcome]], pauses: list[float], error: GoclientError
) -> None:
    assert served(error, error, error) == []
    assert len(pauses) == 3


@pytest.mark.parametrize(
    "error",
    [
        PayloadError("x"),
        Killed("x"),
        StaleAttempt("x"),
        RequestError("x"),
        TransferFailed("output", EXISTS),
    ],
    ids=lambda one: type(one).__name__,
)
def test_failures_of_a_job_itself_stop_no_pilot(served: Callable[..., list[Outcome]], error: GoclientError) -> None:
    assert len(served(*[failed(error)] * 5)) == 5


@pytest.mark.parametrize(
    "error",
    [OURS, GoclientError("unexpected"), TransferFailed("stage-in", OURS)],
    ids=["endpoint", "defect", "transfer"],
)
@pytest.mark.usefixtures("pauses")
def test_failures_of_the_node_in_a_row_stop_its_pilot(tmp_path: Path, error: GoclientError) -> None:
    told: list[Outcome] = []
    outcomes: list[GoclientError | Outcome | None] = [failed(error), failed(None), failed(error), None, failed(error)]
    with pytest.raises(TooManyFailures, match="2 jobs in a row failed on this node"):
        serve(Scripted(tmp_path, outcomes), max_failures=2, told=told.append)
    assert len(told) == 4


def test_a_signal_that_ended_a_job_ends_the_pilot(served: Callable[..., list[Outcome]]) -> None:
    assert len(served(failed(Interrupted("stopped")), failed(None))) == 1


@pytest.mark.usefixtures("pauses")
def test_a_service_runs_jobs_one_after_the_other(tmp_path: Path) -> None:
    server, told = Server(jobs=[job(17), job(18, transformation="/bin/false"), job(19)]), list[Outcome]()

    def tell(outcome: Outcome) -> None:
        told.append(outcome)
        if len(told) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        serve(pilot(tmp_path, server), max_failures=1, told=tell)
    assert server.ends == [(17, "finished"), (18, "failed"), (19, "finished")]
