"""The page's scenario on real servers: a deposit, a job with its files elsewhere, a pilot that gets the user's proxy.

The pilot has a proxy of its own, which no server of files knows: what arrives has been written as the user.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from goclient.config.grid import HOUR, Accounts
from goclient.errors.myproxy import DepositExpired, NoDeposit, NotRetriever, NoUserProxy
from goclient.model.spec import MyproxyAccount
from goclient.pilot import deposit as deposits
from goclient.pilot import proxy as module
from goclient.pilot.deposit import Deposit
from goclient.pilot.proxy import UserProxy
from goclient.sandbox.myproxy.authority import Authority
from goclient.sandbox.myproxy.grid import Credential
from goclient.services.gsi.identity import Identity
from tests.commands import Result
from tests.myproxy_grid import PILOT, USER, run
from tests.myproxy_servers import PATH, real_server
from tests.node.transfers import job_context
from tests.pilot.owners import State, default_proxies, deposit
from tests.sandboxes import Sandbox
from tests.servers.gridftp import GridftpServers
from tests.servers.proxies import make_proxy
from tests.servers.webdav import WebdavServer

INPUT = bytes(range(256)) * 4096
COPY = "#!/bin/sh\ncat in.dat in.dat > twice.dat\nenv > environment.txt\n"
MOST = 0.3  # seconds that a retrieval may take
OUTPUTS = {"twice.dat": hashlib.sha256(INPUT * 2).hexdigest()}


@dataclass(frozen=True)
class Grid:
    """A user, a pilot and a real MyProxy server of one authority, and a sandbox in the place of PanDA."""

    sandbox: Sandbox
    folder: Path
    authority: Authority
    user: Credential
    pilot_s: Path  # its proxy
    port: int

    @property
    def env(self) -> dict[str, str]:
        """The environment of the user."""
        return {
            "X509_CERT_DIR": str(self.authority.directory), "X509_USER_CERT": str(self.user.certificate),
            "X509_USER_KEY": str(self.user.key), "MYPROXY_SERVER": "localhost", "MYPROXY_SERVER_PORT": str(self.port),
        }  # fmt: skip

    def deposit(self, account: str, *, tool: bool) -> None:
        """Deposit a proxy of the user for the pilot, with goclient or with the C tool as the page says."""
        if tool:
            words = ("myproxy-init", "-s", "localhost", "-p", str(self.port), "-l", account, "-x", "-Z", PILOT)
            env = {"PATH": PATH, "HOME": str(self.folder), "GT_PROXY_MODE": "rfc", "TMPDIR": str(self.folder)}
            done = run(*words, env={**env, **self.env, "X509_USER_PROXY": str(self.folder / "none")})
            assert done.returncode == 0, done.stdout + done.stderr
        else:
            made = self.sandbox.run(
                "goclient", "myproxy", "deposit", "--user", account, "--retriever", PILOT, **self.env
            )
            assert made.code == 0, made.err

    def submit(self, *words: str) -> Result:
        """Submit a job that reads in.dat, and writes twice.dat and environment.txt."""
        payload = self.sandbox.payload("copy.sh", COPY)
        return self.sandbox.run(
            "sendJob.py", "--computingSite=TEST1", f"--transformation={payload}", *words, **self.env
        )

    def options(self, account: str, source: str, destination: str) -> tuple[str, ...]:
        """The options of a job whose files are at servers."""
        outputs = ("--Data=twice.dat,environment.txt", f"--OutputGO={destination}")
        return (f"--StageinGOsrc={source}", *outputs, f"--myproxy={account}@localhost:{self.port}")

    @property
    def pilot_env(self) -> dict[str, str]:
        """The environment of a pilot of a site without Globus, which has a proxy of its own."""
        own = {"X509_USER_CERT": "", "X509_USER_KEY": "", "X509_USER_PROXY": str(self.pilot_s)}
        without = {"GOCLIENT_CLIENT_ID": "", "GOCLIENT_CLIENT_SECRET": "", "GOCLIENT_GLOBUSCONNECT": "/none"}
        return {**self.env, **own, **without}

    def run_pilot(self, *words: str) -> Result:
        """Run such a pilot."""
        return self.sandbox.pilot("--modes=local", *words, **self.pilot_env)


@contextmanager
def grid_of(sandbox: Sandbox, authority: Authority, folder: Path, *, user: Credential) -> Iterator[Grid]:
    """The grid of an authority, with files of its own in a new directory."""
    folder.mkdir()
    host = authority.issue("/C=TW/O=Test Grid/CN=localhost", into=folder, name="myproxy", names=("localhost",))
    pilot = authority.issue(PILOT, into=folder, name="pilot", names=())
    env = {
        "PATH": PATH, "HOME": str(folder), "TMPDIR": str(folder), "X509_CERT_DIR": str(authority.directory),
        "X509_USER_CERT": str(host.certificate), "X509_USER_KEY": str(host.key),
    }  # fmt: skip
    sandbox.rows("update identities set subject = ? where username = 'jdoe@sandbox.example'", USER)
    with real_server(folder / "server", env) as port:
        yield Grid(sandbox, folder, authority, user, make_proxy(pilot, folder / "pilot.pem"), port)


def assert_carried_out(grid: Grid, words: Sequence[str], there: Path) -> None:
    """Submit a job, run a pilot; its files are there, and no proxy but the job's own was touched."""
    sent = grid.submit(*words, "--json")
    assert sent.code == 0, sent.err
    (job,) = sent.json["jobs"]
    before, others = State.of(grid.pilot_s), default_proxies()
    result = grid.run_pilot()
    assert result.code == 0, result.err
    assert result.err.count(f"was retrieved: {USER}, until") == 1  # for the clean-up at its end, too
    assert hashlib.sha256((there / "twice.dat").read_bytes()).hexdigest() == OUTPUTS["twice.dat"]
    environment = (there / "environment.txt").read_text()
    assert "X509_USER_" not in environment
    assert "user.pem" not in environment
    assert sorted(one.name for one in there.iterdir()) == ["environment.txt", "twice.dat"]
    assert State.of(grid.pilot_s) == before
    assert default_proxies() == others
    assert not list(grid.sandbox.cwd.glob("goclient-*"))
    away = {f"GLOBUS_SDK_SERVICE_URL_{one}": "http://127.0.0.1:9/" for one in ("AUTH", "TRANSFER")}
    shown = grid.sandbox.run("goclient", "status", str(job["PandaID"]), "--json", **away)
    assert (shown.code, shown.err) == (0, "")  # Globus is not asked
    (status,) = shown.json
    rows = [(row["phase"], row["task_id"], row["copy"], row["url"], row["files"]) for row in status["transfers"]]
    assert rows == [("stage-in", None, False, None, 1), ("output", None, False, None, 2)]
    assert [row["state"] for row in status["transfers"]] == ["SUCCEEDED"] * 2
    assert status["transfers"][0]["bytes"] == len(INPUT)


