"""Engines with two ends: a job's directory, and one of a server, a service or this node, which tests look into."""

from __future__ import annotations

import io
import itertools
import os
import socket
import subprocess
import tempfile
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, cast

import pytest

from goclient.journal import Journal
from goclient.model.endpoint import JOB, NODE, Endpoint, GlobusEndpoint, GridftpEndpoint, WebdavEndpoint
from goclient.model.mode import Mode
from goclient.model.plan import TransferItem, TransferTask
from goclient.node.destination import Store
from goclient.node.engines import copier, gridftp_end, https, local
from goclient.node.engines.base import JobContext, Steps, TransferEngine, Transferred, TransferService, choose
from goclient.node.engines.copier import Copier
from goclient.node.engines.globus import GlobusEngine
from goclient.node.engines.globus_task import Patience
from goclient.node.engines.gridftp import GridftpEngine
from goclient.node.engines.gridftp_end import Access
from goclient.node.engines.https import HttpsEngine
from goclient.node.engines.local import LocalEngine
from goclient.node.engines.store import ServerStore
from goclient.node.engines.webdav_end import WebdavStore, webdav_ends
from goclient.node.shared_filesystem import Shared
from goclient.sandbox.myproxy.grid import Credential as Person
from goclient.services.deadline import Deadline
from goclient.services.globus.access import GlobusAccess
from goclient.services.globus.tokens import transfer_service
from goclient.services.gridftp import data
from goclient.services.gsi.dial import dial
from goclient.services.gsi.identity import Search, find_identity
from goclient.services.gsi.server import Server
from goclient.services.gsi.tls import Credential, Trust
from goclient.services.https.client import HttpFiles
from goclient.services.https.connection import Limits
from goclient.services.https.grid import GridTls
from goclient.services.https.webdav import WebdavFiles
from tests.myproxy_grid import OTHER_USER, USER
from tests.node.transfers import Beats, HttpsCollections, Service, carry_out, job_context
from tests.servers import webdav
from tests.servers.between import ALWAYS, Between
from tests.servers.collection import TOKEN, CollectionServer, collection_server
from tests.servers.full_disk import can_mount
from tests.servers.proxies import make_proxy

if TYPE_CHECKING:
    from tests.sandboxes import Sandbox
    from tests.servers.gridftp import GridftpServers

PROVES = frozenset({"network", "changes", "tls", "credential ends"}) | {
    f"credential {whom}"
    for whom in ("missing", "expired", "foreign", "unmapped", "damaged", "limited", "somebody else's")
}  # of a bench whose server knows people by their certificates
QUICK = Limits(connect=1.0, answer=1.0, silent=1.0)
READS = frozenset({"reads"})  # of one that reads and writes the job's directory itself
RIGHTS = frozenset({"rights", "full"}) if can_mount() else frozenset({"rights"})
SITE = GlobusEndpoint("11111111-1111-4111-8111-111111111111", "SITE1")
NODE_ID = GlobusEndpoint("22222222-2222-4222-8222-222222222222", "the node")
SEES, HOLDS = "mxp#MXP_OU_TEST", "SITE1"  # collections of the sandbox
PATIENCE = Patience(deadline=60.0, faults=60.0)


