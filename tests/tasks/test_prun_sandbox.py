"""goclient prun in the sandbox: from the command line to the files at the endpoint, through JEDI and the pilot."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from tests.conftest import Result, Sandbox, run_command

EXEC = "sh -c 'echo one > out.dat; echo two > more.txt'"
FOLDER = "/atlas/dq2/test/jdoe/user.jdoe.test/"


@pytest.fixture
def work(sandbox: Sandbox) -> Path:
    folder = sandbox.cwd / "work"
    folder.mkdir()
    return folder


def _prun(sandbox: Sandbox, work: Path, *words: str) -> Result:
    needed = ("--outDS=user.jdoe.test", f"--exec={EXEC}", "--noBuild", "--site=ANALY_BNL_T3")
    return run_command(("goclient", "prun", *needed, *words), env=sandbox.env, cwd=work)


def test_the_example_of_2012_ends_with_the_outputs_of_every_job_at_the_server(sandbox: Sandbox, work: Path) -> None:
    words = ("--nJobs=3", "--outputs=out.dat", "--useGOForOutput", "wdeng#ANLHEP_ATLAS8:/atlas/dq2/test/")
    result = _prun(sandbox, work, *words)
    assert result.code == 0, result
    for _ in range(3):
        ran = run_command(("goclient", "pilot", "--site=ANALY_BNL_T3", "--once"), env=sandbox.env, cwd=sandbox.cwd)
        assert ran.code == 0, ran
    there = {path.name: path for path in sandbox.path("wdeng#ANLHEP_ATLAS8", FOLDER).iterdir()}
    assert set(there) == {
        *(f"user.jdoe.1._{number:06}.out.dat" for number in (1, 2, 3)),
        *(f"user.jdoe.test.log.1.{number:06}.log.tgz" for number in (1, 2, 3)),
    }
    assert there["user.jdoe.1._000002.out.dat"].read_text() == "one\n"
    with tarfile.open(there["user.jdoe.test.log.1.000003.log.tgz"]) as log:
        assert {"job.out", "pilot.log"} <= set(log.getnames())


def test_an_output_and_a_file_that_is_none_go_where_the_options_say(sandbox: Sandbox, work: Path) -> None:
    folder = "SITE1:/home/osg_data/panda/"
    words = ("--Data=out.dat,more.txt", f"--OutputGO={folder},{folder}${{SN/P}}/")
    result = _prun(sandbox, work, "--nJobs=1", "--outputs=out.dat", *words)
    assert result.code == 0, result
    ran = run_command(("goclient", "pilot", "--site=ANALY_BNL_T3", "--once"), env=sandbox.env, cwd=sandbox.cwd)
    assert ran.code == 0, ran
    assert sandbox.path("SITE1", "/home/osg_data/panda/user.jdoe.1._000001.out.dat").read_text() == "one\n"
    assert sandbox.path("SITE1", "/home/osg_data/panda/000001/more.txt").read_text() == "two\n"
