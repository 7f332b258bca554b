"""Another attempt of a job whose first one died, wherever it did: one output, and nothing of others is touched."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from tests.commands import Result
from tests.processes import running_below
from tests.sandboxes import Sandbox

# Each attempt writes what tells it apart.
MAKE = "#!/bin/sh\nmkdir run\nfor name in a b run/c; do echo $$ $(date +%s%N) > $name; done\n"
NUMBERS = itertools.count(1)


@dataclass
class Attempts:
    """A job whose output goes to a directory of its own at SITE1."""

    sandbox: Sandbox
    name: str
    panda_id: int = 0
    env: dict[str, str] = field(default_factory=dict)

    @property
    def there(self) -> Path:
        return self.sandbox.path("SITE1", self.name)

    @property
    def seen(self) -> dict[str, str]:
        """What the user sees there."""
        found = (path for path in self.there.rglob("*") if path.is_file() and ".goclient-" not in str(path))
        return {str(path.relative_to(self.there)): path.read_text() for path in found}

    @property
    def hidden(self) -> list[str]:
        return [path.name for path in self.there.rglob(".goclient-*")]

    def submit(self, *words: str, script: str = MAKE) -> None:
        self.there.mkdir(exist_ok=True)
        payload = self.sandbox.payload(f"{self.name}.sh", script)
        command = ("sendJob.py", "--computingSite=TEST1", f"--transformation={payload}", "--json")
        sent = self.sandbox.run(*command, *words)
        assert sent.code == 0, sent.err
        self.panda_id = int(sent.json["jobs"][0]["PandaID"])

    def again(self) -> None:
        """Have the server try the job again now."""
        answer = requests.post(f"{self.sandbox.url}/sandbox/attempts", json={"job_id": self.panda_id}, timeout=20)
        assert answer.ok, answer.text

    def words(self) -> list[str]:
        scratch = self.sandbox.path("SITE1", f"scratch-{self.name}")
        scratch.mkdir(exist_ok=True)
        self.env = {"TMPDIR": str(scratch), "GOCLIENT_STATE": str(self.sandbox.root / f"state-{self.name}")}
        return ["goclient", "pilot", "--site=TEST1", "--once", f"--sharedFolder={scratch}=/scratch-{self.name}"]

    def pilot(self) -> Result:
        words = self.words()
        return self.sandbox.run(*words, **self.env)

    def dying_pilot(self, route: str, **fault: object) -> None:
        """Run a pilot that is killed where it asks for ``route``."""
        trouble = f"{self.sandbox.url}/sandbox/trouble"
        requests.delete(trouble, timeout=10)
        added = requests.post(trouble, json={"route": route, "kind": "hang", "times": 1, **fault}, timeout=10)
        assert added.status_code == 201, added.text
        words = [sys.executable, "-m", *self.words()]
        env = {**self.sandbox.env, **self.env}
        process = subprocess.Popen(words, env=env, cwd=self.sandbox.cwd, stdout=-3, stderr=-3)
        until = time.monotonic() + 60
        while not requests.get(trouble, timeout=10).json()["trouble"][0]["used"]:
            assert process.poll() is None, "it died before its time"
            assert time.monotonic() < until
            time.sleep(0.05)
        time.sleep(0.1)  # what is done before the answer, is done
        process.kill()
        process.wait(10)
        requests.delete(trouble, timeout=10)
        while running_below(Path(self.env["TMPDIR"])):  # its keepers end what it ran
            assert time.monotonic() < until
            time.sleep(0.05)


@pytest.fixture
def job(shared_sandbox: Sandbox) -> Attempts:
    return Attempts(shared_sandbox, f"attempts{next(NUMBERS)}")


PATHS = "POST /v0.10/operation/endpoint/*"
DEATHS = [
    pytest.param({"route": "POST /v0.10/transfer", "after": True}, id="the transfer goes on without it"),
    pytest.param({"route": f"{PATHS}/mkdir"}, id="before its files are marked"),
    pytest.param({"route": f"{PATHS}/mkdir", "after": True}, id="once its files are marked"),
    pytest.param({"route": f"{PATHS}/rename", "after": True}, id="one file has its name"),
    pytest.param({"route": f"{PATHS}/rename", "after": True, "skip": 2}, id="all files have their names"),
]


@pytest.mark.parametrize("death", DEATHS)
def test_a_second_attempt_replaces_what_the_first_one_left(job: Attempts, death: dict[str, object]) -> None:
    other = job.there / "other"
    job.submit("--jobParameters", f"globus-endpoint-local=SITE1 in-mode=local out-mode=server "
               f"globus-endpoint-out=SITE1 dir-out=/{job.name} files-out=a,b,run")  # fmt: skip
    other.write_text("somebody else's")
    job.dying_pilot(**death)  # type: ignore[arg-type]
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


def test_a_file_that_came_in_the_way_fails_another_attempt_before_its_payload(job: Attempts) -> None:
    job.submit("--Data=a,b", f"--OutputGO=SITE1:/{job.name}/")
    job.dying_pilot(f"{PATHS}/mkdir")
    (job.there / "a").write_text("somebody else's")
    job.again()
    result = job.pilot()
    assert result.code == 40
    assert "exists by now, and would be overwritten" in result.err
    assert "the payload runs" not in result.err
    assert job.seen == {"a": "somebody else's"}
    assert not any(".goclient-" in name for name in os.listdir(job.there)), "what nobody can use is removed"


def test_a_stale_attempt_that_still_runs_touches_nothing(job: Attempts, tmp_path: Path) -> None:
    wait = f"touch {tmp_path}/begun\nwhile [ ! -e {tmp_path}/later ]; do sleep .1; done\n"
    script = f"#!/bin/sh\n{wait}echo $(date +%s%N) > a\n"
    job.submit("--Data=a", f"--OutputGO=SITE1:/{job.name}/", script=script)
    words = [sys.executable, "-m", *job.words()]
    env = {**job.sandbox.env, **job.env, "GOCLIENT_STATE": str(tmp_path / "state")}
    stale = subprocess.Popen(words, env=env, cwd=job.sandbox.cwd, stdout=-3, stderr=-1, text=True)
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