class Bench(ABC):
    """An engine between a job's directory and a directory somewhere else, ``there``."""

    far: Endpoint
    near: Endpoint | None = None  # the server that sees the job's directory
    mode = Mode.GC
    refused: Collection[str] = ()  # names that its server cannot have
    unmoved: Collection[str] = ()  # names that its server gives to nothing which has another
    has: frozenset[str] = frozenset()  # what faults can be made at: see faults.py
    port = 0  # of its server
    tells_by_tasks = False  # what is wrong with a path, a task of a service says, in words
    patience = 5.0  # seconds that what may pass is tried again
    is_real = False  # its server is a real one, which conformance has

    @staticmethod  # noqa: B027  # most need none
    def prepare(request: pytest.FixtureRequest) -> None:
        """Have the server that such benches need."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.stack = ExitStack()
        self.there = top / "there"
        self.there.mkdir()
        self.context = job_context(top / "scratch")
        self.job = self.context.directory
        self.met = 0  # faults that were met
        self.own = top / "own"  # a file of the pilot
        self.own.write_text("secret")

    @abstractmethod
    def engine(self, context: JobContext) -> TransferEngine: ...

    @abstractmethod
    def path(self, name: str) -> str:
        """The path of something there, as a plan has it."""

    def store(self, endpoint: Endpoint) -> Store:
        raise AssertionError("only a server needs it")

    # --- faults, for benches that have what they need -------------------------------------------------------------

    def ask(self, host: str, port: int) -> None:
        """Have another server asked."""
        raise AssertionError("it has no server")

    def through(self, relays: Between) -> None:
        """Have everything pass relays."""
        self.ask("localhost", relays.relay(self.port))

    def hurry(self) -> None:
        """Give a server that never gets on a second."""
        self.patience = 1.0

    def acts_as(self, whom: str) -> float:
        """Act with a credential that is so; return when it ends."""
        raise AssertionError("it has no credential")

    def trusts_nobody(self) -> None:
        """Believe no server."""
        raise AssertionError("it trusts nobody")

    def denied(self, way: str) -> str:
        """The path of something that nobody may read, or write."""
        raise AssertionError("it denies nothing")

    def full(self) -> str:
        """The path of a directory on a full disk."""
        raise AssertionError("its disk is not full")

    def full_job(self) -> str:
        """The path of a directory of the job's that its server has on a full disk."""
        raise AssertionError("no server sees it")

    def fails(self, call: str, does: Callable[..., object], *, first: int = 1, times: int = 1) -> None:
        """Have a call of what the engine asks do something else, so many times from the first of them on."""
        raise AssertionError("nothing that it asks can fail so")

    def failing(self, call: Callable[..., Any], does: Callable[..., object], first: int, times: int) -> Any:
        """A call that does something else, which gets the call itself and what it is given."""
        counted = itertools.count(1)

        def called(*words: object, **named: object) -> object:
            if first <= next(counted) < first + times:
                self.met += 1
                return does(partial(call, *words, **named))
            return call(*words, **named)

        return called

    def make_long(self, file: Path) -> None:
        """Make a file whose transfer takes longer than any test."""
        with open(file, "wb") as opened:
            opened.truncate(1 << 34)

    def transfer_service(self) -> TransferService:
        raise AssertionError("a copy on the node needs no service")

    def bring(self, *items: TransferItem, **how: Any) -> Transferred:
        items = tuple(one._replace(source=self.path(one.source)) for one in items)
        return self._run(TransferTask("stage-in", self.far, JOB, items, self.near, self.mode), **how)

    def take(self, *items: TransferItem, **how: Any) -> Transferred:
        items = tuple(one._replace(destination=self.path(one.destination)) for one in items)
        return self._run(TransferTask("output", JOB, self.far, items, self.near, self.mode), **how)

    def _run(
        self,
        task: TransferTask,
        *,
        overwrite: bool = False,
        attempt: int = 1,
        journal: Journal | None = None,
        beat: Callable[[], object] = lambda: None,
        meanwhile: Callable[[], object] = lambda: None,
        delivers: bool = True,
    ) -> Transferred:
        """Carry out a task; with a journal of before, as a pilot does that was started again."""
        used = job_context(self.context.scratch, attempt=attempt, overwrite=overwrite, own=(str(self.own),))
        self.used = used if journal is None else replace(used, journal=journal)
        engine = self.engine(self.used)
        assert choose([engine], task) is engine
        return carry_out(engine, task, beat=beat, meanwhile=meanwhile, delivers=delivers)

    def delivered(self) -> list[str]:
        """The names of all that a user sees there."""
        return sorted(one.name for one in self.there.iterdir() if not one.name.startswith(".goclient-"))


def lock(directory: Path) -> Callable[[], object]:
    """Let nobody write in a directory, root included; return what ends it.  Raise an error if that cannot be."""
    if os.getuid():
        directory.chmod(0o500)
        return partial(directory.chmod, 0o700)
    subprocess.run(["chattr", "+i", str(directory)], check=True, capture_output=True)
    return partial(subprocess.run, ["chattr", "-i", str(directory)], check=True)


def can_lock() -> bool:
    """Return whether a directory can be locked here, which some file systems and containers have not."""
    with tempfile.TemporaryDirectory() as name:
        try:
            lock(Path(name))()
        except (OSError, subprocess.CalledProcessError):
            return False
    return True


