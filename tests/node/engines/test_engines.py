"""Every engine does the same: it brings files, overwrites nothing that it may not, and tells what went wrong."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from goclient.errors import EndpointError, GoclientError, TransferFailed
from goclient.errors.conditions import PathExists, PathNotFound
from goclient.model.endpoint import JOB, NODE, Endpoint, GlobusEndpoint, GridftpEndpoint, WebdavEndpoint
from goclient.model.mode import Mode
from goclient.model.plan import TransferItem, TransferTask
from goclient.model.remote import TransferRequest
from goclient.node.destination import Store
from goclient.node.engines.base import JobContext, TransferEngine, Transferred, TransferService, choose
from goclient.node.engines.globus import GlobusEngine
from goclient.node.engines.globus_task import Patience
from goclient.node.engines.gridftp import Access, GridftpEngine
from goclient.node.engines.https import HttpsEngine
from goclient.node.engines.local import LocalEngine
from goclient.node.engines.store import ServerStore
from goclient.node.left import remove_left
from goclient.node.transfers import Transfers
from goclient.services.https.webdav import WebdavFiles
from tests.node.transfers import HttpsCollections, Service, carry_out, job_context
from tests.servers.collection import collection_server

if TYPE_CHECKING:
    from tests.servers.gridftp import GridftpServers
    from tests.servers.webdav import WebdavServer

SITE = GlobusEndpoint("11111111-1111-4111-8111-111111111111", "SITE1")
NODE_ID = GlobusEndpoint("22222222-2222-4222-8222-222222222222", "the node")
PATIENCE = Patience(deadline=60.0, faults=60.0)


class Bench(ABC):
    """An engine between a job's directory and a directory somewhere else, ``there``."""

    far: Endpoint
    near: Endpoint | None = None  # the server that sees the job's directory
    mode = Mode.GC

    def __init__(self, top: Path) -> None:
        self.top = top
        self.stack = ExitStack()
        self.there = top / "there"
        self.there.mkdir()
        self.context = job_context(top / "scratch")
        self.job = self.context.directory

    @abstractmethod
    def engine(self, context: JobContext) -> TransferEngine: ...

    @abstractmethod
    def path(self, name: str) -> str:
        """The path of something there, as a plan has it."""

    def store(self, endpoint: Endpoint) -> Store:
        raise AssertionError("only a server needs it")

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
        beat: Callable[[], object] = lambda: None,
    ) -> Transferred:
        self.used = job_context(self.context.scratch, attempt=attempt, overwrite=overwrite)
        engine = self.engine(self.used)
        assert choose([engine], task) is engine
        return carry_out(engine, task, beat=beat)

    def delivered(self) -> list[str]:
        """The names of all that a user sees there."""
        return sorted(one.name for one in self.there.iterdir() if not one.name.startswith(".goclient-"))


class LocalBench(Bench):
    far = NODE

    def engine(self, context: JobContext) -> TransferEngine:
        return LocalEngine(context, own=())

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


class CollectionBench(GlobusBench):
    """A collection's HTTPS server, and a transfer service that lists, makes directories and renames on it."""

    mode = Mode.HTTPS

    def engine(self, context: JobContext) -> TransferEngine:
        server = self.stack.enter_context(collection_server(self.there))
        return HttpsEngine(context, collections=HttpsCollections({SITE.text: server}), service=self.service)


class WebdavBench(Bench):
    """A real WebDAV server, Debian's xrootd."""

    server: WebdavServer

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        self.there = self.server.make(uuid.uuid4().hex)

    @property
    def far(self) -> Endpoint:  # type: ignore[override]
        return self.server.endpoint

    def engine(self, context: JobContext) -> TransferEngine:
        return HttpsEngine(context, webdav=self.files)

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


REAL = {WebdavBench: "webdav", GridftpBench: "gridftp", PairBench: "gridftp"}


