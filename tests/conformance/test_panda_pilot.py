"""The PanDA pilot that sites run, which knows nothing of goclient, runs jobs that bring their own transfers."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.carrier.theft import SERVICE, TOKEN, Loot, Thief, beyond, good_after_the_end
from tests.carrier.trial import GUEST, find_secrets, keep_tokens, known_secrets
from tests.commands import run_command
from tests.conformance.panda_pilot import HEARTBEAT, TRANSFORMATIONS, PandaPilot, Site, site, why_not
from tests.sandboxes import Sandbox

RUN_GEN = "runGen-00-00-02"
NOTICED_WITHIN = HEARTBEAT + 3 + 2 + 5  # seconds: the pilot ends runGen, the carrier notices, and ends all
WITHIN = 60.0  # seconds, on a busy machine
PROGRAM = "#!/bin/sh\nsort -r input.dat > sorted.txt && cat lib/more.txt >> sorted.txt; sleep {}\n"
SORTED = b"b\na\nmore\n"


@pytest.fixture(scope="module")
def foreign_site(shared_sandbox: Sandbox) -> Iterator[Site]:
    """A site with the sandbox's runGen, or the real one if GOCLIENT_TEST_RUNGEN names it."""
    if reason := why_not():
        pytest.skip(reason)
    keep_tokens(shared_sandbox)
    client = shared_sandbox.env["GOCLIENT_CARRY_CLIENT_ID"]
    shared_sandbox.rows("delete from rules where principal = ?", client)  # it has what is granted to it, no more
    with site() as made:
        url = made.has(run_gen(shared_sandbox))
        settings = shared_sandbox.cwd / "settings.toml"
        settings.write_text(f'[carrier]\nrunGen = "{url}"\n')
        shared_sandbox.env["GOCLIENT_SETTINGS"] = str(settings)
        yield made


@pytest.fixture(scope="module")
def telling_site(foreign_site: Site, shared_sandbox: Sandbox) -> Iterator[Site]:
    """A site like that, but for what its pilots log."""
    with site(logs_secrets=True) as made:
        made.has(run_gen(shared_sandbox))
        yield made


def run_gen(sandbox: Sandbox) -> Path:
    return Path(os.environ.get("GOCLIENT_TEST_RUNGEN") or sandbox.root / f"transformations/{RUN_GEN}")


@dataclass(frozen=True)
class Job:
    """A carried job that a pilot of its own has taken."""

    sandbox: Sandbox
    name: str
    panda_id: int
    pilot: PandaPilot

    @property
    def output(self) -> Path:
        return self.sandbox.path("SITE1", f"{GUEST}/{self.name}/out/sorted.txt")

    def kill(self) -> None:
        """Kill the job as its user."""
        token = Path(self.sandbox.env["OIDC_AUTH_TOKEN_FILE"]).read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Origin": self.sandbox.env["PANDA_AUTH_VO"]}
        document = {"job_ids": [self.panda_id]}
        answer = requests.post(f"{self.sandbox.url}/api/v1/job/kill", json=document, headers=headers, timeout=60)
        assert answer.json()["success"], answer.text

    def wait_for_program(self) -> None:
        wait_for_program(self.pilot)

    def has_ended(self, within: float) -> bool:
        """True once nothing of the job runs any more, without its output; False if it still does."""
        end = time.monotonic() + within
        while self.pilot.processes:  # the pilot's own helpers come and go
            if time.monotonic() > end:
                return False
            time.sleep(0.2)
        return not self.output.exists()


def wait_for_program(pilot: PandaPilot) -> None:
    """Wait until the program of a job that lasts long runs."""
    end = time.monotonic() + WITHIN
    while not any("sleep 600" in one for one in pilot.processes.values()):
        assert time.monotonic() < end, pilot.log
        time.sleep(0.2)


