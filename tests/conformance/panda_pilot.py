"""The PanDA pilot that sites run, unmodified, for one job, in namespaces of its own.

NEVER START IT OTHERWISE: at its end a pilot kills each process of its user whose parent is process 1 (``kill_orphans``
in its util/processes.py).  So it gets a user, process numbers and mounts of its own, and begins only if it has them.

A pilot ends a minute after its job, so whoever has seen what the server knows calls :meth:`PandaPilot.end`.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from goclient.sandbox.seed import VO
from tests.sandboxes import Sandbox

USER = 64_537  # nobody else's
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
HEARTBEAT = 15  # seconds, the least at which the pilot's own loops make sense
# The one address from which this version takes transformations; it has them from $HARVESTER_WORKDIR instead.
TRANSFORMATIONS = "http://pandaserver-doma.cern.ch:25080/trf/user"
# Process 1 of its namespace, so that nothing else has that parent; it does not begin beside other processes.
FIRST = 'test $$ = 1 && test "$(id -u)" != 0 && test "$(ls -d /proc/[0-9]* | wc -l)" -le 4 || exit 99; "$@"; exit $?'
NEEDED = "python3 -c 'import pipes' && command -v curl && command -v ps"  # by the pilot; Python 3.13 has no pipes

# What a pilot must know of its queue from the information system; the log stays in the pilot's own directory (mv).
QUEUE = {
    "nickname": "TEST1",
    "panda_resource": "TEST1",
    "atlas_site": "OSG_TEST",
    "type": "analysis",
    "state": "ACTIVE",
    "status": "online",
    "timefloor": 0,  # one job only
    "maxwdir": 20_000,  # MB
    "copytools": {"mv": {"setup": ""}},
    "acopytools": {"default": ["mv"]},
    "astorages": {activity: ["TEST_SE"] for activity in ("pr", "pw", "pl")},
}


def namespaces() -> list[str]:
    """Return the words before a command that give it a user and namespaces of its own, all of which end with us."""
    own = ["--pid", "--fork", "--kill-child", "--mount", "--mount-proc"]
    if os.geteuid():
        return ["setpriv", "--pdeathsig=KILL", "unshare", "--user", "--map-current-user", *own]
    # That it ends with its parent is forgotten at a change of the user, and so said again.
    as_user = [f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs", "--pdeathsig=KILL"]
    return ["setpriv", "--pdeathsig=KILL", "unshare", *own, "setpriv", *as_user]


@functools.cache
def why_not() -> str:
    """Return why no pilot can run here, or the empty string."""
    if "GOCLIENT_TEST_PANDA_PILOT" not in os.environ:
        return "GOCLIENT_TEST_PANDA_PILOT does not name the pilot's source: make conformance sets it up"
    words = [*namespaces(), "sh", "-c", FIRST, "sh", "sh", "-c", NEEDED]
    try:
        done = subprocess.run(words, env={"PATH": SYSTEM_PATH}, cwd="/", capture_output=True, text=True, timeout=60)
    except OSError as error:
        return f"a PanDA pilot needs namespaces of its own: {error}"
    if done.returncode == 0:
        return ""
    return f"a PanDA pilot needs a user and namespaces of its own, curl, ps and pipes: {done.returncode} {done.stderr}"


@contextmanager
def site(*, logs_secrets: bool = False) -> Iterator[Site]:
    """A site with unmodified pilots, or those that log secrets as later ones do; its directory is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="goclient-site-"))  # which the pilots' user can reach
    try:
        made = Site(folder)
        if logs_secrets:
            made.log_secrets()
        yield made
    finally:
        shutil.rmtree(folder)