@pytest.fixture(
    params=[
        LocalBench,
        GlobusBench,
        CollectionBench,
        *(pytest.param(one, marks=pytest.mark.conformance) for one in REAL),
    ],
    ids=["local", "globus", "https", *("webdav", "gridftp", "gridftp-pair")],
)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param is WebdavBench:
        WebdavBench.server = request.getfixturevalue("webdav")
    elif request.param in REAL:
        GridftpBench.servers = request.getfixturevalue("gridftp")
    made: Bench = request.param(tmp_path)
    with made.stack:
        yield made


def item(source: str, destination: str, *, recursive: bool = False, renames: bool = False) -> TransferItem:
    return TransferItem(source, destination, recursive, renames)


def test_a_file_is_brought_and_another_is_taken_away(bench: Bench) -> None:
    (bench.there / "input").write_text("in")
    (bench.job / "result").write_text("out!")
    assert bench.bring(item("input", "brought")) == Transferred(1, 2)
    assert bench.take(item("result", "new/result")) == Transferred(1, 4)
    assert (bench.job / "brought").read_text() == "in"
    assert (bench.there / "new" / "result").read_text() == "out!"


def test_a_directory_is_transferred_with_all_below_it(bench: Bench) -> None:
    (bench.there / "run7" / "deep").mkdir(parents=True)
    (bench.there / "run7" / "a").write_text("1")
    (bench.there / "run7" / "deep" / "b").write_text("22")
    assert bench.bring(item("run7/", "run7", recursive=True)) == Transferred(2, 3)
    assert (bench.job / "run7" / "deep" / "b").read_text() == "22"


def test_a_directory_is_one_also_if_nobody_typed_a_slash(bench: Bench) -> None:
    (bench.there / "run7").mkdir()
    (bench.there / "run7" / "a").write_text("1")
    assert bench.bring(item("run7", "run7")).files == 1


def test_a_new_name_that_is_a_directory_by_now_is_gone_into(bench: Bench) -> None:
    (bench.job / "result").write_text("out")
    (bench.there / "runs").mkdir()
    bench.take(item("result", "runs", renames=True))
    assert (bench.there / "runs" / "result").read_text() == "out"


def test_what_exists_is_not_overwritten_unless_the_user_wants_it(bench: Bench) -> None:
    (bench.job / "result").write_text("new")
    (bench.there / "result").write_text("old")
    with pytest.raises(PathExists, match="would be overwritten"):
        bench.take(item("result", "result"))
    assert (bench.there / "result").read_text() == "old"
    bench.take(item("result", "result"), overwrite=True)
    assert (bench.there / "result").read_text() == "new"


def test_another_attempt_replaces_what_the_first_one_delivered(bench: Bench) -> None:
    for number, text in enumerate(("old", "newer"), start=1):
        (bench.job / "result").write_text(text)
        (bench.job / "run").mkdir(exist_ok=True)
        (bench.job / "run" / f"part{number}").write_text(text)
        bench.take(item("result", "result"), item("run", "run"), attempt=number)
        (bench.job / "run" / f"part{number}").unlink()
    assert (bench.there / "result").read_text() == "newer"
    assert [one.name for one in (bench.there / "run").iterdir()] == ["part2"]
    (bench.there / "run" / "other").touch()
    with pytest.raises(PathExists, match="run"):
        bench.take(item("result", "result"), item("run", "run"), attempt=3)


def test_what_attempts_have_left_is_removed_once_it_is_not_needed(bench: Bench) -> None:
    (bench.job / "result").write_text("out")
    bench.take(item("result", "result"))
    (bench.there / ".goclient-7-2").mkdir()
    journal, attempt = bench.used.journal, bench.used.attempt
    remove_left(journal, attempt, bench.transfer_service, delivered=True, server=bench.store)
    assert sorted(one.name for one in bench.there.iterdir()) == [".goclient-7-2", "result"]
    assert [entry.state for entry in journal.latest("delivery")] == ["done"]


