"""A pilot that is ended while it delivers to a real GridFTP server: its file is there once and whole, or not at all."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conformance.test_users_proxy import Grid, grid_of
from tests.myproxy_grid import USER
from tests.sandboxes import Sandbox
from tests.servers.gridftp import GridftpServers

SIZE = 400 << 20
LARGE = f"#!/bin/sh\ntruncate -s {SIZE} large\n"
WITHIN = 60.0  # seconds, on a machine that is busy
ENDED_WITHIN = 20.0


@dataclass(frozen=True)
class Job:
    """A job that delivers one large file to a directory of a server."""

    grid: Grid
    there: Path

    def end_pilot(self, how: signal.Signals) -> None:
        """Run a pilot, and end it when the first bytes of the file have arrived."""
        words = [sys.executable, "-m", "goclient", "pilot", "--site=TEST1", "--once", "--modes=local"]
        env, quiet = {**self.grid.sandbox.env, **self.grid.pilot_env}, subprocess.DEVNULL
        with subprocess.Popen(words, env=env, cwd=self.grid.sandbox.cwd, stdout=quiet, stderr=quiet) as pilot:
            try:
                ends = time.monotonic() + WITHIN
                while not any(one.stat().st_size for one in self.there.rglob("large")):
                    assert time.monotonic() < ends
                    assert pilot.poll() is None
                    time.sleep(0.01)
                pilot.send_signal(how)
                pilot.wait(ENDED_WITHIN)
            finally:
                pilot.kill()


@pytest.fixture
def job(sandbox: Sandbox, gridftp: GridftpServers, tmp_path: Path) -> Iterator[Job]:
    there = gridftp.second.directory / tmp_path.name
    there.mkdir()
    with grid_of(sandbox, gridftp.grid.authority, tmp_path / "grid", user=gridftp.grid.credential(USER)) as grid:
        grid.deposit("wdeng", tool=False)
        payload = sandbox.payload("large.sh", LARGE)
        words = ("sendJob.py", "--computingSite=TEST1", f"--transformation={payload}", "--Data=large")
        output = f"--OutputGO={gridftp.second.endpoint.text}{there}/"
        sent = sandbox.run(*words, output, f"--myproxy=wdeng@localhost:{grid.port}", **grid.env)
        assert sent.code == 0, sent.err
        yield Job(grid, there)


def test_what_a_killed_pilot_leaves_at_a_server_is_delivered_once_by_the_next(job: Job) -> None:
    job.end_pilot(signal.SIGKILL)
    assert [one.name for one in job.there.iterdir() if not one.name.startswith(".goclient-")] == []
    result = job.grid.run_pilot()
    assert [one.name for one in job.there.iterdir()] == ["large"], result.err
    assert (job.there / "large").stat().st_size == SIZE


def test_a_pilot_that_is_told_to_end_takes_away_what_it_has_sent(job: Job) -> None:
    job.end_pilot(signal.SIGTERM)
    assert [one for one in job.there.rglob("*") if one.is_file()] == []
