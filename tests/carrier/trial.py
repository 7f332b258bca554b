"""Carried jobs at a site that knows nothing of goclient, killed at any point or run into faults: what they leave.

Used by tests and by figures.  Each case is one job in a sandbox: submitted by the command line, and run by ``goclient
sandbox site``, with ``dying.py`` in front of the carrier (``node.py``).
"""

from __future__ import annotations

import json
import os
import random
import sys
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goclient.node.globus_connect import PROGRAM
from goclient.sandbox.directory import Directory
from goclient.sandbox.seed import CAMPAIGN, GUEST_BASE
from tests.commands import clean_environment, completed, run_command
from tests.sandboxes import Sandbox

WITHIN = 120.0  # seconds that a site may take for a small job, on a busy machine
NODE, DYING = (Path(__file__).with_name(name) for name in ("node.py", "dying.py"))
GUEST = f"{GUEST_BASE}{CAMPAIGN.strip('/')}"  # the directory of the campaign, at SITE1
MONITOR, BATCH = "monitor", "batch"
HTTPS, CONNECT = "https", "gc"  # how the files of a job get to its directory
VALID = "a token is not revoked"

PYTHON = """#!/bin/sh
case "$1 $2" in "-I ./goclient-carry") shift; exec {python} -I {dying} "$@";; esac
exec {python} "$@"
"""
# It keeps what a payload can see: environments and words of all that is above it, and each file below the job's.
PAYLOAD = """#!{python}
import contextlib, os, pathlib, sys, time
def parent(pid):
    return int(pathlib.Path(f"/proc/{{pid}}/stat").read_text().rpartition(")")[2].split()[1])
with open({seen!r}, "ab") as seen:
    pid = os.getpid()
    while pid > 1:
        for name in ("environ", "cmdline"):
            with contextlib.suppress(PermissionError):  # of the carrier
                seen.write(pathlib.Path(f"/proc/{{pid}}/{{name}}").read_bytes() + b"\\n")
        pid = 0 if pid == os.getsid(0) else parent(pid)
    for path in pathlib.Path(os.environ["TRF_EXEC_HOME_DIR"]).rglob("*"):
        seen.write(bytes(path) + b"\\n" + (path.read_bytes() if path.is_file() else b""))
pathlib.Path("out.dat").write_bytes(pathlib.Path("input.dat").read_bytes()[::-1])
time.sleep({seconds})
sys.exit({code})
"""


@dataclass(frozen=True)
class Case:
    """One job: its program's exit code, the way ``via`` of its files, and its end, if that comes from outside.

    The end ``how`` comes at a ``point`` of ``dying.py``.
    """

    seed: int
    how: str = ""
    point: int = 0
    code: int = 0
    via: str = HTTPS

    @property
    def name(self) -> str:
        """Return a name that differs from those of all other cases."""
        return f"carried-{self.via}-{self.seed}-{self.how or 'none'}-{self.point}-{self.code}"


