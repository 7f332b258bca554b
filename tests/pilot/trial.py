"""One job in a sandbox whose pilot is killed or stopped, with a state directory and a work directory of its own."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from goclient.pilot.recovery import EMPTY_AFTER
from tests.commands import Result, run_command
from tests.pilot.dying import COMES
from tests.processes import running_in
from tests.sandboxes import Sandbox

WITHIN = 120.0  # seconds that a pilot may take for a small job, on a busy machine
GONE_WITHIN = 20.0  # seconds in which the processes of a killed pilot end: one, on a machine that is not busy
DYING = str(Path(__file__).with_name("dying.py"))
HOME = "/home/osg_data/panda"

PAYLOAD = """#!/bin/sh
cp input.dat one.out && seq 1 {lines} > two.out && mkdir -p tree/deep && date > /dev/null
cp two.out tree/deep/three.out
echo run >> {runs}
sleep {seconds} & wait
"""


@dataclass(frozen=True)
class Case:
    """One job, and the signal ``number`` to its pilot: at a ``point`` of ``dying.py``, or ``after`` so many seconds."""

    seed: int
    mode: str
    point: int = 0
    after: float = 0.0
    number: int = signal.SIGKILL

    @property
    def name(self) -> str:
        """Return a name that differs from those of all other cases."""
        when = f"point{self.point}" if self.point else f"{self.after:.2f}s"
        return f"{self.mode}-{self.seed}-{signal.Signals(self.number).name}-{when}"


class Trial:
    """A case in a sandbox."""

    def __init__(self, sandbox: Sandbox, case: Case) -> None:
        self.sandbox = sandbox
        self.case = case
        self.folder = sandbox.cwd / case.name
        top = sandbox.path("SITE1", "/scratch") if case.mode == "server" else self.folder
        self.state, self.work = self.folder / "state", top / case.name / "work"
        self.folder.mkdir()
        self.work.mkdir(parents=True)
        self.target = f"{HOME}/{case.name}"
        self.runs = self.folder / "runs"
        self.panda_id = 0
        self.env = {
            **sandbox.env,
            "GOCLIENT_STATE": str(self.state),
            "TMPDIR": str(self.work),
            "DYING_COUNT": str(self.folder / "points"),
            "DYING_SIGNAL": str(int(case.number)),
        }

    def submit(self) -> None:
        """Submit the job, and make what it reads."""
        pick = random.Random(self.case.seed)
        self.lines = pick.choice((1, 1000, 50_000))
        self.input = bytes(pick.choices(range(256), k=pick.choice((0, 100, 100_000))))
        source = self.sandbox.path("SITE1", f"{self.target}.in")
        source.mkdir(parents=True)
        (source / "input.dat").write_bytes(self.input)
        script = PAYLOAD.format(lines=self.lines, runs=self.runs, seconds=pick.choice((0, 0.5)))
        payload = self.sandbox.payload(f"{self.case.name}.sh", script)
        job = ("sendJob.py", "--computingSite=TEST1", f"--transformation={payload}", "--noCheck", "--json")
        result = self.sandbox.run(*job, *self._transfers())
        assert result.code == 0, result.err
        self.panda_id = result.json["jobs"][0]["PandaID"]
        (row,) = self.sandbox.rows("select attributes from jobs where panda_id = ?", self.panda_id)
        self.first_attempt = json.loads(row["attributes"])["attemptNr"]

    def _transfers(self) -> tuple[str, ...]:
        if self.case.mode == "local":
            there = self.sandbox.path("SITE1", self.target)
            words = f"in-mode=local out-mode=local dir-in={there}.in files-in=input.dat dir-out={there}/"
            return (f"--jobParameters=globus-user=jdoe {words} files-out=one.out,two.out,tree",)
        return (
            f"--StageinGOsrc=SITE1:{self.target}.in/input.dat",
            f"--OutputGO=SITE1:{self.target}/",
            "--Data=one.out,two.out",
            "--StageoutGOsrc=tree/",
            f"--StageoutGOdest=SITE1:{self.target}/",
            *([f"--WorkingendpointGO={self._id('SITE1')}"] if self.case.mode == "server" else []),
            *(["--goVia=https"] if self.case.mode == "https" else []),
        )

    def _id(self, name: str) -> str:
        (row,) = self.sandbox.rows("select id from collections where display_name = ?", name)
        return str(row["id"])

    # --- pilots ---

    def words(self, *more: str) -> list[str]:
        """Return the words of a pilot, after the program."""
        if self.case.mode == "server" and not more:
            more = (f"--sharedFolder={self.sandbox.path('SITE1')}=/",)
        return ["pilot", "--site=TEST1", "--once", "--json", "--faultSeconds=20", *more]

    def run_first(self) -> bool:
        """Run the pilot that the signal is for; return False if it ended before."""
        words = [sys.executable, DYING, str(self.case.point), *self.words()]
        if self.case.point == 0:
            words = [sys.executable, "-m", "goclient", *self.words()]
        with (told := self.folder / "first.log").open("wb") as log:
            process = subprocess.Popen(words, env=self.env, cwd=self.folder, stdout=log, stderr=log)
            with suppress(subprocess.TimeoutExpired):
                process.wait(self.case.after if self.case.point == 0 else WITHIN)
                return COMES in told.read_text(errors="replace")
            process.send_signal(signal.SIGKILL if self.case.point else self.case.number)
            process.wait(WITHIN)
            return True

    def run_next(self) -> Result:
        """Run an ordinary pilot."""
        result = run_command(("goclient", *self.words()), env=self.env, cwd=self.folder)
        with open(self.folder / "next.log", "a") as log:
            log.write(f"exit code {result.code}\n{result.out}{result.err}")
        return result

    def let_time_pass(self) -> None:
        """Let each journal be older than one that a pilot is just making."""
        before = time.time() - EMPTY_AFTER - 1
        for path in self.state.glob("jobs/*.jsonl"):
            os.utime(path, (before, before))

    # --- what is left ---

    def wrong(self, *, may_wait: bool = False) -> Iterator[str]:
        """Yield what is not as it should be: a job is finished, or failed because its pilot died or was stopped.

        It ``may_wait`` for a pilot still, if the first was stopped before it had a job.
        """
        (row,) = self.sandbox.rows("select status, attributes from jobs where panda_id = ?", self.panda_id)
        status, job = row["status"], json.loads(row["attributes"])
        again = job["attemptNr"] > self.first_attempt
        journals = list(self.state.glob(f"jobs/{self.panda_id}-*"))
        if status == "sent" and not journals:  # its number never reached the disk: the server takes it back
            yield from self._left()
            return
        if status not in ("finished", "failed") and not (status == "activated" and (again or may_wait)):
            yield f"the job is {status}"
        elif status == "failed" and job.get("pilotErrorCode") != "1200":
            yield f"the job failed: {job.get('pilotErrorDiag') or job.get('exeErrorDiag')}"
        yield from self._wrong_outputs(status == "finished")
        runs = len(self.runs.read_text().splitlines()) if self.runs.exists() else 0
        if runs > 1 + again:
            yield f"the payload ran {runs} times in {1 + again} attempts"
        yield from self._left()

    def _wrong_outputs(self, finished: bool) -> Iterator[str]:
        there = self.sandbox.path("SITE1", self.target)
        found = {
            str(path.relative_to(there)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in there.rglob("*")
            if path.is_file() and ".goclient-" not in str(path)
        }
        two = "".join(f"{number}\n" for number in range(1, self.lines + 1)).encode()
        contents = {"one.out": self.input, "two.out": two, "tree/deep/three.out": two}
        expected = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        if finished and found != expected:
            yield f"outputs: {sorted(found)}, of which differ {sorted(n for n in found if found[n] != expected.get(n))}"
        if not finished and (other := sorted(found.items() - expected.items())):
            yield f"outputs that are not whole: {other}"
        hidden = [str(path) for path in there.glob("**/.goclient-*")]
        if finished and hidden:  # else they tell the next attempt what it may replace
            yield f"hidden: {hidden}"

    def processes(self) -> dict[int, str]:
        """Return what runs of the job, and its pilot."""
        return {**running_in(f"{self.folder}/"), **running_in(f"{self.work}/")}

    def _left(self) -> Iterator[str]:
        if left := sorted(self.work.iterdir()):
            yield f"directories: {left}"
        personal = "select display_name from collections where entity_type like 'GCP%' and display_name != 'LAPTOP'"
        if endpoints := self.sandbox.rows(personal):
            yield f"endpoints: {endpoints}"
        if tasks := self.sandbox.rows("select label, status from tasks where status = 'ACTIVE'"):
            yield f"transfer tasks: {tasks}"
        end = time.monotonic() + GONE_WITHIN
        while (processes := self.processes()) and time.monotonic() < end:
            time.sleep(0.05)
        if processes:
            yield f"processes: {processes}"
        if journals := [path.name for path in self.state.glob("jobs/*.jsonl") if ".done." not in path.name]:
            yield f"open journals: {journals}"
