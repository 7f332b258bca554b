"""A carrier in a directory of a site runs its job, reports it where the site's pilot looks, and leaves nothing."""

from __future__ import annotations

import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from goclient.carrier.build import build
from goclient.carrier.plan import CARRY, PLAN, CarrierPlan
from goclient.carrier.report import LONGEST
from tests.carrier.carried import REPORT, SECRET, CarriedJob, brought, old_pythons, processes_below, taken
from tests.commands import TIMEOUT
from tests.pace import within


@pytest.fixture
def far(tmp_path: Path) -> Path:
    """A directory of the node, with an input and room for output."""
    far = tmp_path / "far"
    (far / "out").mkdir(parents=True)
    (far / "in").write_text("input")
    return far


@pytest.fixture
def job(tmp_path: Path, far: Path) -> CarriedJob:
    """A job that copies its input twice into its output, which has its number in its name."""
    tasks = brought((f"{far}/in", "in")), taken(("out", f"{far}/out/out.${{SN/P}}"))
    return CarriedJob(tmp_path / "run", tasks, "cat in in >out; echo the payload says: $1")


@pytest.mark.conformance  # it takes long
def test_a_job_brings_runs_and_takes(job: CarriedJob, far: Path) -> None:
    """Every Python does in test_https.py."""
    ended = job.run("a b$c")
    assert (ended.code, ended.has_report) == (0, False), ended.output
    assert (far / "out" / "out.000007").read_text() == "inputinput"
    assert "the payload says: a b$c" in ended.output.splitlines()
    assert [(one["phase"], one["state"], one["files"], one["bytes"]) for one in ended.transfers] == [
        ("stage-in", "done", 1, 5), ("output", "done", 1, 10),
    ]  # fmt: skip
    assert job.left == []


def test_a_payload_that_tidies_up_loses_nothing_and_replaces_nothing(tmp_path: Path, far: Path) -> None:
    """The carrier's own archive may be removed, or another be in its place: what was read before counts."""
    tasks = brought((f"{far}/in", "in")), taken(("out", f"{far}/out/made"))
    hostile = "import sys; print('run by the carrier'); sys.exit(0)"
    script = f"cat in >kept; rm -rf ./* .[a-z]* 2>/dev/null; echo {shlex.quote(hostile)} >{CARRY}; echo output >out"
    ended = CarriedJob(tmp_path / "run", tasks, script).run(python=os.path.realpath(sys.executable))  # without goclient
    assert ended.code == 0, ended.output
    assert (far / "out" / "made").read_text() == "output\n"
    assert "run by the carrier" not in ended.output


