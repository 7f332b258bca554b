"""A small grid for the tests of MyProxy: an authority, people, and Debian's server and tools."""

from __future__ import annotations

import os
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from goclient.sandbox.myproxy.authority import Authority
from goclient.sandbox.myproxy.grid import Credential
from goclient.services.gsi import tls
from goclient.services.gsi.identity import Identity, Search, find_identity
from goclient.services.gsi.server import Server
from goclient.services.myproxy.client import TIMEOUT, MyProxy, Terms
from goclient.services.myproxy.policy import pattern_of

USER = "/C=TW/O=Test Grid/OU=People/CN=Wen Deng"
PILOT = "/C=TW/O=Test Grid/OU=Robots/CN=Pilot 1"
OTHER_PILOT = "/C=TW/O=Test Grid/OU=Robots/CN=Pilot 2"
OTHER_USER = "/C=TW/O=Test Grid/OU=People/CN=Somebody Else"
HOUR = 3600
# Debian has the server where an ordinary user's PATH does not look.
os.environ["PATH"] += ":/usr/sbin"


@dataclass
class Grid:
    """An authority and what it issued: each person's certificate is made when it is asked for."""

    folder: Path
    authority: Authority
    people: dict[str, Credential] = field(default_factory=dict)

    @property
    def authorities(self) -> Path:
        return self.authority.directory

    def credential(self, dn: str) -> Credential:
        if dn not in self.people:
            name = f"p{len(self.people)}"
            made = self.authority.issue(dn, into=self.folder / "people", name=name, names=())
            self.people[dn] = made
        return self.people[dn]

    def identity(self, dn: str, **more: Any) -> Identity:
        found = self.credential(dn)
        return find_identity(Search({}, self.folder, os.getuid(), str(found.certificate), str(found.key), **more))

    def environment(self, dn: str, **more: str) -> dict[str, str]:
        """Return what the C tools need to be somebody."""
        found = self.credential(dn)
        return {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "X509_CERT_DIR": str(self.authorities),
            "X509_USER_CERT": str(found.certificate), "X509_USER_KEY": str(found.key), "GT_PROXY_MODE": "rfc",
            "X509_USER_PROXY": str(self.folder / "none"), **more,
        }  # fmt: skip


def run(*words: str, env: dict[str, str], text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, env=env, input=text, capture_output=True, text=True, timeout=60)


@dataclass
class RealServer:
    """Debian's myproxy-server."""

    grid: Grid
    port: int

    @property
    def address(self) -> Server:
        return Server("localhost", self.port)

    def as_(self, dn: str, *, timeout: float = TIMEOUT) -> MyProxy:
        trust = tls.Trust(self.grid.authorities)
        return MyProxy([self.address], tls.Credential(self.grid.identity(dn)), trust=trust, timeout=timeout)

    def put(self, account: str, **more: object) -> int:
        arguments: dict[str, object] = {"retrievers": pattern_of(PILOT), "lifetime": 24 * HOUR, "retrieval_lifetime": 0}
        return self.as_(USER, timeout=120.0).put(account, Terms(**(arguments | more)))  # type: ignore[arg-type]

    def tool(self, name: str, *words: str, dn: str = USER, **more: str) -> subprocess.CompletedProcess[str]:
        """Runs one of the C tools."""
        where = ("-s", "localhost", "-p", str(self.port)) if name.startswith("myproxy") else ()
        return run(name, *where, *words, env=self.grid.environment(dn, **more))


_closed: list[socket.socket] = []


def closed_port() -> int:
    """A port of this machine at which nobody listens, and nobody else can, as long as the tests run."""
    _closed.append(sock := socket.socket())
    sock.bind(("127.0.0.1", 0))
    return int(sock.getsockname()[1])
