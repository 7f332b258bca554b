"""Output of a command can be lost: a full disk, a pipe that nobody reads. What it has done is in the journal."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.commands import TIMEOUT, Result, started
from tests.sandboxes import Sandbox

TASK = ("--exec", "x", "--outDS", "user.jdoe.lost", "--outputs", "a.root", "--noBuild", "--site", "TEST1")
GLOBUS = "--useGOForOutput=SITE1:/atlas/"
SUBMIT = (
    "sendJob.py",
    "--computingSite=TEST1",
    "--transformation=/bin/true",
    "--Data=out",
    "--OutputGO=SITE1:/l/${SN}/",
)
LINES = {
    "sendJob": (*SUBMIT, "--njobs=2"),
    "sendJob --json": (*SUBMIT, "--json"),
    "sendJob --noSubmit": (*SUBMIT, "--noSubmit"),
    "check": ("goclient", "check", *SUBMIT[1:]),
    "prun": ("goclient", "prun", *TASK, GLOBUS),
    "status": ("goclient", "status", "--campaign=lost"),
    "status --json": ("goclient", "status", "--campaign=lost", "--json"),
    "retry": ("goclient", "retry", "--campaign=lost"),
    "retry --json": ("goclient", "retry", "--campaign=lost", "--json"),
    "kill": ("goclient", "kill", "--campaign=lost"),
    "advance": ("goclient", "advance", "lost"),
    "credential": ("goclient", "credential", "list"),
    "journal": ("goclient", "journal", "show", "lost"),
}
SENDING = ("sendJob", "sendJob --json", "retry", "advance")
STARTED = {"sendJob --json", "status"}  # for real
SILENT = {"credential"}  # nothing is out there


@pytest.fixture
def user(shared_sandbox: Sandbox, tmp_path: Path) -> Sandbox:
    """A user whose journal has a campaign of two jobs, both of which failed in a way that a second try cures."""
    shared_sandbox.env["GOCLIENT_STATE"] = str(tmp_path / "state")
    shared_sandbox.cwd = tmp_path
    assert shared_sandbox.run(*SUBMIT, "--campaign=lost", "--njobs=2", "--goMkdir").code == 0
    failed = "json_set(attributes, '$.pilotErrorCode', '1151')"
    shared_sandbox.rows(f"update jobs set status = 'failed', attributes = {failed}")
    return shared_sandbox


@contextmanager
def nobody(sink: str) -> Iterator[int]:
    """Give a descriptor that takes nothing: that of a full disk, or of a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    full = os.open("/dev/full", os.O_WRONLY)
    yield {"full": full, "gone": writer}[sink]
    os.close(full)
    os.close(writer)


def typed(user: Sandbox, name: str, out: int, err: int) -> Result:
    """Run the installed program, whose end Python itself may spoil; most in a process that need not import first."""
    new = f"user.jdoe.{uuid.uuid4().hex[:8]}"  # a second task with the same data set would be refused
    program, *words = (word.replace("user.jdoe.lost", new) for word in LINES[name])
    line = [str(Path(sys.executable).with_name(program)), *words]
    with started(
        line if name in STARTED else ("python -I", *line), env=user.env, cwd=user.cwd, stdout=out, stderr=err
    ) as process:
        _, said = process.communicate(timeout=TIMEOUT)
    return Result(process.returncode, "", said or "")


def open_requests(user: Sandbox) -> str:
    return user.run("goclient", "journal", "list").out


@pytest.mark.parametrize("sink", ["full", "gone"])
@pytest.mark.parametrize("name", LINES)
def test_what_cannot_be_printed_is_told_and_leaves_nothing_open(user: Sandbox, name: str, sink: str) -> None:
    with nobody(sink) as out:
        done = typed(user, name, out, subprocess.PIPE)
    assert done.code == (0 if name in SILENT else 1), done.err
    assert "Traceback" not in done.err
    assert "Exception ignored" not in done.err
    assert open_requests(user) == ""
    if name in SENDING:
        latest = user.rows("select max(panda_id) as latest from jobs")[0]["latest"]
        ids = f"{latest}" if name == "sendJob --json" else f"{latest - 1}-{latest}"
        assert "the jobs were accepted, but that could not be printed: " in done.err
        assert f"PandaID {ids}\n    do not submit them again" in done.err
    elif sink == "full" and name not in SILENT:
        assert "No space left on device" in done.err


@pytest.mark.parametrize("tool", ["prun", "pathena"])
def test_help_that_nobody_reads_to_its_end_is_not_told_as_a_failure(shared_sandbox: Sandbox, tool: str) -> None:
    with nobody("gone") as out:
        line = ("python -I", "goclient", tool, "--help")
        with started(
            line, env=shared_sandbox.env, cwd=shared_sandbox.cwd, stdout=out, stderr=subprocess.PIPE
        ) as process:
            _, said = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, said) == (1, "")


@pytest.mark.parametrize("sink", ["full", "gone"])
@pytest.mark.parametrize("name", ["sendJob", "prun", "status", "retry", "kill", "advance", "credential"])
def test_where_nobody_hears_anything_the_work_is_done_all_the_same(user: Sandbox, name: str, sink: str) -> None:
    before = user.rows("select count(*) as jobs from jobs")[0]["jobs"]
    with nobody(sink) as out:
        done = typed(user, name, out, out)
    assert done.code == (0 if name in SILENT else 1)
    assert open_requests(user) == ""
    sent = user.rows("select count(*) as jobs from jobs")[0]["jobs"] - before
    assert sent == {"sendJob": 2, "prun": 1, "retry": 2, "advance": 2}.get(name, 0)