class System:
    """The module ``os`` of one module, with other functions."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


class LocalBench(Bench):
    """Copies on the node; those whose calls of the system fail are made in this process, not in a child."""

    far = NODE
    has = READS | {"system", "changes"} | ({"locks"} if can_lock() else frozenset())

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        self._system: System | None = None

    def fails(self, call: str, does: Callable[..., object], *, first: int = 1, times: int = 1) -> None:
        if self._system is None:
            self._system = System()
            patched = self.stack.enter_context(pytest.MonkeyPatch.context())
            patched.setattr(copier, "os", self._system)
            patched.setattr(local._Transport, "_copy", copied_here)
        if call in ("read", "write"):
            self._fails_in_files(call, does)
        else:
            setattr(self._system, call, self.failing(getattr(os, call), does, first, times))

    def _fails_in_files(self, call: str, does: Callable[..., object]) -> None:
        def opened(path: str, mode: str, *, opener: Callable[[str, int], int]) -> IO[bytes]:
            raw = open(path, mode, buffering=0, opener=opener)  # noqa: SIM115  # as what it stands for
            if (mode == "rb") != (call == "read"):
                return raw
            name = "readinto" if call == "read" else "write"
            fails = type("Fails", (io.FileIO,), {name: self.failing(getattr(io.FileIO, name), does, 1, ALWAYS)})
            file = fails(os.dup(raw.fileno()), mode)
            raw.close()
            return cast("IO[bytes]", io.BufferedReader(file) if call == "read" else io.BufferedWriter(file))

        patched = self.stack.enter_context(pytest.MonkeyPatch.context())
        patched.setattr(copier, "open", opened, raising=False)

    def engine(self, context: JobContext) -> TransferEngine:
        return LocalEngine(context)

    def path(self, name: str) -> str:
        return str(self.there / name)


def copied_here(transport: Any, items: Sequence[TransferItem]) -> Steps:
    """Copy as the child of the local engine does."""
    task, job = transport._task, transport._engine.job
    yield 0.0
    overwrite = job.overwrite or transport._delivery is not None
    made = Copier(job.directory, overwrite=overwrite, own=(*job.own, str(job.scratch)), heartbeat=Beats())
    return made.run(task._replace(items=tuple(items)))


class GlobusBench(Bench):
    far = SITE
    has = frozenset({"service"})
    tells_by_tasks = True

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        self.service = Service({SITE.text: self.there, NODE_ID.text: Path("/")})

    def engine(self, context: JobContext) -> TransferEngine:
        return GlobusEngine(context, self.service, Patience(60.0, self.patience), connect=NODE_ID)

    def hurry(self) -> None:
        self.patience = 0.1

    def fails(self, call: str, does: Callable[..., object], *, first: int = 1, times: int = 1) -> None:
        setattr(self.service, call, self.failing(getattr(self.service, call), does, first, times))

    def path(self, name: str) -> str:
        return f"/{name}"

    def transfer_service(self) -> TransferService:
        return self.service


class SandboxBench(Bench):
    """The sandbox's Transfer service, asked as a pilot asks it; a collection sees the job's directory."""

    mode = Mode.SERVER
    refused = ("\udcff",)  # its documents are UTF-8
    sandbox: Sandbox

    @staticmethod
    def prepare(request: pytest.FixtureRequest) -> None:
        """Have a sandbox, and its variables in this process."""
        SandboxBench.sandbox = request.getfixturevalue("shared_sandbox")
        for name, value in SandboxBench.sandbox.env.items():
            if name.startswith("GLOBUS_SDK_"):
                request.getfixturevalue("monkeypatch").setenv(name, value)

    def __init__(self, top: Path) -> None:
        self.shared = self.sandbox.path(SEES)
        name = uuid.uuid4().hex
        self.inside = self.shared / name
        self.inside.mkdir()
        super().__init__(self.inside)
        self.there = self.sandbox.path(HOLDS, name)
        self.there.mkdir()
        self.far, self.near = self.collection(HOLDS), self.collection(SEES)
        env = self.sandbox.env
        access = GlobusAccess(env["GOCLIENT_CLIENT_ID"], env["GOCLIENT_CLIENT_SECRET"])
        self.service = transfer_service(access)

    def collection(self, name: str) -> GlobusEndpoint:
        (row,) = self.sandbox.rows("select id from collections where display_name = ?", name)
        return GlobusEndpoint(row["id"], name)

    def engine(self, context: JobContext) -> TransferEngine:
        shared = Shared(PurePosixPath(self.shared), PurePosixPath("/"))
        return GlobusEngine(context, self.service, PATIENCE, shared=shared)

    def path(self, name: str) -> str:
        return f"/{self.there.name}/{name}"

    def transfer_service(self) -> TransferService:
        return self.service

    def make_long(self, file: Path) -> None:
        self.sandbox.set(bytes_per_second=1)
        self.stack.callback(self.sandbox.set)
        file.write_text("long")


class CollectionBench(GlobusBench):
    """A collection's HTTPS server, and a transfer service that lists, makes directories and renames on it."""

    mode = Mode.HTTPS
    tells_by_tasks = False
    has = READS | {"network", "changes", "rights", "full", "credential damaged", "credential somebody else's"}
    refused = ()

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        self._server: CollectionServer | None = None
        self.token = TOKEN

    @property
    def server(self) -> CollectionServer:
        if self._server is None:
            self._server = self.stack.enter_context(collection_server(self.there))
        return self._server

    @property
    def port(self) -> int:  # type: ignore[override]
        return int(self.server.url.rpartition(":")[2])

    def ask(self, host: str, port: int) -> None:
        self.server.url = f"http://{host}:{port}"

    def hurry(self) -> None:
        self.patience = 1.0
        quick = partial(HttpFiles, limits=QUICK)
        self.stack.enter_context(pytest.MonkeyPatch.context()).setattr(https, "HttpFiles", quick)

    def acts_as(self, whom: str) -> float:
        self.token = {"damaged": "a\nb"}.get(whom, "another-token")
        return 0.0

    def denied(self, way: str) -> str:
        self.server.refuses = 403
        return {"bring": "/new", "take": "/old"}[way]

    def full(self) -> str:
        self.server.refuses = 507
        return ""

    def engine(self, context: JobContext) -> TransferEngine:
        known = HttpsCollections({SITE.text: self.server}, self.token)
        return HttpsEngine(context, collections=known, service=self.service, patience=self.patience)


