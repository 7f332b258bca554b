"""A pilot that gets a signal, or whose job is killed at the server, ends the job in order, whatever it does then."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import commands
from tests.processes import running_in
from tests.sandboxes import Sandbox

WITHIN = 60.0  # seconds
NUMBERS = ("TERM", "HUP", "INT", "QUIT", "XCPU", "USR1", "USR2")
SIGNALLED = str(Path(__file__).parents[1] / "signalled.py")
WAIT = "#!/bin/sh\ntouch started\nsleep 1000 & wait\n"
# A payload that ends once it may, so that a second signal comes while it is ended.
SLOW = """#!/bin/sh
trap 'touch ../ending; while [ ! -e ../end ]; do sleep 0.05; done; exit 1' TERM
touch started
while :; do sleep 0.05; done
"""


@dataclass
class Started:
    """A pilot that has taken a job, and where it works."""

    sandbox: Sandbox
    panda_id: int
    top: Path
    process: subprocess.Popen[str]

    def wait_for(self, pattern: str) -> None:
        end = time.monotonic() + WITHIN
        while not list(self.top.glob(pattern)):
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end
            time.sleep(0.01)

    def kill_at_server(self) -> None:
        self.sandbox.rows("update jobs set command = 'tobekilled' where panda_id = ?", self.panda_id)

    def end(self) -> tuple[int, str]:
        """Wait for the pilot's end; return its exit code and the reason that the server has; nothing is left then."""
        _, err = self.process.communicate(timeout=WITHIN)
        assert "Traceback" not in err
        (row,) = self.sandbox.rows("select status, attributes from jobs where panda_id = ?", self.panda_id)
        assert row["status"] in (("finished",) if self.process.returncode == 0 else ("failed", "cancelled")), err
        assert list(self.top.glob("goclient-*")) == []
        assert running_in(f"{self.top}/") == {}
        (journal,) = (self.top / "state" / "jobs").iterdir()
        assert journal.name.endswith(".done.jsonl")
        return self.process.returncode, json.loads(row["attributes"]).get("pilotErrorDiag", "")


Start = Callable[..., Started]


@pytest.fixture
def start(shared_sandbox: Sandbox, tmp_path: Path) -> Iterator[Start]:
    pilots: list[subprocess.Popen[str]] = []
    shared_sandbox.set(plain_retries=0)  # or the server would try the job again, and forget why it failed

    def started(script: str, *words: str, options: tuple[str, ...] = (), moment: str = "", **more: str) -> Started:
        payload = shared_sandbox.payload("stopped.sh", script)
        command = ("sendJob.py", "--computingSite=TEST1", f"--transformation={payload}", "--json", *words)
        sent = shared_sandbox.run(*command)
        assert sent.code == 0, sent.err
        env = {**shared_sandbox.env, "GOCLIENT_STATE": str(tmp_path / "state"), "TMPDIR": str(tmp_path), **more}
        program = ("python -I", SIGNALLED, moment, "goclient") if moment else ("goclient",)
        pilot = (*program, "pilot", "--site=TEST1", "--once", "--json", *options)
        process = commands.started(pilot, env=env, cwd=shared_sandbox.cwd, stdout=-1, stderr=-1)
        pilots.append(process)
        return Started(shared_sandbox, int(sent.json["jobs"][0]["PandaID"]), tmp_path, process)

    yield started
    for process in pilots:
        process.kill()
        process.communicate()
    shared_sandbox.set()


@pytest.mark.parametrize("name", NUMBERS)
def test_a_signal_ends_the_payload_and_a_second_one_changes_nothing(start: Start, tmp_path: Path, name: str) -> None:
    job = start(SLOW)
    job.wait_for("goclient-*/job/started")
    job.process.send_signal(getattr(signal, f"SIG{name}"))
    job.wait_for("goclient-*/ending")
    for second in NUMBERS:
        job.process.send_signal(getattr(signal, f"SIG{second}"))
    (ending,) = tmp_path.glob("goclient-*/ending")
    ending.with_name("end").touch()
    assert job.end() == (130, "the pilot was stopped by a signal")


