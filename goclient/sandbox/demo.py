"""Run the example of the 2012 page, from submission to the file at its end, and show each step.

Once with a pilot of goclient, once at a site that knows nothing of goclient, where the job brings its own transfers.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from goclient.files.private import make_directory
from goclient.files.temporary import temporary_directory
from goclient.sandbox import daemon, seed
from goclient.sandbox.directory import Directory
from goclient.sandbox.seed import CAMPAIGN, GUEST_BASE
from goclient.sandbox.state import State

SITE, NAME, ACCOUNT = "SITE1", "10mb-file.bin", "wdeng"
DIRECTORY = "home/osg_data/panda"
GUEST, THERE = "GUEST1", f"{CAMPAIGN}out"  # where the carried job's file goes
SITES = ("pilot", "site")  # begin the lines of those
Show = Callable[[str, str], None]


def run(path: Path | None, *, overwrite: bool = False) -> int:
    """Run the example twice; return 0 if its output is at both ends and is what the job made, else another exit code.

    With a path the sandbox's files stay there to look at; without one nothing stays.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # as for Ctrl-C: nothing stays
    root = path.absolute() if path else Path(tempfile.mkdtemp(prefix="goclient-demo-", dir=temporary_directory()))
    started = False
    try:
        if not daemon.running(root):
            started = True
            daemon.start(root, tied=True)
        example = Example(State(Directory(root)), _make_show())
        code = example.run(overwrite=overwrite) or example.run_carried(overwrite=overwrite)
        if path and not code:
            held = f"{root}/collections/{SITE}/{DIRECTORY}/ is what {SITE} holds"
            example.show("look", f"{held}; {root}/sandbox.log is what was asked")
        for line in () if code else ["type this, to do it yourself:", *next_lines(path or Path("sandbox"))]:
            example.show("next", line)
        return code
    finally:
        if started:
            daemon.stop(root)
        if path is None:
            shutil.rmtree(root, ignore_errors=True)


def command_line(url: str) -> list[str]:
    """Return the page's own command, but for the transformation's host."""
    words = f"--njobs 1 --computingSite TEST1 --transformation {url}/transformations/datatransfer.sh"
    return [
        *("sendJob.py", *words.split(), "--prodSourceLabel", "user", "--cloud", "OSG"),
        f"--StageinGOsrc={SITE}:/{DIRECTORY}/0064.file",
        f"--OutputGO={SITE}:/{DIRECTORY}/",
        "--WorkingendpointGO=OSGDEV",
        f"--Data={NAME}",
    ]


def build_carried(url: str) -> list[str]:
    """Return the command for the same job with files that pass by HTTPS, at a site that knows nothing of goclient."""
    return [
        *("sendJob.py", "--goCarry", "--computingSite", "TEST1"),
        *("--transformation", f"{url}/transformations/datatransfer.sh"),
        f"--StageinGOsrc={GUEST}:{CAMPAIGN}in/0064.file",
        f"--OutputGO={GUEST}:{THERE}/",
        f"--Data={NAME}",
    ]


def next_lines(path: Path) -> list[str]:
    """Return what to type after the demo, as a shell reads it: the example again, in a sandbox that stays."""
    directory = shlex.quote(os.path.join(".", path))
    programs = [] if shutil.which("goclient") else [shlex.quote(os.path.dirname(sys.executable))]
    return [
        *(f"export PATH={one}:$PATH" for one in programs),
        f"goclient sandbox start --dir {directory}",
        f". {directory}/env.sh",
        "sendJob.py --computingSite TEST1 --transformation $SANDBOX_URL/transformations/datatransfer.sh \\",
        f"    --StageinGOsrc={SITE}:/{DIRECTORY}/0064.file \\",
        f"    --Data={NAME} --OutputGO={SITE}:/{DIRECTORY}/mine/ --goMkdir",
        "goclient pilot --site TEST1 --once",
        "goclient status --last",
        f"ls -l {directory}/collections/{SITE}/{DIRECTORY}/mine/",
        "goclient help",
        f"goclient sandbox stop --dir {directory}",
    ]


def _make_show() -> Show:
    """Return what prints a step and its text: in colour on a terminal, as plain lines in a pipe."""
    if not sys.stdout.isatty():
        return lambda step, text: print(f"{step:<8}{text}", flush=True)
    console = Console(soft_wrap=True)
    return lambda step, text: console.print(Text(f"{step:<8}", "bold cyan") + Text(text))


