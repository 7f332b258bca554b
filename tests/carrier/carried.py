"""A carried job in a directory, as runGen leaves it there: the archive's files, and those with secrets."""

from __future__ import annotations

import base64
import io
import json
import os
import py_compile
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any

from goclient.carrier.build import build, contents
from goclient.carrier.plan import CARRY, PLAN, CarrierPlan
from goclient.model.endpoint import JOB, NODE, Endpoint
from goclient.model.mode import Mode
from goclient.model.plan import TransferItem, TransferTask
from tests.commands import TIMEOUT, started

PROGRAM = "run.sh"
SECRET = f"goclient-{'ab' * 8}.json"
REPORT, METADATA = "payload_error_report.json", "userJobMetadata.json"


@cache
def archive() -> bytes:
    return build()


@cache
def quick_archive() -> bytes:
    """The archive, with what this Python makes of its text, which is half of a start; others read the text."""
    packed = io.BytesIO(archive())
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(packed, "a") as members:
        text, code = Path(folder, "text"), Path(folder, "code")
        for name, content in contents().items():
            text.write_bytes(content)
            py_compile.compile(str(text), str(code), name, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
            members.writestr(f"{name}c", code.read_bytes())
    return packed.getvalue()


@cache
def pythons() -> tuple[str, ...]:
    """Every Python of this machine on which a carrier runs, each minor once; the one of the tests is the first."""
    found: dict[tuple[int, ...], str] = {sys.version_info[:2]: sys.executable}
    places = [f"python3.{minor}" for minor in range(9, 15)]
    on_path = (one for one in map(shutil.which, places) if one and "shims" not in one)  # pyenv's are slow shell scripts
    for one in (*on_path, *sorted(map(str, Path.home().glob(".pyenv/versions/3.*/bin/python")))):
        if (version := _version(one)) >= (3, 9):
            found.setdefault(version, one)
    pypy = shutil.which("pypy3")
    return (*found.values(), *([pypy] if pypy and _version(pypy) >= (3, 9) else []))


@cache
def old_pythons() -> tuple[str, ...]:
    """Every Python of this machine that is too old for a carrier."""
    paths = [shutil.which("python2"), *sorted(map(str, Path.home().glob(".pyenv/versions/*/bin/python")))]
    return tuple(one for one in filter(None, paths) if (0,) < _version(one) < (3, 9))


@cache
def _version(python: str) -> tuple[int, ...]:
    """The version of a Python, which the folder of one of pyenv's tells; (0,) for one that does not start."""
    if told := re.search(r"/versions/(\d)\.(\d+)\.\d+/bin/", python):
        return int(told[1]), int(told[2])
    code = "import sys; sys.stdout.write('%d %d' % sys.version_info[:2])"
    said = subprocess.run([python, "-S", "-c", code], capture_output=True, text=True, check=False)
    return tuple(map(int, said.stdout.split())) if said.returncode == 0 else (0,)


def local(phase: Any, source: Endpoint, destination: Endpoint, *pairs: tuple[str, str]) -> TransferTask:
    items = tuple(TransferItem(old, new, old.endswith("/")) for old, new in pairs)
    return TransferTask(phase, source, destination, items, mode=Mode.LOCAL)


def brought(*pairs: tuple[str, str]) -> TransferTask:
    """A task that copies files of the node to the job."""
    return local("stage-in", NODE, JOB, *pairs)


def taken(*pairs: tuple[str, str]) -> TransferTask:
    """A task that copies files of the job to the node."""
    return local("output", JOB, NODE, *pairs)


@dataclass(frozen=True)
class Ended:
    """A carrier that has ended: its exit code, its output, and its directory."""

    code: int
    output: str
    directory: Path

    @property
    def critical(self) -> str:
        """The first line that an older pilot would report."""
        return next((line for line in self.output.splitlines() if "CRITICAL" in line), "")

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.directory / REPORT).read_text())
        return found

    @property
    def has_report(self) -> bool:
        return (self.directory / REPORT).exists()

    @property
    def transfers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self.directory / METADATA).read_text())["goclient"]["transfers"]
        return found


@dataclass
class CarriedJob:
    """A carried job whose directory is made, with everything in it that there is when the carrier starts."""

    directory: Path
    tasks: Sequence[TransferTask] = ()
    script: str = "exit 0"
    plan: CarrierPlan | None = None
    secret: Mapping[str, str] | None = None
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.made = self.plan or CarrierPlan(
            name="n", tasks=tuple(self.tasks), overwrite=False, working="W", program=f"./{PROGRAM}"
        )
        (self.directory / CARRY).write_bytes(quick_archive())
        (self.directory / PLAN).write_bytes(self.made.encode())
        program = self.directory / PROGRAM
        program.write_text(f"#!/bin/sh\n{self.script}\n")
        program.chmod(0o755)
        if self.secret is not None:
            self.hand_out(self.secret)

    def hand_out(self, secret: Mapping[str, str]) -> None:
        """Leave the secret as the pilot and runGen do."""
        text = json.dumps(dict(secret))
        (self.directory / SECRET).write_text(text)
        every = {f"___file___:{SECRET}": base64.b64encode(text.encode()).decode()}
        (self.directory / "panda_secrets.json").write_text(json.dumps(every))
        (self.directory / "panda_secrets.sh").write_text("")

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
        return {**kept, "PANDAID": "4711", "LD_PRELOAD": "", "PANDA_PRELOAD": "/none/wrapper.so", **self.env}

    def words(self, python: str = sys.executable, *words: str) -> list[str]:
        return [python, "-I", *self.told(*words)]

    def told(self, *words: str) -> list[str]:
        """Return what a Python is told to run."""
        return [f"./{CARRY}", f"--plan={self.made.sha256}", "--job=7", "--", *words]

    def start(self, *told: str, words: Sequence[str] = (), **more: Any) -> subprocess.Popen[str]:
        """Start the carrier in a session of its own, with its output in a pipe.

        It is forked from what has read its modules, unless the command line is given in words.
        """
        given = {"cwd": self.directory, "env": self.environment, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return started(words or ("python -I", *(told or self.told())), **{**given, "start_new_session": True, **more})

    def run(self, *words: str, python: str = "") -> Ended:
        """Run the carrier to its end; a Python that is named is started."""
        return self.end(self.start(*self.told(*words), words=self.words(python, *words) if python else ()))

    def end(self, process: subprocess.Popen[str]) -> Ended:
        """Wait for the end of a carrier."""
        output, _ = process.communicate(timeout=TIMEOUT)
        return Ended(process.returncode, output, self.directory)

    def wait_for(self, path: str) -> None:
        """Wait until something is in the job's directory."""
        end = time.monotonic() + TIMEOUT
        while not (self.directory / path).exists():
            assert time.monotonic() < end, sorted(os.listdir(self.directory))
            time.sleep(0.02)

    @property
    def left(self) -> list[str]:
        """Return what is left of the carrier's own in the directory."""
        own = (".goclient-", "panda_secrets", "goclient-ab")
        return [one for one in os.listdir(self.directory) if one.startswith(own)]


def processes_below(directory: Path) -> list[int]:
    """The processes whose directory is this one."""
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{name}/cwd") == str(directory):
                found.append(int(name))
        except OSError:
            continue
    return found


def kill(process: subprocess.Popen[bytes]) -> None:
    """End what a failed test has left."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
