"""Another attempt of a job whose first one died, wherever it did: one output, and nothing of others is touched."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.commands import started
from tests.pilot.attempts import NUMBERS, PATHS, Attempts, find_wrong
from tests.sandboxes import Sandbox


@pytest.fixture
def job(shared_sandbox: Sandbox) -> Attempts:
    return Attempts(shared_sandbox, f"attempts{next(NUMBERS)}")


DEATHS = [
    pytest.param({"route": "POST /v0.10/transfer", "after": True}, id="the transfer goes on without it"),
    pytest.param({"route": f"{PATHS}/mkdir"}, id="before its files are marked"),
    pytest.param({"route": f"{PATHS}/mkdir", "after": True}, id="once its files are marked"),
    pytest.param({"route": f"{PATHS}/rename", "after": True}, id="one file has its name"),
    pytest.param({"route": f"{PATHS}/rename", "after": True, "skip": 2}, id="all files have their names"),
]


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("death", DEATHS)
def test_a_second_attempt_replaces_what_the_first_one_left(job: Attempts, death: dict[str, Any]) -> None:
    other = job.there / "other"
    job.submit("--jobParameters", f"globus-endpoint-local=SITE1 in-mode=local out-mode=server "
               f"globus-endpoint-out=SITE1 dir-out=/{job.name} files-out=a,b,run")  # fmt: skip
    other.write_text("somebody else's")
    assert job.dying_pilot(**death) is None
    first = job.seen
    job.again()
    result = job.pilot()
    assert result.code == 0, result.err
    assert sorted(job.seen) == ["a", "b", "other", "run/c"]
    assert len({job.seen[name].split()[0] for name in ("a", "b", "run/c")}) == 1, "all are of one attempt"
    assert [name for name in first if job.seen[name] == first[name]] == ["other"], "nothing of the first one is left"
    assert job.hidden == []
    labels = job.sandbox.rows("select status from tasks where label like ?", f"goclient {job.panda_id} %")
    assert "ACTIVE" not in {row["status"] for row in labels}


@pytest.mark.conformance  # it takes long
def test_a_file_that_came_in_the_way_fails_another_attempt_before_its_payload(job: Attempts) -> None:
    job.submit("--Data=a,b", f"--OutputGO=SITE1:/{job.name}/")
    assert job.dying_pilot(f"{PATHS}/mkdir") is None
    (job.there / "a").write_text("somebody else's")
    job.again()
    result = job.pilot()
    assert result.code == 40
    assert "exists by now, and would be overwritten" in result.err
    assert "the payload runs" not in result.err
    assert job.seen == {"a": "somebody else's"}
    assert not any(".goclient-" in name for name in os.listdir(job.there)), "what nobody can use is removed"


@pytest.mark.conformance  # it takes long
def test_a_stale_attempt_that_still_runs_touches_nothing(job: Attempts, tmp_path: Path) -> None:
    wait = f"touch {tmp_path}/begun\nwhile [ ! -e {tmp_path}/later ]; do sleep .1; done\n"
    script = f"#!/bin/sh\n{wait}echo $(date +%s%N) > a\n"
    job.submit("--Data=a", f"--OutputGO=SITE1:/{job.name}/", script=script)
    words = job.words()
    env = {**job.sandbox.env, **job.env, "GOCLIENT_STATE": str(tmp_path / "state")}
    stale = started(words, env=env, cwd=job.sandbox.cwd, stdout=-3, stderr=-1)
    while not (tmp_path / "begun").exists():
        time.sleep(0.05)
    job.again()
    stale.send_signal(signal.SIGSTOP)
    (tmp_path / "later").touch()
    result = job.pilot()
    assert result.code == 0, result.err
    delivered = job.seen
    stale.send_signal(signal.SIGCONT)
    _, err = stale.communicate(timeout=60)
    assert stale.returncode != 0, err
    assert job.seen == delivered
    assert job.hidden == []


@pytest.mark.parametrize("seed", range(4))  # make figures: 200
def test_whatever_dies_and_whatever_others_do_nothing_is_wrong_in_the_end(shared_sandbox: Sandbox, seed: int) -> None:
    assert find_wrong(shared_sandbox, seed) == []
