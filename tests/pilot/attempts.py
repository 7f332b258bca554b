"""Attempts of jobs: pilots that die where they ask for something, and others who take names meanwhile."""

from __future__ import annotations

import itertools
import random
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.commands import TIMEOUT, Result, started
from tests.processes import running_below
from tests.sandboxes import Sandbox

PATHS = "POST /v0.10/operation/endpoint/*"
# Where a pilot with three outputs dies: before the service's work, or before its answer.
DEATHS: list[dict[str, Any]] = [
    {"route": route, "skip": skip, "after": after}
    for route, skips in (
        ("GET /v0.10/submission_id", 1), ("POST /v0.10/transfer", 1), ("GET /v0.10/task_list", 1),
        (f"{PATHS}/mkdir", 1), (f"{PATHS}/rename", 3), ("GET /v0.10/operation/endpoint/*/ls", 5),
    )
    for skip in range(skips)
    for after in (False, True)
]  # fmt: skip
OTHERS = ("", "", "a", "b", "run/c", "run/y")  # what somebody else puts there; mostly nothing
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
        """Return what the user sees there."""
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
        answer = requests.post(f"{self.sandbox.url}/sandbox/attempts", json={"job_id": self.panda_id}, timeout=TIMEOUT)
        assert answer.ok, answer.text

    def words(self) -> list[str]:
        scratch = self.sandbox.path("SITE1", f"scratch-{self.name}")
        scratch.mkdir(exist_ok=True)
        self.env = {"TMPDIR": str(scratch), "GOCLIENT_STATE": str(self.sandbox.root / f"state-{self.name}")}
        return ["goclient", "pilot", "--site=TEST1", "--once", f"--sharedFolder={scratch}=/scratch-{self.name}"]

    def pilot(self) -> Result:
        words = self.words()
        return self.sandbox.run(*words, **self.env)

    def dying_pilot(self, route: str, **fault: object) -> Result | None:
        """Run a pilot that is killed where it asks for ``route``; return its result if it ended before."""
        trouble = f"{self.sandbox.url}/sandbox/trouble"
        requests.delete(trouble, timeout=TIMEOUT)
        added = requests.post(trouble, json={"route": route, "kind": "hang", "times": 1, **fault}, timeout=TIMEOUT)
        assert added.status_code == 201, added.text
        words = self.words()
        until = time.monotonic() + TIMEOUT
        with tempfile.TemporaryFile("w+") as err:
            env = {**self.sandbox.env, **self.env}
            process = started(words, env=env, cwd=self.sandbox.cwd, stdout=subprocess.DEVNULL, stderr=err)
            while not requests.get(trouble, timeout=TIMEOUT).json()["hanging"]:
                assert time.monotonic() < until
                if process.poll() is not None:
                    requests.delete(trouble, timeout=TIMEOUT)
                    err.seek(0)
                    return Result(process.returncode, "", err.read())
                time.sleep(0.05)
            process.kill()
            process.wait(TIMEOUT)
        requests.delete(trouble, timeout=TIMEOUT)
        while running_below(Path(self.env["TMPDIR"])):  # its keepers end what it ran
            assert time.monotonic() < until
            time.sleep(0.05)
        return None


def find_wrong(sandbox: Sandbox, seed: int) -> list[str]:
    """Let one or two attempts of a job die while others take names, and one more follow; return what is wrong then."""
    chance = random.Random(seed)
    job = Attempts(sandbox, f"attempts{next(NUMBERS)}")
    job.submit("--jobParameters", f"globus-endpoint-local=SITE1 in-mode=local out-mode=server "
               f"globus-endpoint-out=SITE1 dir-out=/{job.name} files-out=a,b,run")  # fmt: skip
    others = {"other": "somebody else's"}
    (job.there / "other").write_text(others["other"])
    for _ in range(chance.randint(1, 2)):
        result = job.dying_pilot(**chance.choice(DEATHS))
        if result is not None:
            return _judge(job, others, result)
        if taken := chance.choice(OTHERS):
            others[taken] = f"somebody else's {taken}"
            (job.there / taken).parent.mkdir(exist_ok=True)
            (job.there / taken).write_text(others[taken])
        job.again()
    return _judge(job, others, job.pilot())


def _judge(job: Attempts, others: dict[str, str], result: Result) -> list[str]:
    """Return what is wrong with what the last pilot of a job has left."""
    seen = job.seen
    touched = [f"{name} was touched" for name, text in others.items() if seen.get(name) != text]
    if others.keys() - {"other"}:
        refused = result.code == 40 and "exists by now" in result.err and "the payload runs" not in result.err
        return touched if refused else [*touched, f"a taken name was not seen: {result.err[-500:]}"]
    ours = {name: text.split()[0] for name, text in seen.items() if name not in others}
    if result.code or sorted(ours) != ["a", "b", "run/c"] or len(set(ours.values())) != 1:
        return [*touched, f"there is {seen}: {result.err[-500:]}"]
    return [*touched, *(f"{name} is left" for name in job.hidden)]