@pytest.mark.parametrize("way", ["goclient myproxy deposit", "myproxy-init -x -Z", "words of 2012"])
def test_a_job_takes_its_files_from_one_gridftp_server_to_another_as_the_user(
    shared_sandbox: Sandbox, gridftp: GridftpServers, tmp_path: Path, way: str
) -> None:
    name, first, second = tmp_path.name, gridftp.first, gridftp.second
    source, there = first.write(f"{name}/in.dat", INPUT), second.directory / name
    there.mkdir()
    with grid_of(shared_sandbox, gridftp.grid.authority, tmp_path / "grid", user=gridftp.grid.credential(USER)) as grid:
        grid.deposit("wdeng", tool=way == "myproxy-init -x -Z")
        words = grid.options("wdeng", f"{first.endpoint.text}{source}", f"{second.endpoint.text}{there}/")
        if way == "words of 2012":  # whose account is guessed
            ends = f"globus-endpoint-in={first.endpoint.text} globus-endpoint-out={second.endpoint.text}"
            files = f"dir-in={first.path(name)} files-in=in.dat dir-out={there} files-out=twice.dat,environment.txt"
            words = ("--jobParameters", f"globus-user=wdeng {ends} in-mode=gc out-mode=gc {files}")
        seen = len(second.log.read_text(errors="replace"))
        assert_carried_out(grid, words, there)
    log = second.log.read_text(errors="replace")[seen:]
    assert f"DN {USER} successfully authorized" in log
    assert PILOT not in log


def test_a_job_takes_its_files_from_and_to_a_webdav_server_as_the_user(
    shared_sandbox: Sandbox, webdav: WebdavServer, tmp_path: Path
) -> None:
    there, name = webdav.make(tmp_path.name), tmp_path.name
    (there / "in").mkdir()
    (there / "in" / "in.dat").write_bytes(INPUT)
    (there / "out").mkdir()
    webdav.give(there)
    seen = len(webdav.log())
    with grid_of(shared_sandbox, webdav.authority, tmp_path / "grid", user=webdav.people[USER]) as grid:
        grid.deposit("wdeng", tool=False)
        ends = f"{webdav.endpoint.text}/{name}/in/in.dat", f"{webdav.endpoint.text}/{name}/out/"
        assert_carried_out(grid, grid.options("wdeng", *ends), there / "out")
    assert set(re.findall(r"login as (\S+)", webdav.log()[seen:])) == {"wen"}


