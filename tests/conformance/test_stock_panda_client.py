"""Stock prun, pathena and pbook work in the sandbox as they are, with nothing set but what env.sh sets."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Result, run_command
from tests.sandboxes import Sandbox

PROGRAMS = Path(sys.executable).parent
PRUN = ("--outputs", "out.dat", "--nJobs", "3", "--site", "TEST1", "--noBuild")
SCRIPT = 'echo "job $1 of $PandaID" > out.dat\n'


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The folder with what a task's jobs run."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "run.sh").write_text(SCRIPT)
    return folder


def client(sandbox: Sandbox, work: Path, *words: str) -> Result:
    """One command of panda-client, its own script, from the folder."""
    if shutil.which("bash") is None:
        pytest.skip("panda-client's commands need bash")
    return run_command((str(PROGRAMS / words[0]), *words[1:]), env=sandbox.env, cwd=work)


def task_id(result: Result) -> int:
    """The number that a client says its task has."""
    found = re.search(r"succeeded\. new jediTaskID=(\d+)", result.out + result.err)
    assert found, result
    return int(found[1])


def jobs_of(sandbox: Sandbox, task: int) -> list[dict[str, Any]]:
    """The attributes of a task's jobs."""
    rows = sandbox.rows("select attributes from jobs where task = ? order by panda_id", task)
    return [json.loads(row["attributes"]) for row in rows]


def log_of(sandbox: Sandbox, job: dict[str, Any]) -> str:
    """Return what the payload of a job said."""
    (name,) = [file["lfn"] for file in job["Files"] if file["type"] == "log"]
    (archive,) = (sandbox.root / "state").rglob(name)
    with tarfile.open(archive) as opened:
        said = opened.extractfile("job.out")
        assert said is not None
        return said.read().decode()


def test_prun_submits_and_the_pilot_runs_every_job_to_an_output_with_its_final_name(
    sandbox: Sandbox, work: Path
) -> None:
    told = client(sandbox, work, "prun", "--exec", "sh run.sh 7", "--outDS", "user.jdoe.test1", *PRUN)
    assert told.code == 0, told
    task = task_id(told)
    jobs = jobs_of(sandbox, task)
    assert [job["jobName"] for job in jobs] == [f"user.jdoe.test1/.{job['PandaID']}" for job in jobs]
    for number, job in enumerate(jobs, 1):
        outputs = {file["type"]: file["lfn"] for file in job["Files"]}
        assert outputs == {
            "output": f"user.jdoe.{task}._{number:06d}.out.dat",
            "log": f"user.jdoe.test1.log.{task}.{number:06d}.log.tgz",
        }
        assert f"""-o "{{'out.dat': '{outputs["output"]}'}}" -p "sh%20run.sh%207\"""" in job["jobParameters"]
        assert f'-j "" --sourceURL {sandbox.url} -r . -a jobO.' in job["jobParameters"]
        assert "$" not in job["jobParameters"]
    for job in jobs:
        assert sandbox.pilot().code == 0
        assert f" {job['Files'][0]['lfn']}\n" in log_of(sandbox, job)
    assert [row["status"] for row in sandbox.rows("select status from jobs")] == ["finished"] * 3
    assert list(work.iterdir()) == [work / "run.sh"], "prun leaves nothing"


def test_a_task_that_is_not_submitted_leaves_nothing(shared_sandbox: Sandbox, work: Path) -> None:
    before = shared_sandbox.rows("select count(*) as n from cache_files")
    told = client(shared_sandbox, work, "prun", "--exec", "true", "--outDS", "user.jdoe.no", *PRUN, "--noSubmit")
    assert told.code == 0, told
    assert not shared_sandbox.rows("select 1 from jedi_tasks where name like '%.no/'")
    assert shared_sandbox.rows("select count(*) as n from cache_files") == before


REFUSED = [
    pytest.param((*PRUN, "--mergeOutput"), "it merges nothing", id="a merge"),
    pytest.param((*PRUN, "--inDS", "data18"), 'unknown input dataset "data18"', id="an input"),
    pytest.param((*PRUN[:-2], "NOWHERE", "--noBuild"), "no candidates: no queue of NOWHERE", id="an unknown queue"),
    pytest.param((*PRUN, "--containerImage", "X"), "it has no containers", id="a container"),
]


@pytest.mark.parametrize(("options", "why"), REFUSED)
def test_what_the_sandbox_cannot_do_is_refused_with_the_reason_and_prun_s_exit_code(
    shared_sandbox: Sandbox, work: Path, options: tuple[str, ...], why: str
) -> None:
    told = client(shared_sandbox, work, "prun", "--exec", "true", "--outDS", "user.jdoe.refused", *options)
    assert told.code == 90, told
    assert "task submission failed. " in told.out + told.err
    assert why in told.out + told.err
    assert not shared_sandbox.rows("select 1 from jedi_tasks where name like '%.refused/'")