class WebdavBench(Bench):
    """A real WebDAV server, Debian's xrootd."""

    refused = ("a?b", "a\tb", "\udcff")
    unmoved = ("behind ", "ä")
    has = PROVES | READS | RIGHTS
    patience = 20.0
    is_real = True
    server: webdav.WebdavServer

    @staticmethod
    def prepare(request: pytest.FixtureRequest) -> None:
        """Have an xrootd."""
        WebdavBench.server = request.getfixturevalue("webdav")

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        self.there = self.server.make(uuid.uuid4().hex)
        self.far = self.server.endpoint
        self.port = self.server.port
        self.limits = Limits(answer=6.0, silent=3.0)  # a busy xrootd 5.5 may be silent for ever: it is asked again
        self.proxy, self.authorities = self.server.proxy, self.server.authority.directory

    def ask(self, host: str, port: int) -> None:
        self.far = WebdavEndpoint(f"davs://{host}:{port}")

    def hurry(self) -> None:
        super().hurry()
        self.limits = QUICK

    def acts_as(self, whom: str) -> float:
        people = self.server.people
        self.proxy, end = proxy_of(whom, people[webdav.USER], people[webdav.OTHER], people[webdav.UNMAPPED], self.top)
        return end

    def trusts_nobody(self) -> None:
        self.authorities = self.top

    def denied(self, way: str) -> str:
        return {"bring": "/secret/new", "take": "/readonly/new"}[way]

    def full(self) -> str:
        return self.server.full

    def engine(self, context: JobContext) -> TransferEngine:
        ends = webdav_ends(self.files, overwrite=context.overwrite)
        return HttpsEngine(context, webdav=ends, patience=self.patience)

    def files(self) -> WebdavFiles:
        tls = GridTls(Trust(self.authorities), partial(shown, self.proxy))
        return WebdavFiles(tls, limits=self.limits, patience=self.patience)

    def path(self, name: str) -> str:
        return f"/{self.there.name}/{name}"

    def store(self, endpoint: Endpoint) -> Store:
        return WebdavStore(endpoint, self.files())

    def _run(self, task: TransferTask, **how: Any) -> Transferred:
        self.server.give(self.there)
        return super()._run(task, **how)