@dataclass(frozen=True, slots=True)
class Example:
    """One run of the example, in a sandbox that runs."""

    state: State
    show: Show

    def run(self, *, overwrite: bool) -> int:
        """Submit the job, run a pilot, show what became of it; return the exit code of the first step that fails."""
        self.show("sandbox", f"Globus, PanDA and a web server answer at {self.state.fact('url')}, MyProxy beside them")
        env = self._environment()
        deposit = ["myproxy", "deposit", "--user", ACCOUNT, "--retriever", env["SANDBOX_PILOT_DN"]]
        if code := self._print_output("deposit", deposit, env):
            return code
        typed = [*command_line(self.state.fact("url")), f"--myproxy={ACCOUNT}", *["--goOverwrite"] * overwrite]
        pilot = env | {"X509_USER_CERT": env["SANDBOX_PILOT_CERT"], "X509_USER_KEY": env["SANDBOX_PILOT_KEY"]}
        code = self._submit_and_run(typed, env, site=["pilot", "--site", "TEST1", "--once", "--json"], site_env=pilot)
        return code or self._compare()

    def run_carried(self, *, overwrite: bool) -> int:
        """Submit the job with its transfers, run it at a site without goclient; return the exit code."""
        self.show("again", "at a site that knows nothing of goclient, by HTTPS: the job brings its own transfers")
        env, root = self._environment(), str(self.state.directory.root)
        typed = [*build_carried(self.state.fact("url")), *["--goOverwrite"] * overwrite]
        site = ["sandbox", "site", "--dir", root, "--site", "TEST1", "--once", "--json"]
        code = self._submit_and_run(typed, env, site=site, site_env=env)
        output = self.state.directory.collections / SITE / f"{GUEST_BASE}{THERE}/{NAME}".strip("/")
        there = output.is_file()
        self.show("output", f"{output}: {output.stat().st_size} bytes" if there else f"{output} is not there")
        return code or int(not there)

    def _submit_and_run(
        self, typed: list[str], env: dict[str, str], *, site: list[str], site_env: dict[str, str]
    ) -> int:
        """Submit a job, let a site run it, show what became of it; return the first failure's exit code."""
        self.show("submit", shlex.join(typed))
        done = self._follow("goclient.cli.commands.sendjob", [*typed[1:], "--json", "-v"], env)
        if done.code:
            return done.code
        panda_id = done.document["jobs"][0]["PandaID"]
        row = self.state.row("select attributes from jobs where panda_id = ?", panda_id) or {"attributes": "{}"}
        self.show("submit", f"PandaID={panda_id}; its record's jobParameters, as the server has them:")
        self.show("record", json.loads(row["attributes"]).get("jobParameters", ""))
        while True:  # an older job may be in the queue
            done = self._follow("goclient", site, site_env)
            if done.document.get("PandaID") in (panda_id, None):
                break
        self._print_output("status", ["status", str(panda_id)], env)
        return done.code or int(done.document.get("state") == "failed")

    def _environment(self) -> dict[str, str]:
        """Return the user's environment, pointed at the sandbox, with a directory for all that goclient keeps."""
        directory = self.state.directory
        make_directory(directory.work)
        env = {name: value for name, value in os.environ.items() if name not in seed.CLEARED}
        path = f"{directory.programs}{os.pathsep}{env.get('PATH', os.defpath)}"
        return {**env, **seed.environment(self.state), "PATH": path, "TMPDIR": str(directory.work)}

    def _print_output(self, step: str, words: list[str], env: dict[str, str]) -> int:
        """Run a command of goclient, show its output; return its exit code."""
        command = [sys.executable, "-P", "-m", "goclient", *words]
        done = subprocess.run(command, env=env, text=True, stdout=subprocess.PIPE, check=False)
        if step != "status":
            self.show(step, shlex.join(["goclient", *words]))
        for line in done.stdout.splitlines():
            self.show(step, line)
        return done.returncode

    def _follow(self, module: str, words: list[str], env: dict[str, str]) -> Done:
        """Run a command that prints JSON, show each line of its progress as it comes.

        Ctrl-C reaches the demo only, which ends the command and waits: a pilot takes its endpoint down first.
        """
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *words],
            env=env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            for line in process.stderr:
                head, colon, rest = line.rstrip("\n").partition(": ")
                ours = colon and head in (*SITES, "sendJob.py")
                self.show(head if head in SITES else "submit", rest if ours else line.rstrip("\n"))
            text = process.stdout.read()
        except BaseException:
            process.terminate()
            process.communicate()
            raise
        return Done(process.wait(), json.loads(text) if text else {})

    def _compare(self) -> int:
        """Return 0 if the output at SITE1 has the size and the checksum that it had on the node."""
        output = self.state.directory.collections / SITE / DIRECTORY / NAME
        sent = self.state.row(
            "select checksum, bytes_transferred from transferred join tasks using (task_id) "
            "where destination_path like ? order by transferred.rowid desc",  # hidden until it was whole
            f"/{DIRECTORY}/%/{NAME}",
        )
        if sent is None or not output.is_file():
            self.show("output", f"{output} is not there")
            return 1
        with open(output, "rb") as file:
            checksum = hashlib.file_digest(file, "md5").hexdigest()
        size = output.stat().st_size
        self.show("output", f"{output}")
        self.show("output", f"on the node: {sent['bytes_transferred']} bytes, MD5 {sent['checksum']}")
        self.show("output", f"at {SITE}:    {size} bytes, MD5 {checksum}")
        return 0 if (size, checksum) == (sent["bytes_transferred"], sent["checksum"]) else 1


@dataclass(frozen=True, slots=True)
class Done:
    """Outcome of a command: its exit code, and its JSON document."""

    code: int
    document: dict[str, Any]