def test_nothing_is_read_from_the_archive_once_the_job_has_begun(tmp_path: Path) -> None:
    (tmp_path / CARRY).write_bytes(build())
    code = f"""
import importlib, sys, zipfile
sys.path[0] = {str(tmp_path / CARRY)!r}
from goclient.carrier.program import read_archive
assert read_archive() == open(sys.path[0], "rb").read()
names = (name[:-3].replace("/", ".").replace(".__init__", "") for name in zipfile.ZipFile(sys.path[0]).namelist())
print(*(name for name in names if name not in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={}, cwd="/")
    assert done.stdout.split() == []


@pytest.mark.parametrize("python", [sys.executable, *old_pythons()])
def test_secrets_are_removed_before_anything_else(python: str, tmp_path: Path) -> None:
    """Also those that the site has left where runGen was started, links and what else has their names.

    Other Pythons that run a carrier do so in test_https.py.
    """
    home, other = tmp_path / "home", tmp_path / "other"
    home.mkdir()
    other.write_text("not ours")
    job = CarriedJob(tmp_path / "run", secret={}, env={"TRF_EXEC_HOME_DIR": str(home)})
    (home / SECRET).symlink_to(other)
    os.mkfifo(home / "panda_secrets.json")
    kept = ["goclient-XYZ.json", "mine.json"]
    for name in kept:
        (home / name).touch()
    job.end(job.start(words=[python, f"./{CARRY}"]))
    assert job.left == []
    assert sorted(one.name for one in home.iterdir() if one.name != REPORT) == kept
    assert other.read_text() == "not ours"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts a process of another user")
def test_a_home_that_cannot_be_looked_at_keeps_no_secret() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        home = Path(folder, "home")
        home.mkdir(mode=0o311)
        job = CarriedJob(Path(folder, "run"), secret={}, env={"TRF_EXEC_HOME_DIR": str(home)})
        for path in (job.directory, *job.directory.iterdir()):
            os.chown(path, 65534, 65534)
        words = ["setpriv", "--reuid", "65534", "--clear-groups", "/usr/bin/python3", "-I", f"./{CARRY}"]
        ended = job.end(job.start(words=words))
        assert (ended.code, job.left) == (77, [])
        assert ended.critical.startswith("CRITICAL goclient: the command is not")


# Not every machine has an older one: this one says that it is.
OLDER = "import runpy, sys; sys.version_info = (3, 6, 8); runpy.run_path(sys.argv[1], run_name='__main__')"


@pytest.mark.parametrize("words", [[sys.executable, "-c", OLDER], *([one] for one in old_pythons())], ids=str)
def test_an_older_python_says_one_line(words: list[str], job: CarriedJob) -> None:
    process = job.start(words=[*words, f"./{CARRY}"], stderr=subprocess.PIPE)
    output, errors = process.communicate(timeout=TIMEOUT)
    (line,) = output.splitlines()
    assert errors.splitlines() == [line]
    assert line.startswith("CRITICAL goclient: this node's Python is ")
    assert process.returncode == 77
    assert json.loads((job.directory / REPORT).read_text())["error_diag"] in line


@pytest.mark.parametrize(("status", "code"), [(0, 0), (1, 1), (3, 3), (77, 77), (160, 254), (254, 254), (255, 254)])
def test_the_payloads_exit_code_passes_but_none_that_counts_as_success(tmp_path: Path, status: int, code: int) -> None:
    ended = CarriedJob(tmp_path / "run", script=f"echo last; exit {status}").run()
    assert (ended.code, ended.has_report) == (code, False), ended.output
    if code:
        assert ended.critical == f'CRITICAL goclient: the payload ended with exit code {status}: "last"'


def test_a_missing_input_is_told_in_one_short_line(job: CarriedJob, far: Path) -> None:
    (far / "in").unlink()
    ended = job.run()
    assert ended.code == 77
    assert ended.critical == f'CRITICAL goclient: stage-in: "{far}/in": it is not on this node'
    assert ended.report == {"error_code": 5902, "error_diag": ended.critical.removeprefix("CRITICAL ")}
    assert stat.S_IMODE((job.directory / REPORT).stat().st_mode) == 0o444
    assert "the payload" not in ended.output
    assert job.left == []


def test_a_missing_output_is_told_in_one_short_line(tmp_path: Path, far: Path) -> None:
    job = CarriedJob(tmp_path / "run", [taken(("out", f"{far}/out/out"))])
    ended = job.run()
    assert (ended.code, ended.report["error_code"]) == (77, 5903)
    assert ended.critical == 'CRITICAL goclient: output: "out": the job did not create this file'


def test_a_very_long_name_hides_no_cause(tmp_path: Path) -> None:
    names = [str(number) + "x" * 230 for number in range(9)]
    ended = CarriedJob(tmp_path / "run", [brought(*((f"/none/{name}", name) for name in names))]).run()
    diagnosis = ended.report["error_diag"]
    assert len(diagnosis) <= LONGEST
    assert diagnosis.startswith('goclient: stage-in: "/none/0xxx')
    assert diagnosis.endswith('xxx…": it is not on this node (and 8 more)'), diagnosis


def test_a_report_goes_where_rungen_was_started(job: CarriedJob, tmp_path: Path, far: Path) -> None:
    (far / "in").unlink()
    home = tmp_path / "home"
    home.mkdir()
    job.env["TRF_EXEC_HOME_DIR"] = str(home)
    assert not job.run().has_report
    assert json.loads((home / REPORT).read_text())["error_code"] == 5902


@pytest.mark.skipif(os.geteuid() != 0, reason="others cannot write a read-only file")
@pytest.mark.parametrize(
    ("version", "code"),
    [("3.11.5.1", 0), ("3.7.6.6 (x)", 0), ("3.7.6.5", 77), ("3.7.0.36", 77), ("", 77), ("new", 77)],
)
def test_roots_report_decides_where_the_pilot_lets_it(version: str, code: int, job: CarriedJob, far: Path) -> None:
    (far / "in").unlink()
    job.env |= {"PILOT_VERSION": version, "TRF_EXEC_HOME_DIR": str(job.directory)}
    ended = job.run()
    assert (ended.code, ended.report["error_code"]) == (code, 5902)


def test_the_payloads_failure_is_never_success_for_root(tmp_path: Path) -> None:
    assert CarriedJob(tmp_path / "run", script="exit 3", env={"PILOT_VERSION": "3.11.5.1"}).run().code == 3


@pytest.mark.conformance  # it takes long
def test_a_report_that_cannot_be_written_is_never_success(job: CarriedJob, tmp_path: Path, far: Path) -> None:
    (far / "in").unlink()
    job.env["PILOT_VERSION"] = "3.11.5.1"
    assert job.run().code == 77, "nobody has said where the pilot looks"
    (job.directory / REPORT).unlink()
    (job.directory / REPORT).mkdir()
    job.env["TRF_EXEC_HOME_DIR"] = str(job.directory)
    assert job.run().code == 77


def test_a_changed_plan_is_not_carried_out(job: CarriedJob, far: Path) -> None:
    plan = job.directory / PLAN
    plan.write_bytes(plan.read_bytes().replace(b'"needs":0', b'"needs":1'))
    ended = job.run()
    assert (ended.code, ended.report["error_code"]) == (77, 5905)
    assert f'the plan "{PLAN}" is not this job\'s: its sha256 is ' in ended.critical
    assert list((far / "out").iterdir()) == []


@pytest.mark.parametrize("words", [[], ["--plan=x", "--job=1", "--"], ["--job=1"]], ids=["none", "no-sum", "no-plan"])
def test_a_command_without_a_plan_is_refused(job: CarriedJob, words: list[str]) -> None:
    ended = job.end(job.start(f"./{CARRY}", *words))
    assert (ended.code, ended.report["error_code"]) == (77, 5905)
    assert "the command is not" in ended.critical


def test_a_program_that_is_not_in_the_archive_is_told_before_anything_is_brought(job: CarriedJob) -> None:
    (job.directory / "run.sh").unlink()
    ended = job.run()
    assert ended.code == 77
    assert (
        ended.critical == 'CRITICAL goclient: the program "./run.sh" is not in the job\'s archive, or is not executable'
    )
    assert not (job.directory / "in").exists()


def test_a_payload_says_what_is_not_text(tmp_path: Path) -> None:
    ended = CarriedJob(tmp_path / "run", script=r"printf 'caf\351\n\303\251'").run()
    assert (ended.code, "caf\\xe9\né\n" in ended.output) == (0, True), ended.output


def test_a_full_disk_is_told(job: CarriedJob) -> None:
    limit = 200  # blocks of 512 bytes of a file: the archive is there already
    ended = job.end(job.start(words=["/bin/sh", "-c", f'ulimit -f {limit}; exec "$@"', "sh", *job.words()]))
    assert ended.code == 77
    assert "cannot be written: File too large" in ended.critical
    assert job.left == []


def test_the_payload_has_the_sites_environment_without_the_tracer(tmp_path: Path) -> None:
    given = {"X509_USER_PROXY": "/p", "PILOT_SITENAME": "Q", "PANDA_AUTH_TOKEN": "/t", "GOCLIENT_X": "y"}
    job = CarriedJob(tmp_path / "run", script="env", env=given)
    lines = job.run().output.splitlines()
    assert {"X509_USER_PROXY=/p", "PANDAID=4711", "PandaID=4711", "PandaSite=Q", f"PandaWorkdir={tmp_path}/run"} <= {
        *lines
    }
    assert not [line for line in lines if "PRELOAD" in line or "TOKEN" in line or "GOCLIENT" in line]


@pytest.mark.conformance  # it takes long
def test_a_python_of_the_sites_disturbs_nothing(job: CarriedJob) -> None:
    job.env |= {"PYTHONHOME": "/none", "PYTHONPATH": "/none", "PYTHONSTARTUP": "/none/x"}
    ended = job.run("x")
    assert ended.code == 0, ended.output


def test_a_disk_that_the_input_fills_is_told(tmp_path: Path, far: Path) -> None:
    """The job has a file system of 4 MiB."""
    (far / "in").write_bytes(bytes(4 << 20))
    job = CarriedJob(tmp_path / "made", [brought((f"{far}/in", "in"))])
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = f'mount -t tmpfs -o size=4m none {disk} && cp -a {job.directory} {disk}/run && cd {disk}/run && exec "$@"'
    words = ["unshare", "-rm", "/bin/sh", "-c", mounted, "sh"]
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine makes no mount namespaces")
    job.env["TRF_EXEC_HOME_DIR"] = str(tmp_path)
    ended = job.end(job.start(words=[*words, *job.words()]))
    assert ended.code == 77, ended.output
    assert ended.critical.startswith('CRITICAL goclient: stage-in: "')
    assert "No space left on device" in ended.critical
    assert json.loads((tmp_path / REPORT).read_text())["error_diag"] in ended.critical


@pytest.mark.skipif(os.getuid() != 0, reason="only root starts a process of another user")
def test_the_payload_cannot_read_the_carriers_memory() -> None:
    """Not even where the kernel lets processes of a user trace one another."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        job = CarriedJob(Path(folder) / "run", script="cat /proc/[0-9]*/environ 2>/dev/null; exit 0")
        for path in (job.directory, *job.directory.iterdir()):
            os.chown(path, 65534, 65534)
        ended = job.end(
            job.start(words=["setpriv", "--reuid", "65534", "--clear-groups", *job.words("/usr/bin/python3")])
        )
    assert ended.code == 0, ended.output
    assert "PandaWorkdir=" in ended.output, "it reads its own"
    assert "PANDA_PRELOAD=" not in ended.output, "this only the carrier has"


