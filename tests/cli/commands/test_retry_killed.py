"""A retry, or a kill, that is killed at any of its steps is typed again: nothing is sent twice, and nothing is lost."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.killed import run_to, sample
from tests.sandboxes import Sandbox

FEW = 5  # points in make test, beside those that are named
SEED = 17


@pytest.fixture(scope="module")
def job(shared_sandbox: Sandbox) -> int:
    """A job that has failed; every journal is new to it."""
    made = shared_sandbox.submit("--json")
    shared_sandbox.rows("update jobs set status = 'failed'")
    return int(made.json["jobs"][0]["PandaID"])


def alive(user: Sandbox) -> list[int]:
    return [row["panda_id"] for row in user.rows("select panda_id from jobs where status = 'activated'")]


def chosen(names: list[str], count: int) -> list[int]:
    """So many of the points, and those where the request is away, or its answer is there."""
    of_request = [len(names) - names[::-1].index(name) for name in ("after socket.sendall", "after socket.recv_into")]
    return sorted({*sample(len(names), count, SEED), *of_request})


@pytest.mark.parametrize("count", [FEW, pytest.param(15, marks=pytest.mark.conformance)])
def test_a_retry_that_is_killed_anywhere_makes_one_job(
    shared_sandbox: Sandbox, job: int, tmp_path: Path, count: int
) -> None:
    user, words = shared_sandbox, ("goclient", "retry", str(job), "--noCheck")
    env = {**user.env, "GOCLIENT_STATE": str(tmp_path / "whole")}
    assert run_to(0, tmp_path, words, env=env).code == 0
    names = (tmp_path / "points").read_text().splitlines()
    assert len(names) >= 30
    ways = set()
    for point in chosen(names, count):
        user.rows("delete from jobs where panda_id > ?", job)
        env = {"GOCLIENT_STATE": str(tmp_path / str(point))}
        assert run_to(point, tmp_path, words, env={**user.env, **env}).code == -signal.SIGKILL
        made = alive(user)
        again = user.run(*words, "--json", **env)
        code = again.json["error"]["code"] if again.code else "sent"
        if code == "sent-before":
            made = alive(user)  # the server may have been about the request when the command was killed
            named = [f"--jobs={one}" for one in made] or ["--again"]
            assert user.run(*words, *named, **env).code == 0, names[point - 1]
        ways.add((len(made), code))
        assert len(alive(user)) == 1, (names[point - 1], again)
        last = user.run(*words, "--json", **env).json["error"]
        assert (last["code"], f"PandaID {alive(user)[0]}: " in last["message"]) == ("not-over", True), names[point - 1]
    assert ways >= {(0, "sent"), (1, "sent-before"), (1, "not-over")}


@pytest.mark.conformance  # it takes long
def test_a_kill_that_is_killed_anywhere_goes_on_when_typed_again(
    shared_sandbox: Sandbox, job: int, tmp_path: Path
) -> None:
    user = shared_sandbox
    user.rows("delete from jobs where panda_id > ?", job)
    ids = [str(one["PandaID"]) for one in user.submit("--njobs=2", "--json").json["jobs"]]
    words = ("goclient", "kill", *ids)
    assert run_to(0, tmp_path, words, env=user.env).code == 0
    names = (tmp_path / "points").read_text().splitlines()
    states = set()
    for point in chosen(names, FEW):
        user.rows("update jobs set status = 'activated', command = '' where panda_id > ?", job)
        assert run_to(point, tmp_path, words, env=user.env).code == -signal.SIGKILL
        states.add(len(alive(user)))
        again = user.run(*words, "--json")
        assert [one["state"] for one in again.json["stopped"]] == ["cancelled", "cancelled"], (names[point - 1], again)
        assert (again.code, alive(user)) == (0, [])
    assert states == {0, 2}
