"""Watching asks for the jobs that are not over, tells what changed, and outlives a server that is away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from goclient.config.connections import Connections
from goclient.errors import ServerError
from goclient.errors.sent import StillRunning
from goclient.jobs.selection import Selection, Unfinished
from goclient.jobs.watch import SHORTEST, Chosen, wait_for_all, watch
from goclient.model.records.answers import JobState
from goclient.reporter.base import Kind
from goclient.reporter.recording import RecordingReporter

Answer = dict[int, str] | ServerError


@dataclass
class Server:
    """A PanDA server whose jobs have a state at each question."""

    answers: list[Answer]
    tasks: dict[int, list[str]] = field(default_factory=dict)
    asked: list[list[int]] = field(default_factory=list)
    reporter: RecordingReporter = field(default_factory=RecordingReporter)
    name: str = "https://panda.example"

    def panda(self) -> Server:
        return self

    def describe(self, ids: Sequence[int], *, archived: bool = False) -> list[JobState | None]:
        if archived:
            return [None] * len(ids)
        self.asked.append(list(ids))
        answer = self.answers.pop(0)
        if isinstance(answer, ServerError):
            raise answer
        return [JobState(one, 1, 0, answer[one], "", "") if one in answer else None for one in ids]

    def task_state(self, number: int) -> str:
        return self.tasks[number].pop(0)

    def task_jobs(self, number: int) -> list[int]:
        return [number * 10, number * 10 + len(self.asked)]


def watched(server: Server, selection: Selection) -> list[tuple[dict[int, str], dict[int, str]]]:
    connections: Any = server
    pauses: list[float] = []
    turns = [
        ({job.panda_id: job.state for job in turn.followed.jobs}, dict(turn.before))
        for turn in watch(lambda: Chosen(selection), connections, sleep=pauses.append)
    ]
    assert all(pause >= SHORTEST for pause in pauses)
    return turns


def test_only_jobs_that_are_not_over_are_asked_for_again() -> None:
    server = Server([{1: "finished", 2: "running"}, {2: "running"}, {2: "failed"}])
    assert watched(server, Selection((1, 2))) == [
        ({1: "finished", 2: "running"}, {}),
        ({1: "finished", 2: "running"}, {}),
        ({1: "finished", 2: "failed"}, {2: "running"}),
    ]
    assert server.asked == [[1, 2], [2], [2]]


def test_a_server_that_is_away_is_asked_again() -> None:
    away = ServerError("no answer", transient=True)
    server = Server([{1: "running"}, away, {1: "finished"}])
    assert len(watched(server, Selection((1,)))) == 2
    assert [one.kind for one in server.reporter.messages] == [Kind.WARNING]


@pytest.mark.parametrize("answers", [[ServerError("away", transient=True)], [{1: "running"}, ServerError("refused")]])
def test_a_server_that_refuses_or_never_answered_is_an_error(answers: list[Answer]) -> None:
    with pytest.raises(ServerError):
        watched(Server(answers), Selection((1,)))


def test_a_task_is_watched_until_it_is_over_with_the_jobs_that_it_gets() -> None:
    server = Server([{50: "failed"}, {51: "finished"}], {5: ["running", "done"]})
    assert watched(server, Selection((), (5,))) == [({50: "failed"}, {}), ({50: "failed", 51: "finished"}, {51: ""})]


def test_tries_that_are_sent_meanwhile_are_followed_to_their_end() -> None:
    server = Server([{1: "running"}, {1: "failed", 2: "running"}, {2: "finished"}])
    chosen = iter([Chosen(Selection((1,))), *[Chosen(Selection((1, 2)))] * 2])
    turns = list(watch(lambda: next(chosen), cast("Connections", server), sleep=lambda _: None))
    assert [turn.before for turn in turns] == [{}, {1: "running", 2: ""}, {2: "running"}]
    assert [job.state for job in turns[-1].followed.jobs] == ["failed", "finished"]


def test_jobs_that_are_not_sent_are_waited_for_and_told_once() -> None:
    server = Server([{}, {}, {1: "finished"}])
    unsent = Chosen(Selection(), (Unfinished("muons", "its jobs are not sent", "send them", are_sent=False),))
    chosen = iter([unsent, unsent, Chosen(Selection((1,)))])
    assert len(list(watch(lambda: next(chosen), cast("Connections", server), sleep=lambda _: None))) == 3
    assert [one.text for one in server.reporter.messages] == ["its jobs are not sent"]


def test_jobs_that_nobody_knows_are_not_waited_for() -> None:
    assert watched(Server([{}]), Selection((1,))) == [({}, {})]


def test_a_program_waits_for_a_task_until_its_time_is_over() -> None:
    server = Server([{50: "failed"}, {51: "finished"}], {5: ["running", "done"]})
    connections: Any = server
    wait_for_all(lambda: Chosen(Selection((), (5,))), connections, seconds=0.01, end=None)
    again: Any = Server([{50: "running"}], {5: ["running"]})
    with pytest.raises(StillRunning) as caught:
        wait_for_all(lambda: Chosen(Selection((), (5,))), again, seconds=0.01, end=0.0)
    assert caught.value.panda_ids == (50,)