# --- the job is killed ------------------------------------------------------------------------------------------

SLEEPS = "sleep 600 & touch began; sleep 600"


def test_a_payload_that_kills_its_keeper_leaves_no_daemon() -> None:
    """Also where there is no cgroup, which only root can make."""
    daemon = "setsid sh -c 'touch began; sleep 600' & while [ ! -e began ]; do sleep 0.05; done"
    script = f"{daemon}; kill -9 $(ps -o ppid= -p $$); sleep 600"
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        job = CarriedJob(Path(folder) / "run", script=script)
        words = job.words("/usr/bin/python3")
        if os.getuid() == 0:
            for path in (job.directory, *job.directory.iterdir()):
                os.chown(path, 65534, 65534)
            words = ["setpriv", "--reuid", "65534", "--clear-groups", *words]
        ended = job.end(job.start(words=words))
        assert ended.code == 128 + signal.SIGKILL, ended.output
        assert (processes_below(job.directory), job.left) == ([], [])


def test_a_signal_to_all_ends_everything(tmp_path: Path) -> None:
    job = CarriedJob(tmp_path / "run", script=SLEEPS)
    process = job.start()
    job.wait_for("began")
    with within(5.0):
        os.killpg(process.pid, signal.SIGTERM)
        ended = job.end(process)
    assert (ended.code, ended.report["error_code"]) == (77, 5906)
    assert ended.critical == "CRITICAL goclient: the site stopped the job with a signal"
    assert (processes_below(job.directory), job.left) == ([], [])


