"""The sandbox makes the jobs of a task, and their further attempts, as the PanDA server's own job generator does."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from goclient.carrier.rungen import read_start
from goclient.sandbox.panda.builds import Library
from goclient.sandbox.panda.jedi import Place, Task, build_job, make_job, refine
from tests.commands import run_command
from tests.sandboxes import Sandbox

ROOT, SCRIPT = Path(__file__).parents[2], "tests.conformance.panda_jobs"
ATTEMPTS = (1, 1, 1, 2)  # three jobs, and another attempt of one of them


def real(task: Task, library: str = "", build: Any = None) -> list[dict[str, Any]]:
    """Return what the server's own code makes of a task; of one with a build, also of that, as the last."""
    python = os.environ.get("GOCLIENT_TEST_SERVER_PYTHON")
    if not python:
        pytest.skip("GOCLIENT_TEST_SERVER_PYTHON names no interpreter that has panda-server-source")
    outputs = [
        {"dataset": one.dataset, "type": one.type, "template": one.template, "offset": one.offset, "stream": one.stream}
        for one in task.outputs
    ]
    given = {"outputs": outputs, "parameters": task.parameters, "attempts": ATTEMPTS, "source_url": task.source_url}
    given |= {"library": library, "build": build}
    done = subprocess.run(
        [python, "-m", SCRIPT], input=json.dumps(given), capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("carried", [True, False], ids=["--goCarry", "the pilot's transfers"])
def test_jobs_of_prun_have_the_parameters_and_files_that_the_server_gives_them(
    shared_sandbox: Sandbox, tmp_path: Path, carried: bool
) -> None:
    (tmp_path / "run.sh").write_text("true\n")
    words = (
        "--outDS=user.jdoe.t", "--noBuild", "--exec=run.sh 'x y'", "--noSubmit", "--dumpTaskParams=task.json",
        "--site=TEST1", "--outputs=out.dat,kept.dat", "--StageinGOsrc=GUEST1:/campaign/in/0064.file",
        "--Data=out.dat,log.txt", "--OutputGO=GUEST1:/campaign/,GUEST1:/campaign/$JEDITASKID/${SN/P}/",
        *(["--goCarry"] if carried else []),
    )  # fmt: skip
    dumped = run_command(("goclient", "prun", *words), env=shared_sandbox.env, cwd=tmp_path)
    assert dumped.code == 0, dumped
    task = refine(json.loads((tmp_path / "task.json").read_text()), site="TEST1", url="http://h")
    made = real(task)
    for serial, (attempt, one) in enumerate(zip(ATTEMPTS, made, strict=True), 1):
        ours = make_job(task, Place(1, record=min(serial, 3), serial=serial, attempt=attempt))
        assert one["parameters"] == ours["jobParameters"]
        assert one["files"] == sorted(file["lfn"] for file in ours["Files"])
        assert one["serial"] == serial
    if carried:
        text = made[3]["parameters"].replace("$JEDITASKID", "12")  # as the server does when it stores the job
        found = re.search(r'-p "([^"]*)"', text)
        assert found is not None
        assert " --job=4 --task=12 -- " in unquote(found[1])
        start = read_start(text)
        assert start is not None
        assert start.words == ("/bin/sh", "-c", "run.sh 'x y'")
        assert not any("out.dat" in name for name in made[0]["files"])
    else:
        numbers = [re.findall(r"/campaign/\$JEDITASKID/(\w+)/", unquote(one["parameters"])) for one in made]
        assert numbers == [["000001"], ["000002"], ["000003"], ["000004"]], made[3]["parameters"]


def test_a_build_and_the_jobs_that_get_its_library_have_the_words_that_the_server_gives_them(
    shared_sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "run.sh").write_text("true\n")
    words = (
        "--outDS=user.jdoe.t", "--bexec=make 'x y'", "--exec=run.sh", "--noSubmit", "--dumpTaskParams=task.json",
        "--site=TEST1", "--outputs=out.dat", "--goCarry", "--StageinGOsrc=GUEST1:/campaign/in/0064.file",
    )  # fmt: skip
    dumped = run_command(("goclient", "prun", *words), env=shared_sandbox.env, cwd=tmp_path)
    assert dumped.code == 0, dumped
    given = json.loads((tmp_path / "task.json").read_text())
    task, library = refine(given, site="TEST1", url="http://h"), Library.new(1)
    assert task.build is not None
    *jobs, build = real(task, library.name, given["buildSpec"])
    for serial, (attempt, one) in enumerate(zip(ATTEMPTS, jobs, strict=True), 1):
        ours = make_job(task, Place(1, record=min(serial, 3), serial=serial, attempt=attempt), library)
        assert one["parameters"] == ours["jobParameters"]
        assert f"-l {library.name} " in one["parameters"]
    made = build_job(task, task.build, library, 1)
    assert build["parameters"] == made["jobParameters"]
    assert [one["type"] for one in made["Files"]] == ["output", "log"]