class Trial:
    """A case in a sandbox."""

    def __init__(self, sandbox: Sandbox, case: Case) -> None:
        self.sandbox, self.case = sandbox, case
        self.folder = sandbox.cwd / case.name
        self.seen, self.points = self.folder / "seen", self.folder / "points"
        self.panda_id = 0
        self.ended: dict[str, Any] = {}  # what the site says of the job
        self.job: dict[str, str] = {}  # what the server has of it then
        (self.folder / "bin").mkdir(parents=True)
        python = self.folder / "bin/python3"
        python.write_text(PYTHON.format(python=sys.executable, dying=DYING))
        python.chmod(0o755)

    def submit(self) -> None:
        """Submit the job, and make what it reads."""
        pick = random.Random(self.case.seed)
        self.input = bytes(pick.choices(range(256), k=pick.choice((0, 100, 100_000))))
        source = self.sandbox.path("SITE1", f"{GUEST}/{self.case.name}")
        source.mkdir(parents=True)
        (source / "input.dat").write_bytes(self.input)
        program = self.folder / "run.py"
        values = {"seen": str(self.seen), "seconds": pick.choice((0, 0.3)), "code": self.case.code}
        program.write_text(PAYLOAD.format(python=sys.executable, **values))
        program.chmod(0o755)
        there = f"{guest(self.sandbox)}:{CAMPAIGN}{self.case.name}"
        words = ("sendJob.py", "--goCarry", "--computingSite=TEST1", "--transformation=./run.py", "--noCheck", "--json")
        moves = (f"--StageinGOsrc={there}/input.dat", "--StageoutGOsrc=out.dat", f"--StageoutGOdest={there}/out/")
        connect = f"--goConnect={Directory(self.sandbox.root).programs / PROGRAM}"
        way = (f"--goVia={self.case.via}", *([connect] if self.case.via == CONNECT else ()))
        result = run_command((*words, *moves, *way), env=self.sandbox.env, cwd=self.folder)
        assert result.code == 0, result.err
        self.panda_id = result.json["jobs"][0]["PandaID"]

    def run(self) -> None:
        """Let the site run the job to its end, whatever that is."""
        env = {
            **clean_environment(self.folder),
            "NODE_BIN": f"{self.folder}/bin",
            "NODE_POINT": str(self.case.point),
            "NODE_HOW": self.case.how,
            "NODE_COUNT": str(self.points),
        }
        # A pilot that writes no secrets into its log: what is left is of others.
        words = ("--dir", str(self.sandbox.root), "--site=TEST1", "--once", "--pilotVersion=3.7", "--json")
        done = completed(
            (sys.executable, str(NODE), "sandbox", "site", *words), env=env, cwd=self.folder, timeout=WITHIN
        )
        (self.folder / "site.log").write_text(done.err)
        assert done.code == 0, done.err
        self.ended = done.json
        self.job = self._take_job()

    @property
    def is_killed(self) -> bool:
        """True if the end came to the job before its own."""
        return bool(self.case.point) and not self.points.exists()

    # --- what is left ---

    def wrong(self) -> Iterator[str]:
        """Yield what is not as it should be."""
        if left := self.ended["left"]:  # after five seconds
            yield f"processes: {left}"
        if tasks := self.sandbox.rows("select label, status from tasks where status = 'ACTIVE'"):
            yield f"transfer tasks: {tasks}"
        personal = "select display_name from collections where entity_type like 'GCP%' and display_name != 'LAPTOP'"
        if endpoints := self.sandbox.rows(personal):
            yield f"endpoints: {endpoints}"
        client = self.sandbox.env["GOCLIENT_CARRY_CLIENT_ID"]
        if self.sandbox.rows("delete from tokens where client = ? returning identity", client):
            yield VALID
        job = self.job
        output = self.sandbox.path("SITE1", f"{GUEST}/{self.case.name}/out/out.dat")
        whole = output.is_file() and output.read_bytes() == self.input[::-1]
        again = job["status"] == "activated" and self.is_killed  # the server tries it again
        if job["status"] not in ("finished", "failed") and not again:
            yield f"the job is {job['status']}"
        if job["status"] == "finished" and (not whole or self.is_killed or self.case.code):
            yield f"the job is finished; its output is {'there' if whole else 'not there'}"
        if output.exists() and not whole:
            yield "the output is not whole"

    def _take_job(self) -> dict[str, str]:
        """The job as the server has it; no other site takes it again."""
        (row,) = self.sandbox.rows("select status, attributes from jobs where panda_id = ?", self.panda_id)
        self.sandbox.rows(
            "update jobs set status = 'failed' where panda_id = ? and status = 'activated'", self.panda_id
        )
        return dict(row)

    def leaks(self) -> Iterator[str]:
        """Yield where the credential of the job, or a token of it, was written or could be seen."""
        secrets = known_secrets(self.sandbox)
        there = self.sandbox.path("SITE1", f"{GUEST}/{self.case.name}")
        home = Path(self.ended["directory"]).parent
        log = Path(self.ended["log"]).parent
        yield from find_secrets((self.folder, there, home, log), secrets)
        if any(secret in str(self.job) for secret in secrets):
            yield "the server's record of the job"


def guest(sandbox: Sandbox) -> str:
    """The id of the guest collection: without the checks, no name is asked for."""
    (row,) = sandbox.rows("select id from collections where display_name = 'GUEST1'")
    return str(row["id"])


def keep_tokens(sandbox: Sandbox) -> None:
    """Let the sandbox remember each token that it gives, also when that is revoked."""
    sandbox.rows("create table if not exists minted (token text)")
    kept = "begin insert into minted values (new.access_token); end"
    sandbox.rows(f"create trigger if not exists keep after insert on tokens {kept}")


def known_secrets(sandbox: Sandbox) -> list[str]:
    """The secret of the service client, as it is and as PanDA has it, and each token that was given."""
    kept = [value for row in sandbox.rows("select data from secrets") for value in json.loads(row["data"]).values()]
    minted = [row["token"] for row in sandbox.rows("select token from minted")]
    assert kept
    assert minted
    return [sandbox.env["GOCLIENT_CARRY_CLIENT_SECRET"], *kept, *minted]


def find_secrets(places: Iterable[Path], secrets: Iterable[str]) -> Iterator[str]:
    """Yield the files below some places, and the members of archives there, that have one of the secrets in them."""
    wanted = [secret.encode() for secret in secrets]
    return (name for name, content in read_all(places) if any(one in content for one in wanted))


def read_all(places: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each file below some places, and of each member of archives there."""
    for top, _, names in (step for place in places for step in os.walk(place)):
        for path in (Path(top, name) for name in names):
            if path.is_file() and not path.is_symlink():
                with suppress(FileNotFoundError):  # since it was listed: a program may still run there
                    yield str(path), path.read_bytes()
                    yield from _unpacked(path)


def _unpacked(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each member of an archive, if it is one; of a broken one, as much as it has."""
    with suppress(EOFError, tarfile.TarError, zlib.error), tarfile.open(path) as archive:
        for member in archive:
            file, content = archive.extractfile(member), bytearray()
            try:
                while file and (piece := file.read(4096)):
                    content += piece
            finally:
                yield f"{path}: {member.name}", bytes(content)