@contextmanager
def taken(
    sandbox: Sandbox, site: Site, name: str, *, seconds: int = 0, missing: bool = False, who: str = SERVICE
) -> Iterator[Job]:
    """A job whose program lasts so long, taken by a pilot; its source may be ``missing`` once it was submitted.

    ``who`` acts for it; there are jobs with either kind.
    """
    source = sandbox.path("SITE1", f"{GUEST}/{name}/input.dat")
    source.parent.mkdir(parents=True)
    source.write_text("a\nb\n")
    folder = sandbox.cwd / name
    (folder / "lib").mkdir(parents=True)
    (folder / "lib/more.txt").write_text("more\n")
    (folder / "run.sh").write_text(PROGRAM.format(seconds))
    (folder / "run.sh").chmod(0o755)
    there = f"GUEST1:/campaign/{name}"
    words = ("sendJob.py", "--goCarry", "--computingSite=TEST1", "--transformation=./run.sh", "--goFiles=lib", "--json")
    moves = (f"--StageinGOsrc={there}/input.dat", "--StageoutGOsrc=sorted.txt", f"--StageoutGOdest={there}/out/")
    acting = (f"--goCredential={who}", "--goMkdir", "--goShareSecrets", *(["--goGrant"] if who == SERVICE else ()))
    sent = run_command((*words, *moves, *acting), env=sandbox.env, cwd=folder)
    assert sent.code == 0, sent.err
    if missing:
        source.unlink()
    panda_id = sent.json["jobs"][0]["PandaID"]
    sandbox.rows("delete from tokens where client = ?", sandbox.env["GOCLIENT_CARRY_CLIENT_ID"])  # of the checks
    with site.pilot(sandbox) as pilot:
        pilot.wait_for(sandbox, panda_id, "sent", "starting", "running", "finished", within=WITHIN)
        yield Job(sandbox, name, panda_id, pilot)


def environments(pilots: Iterable[PandaPilot], folder: Path) -> Path:
    """Keep what can be seen of the processes of pilots in a new directory; return it."""
    folder.mkdir()
    for process in (Path("/proc", str(number)) for pilot in pilots for number in pilot.processes):
        for name in ("environ", "cmdline"):
            with suppress(OSError):  # it has ended, or only root can
                (folder / f"{process.name}.{name}").write_bytes((process / name).read_bytes())
    assert any(path.stat().st_size for path in folder.glob("*.environ"))
    return folder


def kept_by_the_server(sandbox: Sandbox, folder: Path) -> Path:
    """Keep what the server has of jobs, and the secrets of its users, in a new directory; return it."""
    folder.mkdir()
    (folder / "server.json").write_text(
        json.dumps([sandbox.rows(f"select * from {one}") for one in ("jobs", "secrets")])
    )
    return folder


def take_back(sandbox: Sandbox) -> None:
    """Take back all credentials; the server has given up jobs whose pilots are gone."""
    sandbox.rows("update jobs set status = 'failed' where status not in ('finished', 'failed', 'cancelled')")
    revoked = run_command(("goclient", "credential", "revoke", "--json"), env=sandbox.env, cwd=sandbox.cwd)
    assert revoked.code == 0, revoked.err


def test_the_files_of_carried_jobs_arrive_and_a_thief_finds_what_was_granted_until_the_end(
    foreign_site: Site, telling_site: Site, shared_sandbox: Sandbox
) -> None:
    sandbox = shared_sandbox
    with (  # side by side: the pilot tells the server of a job that failed only after two minutes
        taken(sandbox, foreign_site, "missing", missing=True) as missing,
        taken(sandbox, foreign_site, "killed", seconds=600) as killed,
        taken(sandbox, foreign_site, "stopped", seconds=600) as stopped,
        taken(sandbox, foreign_site, "token", who=TOKEN) as token,
        taken(sandbox, telling_site, "good") as good,  # PanDA hands it all secrets of its user
    ):
        for one in (good, token):
            done = one.pilot.wait_for(sandbox, one.panda_id, "finished", "failed")
            assert done["jobStatus"] == "finished", done
            assert one.output.read_bytes() == SORTED

        for one in (killed, stopped):
            one.wait_for_program()
        seen = environments((killed.pilot, stopped.pilot), sandbox.cwd / "environments")
        killed.kill()
        stopped.pilot.signal(signal.SIGTERM)
        assert stopped.has_ended(WITHIN), stopped.pilot.processes
        assert killed.has_ended(NOTICED_WITHIN + WITHIN), killed.pilot.processes

        failed = missing.pilot.wait_for(sandbox, missing.panda_id, "failed", "finished")
        assert "goclient: " in failed["pilotErrorDiag"], failed
        assert "input.dat" in failed["pilotErrorDiag"], failed
        assert list(find_secrets((foreign_site.folder, seen), known_secrets(sandbox))) == []
    client = sandbox.env["GOCLIENT_CARRY_CLIENT_ID"]
    assert sandbox.rows("select 1 from tasks where status = 'ACTIVE'") == []
    assert sandbox.rows("select 1 from tokens where client = ?", client) == []

    own, both = "/campaign/good/", {SERVICE, TOKEN}
    thief = Thief(sandbox, own)
    named = [sandbox.cwd / one.name for one in (missing, killed, stopped, good, token)]
    left = Loot().read((foreign_site.folder, seen, *named))
    assert beyond(thief, left, set()) == [], "this version of the pilot logs no secrets"
    assert beyond(thief, Loot().read([telling_site.folder]), both) == []
    loot = left.read((telling_site.folder, kept_by_the_server(sandbox, sandbox.cwd / "kept")))
    assert beyond(thief, loot, both) == []

    told = run_command(("goclient", "status", str(token.panda_id)), env=sandbox.env, cwd=sandbox.cwd)
    assert "was taken back: no job needs it any more" in told.err
    assert sandbox.rows("select 1 from tokens where scope like '%/https' and client <> ?", client) == []  # the thief's
    take_back(sandbox)
    assert good_after_the_end(sandbox, own, loot) == []


