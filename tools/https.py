"""Measures files over HTTPS with a real WebDAV server, xrootd, beside curl and a bare http.client; rows for figures.py.

    PYTHONPATH=. .venv/bin/python tools/https.py [small]

Ours compares size and checksum with the server's, which curl does not: so the peer is curl and ``openssl dgst``.  A
collection's server, which is the sandbox's here, tells no checksum: what was sent is read back, by the peer, too.
"""

from __future__ import annotations

import http.client
import os
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from measure import ratio, row, shown

from goclient.model.endpoint import JOB, GlobusEndpoint
from goclient.model.plan import TransferItem, TransferTask
from goclient.node.engines.https import HttpsEngine
from goclient.node.engines.webdav_end import webdav_ends
from goclient.node.ownership import _MARKS
from goclient.services.https.client import HttpFiles
from goclient.services.https.collection import CollectionHttps
from goclient.services.https.connection import Limits
from goclient.services.https.webdav import WebdavFiles
from tests.node.transfers import carry_out, job_context
from tests.sandbox.globus.test_https import USER, Server
from tests.sandboxes import Sandbox, sandbox_in
from tests.servers.webdav import WebdavServer, webdav_server

LARGE, SMALL = 1 << 30, 1000  # bytes; files
RUNS, MANY_RUNS = 5, 15  # pairs of large files, and of many small ones, whose time varies
# Seconds.  Where a thread of xrootd 5.5 that has summed up a file overtakes the one that began the request, the server
# sends something twice, or nothing at all, hangs up, or dies, and is started again.  Ours and the peers ask again then,
# over another connection: after so long without a byte, and for so long in all.
SILENT, PATIENCE = 5.0, 60.0
CURL_AGAIN = f"--retry 20 --retry-all-errors --retry-delay 1 --retry-max-time {PATIENCE:.0f}"
CURL_AGAIN += f" --speed-limit 1 --speed-time {SILENT:.0f}"
TAKEN, BROUGHT = 3.0, 2.0  # requests of a file, in hundredths; what marks outputs, and lists while names are given, too
WANTED = {"Want-Digest": "adler32"}
SOURCE, TARGET = "/figures/source", "/figures/target"


def nothing(_: int) -> None:
    """Do nothing with the number of bytes."""


def client_of(server: WebdavServer) -> WebdavFiles:
    """Return our client of a server, as a pilot has it, but for its patience."""
    return WebdavFiles(server.tls(), limits=Limits(answer=SILENT, silent=SILENT), patience=PATIENCE)