@pytest.mark.conformance  # it takes long
def test_a_payload_that_does_not_end_is_ended_in_time(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); open('began', 'w'); time.sleep(600)"
    job = CarriedJob(tmp_path / "run", script=f'exec {sys.executable} -c "{code}"')
    process = job.start()
    job.wait_for("began")
    with within(5.0):
        os.killpg(process.pid, signal.SIGTERM)
        assert job.end(process).code == 77
    assert processes_below(job.directory) == []


def test_the_death_of_the_first_process_ends_everything(tmp_path: Path) -> None:
    """The pilot kills its first process, and no other: the carrier gets no signal, and its output stays open."""
    job = CarriedJob(tmp_path / "run", script=SLEEPS)
    leader = job.start(words=["/bin/sh", "-c", '"$@"; exit', "sh", *job.words()])
    job.wait_for("began")
    leader.kill()
    leader.wait()
    assert leader.stdout is not None
    with within(2.0 + 3.0), leader.stdout as pipe:
        output = pipe.read()  # until nobody has the pipe any more
    assert "CRITICAL goclient: the program that the site had started ended before the job" in output
    assert json.loads((job.directory / REPORT).read_text())["error_code"] == 5906
    assert (processes_below(job.directory), job.left) == ([], [])


def test_the_end_of_the_reader_ends_everything(tmp_path: Path) -> None:
    job = CarriedJob(tmp_path / "run", script=SLEEPS)
    process = job.start()
    job.wait_for("began")
    assert process.stdout is not None
    with within(2.0 + 3.0):
        process.stdout.close()
        assert process.wait(TIMEOUT) == 77
    assert json.loads((job.directory / REPORT).read_text())["error_diag"] == (
        "goclient: nobody reads the job's output any more"
    )
    assert (processes_below(job.directory), job.left) == ([], [])


@pytest.mark.conformance  # it takes long
def test_a_job_of_a_task_has_its_numbers_and_its_own_plan_of_several(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    task = taken(("out.txt", f"{tmp_path}/far/$JEDITASKID.${{SN/P}}"))
    plan = CarrierPlan(name="n", tasks=(task,), overwrite=False, working="W", program="")
    job = CarriedJob(tmp_path / "job", plan=plan)
    (job.directory / PLAN).rename(job.directory / "goclient-plan-2.json")
    (job.directory / PLAN).write_bytes(CarrierPlan("other", (), False, "W", "").encode())
    (job.directory / "tell.sh").write_text('#!/bin/sh\nprintf %s "$1" > out.txt\n')
    told = [*job.told()[:-1], "--task=42", "--", "/bin/sh", "-c", "PATH=.:$PATH tell.sh 'a b'"]
    (job.directory / "tell.sh").chmod(0o700)
    ended = job.end(job.start(*told))
    assert ended.code == 0, ended.output
    assert (tmp_path / "far/42.000007").read_text() == "a b"
    assert job.end(job.start(told[0], f"--plan={'0' * 64}", *told[2:])).critical.startswith(
        "CRITICAL goclient: the plan "
    )