def large(directory: Path) -> str:
    """The words of a job that copies 64 GiB of nothing, which takes minutes."""
    with open(directory / "large", "wb") as file:
        file.truncate(1 << 36)
    return f"--jobParameters=in-mode=local dir-in={directory} files-in=large"


def test_a_signal_ends_a_copy(start: Start, tmp_path: Path) -> None:
    job = start(WAIT, large(tmp_path), "--noCheck")
    job.wait_for("goclient-*/job/.goclient-*.part")
    job.process.terminate()
    assert job.end() == (130, "the pilot was stopped by a signal")


@pytest.mark.conformance  # it takes long
def test_a_job_that_is_killed_at_the_server_ends_its_copy(start: Start, tmp_path: Path) -> None:
    job = start(WAIT, large(tmp_path), "--noCheck", options=("--heartbeatSeconds=1",))
    job.wait_for("goclient-*/job/.goclient-*.part")
    job.kill_at_server()
    code, reason = job.end()
    assert code == 1
    assert "the server told the pilot to stop the job" in reason


@pytest.mark.conformance  # it takes long
def test_a_job_that_is_killed_at_the_server_ends_while_its_output_is_read(start: Start) -> None:
    """A terabyte of nothing, of which the pilot reads a part."""
    job = start("#!/bin/sh\ntruncate -s 1T job.out\ntouch started\n", options=("--heartbeatSeconds=1",))
    job.wait_for("goclient-*/job/started")
    job.kill_at_server()
    code, reason = job.end()
    assert code == 1
    assert "the server told the pilot to stop the job" in reason


def test_a_signal_while_globus_connect_is_set_up_leaves_no_endpoint(start: Start, tmp_path: Path) -> None:
    program = tmp_path / "connect"
    program.write_text('#!/bin/sh\ntouch "$2/started"\nsleep 1000\n')
    program.chmod(0o700)
    words = ("--Data=x", "--OutputGO=SITE1:/", "--WorkingendpointGO=STOPPED")
    job = start(WAIT, *words, GOCLIENT_GLOBUSCONNECT=str(program))
    job.wait_for("goclient-*/connect/started")
    made = "select id from collections where display_name like 'STOPPED-%'"
    assert len(job.sandbox.rows(made)) == 1
    job.process.terminate()
    assert job.end() == (130, "the pilot was stopped by a signal")
    assert job.sandbox.rows(made) == []


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        ("enter goclient.node.transfers:Transfers.deliver", 130),
        ("enter goclient.node.engines.globus_ends:_wait", 0),
        ("leave goclient.node.job:run_job", 0),
        ("enter goclient.pilot.report:send_report", 0),
    ],
)
def test_a_signal_once_the_last_name_is_asked_for_changes_nothing(
    start: Start, tmp_path: Path, moment: str, code: int
) -> None:
    name = f"/home/osg_data/panda/{tmp_path.name}"
    words = ("--Data=made", f"--OutputGO=SITE1:{name}", "--WorkingendpointGO=DELIVERED")
    job = start("#!/bin/sh\necho made >made\n", *words, moment=moment)
    assert job.end()[0] == code
    made = job.sandbox.path("SITE1", f"{name}/made")
    assert made.exists() == (code == 0)
    assert job.sandbox.rows("select id from collections where display_name like 'DELIVERED-%'") == []


def test_a_signal_while_a_dead_pilot_s_job_is_carried_on_ends_that_job_and_takes_no_other(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    words = f"--jobParameters=out-mode=local dir-out={tmp_path}/out files-out=large"
    dead = start("#!/bin/sh\ntruncate -s 64G large\n", words, "--noCheck")
    dead.wait_for("out/.goclient-*/**/*.part")
    dead.process.kill()
    dead.process.wait()
    for part in tmp_path.glob("out/.goclient-*/**/*.part"):
        part.unlink()
    other = start(WAIT)  # its pilot recovers first
    other.wait_for("out/.goclient-*/**/*.part")
    other.process.terminate()
    assert other.process.wait(WITHIN) == 130
    states = dead.sandbox.rows("select status from jobs where panda_id >= ? order by panda_id", dead.panda_id)
    assert [row["status"] for row in states] == ["failed", "activated"]
    dead.sandbox.rows("update jobs set status = 'failed' where panda_id = ?", other.panda_id)