class Large:
    """One large file, to and from the server: ours, and curl with openssl."""

    def __init__(self, server: WebdavServer, folder: Path, size: int) -> None:
        self._server, self._local, self._back = server, folder / "large", folder / "back"
        with open(self._local, "wb") as file:
            for _ in range(max(size >> 20, 1)):
                file.write(os.urandom(min(size, 1 << 20)))
        self._url = f"https://localhost:{server.port}{SOURCE}"
        self._curl = ["curl", "-sSf", "--capath", str(server.authority.directory), "--cert", str(server.proxy)]
        self._curl += CURL_AGAIN.split()
        self.put_ours()

    def get_ours(self) -> float:
        """Return the seconds that ours takes to read it."""
        started = time.perf_counter()
        with open(self._back, "wb") as file:
            size = self._local.stat().st_size
            client_of(self._server).get(self._server.endpoint, SOURCE, file, size=size, moved=nothing)
        return time.perf_counter() - started

    def put_ours(self) -> float:
        """Return the seconds that ours takes to write it."""
        started = time.perf_counter()
        with open(self._local, "rb") as file:
            client_of(self._server).put(self._server.endpoint, file, SOURCE, moved=nothing)
        return time.perf_counter() - started

    def get_theirs(self) -> float:
        """Return the seconds that curl takes to read it, and openssl to sum it up."""
        return self._theirs([*self._curl, "-o", str(self._back), self._url], self._back)

    def put_theirs(self) -> float:
        """Return the seconds that curl takes to write it, and openssl to sum it up."""
        return self._theirs([*self._curl, "-o", os.devnull, "-T", str(self._local), self._url], self._local)

    def _theirs(self, curl: list[str], summed: Path) -> float:
        started = time.perf_counter()
        subprocess.run(curl, check=True)
        subprocess.run(["openssl", "dgst", "-sha256", str(summed)], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started


class OfCollection:
    """One large file, to and from a collection by its HTTPS server: ours, and curl with openssl."""

    def __init__(self, sandbox: Sandbox, local: Path) -> None:
        site = Server(sandbox, "SITE1", who=USER)
        url, header = f"{sandbox.url}/https/{site.id}", local.parent / "header"
        header.touch(0o600)
        header.write_text(f"Authorization: {site.headers['Authorization']}")
        self._local, self._back, self._path = local, local.parent / "back", "/home/osg_data/panda/large"
        token = site.headers["Authorization"].removeprefix("Bearer ")
        self._files = CollectionHttps(GlobusEndpoint(site.id, "SITE1"), url, lambda: token, HttpFiles())
        self._curl, self._url = ["curl", "-sSf", "-H", f"@{header}"], f"{url}{self._path}"
        self.put_ours()

    def get_ours(self) -> float:
        """Return the seconds that ours takes to read it."""
        started = time.perf_counter()
        with open(self._back, "wb") as file:
            self._files.get(self._path, file, size=self._local.stat().st_size, moved=nothing)
        return time.perf_counter() - started

    def put_ours(self) -> float:
        """Return the seconds that ours takes to write it, and to read it back."""
        started = time.perf_counter()
        with open(self._local, "rb") as file:
            self._files.put(file, self._path, moved=nothing)
        return time.perf_counter() - started

    def get_theirs(self) -> float:
        """Return the seconds that curl takes to read it, and openssl to sum it up."""
        started = time.perf_counter()
        subprocess.run([*self._curl, "-o", str(self._back), self._url], check=True)
        subprocess.run(["openssl", "dgst", "-sha256", str(self._back)], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started

    def put_theirs(self) -> float:
        """Return the seconds that curl takes to write it and to read it back, and openssl to sum up both."""
        started = time.perf_counter()
        subprocess.run([*self._curl, "-o", os.devnull, "-T", str(self._local), self._url], check=True)
        subprocess.run(["openssl", "dgst", "-sha256", str(self._local)], check=True, stdout=subprocess.DEVNULL)
        with subprocess.Popen([*self._curl, self._url], stdout=subprocess.PIPE) as back:
            subprocess.run(["openssl", "dgst", "-sha256"], stdin=back.stdout, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started


class Small:
    """Many small files, to and from the server, through the client and through a bare http.client."""

    def __init__(self, server: WebdavServer, folder: Path, count: int) -> None:
        self._server, self._local, self._count, self._jobs = server, folder / "small", count, 0
        self._local.write_bytes(b"x" * 1000)
        self._context = ssl.create_default_context(capath=str(server.authority.directory))
        self._context.load_cert_chain(server.proxy)
        self.again, self.again_bare = 0, 0  # requests that were repeated, ours and the peer's
        self.put_ours()

    def get_ours(self) -> float:
        """Return the seconds that ours takes to read them."""
        started, files = time.perf_counter(), client_of(self._server)
        files.account(self._server.endpoint)
        for number in range(self._count):
            with tempfile.TemporaryFile() as file:
                files.get(self._server.endpoint, f"{TARGET}/f{number}", file, size=1000, moved=nothing)
        self.again += files.http.requests - 1 - self._count
        return time.perf_counter() - started

    def bring(self) -> float:
        """Return the seconds that the engine takes to bring them to a job's directory, with all that a job needs."""
        self._jobs += 1
        context = job_context(self._local.parent / f"job-{self._jobs}")
        names = [f"f{number}" for number in range(self._count)]
        items = tuple(TransferItem(f"{TARGET}/{name}", name, recursive=False) for name in names)
        files = client_of(self._server)
        ends = webdav_ends(lambda: files, overwrite=False)
        started = time.perf_counter()
        task = TransferTask("stage-in", self._server.endpoint, JOB, items)
        carry_out(HttpsEngine(context, webdav=ends), task)
        seconds = time.perf_counter() - started
        self.again += files.http.requests - 1 - self._count
        assert len(os.listdir(context.directory)) == self._count
        return seconds  # nothing is deleted: ext4 makes files slower for some seconds after that

    def put_ours(self) -> float:
        """Return the seconds that ours takes to write them."""
        started, files = time.perf_counter(), client_of(self._server)
        files.account(self._server.endpoint)
        for number in range(self._count):
            with open(self._local, "rb") as file:
                files.put(self._server.endpoint, file, f"{TARGET}/f{number}", moved=nothing)
        self.again += files.http.requests - 1 - 2 * self._count
        return time.perf_counter() - started

    def _bare(self) -> http.client.HTTPSConnection:
        made = http.client.HTTPSConnection("localhost", self._server.port, context=self._context, timeout=SILENT)
        self._ask(made, "OPTIONS", "/")
        return made

    def _ask(self, made: http.client.HTTPSConnection, method: str, path: str, **rest: Any) -> bytes:
        """Return what the server answers the peer, which does as ours if it gets none that can be: it asks again.

        That takes the peer's time, as it takes ours.
        """
        end = time.monotonic() + PATIENCE
        while True:
            try:
                made.request(method, path, **rest)
                response = made.getresponse()
                content = response.read()
                if response.status >= 400:  # what a busy xrootd 5.5.3 has sent twice, and not the answer
                    raise http.client.HTTPException(response.reason)
            except (OSError, http.client.HTTPException):
                made.close()  # the next request connects
                if time.monotonic() > end:
                    raise
                self.again_bare += 1
                time.sleep(0.05)
                continue
            assert response.status < 300, f"{method} {path}: {response.status}"
            return content

    def get_bare(self) -> float:
        """Return the seconds that http.client takes to read them, with the same requests."""
        started, made = time.perf_counter(), self._bare()
        self._read_bare(made, tempfile.TemporaryFile)
        return time.perf_counter() - started

    def bring_bare(self) -> float:
        """Return the seconds that http.client takes to read them into a directory, after a listing, as a job does."""
        self._jobs += 1
        directory = self._local.parent / f"bare-{self._jobs}"
        directory.mkdir()
        names = iter(range(self._count))
        started, made = time.perf_counter(), self._bare()
        self._ask(made, "PROPFIND", f"{TARGET}/", headers={"Depth": "1"})
        self._read_bare(made, lambda: open(directory / f"f{next(names)}", "xb"))  # noqa: SIM115
        return time.perf_counter() - started

    def _read_bare(self, made: http.client.HTTPSConnection, new_file: Callable[[], IO[bytes]]) -> None:
        for number in range(self._count):
            with new_file() as file:
                file.write(self._ask(made, "GET", f"{TARGET}/f{number}", headers=WANTED))
        made.close()

    def put_bare(self) -> float:
        """Return the seconds that http.client takes to write them, with the same requests."""
        started, made = time.perf_counter(), self._bare()
        for number in range(self._count):
            self._ask(made, "PUT", f"{TARGET}/f{number}", body=self._local.read_bytes())
            self._ask(made, "HEAD", f"{TARGET}/f{number}", headers=WANTED)
        made.close()
        return time.perf_counter() - started


def requests(server: WebdavServer, folder: Path, count: int) -> list[list[str]]:
    """Return the rows of the requests that one more small file costs in a job; what a job costs beside is told."""
    found = [requests_of(server, folder / str(number), number) for number in (1, count + 1)]
    rows = []
    marks = f"; PUT, HEAD and MOVE of its own; up to {_MARKS} files are marked in one request, and any more in one, too"
    for number, (name, goal, more_of) in enumerate((("taken to", TAKEN, marks), ("brought from", BROUGHT, ""))):
        one, many = (each[number] for each in found)
        more = (many - one) / count
        what = f"requests for a small file {name} a WebDAV server"
        detail = f"a job with 1 file has {one}, with {count + 1} files {many}{more_of}"
        rows.append(row(what, f"{more:.2f}", f"≤ {goal:.2f}", round(more, 2) <= goal, detail))
    return rows


def requests_of(server: WebdavServer, folder: Path, count: int) -> tuple[int, int]:
    """Return how many requests a job with so many small files has: to take them away, and to bring them back."""
    clients: list[WebdavFiles] = []

    def client() -> WebdavFiles:
        clients.append(client_of(server))
        return clients[-1]

    top, found = f"/figures/job-{count}", []
    items = tuple(TransferItem(f"f{number}", f"{top}/f{number}", recursive=False) for number in range(count))
    back = tuple(TransferItem(one.destination, one.source, recursive=False) for one in items)
    out = job_context(folder / "out" / "scratch")
    for item in items:
        (out.directory / item.source).write_bytes(b"x")
    for context, task in (
        (out, TransferTask("output", JOB, server.endpoint, items)),
        (job_context(folder / "in" / "scratch"), TransferTask("stage-in", server.endpoint, JOB, back)),
    ):
        carry_out(HttpsEngine(context, webdav=webdav_ends(client, overwrite=False)), task)
        found.append(sum(one.http.requests for one in clients))
        clients.clear()
    return found[0], found[1]


def beside_bare(few: Small, name: str, ours: Callable[[], float], bare: Callable[[], float], runs: int) -> list[str]:
    """Return the row of a ratio to the bare client, with how often each asked again, which their times have."""
    few.again = few.again_bare = 0
    *cells, detail = ratio(name, ours, bare, "bare", 1.3, runs)
    return [*cells, f"{detail}; asked again after a break: {few.again} and {few.again_bare} requests"]


def of_collections(*, size: int = LARGE, runs: int = 3) -> list[list[str]]:
    """Return the rows of a large file of a collection."""
    with tempfile.TemporaryDirectory() as name, sandbox_in(Path(name)) as sandbox:
        local = Path(name) / "large"
        with open(local, "wb") as file:
            for _ in range(size >> 20):
                file.write(os.urandom(1 << 20))
        one, of = OfCollection(sandbox, local), "by a collection's HTTPS, of curl and openssl dgst"
        return [
            ratio(f"get of {size >> 20} MB {of}", one.get_ours, one.get_theirs, "curl", 1.2, runs),
            ratio(f"put of {size >> 20} MB {of}, read back", one.put_ours, one.put_theirs, "curl", 1.2, runs),
        ]


def rows(*, small: bool = False) -> list[list[str]]:
    """Return the rows of HTTPS and WebDAV in the table of figures."""
    size, count, runs, many_runs = (1 << 24, 30, 1, 1) if small else (LARGE, SMALL, RUNS, MANY_RUNS)
    with webdav_server() as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        client_of(server).mkdir(server.endpoint, "/figures")
        large, few = Large(server, folder, size), Small(server, folder, count)
        shown_size = f"{size >> 20} MB"
        return [
            ratio(f"get of {shown_size} by davs, of curl and openssl dgst", large.get_ours, large.get_theirs, "curl",
                  1.2, runs),
            ratio(f"put of {shown_size} by davs, of curl and openssl dgst", large.put_ours, large.put_theirs, "curl",
                  1.2, runs),
            beside_bare(few, f"get of {count} small files by davs, of a bare http.client", few.get_ours, few.get_bare,
                        many_runs),
            beside_bare(few, f"{count} small files brought by the engine, of a bare http.client", few.bring,
                        few.bring_bare, many_runs),
            beside_bare(few, f"put of {count} small files by davs, of a bare http.client", few.put_ours, few.put_bare,
                        many_runs),
            *requests(server, folder, count),
        ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(shown(rows(small="small" in sys.argv[1:])))
