"""A user of real servers, who has a proxy and a real deposit, and what their command lines cost the servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goclient.model.endpoint import GridftpEndpoint
from goclient.sandbox.myproxy.authority import Authority
from goclient.sandbox.myproxy.grid import Credential
from tests.commands import Result, clean_environment, run_command
from tests.myproxy_grid import PILOT, USER
from tests.myproxy_servers import real_server
from tests.servers.gridftp import GridftpServers
from tests.servers.relays import relays

NOWHERE = "http://127.0.0.1:9"
SERVERS, DIRECTORIES, FILES = 10, 20, 1000


@dataclass(frozen=True)
class User:
    """A user with a proxy, and with an account in which another one is deposited for the pilot."""

    account: str
    env: dict[str, str]

    def run(self, program: str, *words: str, proxy: Path | None = None, **more: str) -> Result:
        """Run a command as the owner of a proxy, by default a good one of their own, and with the account."""
        shown = {"X509_USER_PROXY": str(proxy)} if proxy is not None else {}
        options = (f"--myproxy={self.account}", f"--pilot={PILOT}", "--json")
        return run_command(
            (*program.split(), *words, *options), env={**self.env, **shown, **more}, cwd=Path(self.env["HOME"])
        )

    def check(self, *words: str, **more: Any) -> Result:
        return self.run("goclient check", *words, **more)


@dataclass(frozen=True)
class GridftpUser(User):
    """A user in front of two GridFTP servers."""

    servers: GridftpServers

    def url(self, name: str, *, second: bool = False) -> str:
        server = self.servers.second if second else self.servers.first
        text: str = server.endpoint.write(server.path(name))
        return text


@dataclass(frozen=True)
class Cost:
    """Cost of a check of FILES; ``round_trips`` is the most of one session, after its login."""

    result: Result
    sessions: list[int]  # of each server
    round_trips: int


@contextmanager
def user_of(authority: Authority, own: Credential, *, proxy: Path, home: Path) -> Iterator[User]:
    """A user whose HOME is this directory, with a deposit at a real MyProxy server that runs while the body does."""
    host = authority.issue("/C=TW/O=Test Grid/CN=localhost", into=home, name="host")
    env = {**clean_environment(home), "X509_CERT_DIR": str(authority.directory)}
    as_host = {"X509_USER_CERT": str(host.certificate), "X509_USER_KEY": str(host.key), "TMPDIR": str(home)}
    with real_server(home / "myproxy", {**env, **as_host}) as port:
        as_own = {"X509_USER_CERT": str(own.certificate), "X509_USER_KEY": str(own.key)}
        where = ("--server=localhost", f"--port={port}", "--user=wdeng", f"--retriever={PILOT}")
        made = run_command(("goclient", "myproxy", "deposit", *where), env={**env, **as_own}, cwd=home)
        assert made.code == 0, made.err
        env |= {"X509_USER_PROXY": str(proxy), "PANDA_URL": NOWHERE, "PANDA_URL_SSL": NOWHERE}
        yield User(f"wdeng@localhost:{port}", env)


@contextmanager
def gridftp_user(servers: GridftpServers, home: Path) -> Iterator[GridftpUser]:
    """A user whom both servers know."""
    grid = servers.grid
    with user_of(grid.authority, grid.credential(USER), proxy=servers.proxy(), home=home) as user:
        yield GridftpUser(user.account, user.env, servers)


def wrong(result: Result) -> list[tuple[str, str]]:
    """Level and code of each finding that is not ok."""
    return [(one["level"], one["code"]) for one in result.json["findings"] if one["level"] != "ok"]


def told(result: Result) -> str:
    """The findings as lines of text."""
    return "\n".join(f"{one['message']} ({one['hint']})" for one in result.json["findings"])


def cost_of_many(user: GridftpUser) -> Cost:
    """Check many files, through relays that count, each of which is a server for a user."""
    ends = [user.servers.first, user.servers.second] * (SERVERS // 2)
    places = [(number, f"many/d{number}") for number in range(DIRECTORIES)]
    sources = []
    with relays(*(one.endpoint.port for one in ends)) as counted:
        for number, directory in places:
            relay, end = counted[number % SERVERS], ends[number % SERVERS]
            files = [end.write(f"{directory}/f{number}-{file}") for file in range(FILES // DIRECTORIES)]
            sources += [f"gsiftp://localhost:{relay.port}{path}" for path in files]
        listed = Path(user.env["HOME"]) / "sources"
        listed.write_text("\n".join(sources))
        result = user.check(f"--StageinGOsrc=@{listed}")
        sessions, turns = [len(one.turns) for one in counted], max(max(one.turns) for one in counted)
        with user.servers.files() as files_there:
            files_there.account(GridftpEndpoint(f"gsiftp://localhost:{counted[0].port}"))
        return Cost(result, sessions, turns - counted[0].turns[-1])
