"""A payload is ended as pilot 3 ends it, and what is left of it as the batch system does."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from goclient.sandbox.site import payload
from goclient.sandbox.site.judge import Ending, Killer
from tests.sandbox.waiting import until

ENV = {"PATH": "/usr/bin:/bin"}


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Set the signals back that a waiter takes."""
    numbers = (signal.SIGTERM, signal.SIGCHLD)
    before = [signal.getsignal(number) for number in numbers]
    yield
    signal.set_wakeup_fd(-1)
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def follow(command: str, tmp_path: Path, *, tells: str = "") -> Ending:
    waiter = payload.Waiter()
    process = payload.start(command, tmp_path, ENV)
    return payload.follow(process, lambda: tells, every=60, waiter=waiter)


@pytest.mark.parametrize(("command", "code"), [("exit 3", 3), ("kill -9 $$", -9)])
def test_a_payload_ends_by_itself(tmp_path: Path, command: str, code: int) -> None:
    assert follow(command, tmp_path) == Ending(code)


def test_a_payload_that_hears_of_nothing_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload, "KILL_AFTER", 0.2)
    command = "trap '' TERM; sleep 60 & wait; sleep 60"
    assert follow(command, tmp_path, tells=payload.KILLED).killer is Killer.SERVER


def test_what_is_left_is_killed_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload, "LINGER", 0.2)
    env = ENV | {"PILOT_HOME": str(tmp_path)}
    process = payload.start("setsid sleep 61 & sleep 62 & sleep 63 & touch up", tmp_path, env)
    process.wait()
    until(lambda: len(payload._find_processes(process.pid, tmp_path)) == 3)
    assert sorted(payload.sweep(process.pid, tmp_path)) == ["sleep 61", "sleep 62", "sleep 63"]
    until(lambda: not payload._find_processes(process.pid, tmp_path))
    assert payload.sweep(process.pid, tmp_path) == []