def test_a_task_of_three_jobs_of_which_one_is_tried_twice(foreign_site: Site, shared_sandbox: Sandbox) -> None:
    sandbox, top = shared_sandbox, shared_sandbox.path("SITE1", f"{GUEST}/task")
    # The server tries jobs again that the batch system has stopped: these pilots would take those first.
    sandbox.rows("update jobs set status = 'cancelled' where status not in ('finished', 'failed')")
    top.mkdir()
    (top / "input.dat").write_text("a\nb\n")
    (top / "seconds").write_text("600")
    folder = sandbox.cwd / "task"
    folder.mkdir()
    (folder / "run.sh").write_text("sort -r input.dat > sorted.txt; echo $1 > kept.txt; sleep $(cat seconds)\n")
    there = "GUEST1:/campaign/task"
    words = (
        "goclient",
        "prun",
        "--outDS=user.jdoe.real",
        "--noBuild",
        "--exec=sh run.sh 'a b'",
        "--site=TEST1",
        "--nJobs=3",
    )
    moves = (f"--StageinGOsrc={there}/input.dat,{there}/seconds", "--Data=sorted.txt", f"--OutputGO={there}/out/")
    sent = run_command(
        (*words, *moves, "--goCarry", "--goGrant", "--outputs=sorted.txt,kept.txt"), env=sandbox.env, cwd=folder
    )
    assert sent.code == 0, sent.err
    first, *others = _put_at_site(sandbox)
    with foreign_site.pilot(sandbox) as pilot, ExitStack() as stack:
        pilot.wait_for(sandbox, first, "sent", "starting", "running", within=WITHIN)
        wait_for_program(pilot)
        (top / "seconds").write_text("0")
        answer = requests.post(f"{sandbox.url}/sandbox/attempts", json={"job_id": first}, timeout=60)
        again = answer.json()["PandaID"]
        _put_at_site(sandbox)
        pilots = [stack.enter_context(foreign_site.pilot(sandbox)) for _ in range(3)]
        for one, panda_id in zip(pilots, (*others, again), strict=True):
            done = one.wait_for(sandbox, panda_id, "finished", "failed")
            assert done["jobStatus"] == "finished", done
    died = list((top / "out").glob(f".goclient-{first}-*"))  # its node is gone, if PanDA has not told it before to end
    arrived = [path for path in (top / "out").iterdir() if path not in died]
    assert {path.name.partition("._")[2] for path in arrived} == {f"{number:06}.sorted.txt" for number in (2, 3, 4)}
    assert {path.read_bytes() for path in arrived} == {b"b\na\n"}
    assert not any(list(one.iterdir()) for one in died)

    left, own = Loot().read((foreign_site.folder, folder)), "/campaign/task/"
    thief = Thief(sandbox, own)
    assert beyond(thief, left, set()) == []
    loot = left.read([kept_by_the_server(sandbox, sandbox.cwd / "kept-of-task")])
    assert beyond(thief, loot, {SERVICE}) == []
    take_back(sandbox)
    assert good_after_the_end(sandbox, own, loot) == []


def _put_at_site(sandbox: Sandbox) -> list[int]:
    """Have the waiting jobs of tasks start the site's own runGen; return their PandaIDs.

    This pilot takes transformations from one address only, and the sandbox has its own in every task.
    """
    rows = sandbox.rows("select panda_id from jobs where status = 'activated' order by panda_id")
    change = "update jobs set attributes = json_set(attributes, '$.transformation', ?) where status = 'activated'"
    sandbox.rows(change, f"{TRANSFORMATIONS}/{RUN_GEN}")
    return [row["panda_id"] for row in rows]