def test_what_an_earlier_attempt_still_transfers_is_cancelled_before_its_directory_goes(tmp_path: Path) -> None:
    bench = GlobusBench(tmp_path)
    (bench.job / "result").write_text("out")
    items = (TransferItem("result", "/.goclient-7-1/new/result", recursive=False),)
    bench.service.submit(TransferRequest(NODE_ID.text, SITE.text, items, "goclient 7 output", "earlier", 60.0))
    bench.service.submit(TransferRequest(NODE_ID.text, SITE.text, items, "goclient 77 output", "another", 60.0))
    (bench.there / ".goclient-7-1").mkdir()
    bench.take(item("result", "result"), attempt=2)
    bench.service.stuck = True
    remove_left(bench.used.journal, bench.used.attempt, bench.transfer_service, delivered=True)
    assert "earlier" in bench.service.cancelled
    assert "another" not in bench.service.cancelled
    assert [one.name for one in bench.there.iterdir()] == ["result"]


def test_two_items_with_one_destination_are_refused_before_any_is_transferred(bench: Bench) -> None:
    for name in ("a", "b"):
        (bench.job / name).write_text(name)
    with pytest.raises(GoclientError) as caught:
        bench.take(item("a", "one"), item("b", "one"), overwrite=True)
    assert caught.value.code == "one-destination"
    assert bench.delivered() == []


def test_what_is_missing_is_an_error_of_the_endpoint(bench: Bench) -> None:
    with pytest.raises(PathNotFound) as caught:
        bench.bring(item("gone", "gone"))
    assert caught.value.subject.endswith(bench.path("gone"))
    with pytest.raises(PathNotFound, match="the job did not make it"):
        bench.take(item("gone", "gone"))


def test_nothing_leaves_the_job_s_directory_through_a_link(bench: Bench) -> None:
    (bench.top / "secret").write_text("secret")
    (bench.job / "link").symlink_to(bench.top / "secret")
    with pytest.raises(EndpointError, match="leads outside the job's directory"):
        bench.take(item("link", "link"))
    assert bench.delivered() == []


def test_what_the_heartbeat_raises_ends_a_transfer_and_leaves_nothing(bench: Bench) -> None:
    if type(bench) is GlobusBench:
        bench.service.stuck = True
    with open(bench.there / "large", "wb") as file:
        file.truncate(1 << 34)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.bring(item("large", "large"), beat=stop)
    assert list(bench.job.iterdir()) == []
    if type(bench) is GlobusBench:
        assert bench.service.cancelled == list(bench.service.tasks_sent)


def test_an_error_says_in_which_phase_it_happened(bench: Bench) -> None:
    task = TransferTask(
        "stage-in", bench.far, JOB, (item(bench.path("gone"), "gone"),), server=bench.near, mode=bench.mode
    )
    with pytest.raises(TransferFailed) as caught:
        Transfers([task], bench.context, [bench.engine(bench.context)]).bring()
    assert (caught.value.phase, type(caught.value.error)) == ("stage-in", PathNotFound)
    assert caught.value.code == "stage-in:path-not-found"
    assert caught.value.message == f"stage-in: {caught.value.error.message}"
    assert caught.value.exit_code == 40


def test_a_task_that_no_engine_knows_is_refused(bench: Bench) -> None:
    other = WebdavEndpoint("davs://host") if isinstance(bench, GridftpBench) else GridftpEndpoint("gsiftp://host")
    task = TransferTask("output", JOB, other, (item("a", "/a"),))
    with pytest.raises(EndpointError, match=f'from the node to "{other}"') as caught:
        choose([bench.engine(bench.context)], task)
    assert (caught.value.code, caught.value.subject) == ("no-engine", str(other))


def test_a_failed_task_has_the_reason_of_the_service(tmp_path: Path) -> None:
    bench = GlobusBench(tmp_path)
    bench.service.failing = "the disk is full"
    (bench.there / "input").write_text("in")
    with pytest.raises(EndpointError, match="failed: the disk is full") as caught:
        bench.bring(item("input", "input"))
    assert caught.value.code == "transfer-failed"
