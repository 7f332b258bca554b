"""A sendJob that is killed at any of its steps submits nothing twice, and the journal tells of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.commands import clean_environment
from tests.killed import CARRIED, Outcome, kill_at, points, sample

FEW = 6  # points in make test, all of them in make conformance: each is two commands that start for real
SEED = 13
STEPS = {  # the last point of each step, and what comes of it
    "before the intent is written": ("before write", 0),
    "once the intent is written": ("after write", 0),
    "while the request is away": ("after socket.sendall", 10),
    "once the answer is there": ("after socket.recv_into", 10),
}


@pytest.fixture(scope="module")
def home_env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return clean_environment(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory, home_env: dict[str, str]) -> list[str]:
    return points(tmp_path_factory.mktemp("points"), home_env)


def test_a_submission_has_enough_points(names: list[str]) -> None:
    assert len(names) >= 30


@pytest.mark.parametrize("step", STEPS)
def test_after_a_kill_the_same_command_goes_on_or_stops(
    names: list[str], step: str, tmp_path: Path, home_env: dict[str, str]
) -> None:
    name, code = STEPS[step]
    at = names.index(name) if name.endswith("write") else len(names) - 1 - names[::-1].index(name)
    outcome = kill_at(at + 1, tmp_path / "state", home_env)
    assert (outcome.is_killed, outcome.is_told, outcome.again) == (True, False, code), outcome.error
    assert len(outcome.requests) == ("socket" in name or code == 0)
    if code:
        assert "the same request was sent at" in outcome.error
        assert "--again" in outcome.error


def killed(chosen: list[int], folder: Path, env: dict[str, str], *more: str) -> list[Outcome]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda point: kill_at(point, folder / str(point), env, *more), chosen))


@pytest.mark.parametrize("count", [FEW, pytest.param(None, marks=pytest.mark.conformance, id="all")])
def test_a_kill_at_any_point_submits_nothing_twice(
    names: list[str], tmp_path: Path, home_env: dict[str, str], count: int | None
) -> None:
    for one in killed(sample(len(names), count or len(names), SEED), tmp_path, home_env):
        assert one.is_killed, one
        assert not one.is_twice, one
        assert not one.is_unknown, one
        assert one.again == (10 if one.open_requests else 0), one


@pytest.mark.parametrize("count", [FEW, pytest.param(30, marks=pytest.mark.conformance)])
def test_a_kill_at_any_point_leaves_no_archive_and_no_secret_unknown(
    tmp_path: Path, home_env: dict[str, str], count: int
) -> None:
    names = points(tmp_path, home_env, *CARRIED)
    # The third last entry of the journal is that of the jobs, which are about to be sent.
    between = [point for point, name in enumerate(names, 1) if name == "after write"][-3]
    chosen = sorted({between, *sample(len(names), count, SEED)})
    outcomes = killed(chosen, tmp_path, home_env, *CARRIED)
    assert [one for one in outcomes if not one.is_killed or one.is_twice or one.is_unknown] == []
    assert any(one.sent and not one.requests for one in outcomes), "killed between the two"
    assert max(len(one.sent) for one in outcomes) >= 2, "an archive and a secret"


def test_a_kill_between_two_calls_of_one_request_leaves_it_open(tmp_path: Path, home_env: dict[str, str]) -> None:
    many = "--njobs=1001"
    (tmp_path / "points").mkdir()
    names = points(tmp_path / "points", home_env, many)
    second = [at for at, name in enumerate(names, 1) if name == "after socket.recv_into"][-1] - 8
    outcome = kill_at(second, tmp_path / "state", home_env, many)
    assert (outcome.again, len(outcome.requests)) == (10, 1), outcome.error
    assert "the server accepted 1000 of its 1001 jobs, PandaID 1 to 1000" in outcome.error
