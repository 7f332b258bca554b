"""A pilot with a proxy of its own, and jobs of people who have made deposits at a MyProxy server."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path

from goclient.config.grid import Accounts
from goclient.model.records.answers import AssignedJob
from goclient.node.engines.globus_task import Patience
from goclient.pilot.pilot import Pilot
from goclient.pilot.settings import Services
from goclient.reporter.recording import RecordingReporter
from goclient.sandbox.myproxy.grid import Credential
from goclient.services.gsi import tls
from goclient.services.gsi.identity import Search, find_identity
from goclient.services.gsi.server import Server as Address
from goclient.services.myproxy.client import MyProxy, Terms
from goclient.services.myproxy.policy import pattern_of
from tests.pilot.servers import Endpoints, Server, job, no_tokens, settings

HOUR = 3600


@dataclass(frozen=True)
class State:
    """All that can be seen of a file: its content, its number, its mode, its size and its times."""

    content: bytes
    status: tuple[int, ...]

    @classmethod
    def of(cls, path: Path) -> State:
        """The state of a file now."""
        found = path.stat()
        times = found.st_mtime_ns, found.st_ctime_ns
        return cls(path.read_bytes(), (found.st_ino, stat.S_IMODE(found.st_mode), found.st_size, *times))


def default_proxies() -> dict[Path, State]:
    """The files in which all tools look for a proxy of somebody, if no variable says where it is."""
    return {path: State.of(path) for path in Path("/tmp").glob("x509up_u*") if os.access(path, os.R_OK)}


def deposit(own: Credential, authorities: Path, port: int, account: str, *, to: str, lifetime: int = 24 * HOUR) -> None:
    """Deposit a proxy of somebody for a pilot, by its DN."""
    found = find_identity(Search({}, "/", os.getuid(), str(own.certificate), str(own.key)))
    where = [Address("localhost", port)]
    service = MyProxy(where, tls.Credential(found), trust=tls.Trust(authorities), timeout=60.0)
    service.put(account, Terms(pattern_of(to), lifetime, 0))


def job_of(parameters: str, owner: str, transformation: Path | str = "/bin/true") -> AssignedJob:
    """A job with these words, of this owner."""
    return replace(job(transformation=str(transformation)), parameters=parameters, owner=owner)


class Site:
    """One pilot of a site, with the environment that its operators have given it."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder = folder
        self.env = env
        self.server = Server()
        self.globus_asked = False
        self.reporter = RecordingReporter()

    @property
    def said(self) -> str:
        """All that the pilot has said."""
        return "\n".join(message.line for message in self.reporter.messages)

    def pilot(self, *, patience: float = 0.0) -> Pilot:
        """The pilot, which gives a server that is away so many seconds."""

        def globus() -> Endpoints:
            self.globus_asked = True
            return Endpoints()

        made = settings(self.folder, env=self.env, patience=Patience(deadline=60.0, faults=patience))
        return Pilot(made, self.server, Services(globus, lambda: Accounts(self.env), no_tokens), self.reporter)