def test_the_jobs_of_a_task_with_a_build_wait_for_it(shared_sandbox: Sandbox, work: Path) -> None:
    told = client(shared_sandbox, work, "prun", "--exec", "true", "--outDS", "user.jdoe.built", *PRUN[:-1])
    rows = shared_sandbox.rows("select status from jobs where task = ?", task_id(told))
    assert sorted(row["status"] for row in rows) == ["activated", *["defined"] * 3]


def test_a_name_that_is_taken_is_refused(shared_sandbox: Sandbox, work: Path) -> None:
    words = ("prun", "--exec", "true", "--outDS", "user.jdoe.twice", *PRUN)
    first = task_id(client(shared_sandbox, work, *words))
    again = client(shared_sandbox, work, *words)
    assert again.code == 90
    assert f"jediTaskID={first} is in the ready state for outDS=user.jdoe.twice/." in again.out + again.err


def test_the_same_sources_are_uploaded_once(shared_sandbox: Sandbox, work: Path, tmp_path: Path) -> None:
    saved = tmp_path / "sources.tar.gz"
    words = ("prun", "--exec", "true", *PRUN)
    first = client(shared_sandbox, work, *words, "--outDS", "user.jdoe.a", "--outTarBall", str(saved))
    second = client(shared_sandbox, work, *words, "--outDS", "user.jdoe.b", "--inTarBall", str(saved))
    names = [
        re.search(r"-a (\S+)", jobs_of(shared_sandbox, task_id(told))[0]["jobParameters"])[1]  # type: ignore[index]
        for told in (first, second)
    ]
    assert names[0] == names[1]


def test_pathena_runs_a_command_without_athena_and_pbook_shows_its_task(sandbox: Sandbox, work: Path) -> None:
    words = ("--containerImage", "X", "--noBuild", "--outDS", "user.jdoe.p", "--site", "TEST1")
    told = client(sandbox, work, "pathena", "--trf", "echo x > %OUT.out.txt", *words)
    assert told.code == 0, told
    (job,) = jobs_of(sandbox, task_id(told))
    assert sandbox.pilot().code == 0
    assert re.search(rf" 2 .* {job['Files'][0]['lfn']}\n", log_of(sandbox, job))
    shown = client(sandbox, work, "pbook", "-c", "show()")
    assert "user.jdoe.p/" in shown.out
    assert "done" in shown.out


def test_the_words_of_a_transfer_end_with_the_files_of_every_job_at_the_endpoint(
    sandbox: Sandbox, work: Path, tmp_path: Path
) -> None:
    dumped = tmp_path / "task.json"
    words = ("--outDS", "user.jdoe.plain", *PRUN, "--dumpTaskParams", str(dumped))
    assert client(sandbox, work, "prun", "--exec", "sh run.sh %RNDM:0", *words).code == 0
    sandbox.rows("update jobs set status = 'cancelled'")
    ours = ("--goclient=v1:2", "--OutputGO=SITE1:/home/${SN/P}/", "--Data=user.jdoe.$JEDITASKID._${SN/P}.out.dat")
    task = json.loads(dumped.read_text()) | {"taskName": "user.jdoe.moved/"}
    task["jobParameters"] += [{"type": "constant", "value": word} for word in ours]
    script = "import json, sys; from pandaclient import Client; Client.insertTaskParams(json.loads(sys.argv[1]))"
    command = [sys.executable, "-c", script, json.dumps(task)]
    subprocess.run(command, env=sandbox.env, check=True, timeout=60)
    for _ in range(3):
        done = sandbox.pilot()
        assert done.code == 0, done
    made = {path.name: path.read_text() for path in sandbox.path("SITE1", "home").rglob("*.out.dat")}
    assert made == {f"user.jdoe.2._00000{n}.out.dat": f"job {n} of {n + 3}\n" for n in (1, 2, 3)}


def test_env_sh_leaves_a_panda_client_alone_that_is_set_up_already(shared_sandbox: Sandbox) -> None:
    script = '. "$1" && printf %s "$PANDA_SYS"'
    for before, after in (("", sys.prefix), ("/opt/panda", "/opt/panda")):
        env = {**shared_sandbox.env, "PANDA_SYS": before}
        words = ["sh", "-c", script, "sh", str(shared_sandbox.root / "env.sh")]
        assert subprocess.run(words, env=env, capture_output=True, text=True, check=True).stdout == after