def test_a_pilot_that_no_deposit_is_for_says_what_the_user_must_type(
    shared_sandbox: Sandbox, webdav: WebdavServer, tmp_path: Path
) -> None:
    (webdav.make(tmp_path.name) / "in.dat").write_bytes(INPUT)
    with grid_of(shared_sandbox, webdav.authority, tmp_path / "grid", user=webdav.people[USER]) as grid:
        command = ("goclient", "myproxy", "deposit", "--user=wdeng", "--retriever=/C=TW/O=Test Grid/OU=Robots/CN=Other")
        assert shared_sandbox.run(*command, **grid.env).code == 0
        end = f"{webdav.endpoint.text}/{tmp_path.name}/"
        assert grid.submit(*grid.options("wdeng", f"{end}in.dat", f"{end}out/")).code == 0
        result = grid.run_pilot()
        assert result.code == 80, result.err
        where = f"--server localhost --port {grid.port} --user wdeng"
        assert f"type: goclient myproxy deposit {where} --retriever '{PILOT}'" in result.err
        assert "the payload runs" not in result.err


def test_the_real_server_s_refusals_are_told_apart_and_a_retrieval_is_quick(
    shared_sandbox: Sandbox, webdav: WebdavServer, tmp_path: Path
) -> None:
    with grid_of(shared_sandbox, webdav.authority, tmp_path / "grid", user=webdav.people[USER]) as grid:
        for account, lifetime, to in (("old", 1, PILOT), ("wrong", HOUR, f"{PILOT}2"), ("good", HOUR, PILOT)):
            deposit(grid.user, grid.authority.directory, grid.port, account, to=to, lifetime=lifetime)
        accounts = Accounts({**grid.env, "X509_USER_PROXY": str(grid.pilot_s), "HOME": str(tmp_path)})

        def retrieve(account: str) -> Identity:
            where = MyproxyAccount(user=account, host="localhost", port=grid.port)
            return Deposit(where, USER, accounts).retrieve(tmp_path / "user.pem")

        found = {}
        for account in ("old", "wrong", "none"):
            with pytest.raises(NoUserProxy) as caught:
                retrieve(account)
            found[account] = type(caught.value.__cause__)
        assert found == {"old": DepositExpired, "wrong": NotRetriever, "none": NoDeposit}
        busy, began = time.process_time(), time.monotonic()
        assert retrieve("good").base == USER
        assert time.process_time() - busy < MOST  # whatever else runs here
        assert time.monotonic() - began < 10 * MOST  # nothing waits, however busy the machine is


def test_a_proxy_that_is_shorter_than_its_job_is_renewed_and_kept_to_its_end_when_the_deposit_is_gone(
    shared_sandbox: Sandbox, webdav: WebdavServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()

    def wait(hours: float) -> None:
        for one in (deposits, module):
            monkeypatch.setattr(one, "time", SimpleNamespace(time=lambda: now + hours * HOUR))

    with grid_of(shared_sandbox, webdav.authority, tmp_path / "grid", user=webdav.people[USER]) as grid:
        deposit(grid.user, grid.authority.directory, grid.port, "good", to=PILOT, lifetime=HOUR)
        accounts = Accounts({**grid.env, "X509_USER_PROXY": str(grid.pilot_s), "HOME": str(tmp_path)})
        where = MyproxyAccount(user="good", host="localhost", port=grid.port)
        context = job_context(tmp_path / "job")
        proxy = UserProxy(Deposit(where, USER, accounts), tmp_path / "user.pem", context.journal, context.reporter)
        first = State.of(Path(proxy.credential().identity.certificate)).content
        wait(0.4)
        assert State.of(Path(proxy.credential().identity.certificate)).content == first
        wait(0.6)
        second = State.of(Path(proxy.credential().identity.certificate)).content
        assert second != first
        end = proxy.credential().identity.end
        assert abs(end - now - HOUR) < 300  # a proxy lasts no longer than what it was made of
        assert shared_sandbox.run("goclient", "myproxy", "destroy", "--user=good", "--yes", **grid.env).code == 0
        wait(0.95)
        assert State.of(Path(proxy.credential().identity.certificate)).content == second
        wait(1.0)
        with pytest.raises(NoUserProxy, match="nothing is deposited") as caught:
            proxy.credential()
    assert f"--retriever '{PILOT}'" in caught.value.hint
