"""Engines with two ends: a job's directory, and one of a server, a service or this node, which tests look into."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from goclient.journal import Journal
from goclient.model.endpoint import JOB, NODE, Endpoint, GlobusEndpoint, GridftpEndpoint
from goclient.model.mode import Mode
from goclient.model.plan import TransferItem, TransferTask
from goclient.node.destination import Store
from goclient.node.engines.base import JobContext, TransferEngine, Transferred, TransferService, choose
from goclient.node.engines.globus import GlobusEngine
from goclient.node.engines.globus_task import Patience
from goclient.node.engines.gridftp import Access, GridftpEngine
from goclient.node.engines.https import HttpsEngine
from goclient.node.engines.local import LocalEngine
from goclient.node.engines.store import ServerStore
from goclient.node.engines.webdav_end import webdav_ends
from goclient.node.shared_filesystem import Shared
from goclient.services.globus.access import GlobusAccess
from goclient.services.globus.tokens import transfer_service
from goclient.services.https.webdav import WebdavFiles
from tests.node.transfers import HttpsCollections, Service, carry_out, job_context
from tests.servers.collection import collection_server

if TYPE_CHECKING:
    from tests.sandboxes import Sandbox
    from tests.servers.gridftp import GridftpServers
    from tests.servers.webdav import WebdavServer

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

    def __init__(self, top: Path) -> None:
        self.top = top
        self.stack = ExitStack()
        self.there = top / "there"
        self.there.mkdir()
        self.context = job_context(top / "scratch")
        self.job = self.context.directory
        self.own = top / "own"  # a file of the pilot
        self.own.write_text("secret")

    @abstractmethod
    def engine(self, context: JobContext) -> TransferEngine: ...

    @abstractmethod
    def path(self, name: str) -> str:
        """The path of something there, as a plan has it."""

    def store(self, endpoint: Endpoint) -> Store:
        raise AssertionError("only a server needs it")

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


class LocalBench(Bench):
    far = NODE

    def engine(self, context: JobContext) -> TransferEngine:
        return LocalEngine(context)

    def path(self, name: str) -> str:
        return str(self.there / name)


class GlobusBench(Bench):
    far = SITE

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        self.service = Service({SITE.text: self.there, NODE_ID.text: Path("/")})

    def engine(self, context: JobContext) -> TransferEngine:
        return GlobusEngine(context, self.service, PATIENCE, connect=NODE_ID)

    def path(self, name: str) -> str:
        return f"/{name}"

    def transfer_service(self) -> TransferService:
        return self.service


class SandboxBench(Bench):
    """The sandbox's Transfer service, asked as a pilot asks it; a collection sees the job's directory."""

    mode = Mode.SERVER
    refused = ("\udcff",)  # its documents are UTF-8
    sandbox: Sandbox

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

    def engine(self, context: JobContext) -> TransferEngine:
        server = self.stack.enter_context(collection_server(self.there))
        return HttpsEngine(context, collections=HttpsCollections({SITE.text: server}), service=self.service)


class WebdavBench(Bench):
    """A real WebDAV server, Debian's xrootd."""

    refused = ("a?b", "a\tb", "\udcff")
    unmoved = ("behind ", "ä")
    server: WebdavServer

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        self.there = self.server.make(uuid.uuid4().hex)

    @property
    def far(self) -> Endpoint:  # type: ignore[override]
        return self.server.endpoint

    def engine(self, context: JobContext) -> TransferEngine:
        return HttpsEngine(context, webdav=webdav_ends(self.files, overwrite=context.overwrite))

    def files(self) -> WebdavFiles:
        return WebdavFiles(self.server.tls(), patience=5.0)

    def path(self, name: str) -> str:
        return f"/{self.there.name}/{name}"

    def store(self, endpoint: Endpoint) -> Store:
        return ServerStore(endpoint, self.files())

    def _run(self, task: TransferTask, **how: Any) -> Transferred:
        self.server.give(self.there)
        return super()._run(task, **how)


class GridftpBench(Bench):
    """A real GridFTP server, whose files the node reads and writes."""

    servers: GridftpServers

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        self.there = Path(self.servers.first.path(uuid.uuid4().hex))
        self.there.mkdir()
        self.far = self.servers.first.endpoint

    def engine(self, context: JobContext) -> TransferEngine:
        return GridftpEngine(context, self.access())

    def access(self) -> Access:
        credential = self.servers.credential()
        return Access(lambda: credential, self.servers.trust, patience=5.0)

    def path(self, name: str) -> str:
        return f"{self.there}/{name}"

    def store(self, endpoint: Endpoint) -> Store:
        assert isinstance(endpoint, GridftpEndpoint)
        return ServerStore(endpoint, self.stack.enter_context(self.access().files()))


class PairBench(GridftpBench):
    """Two real GridFTP servers, of which the second sees the job's directory."""

    mode = Mode.SERVER

    def __init__(self, top: Path) -> None:
        seen = Path(self.servers.second.path(uuid.uuid4().hex))
        seen.mkdir()
        super().__init__(seen)
        self.near = self.servers.second.endpoint


def item(source: str, destination: str, *, recursive: bool = False, renames: bool = False) -> TransferItem:
    return TransferItem(source, destination, recursive, renames)