class GridftpBench(Bench):
    """A real GridFTP server, whose files the node reads and writes."""

    has = PROVES | READS | RIGHTS
    is_real = True
    servers: GridftpServers

    @staticmethod
    def prepare(request: pytest.FixtureRequest) -> None:
        """Have two GridFTP servers."""
        GridftpBench.servers = request.getfixturevalue("gridftp")

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        self.there = Path(self.servers.first.path(uuid.uuid4().hex))
        self.there.mkdir()
        self.far = self.servers.first.endpoint
        self.port = self.servers.first.endpoint.port
        self.proxy: Path | None = None
        self.authorities = Path(self.servers.grid.authorities)

    def ask(self, host: str, port: int) -> None:
        self.far = GridftpEndpoint(f"gsiftp://{host}:{port}")

    def through(self, relays: Between) -> None:
        """Have everything pass relays, the data channels of the node, too."""
        super().through(relays)

        def dialed(server: Server, deadline: Deadline) -> socket.socket:
            return dial(server._replace(host="127.0.0.1", port=relays.relay(server.port)), deadline)

        self.stack.enter_context(pytest.MonkeyPatch.context()).setattr(data, "dial", dialed)

    def hurry(self) -> None:
        super().hurry()
        self.stack.enter_context(pytest.MonkeyPatch.context()).setattr(gridftp_end, "ANSWER", 1.0)

    def acts_as(self, whom: str) -> float:
        user, other = (self.servers.grid.credential(dn) for dn in (USER, OTHER_USER))
        self.proxy, end = proxy_of(whom, user, other, other, self.top)
        return end

    def trusts_nobody(self) -> None:
        self.authorities = self.top

    def denied(self, way: str) -> str:
        return {"bring": "/etc/hostname", "take": f"{self.servers.first.directory.parent}/read-only/new"}[way]

    def full(self) -> str:
        return self.servers.first.full

    def engine(self, context: JobContext) -> TransferEngine:
        return GridftpEngine(context, self.access())

    def access(self) -> Access:
        return Access(self.credential, Trust(self.authorities), patience=self.patience)

    def credential(self) -> Credential:
        return self.servers.credential() if self.proxy is None else shown(self.proxy)

    def path(self, name: str) -> str:
        return f"{self.there}/{name}"

    def store(self, endpoint: Endpoint) -> Store:
        assert isinstance(endpoint, GridftpEndpoint)
        return ServerStore(endpoint, self.stack.enter_context(self.access().files()))


class PairBench(GridftpBench):
    """Two real GridFTP servers, of which the second sees the job's directory."""

    has = PROVES | RIGHTS | {"sees"}
    mode = Mode.SERVER

    def __init__(self, top: Path) -> None:
        seen = Path(self.servers.second.path(uuid.uuid4().hex))
        seen.mkdir()
        super().__init__(seen)
        self.near = self.servers.second.endpoint

    def full_job(self) -> str:
        server, made = self.servers.second, self.job / "full"
        made.mkdir()
        there = ["nsenter", f"--target={server.process}", "--mount"]
        subprocess.run([*there, "mount", "--bind", server.full, str(made)], check=True)
        self.stack.callback(subprocess.run, [*there, "umount", str(made)], check=True)
        return made.name


BENCHES: dict[str, type[Bench]] = {  # all tables of the engines run on each: the test cases, and the faults
    "local": LocalBench,
    "globus": GlobusBench,
    "sandbox": SandboxBench,
    "https": CollectionBench,
    "webdav": WebdavBench,
    "gridftp": GridftpBench,
    "gridftp-pair": PairBench,
}


def shown(proxy: Path) -> Credential:
    """Return what a proxy is shown with."""
    return Credential(find_identity(Search({}, proxy.parent, os.getuid(), proxy=str(proxy))))


def proxy_of(whom: str, user: Person, other: Person, unmapped: Person, folder: Path) -> tuple[Path, float]:
    """A proxy that is not as it should be, or is limited, or ends soon; and when it ends."""
    path, end = folder / f"{uuid.uuid4().hex}.pem", time.time()
    if whom == "expired":
        make_proxy(user, path, seconds=-60)
    elif whom == "limited":
        make_proxy(user, path, limited=True)
    elif whom == "short":
        end += 3.0
        make_proxy(user, path, seconds=3.0)
    elif whom == "unmapped":
        make_proxy(unmapped, path)
    elif whom == "somebody else's":
        make_proxy(other, path)
    elif whom == "foreign":
        path = webdav.foreign_proxy(folder / uuid.uuid4().hex)
    elif whom == "damaged":
        path.write_bytes(make_proxy(user, path).read_bytes()[:-900])
    return path, end


def item(source: str, destination: str, *, recursive: bool = False, renames: bool = False) -> TransferItem:
    return TransferItem(source, destination, recursive, renames)