class Site:
    """A site: the pilot's source, the transformations that it has, and a directory for each pilot."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.chmod(0o755)
        shutil.copytree(os.environ["GOCLIENT_TEST_PANDA_PILOT"], folder / "source")
        self.transformations = folder / "transformations"
        self.transformations.mkdir()
        (folder / "queue.json").write_text(json.dumps(QUEUE))
        (folder / "queues.json").write_text(json.dumps({"TEST1": QUEUE}))
        protocol = {"endpoint": "file://localhost", "path": f"{folder}/storage/", "flavour": "", "id": 0}
        storage = {"name": "TEST_SE", "id": 1, "state": "ACTIVE", "type": "DATADISK", "resource": {}, "token": ""}
        storage |= {"is_deterministic": True, "arprotocols": {"write_lan": [protocol]}}
        (folder / "storages.json").write_text(json.dumps({"TEST_SE": storage}))
        settings = (folder / "source/pilot/util/default.cfg").read_text()
        (folder / "pilot.cfg").write_text(settings.replace("\nheartbeat: 1800", f"\nheartbeat: {HEARTBEAT}"))

    def log_secrets(self) -> None:
        """Let the pilots dump job definitions as they are, and change nothing else."""
        path, hidden = self.folder / "source/pilot/control/job.py", "res['secrets'] = '********'"
        source = path.read_text()
        assert hidden in source
        path.write_text(source.replace(hidden, "pass"))

    def has(self, transformation: Path) -> str:
        """Give the site a transformation; return the URL by which jobs name it."""
        shutil.copy(transformation, self.transformations)
        (self.transformations / transformation.name).chmod(0o755)
        return f"{TRANSFORMATIONS}/{transformation.name}"

    @contextmanager
    def pilot(self, sandbox: Sandbox) -> Iterator[PandaPilot]:
        """A pilot that takes one job of the queue TEST1, killed at the end of the body with all that it started."""
        started = PandaPilot(self, sandbox)
        try:
            yield started
        finally:
            started.end()


class PandaPilot:
    """A pilot that was started."""

    def __init__(self, site: Site, sandbox: Sandbox) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pilot-", dir=site.folder))
        (self.folder / "token").write_text(Path(sandbox.env["GOCLIENT_PILOT_TOKEN_FILE"]).read_text().strip())
        if not os.geteuid():
            for path in (self.folder, self.folder / "token"):
                os.chown(path, USER, USER)
        host, _, port = sandbox.url.rpartition(":")
        options = {
            "--pilot-user": "generic",
            "--queue": "TEST1",
            "--joblabel": "user",
            "--versiontag": "PR",
            "--workdir": str(self.folder),
            "--url": host,
            "--port": port,
            "--queuedata-url": str(site.folder / "queue.json"),
            "--storagedata-url": str(site.folder / "storages.json"),
            "--cleanup": "False",
        }
        words = [f"{name}={value}" for name, value in options.items()]
        env = {
            "PATH": SYSTEM_PATH,
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "PANDA_AUTH_TOKEN": "token",
            "PANDA_AUTH_DIR": f"{self.folder}/",
            "PANDA_AUTH_ORIGIN": VO,
            "PANDA_BASE_URLS": TRANSFORMATIONS,  # this one and the next are for later versions, to be tried by hand
            "NO_CVMFS_OK": "yes",
            "HARVESTER_WORKDIR": str(site.transformations),
            "HARVESTER_PILOT_CONFIG": str(site.folder / "pilot.cfg"),
            "LOCAL_AGIS_SCHEDCONF": str(site.folder / "queues.json"),
        }
        with open(self.folder.with_suffix(".log"), "wb") as log:
            self._process = subprocess.Popen(
                [*namespaces(), "sh", "-c", FIRST, "sh", "python3", "-B", "pilot.py", "--noproxyverification", *words],
                env=env,
                cwd=site.folder / "source",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def log(self) -> str:
        """Return what the pilot has printed."""
        return self.folder.with_suffix(".log").read_text(errors="replace")

    @property
    def processes(self) -> dict[int, str]:
        """The processes of its namespace and their command lines, but for the pilot's own."""
        if self._process.poll() is not None:  # the namespace has ended with its first process
            return {}
        found, own = {}, os.readlink(f"/proc/{self._first()}/ns/pid")
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(process / "ns/pid") == own:
                    found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:  # it has ended
                continue
        # A zombie, which the pilot has not waited for, has no words.
        return {number: words for number, words in found.items() if words and "pilot.py" not in words}

    def signal(self, number: int) -> None:
        """Send a signal to the pilot itself, as a batch system does."""
        os.kill(_child(self._first()), number)

    def _first(self) -> int:
        """The process that is number 1 in the namespace."""
        return _child(self._process.pid)

    def end(self) -> None:
        """Kill the pilot with all that it started."""
        if self._process.poll() is None:
            os.kill(self._first(), signal.SIGKILL)  # process 1 ends once all others of its namespace have
        self._process.wait()

    def wait_for(self, sandbox: Sandbox, panda_id: int, *states: str, within: float = 300) -> dict[str, str]:
        """Wait until the server has a job in one of these states; return the job's attributes."""
        end = time.monotonic() + within
        while time.monotonic() < end and self._process.poll() is None:
            (row,) = sandbox.rows("select status, attributes from jobs where panda_id = ?", panda_id)
            if row["status"] in states:
                attributes: dict[str, str] = json.loads(row["attributes"])
                return {**attributes, "jobStatus": row["status"]}
            time.sleep(0.2)
        raise AssertionError(f"the job is not {' or '.join(states)}; the pilot says:\n{self.log[-4000:]}")


def _child(parent: int) -> int:
    """The only child of a process."""
    (child,) = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return int(child)
