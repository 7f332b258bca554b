"""A real WebDAV server, Debian's xrootd with HTTPS, which knows people by their proxies and a grid-mapfile."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from goclient.model.endpoint import WebdavEndpoint
from goclient.sandbox.myproxy.authority import Authority
from goclient.sandbox.myproxy.grid import Credential
from goclient.services.gsi.identity import Search, find_identity
from goclient.services.gsi.tls import Credential as Shown
from goclient.services.gsi.tls import Trust
from goclient.services.https.grid import GridTls
from tests.servers.full_disk import on_a_small_disk
from tests.servers.proxies import make_proxy

SCOPE = "/C=TW/O=Test Grid"
USER, OTHER, UNMAPPED = (f"{SCOPE}/OU=People/CN={name}" for name in ("Wen Deng", "Other User", "Nobody Knows"))
STARTED_WITHIN = 60.0  # seconds
# Where the thread of a checksum overtakes that of its request, xrootd 5.5.3 answers twice, dies, or is silent to every
# PUT from then on: its issue 2602, mended in 6.0. On one core, and where a thread that is woken waits for its turn, it
# is rare. A stricter policy is worse: a thread that waits for another one in a loop leaves it no time.
_ONE_BY_ONE = ("chrt", "--batch", "0", "taskset", "--cpu-list", str(max(os.sched_getaffinity(0))))
_CONFIGURATION = """\
all.export /
oss.localroot {top}/data
all.adminpath {top}/adm
all.pidpath {top}/adm
xrd.port {port}
xrd.tls {top}/host.pem {top}/host.key
xrd.tlsca certdir {authorities} refresh 8h
xrootd.seclib libXrdSec.so
sec.protocol gsi -certdir:{authorities} -cert:{top}/host.pem -key:{top}/host.key -crl:0 -gridmap:{top}/mapfile
sec.protbind * only gsi
acc.authdb {top}/authdb
ofs.authorize 1
xrootd.chksum max 2 adler32 md5
xrd.protocol http:{port} libXrdHttp.so
http.cert {top}/host.pem
http.key {top}/host.key
http.cadir {authorities}
http.gridmap {top}/mapfile
http.listingdeny no
http.desthttps yes
all.sitename goclient-test
"""
_RIGHTS = """\
u wen /readonly rl /secret -rl /full a / a
u other /readonly rl /wens -wdin / a
"""


@dataclass(frozen=True)
class WebdavServer:
    """A server that runs: what it holds is in ``data``; people have certificates of ``authority``."""

    top: Path
    port: int
    authority: Authority
    people: dict[str, Credential]
    proxy: Path  # of USER

    @property
    def data(self) -> Path:
        return self.top / "data"

    @property
    def full(self) -> str:
        """The path of a directory on a small disk, which has room for one megabyte."""
        return "/full"

    @property
    def endpoint(self) -> WebdavEndpoint:
        return WebdavEndpoint(f"davs://localhost:{self.port}")

    def tls(self, proxy: Path | None = None) -> GridTls:
        """Return what a client with a proxy, by default the user's, needs to connect."""
        shown = proxy or self.proxy
        return GridTls(
            Trust(self.authority.directory),
            lambda: Shown(find_identity(Search({}, self.top, os.getuid(), proxy=str(shown)))),
        )

    def make(self, name: str) -> Path:
        """Make an empty directory that is nobody else's in the tests, and that the server may write to.

        A module's tests may come to a worker in two turns, and its fixtures are made anew for the second.
        """
        made = self.data / name
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        self.give(made)
        return made

    def give(self, path: Path) -> None:
        """Let the server change what is at a path, and below it."""
        for one in (path, *path.rglob("*")):
            _give_away(one)

    def log(self) -> str:
        return (self.top / "log").read_text(errors="replace")


def _give_away(path: Path) -> None:
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def webdav_server() -> Iterator[WebdavServer]:
    """A server that runs while the body does; skips the test where it is not installed."""
    program = shutil.which("xrootd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("xrootd not installed: apt-get install xrootd-server xrootd-plugins")
    with tempfile.TemporaryDirectory(prefix="goclient-webdav-") as name:  # not pytest's: others cannot enter that
        top = Path(name)
        top.chmod(0o755)
        authority = Authority.make(top / "certificates")
        authority.directory.chmod(0o755)
        people = {
            dn: authority.issue(dn, into=top / "people", name=f"p{number}", names=())
            for number, dn in enumerate((USER, OTHER, UNMAPPED))
        }
        authority.issue(f"{SCOPE}/CN=localhost", into=top, name="host")
        port = free_port()
        places = {"top": top, "port": port, "authorities": authority.directory}
        (top / "x.cf").write_text(_CONFIGURATION.format(**places))
        (top / "authdb").write_text(_RIGHTS)
        (top / "mapfile").write_text(f'"{USER}" wen\n"{OTHER}" other\n')
        server = WebdavServer(top, port, authority, people, make_proxy(people[USER], top / "proxy.pem"))
        for one in ("data", "adm", "data/readonly", "data/secret", "data/wens", "data/full"):
            (top / one).mkdir()
        with _running(server, program):
            yield server


@contextmanager
def _running(server: WebdavServer, program: str) -> Iterator[None]:
    top = server.top
    words = [*on_a_small_disk(server.data / "full"), *_ONE_BY_ONE, "setpriv", "--pdeathsig", "KILL"]
    if os.getuid() == 0:  # which xrootd refuses to run as
        for one in (*(top / name for name in ("adm", "host.key", "host.pem")), *(top / "data", *server.data.iterdir())):
            _give_away(one)
        words += ["--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    words += [program, "-c", str(top / "x.cf"), "-n", "test"]
    env = {"PATH": os.environ["PATH"], "HOME": "/tmp", "X509_CERT_DIR": str(server.authority.directory)}
    ended = threading.Event()
    started: list[subprocess.Popen[bytes]] = []

    def keep_running(log: IO[bytes]) -> None:
        """Start it again if it dies: xrootd 5.5.3 does when several connections end at the same time."""
        while not ended.is_set():
            started.append(subprocess.Popen(words, env=env, cwd=top / "adm", stdout=log, stderr=log))
            while not ended.wait(0.05) and started[-1].poll() is None:
                pass

    with open(top / "log", "wb") as log:
        keeper = threading.Thread(target=keep_running, args=(log,), daemon=True)
        keeper.start()
        try:
            _await(server)
            yield
        finally:
            ended.set()
            keeper.join()
            for process in started:
                process.kill()
                process.wait()


def _await(server: WebdavServer) -> None:
    end = time.monotonic() + STARTED_WITHIN
    while True:
        try:
            socket.create_connection(("127.0.0.1", server.port), 1.0).close()
            return
        except OSError:
            assert time.monotonic() < end, server.log()
            time.sleep(0.05)


def foreign_proxy(folder: Path) -> Path:
    """Make a proxy of a CA that the server does not know."""
    other = Authority.make(folder / "certificates", subject="/C=TW/O=Elsewhere/CN=Another CA")
    made = other.issue("/C=TW/O=Elsewhere/CN=Somebody", into=folder, name="somebody", names=())
    return make_proxy(made, folder / "proxy.pem")
