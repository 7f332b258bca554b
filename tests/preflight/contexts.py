"""Contexts for checks, of small specs and of services that these tests make."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from goclient.errors import GoclientError
from goclient.errors.conditions import EndpointNotFound, PathNotFound
from goclient.errors.findings import Finding
from goclient.model.endpoint import URL_ENDPOINTS, Endpoint, read_endpoint
from goclient.model.remote import FileInfo, Listing, TaskState
from goclient.model.request import Job
from goclient.model.spec import TransferSpec
from goclient.preflight.base import Check, Context, PreflightOptions
from goclient.preflight.connect import connect
from goclient.preflight.payload import Payload
from goclient.preflight.queue import QueueState
from goclient.reporter.base import SILENT, Reporter
from goclient.services.deadline import Deadline
from goclient.services.globus.collection import AccessRule, Collection
from goclient.services.gsi.identity import Identity
from goclient.services.gsi.tls import Credential
from goclient.services.panda.access import QueueSource

SITE, GUEST = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


class Globus:
    """A service with two collections and a file in each directory, which counts what it is asked, or always fails."""

    acts_as, identity, is_service, login_end, reporter = "me", "me", False, None, None

    def __init__(self, failure: GoclientError | None = None) -> None:
        self.asked: Counter[tuple[object, ...]] = Counter()
        self.failure = failure
        self._lock = threading.Lock()

    def _ask(self, *question: object) -> None:
        with self._lock:
            self.asked[question] += 1
        if self.failure is not None and question[0] != "collection":
            raise self.failure

    def collection(self, collection: Endpoint) -> Collection:
        self._ask("collection", collection)
        kind = "GCSv5_guest_collection" if collection.text == GUEST else "GCP_mapped_collection"
        roles = ("administrator",)
        shown, https = collection.display, "https://guest.example" if collection.text == GUEST else ""
        return Collection(collection.text, shown, "", kind, "you@x", True, False, False, False, "", roles, "you", https)

    def has_https_token(self, collection: Endpoint) -> bool:
        return False

    def resolve(self, name: str, *, known: object) -> Collection:
        self._ask("resolve", name)
        raise EndpointNotFound(f'no endpoint is called "{name}"', hint="use a UUID", subject=name)

    def listing(self, collection: Endpoint, path: str) -> dict[str, FileInfo]:
        self._ask("listing", collection, path)
        if path.startswith("/none/"):
            shown = collection.show(path)
            raise PathNotFound(f'"{shown}": there is no such path', subject=shown)
        return {"a": FileInfo("a", False, 3, "file", "0644"), "out": FileInfo("out", True, 0, "dir", "0555")}

    def entry(self, collection: Endpoint, path: str) -> FileInfo:
        self._ask("entry", collection, path)
        return FileInfo("out", True, 0, "dir", "0755")

    def is_empty(self, collection: Endpoint, path: str) -> bool:
        self._ask("is_empty", collection, path)
        return True

    def access_rules(self, collection: Endpoint) -> list[AccessRule]:
        self._ask("access_rules", collection)
        return [AccessRule("/in/", "r", "identity", "me", "", "1")]

    def identity_called(self, typed: str) -> str:
        self._ask("identity_called", typed)
        return "them"

    def mkdir(self, collection: Endpoint, path: str) -> None:
        self._ask("mkdir", collection, path)

    def remove(self, collection: Endpoint, path: str) -> str:
        self._ask("remove", collection, path)
        return "task"

    def task(self, task_id: str) -> TaskState:
        return TaskState(task_id, "", "SUCCEEDED", 0, 0, 0, "")


ME = Identity(
    "/p", "/p", "X509_USER_PROXY", "/CN=W/CN=1", "/CN=W", 0, 1 << 31, True, False, 2048, False, (b"",)
)  # fmt: skip


class ServerFiles:
    """Servers that hold these paths, a directory's with a slash at its end, and count what they are asked."""

    def __init__(self, paths: Mapping[str, FileInfo] | None = None, *, failure: GoclientError | None = None) -> None:
        self.asked: Counter[tuple[str, str]] = Counter()
        self.paths = dict(paths or {})
        self._failure = failure

    def _ask(self, verb: str, endpoint: Endpoint) -> None:
        self.asked[verb, endpoint.text] += 1
        if self._failure is not None:
            raise self._failure

    def account(self, endpoint: Endpoint, /) -> str:
        self._ask("account", endpoint)
        return "wdeng"

    def listings(self, endpoint: Endpoint, directories: Sequence[str], /) -> dict[str, Listing | GoclientError]:
        self._ask("listings", endpoint)
        return {one: self._listing(endpoint, one) for one in directories}

    def _listing(self, endpoint: Endpoint, directory: str) -> Listing | GoclientError:
        if directory != "/" and directory not in self.paths:
            return PathNotFound("there is no such path", subject=endpoint.show(directory))
        names = [path for path in self.paths if path.startswith(directory) and path != directory]
        below = {path: path.removeprefix(directory).rstrip("/") for path in names}
        return Listing({name: self.paths[path] for path, name in below.items() if "/" not in name})

    def entries(self, endpoint: Endpoint, paths: Sequence[str], /) -> dict[str, FileInfo | GoclientError]:
        self._ask("entries", endpoint)
        missing = PathNotFound("there is no such path", subject=endpoint.text)
        return {one: self.paths.get(one, self.paths.get(f"{one}/", missing)) for one in paths}

    def mkdir(self, endpoint: Endpoint, directory: str, /) -> None:
        self._ask("mkdir", endpoint)
        self.paths[directory] = FileInfo("made", True, 0)

    def remove(self, endpoint: Endpoint, /, *directories: str) -> None:
        self._ask("remove", endpoint)
        for one in directories:
            del self.paths[one]

    def close(self) -> None:
        self.asked["close", ""] += 1


class Accounts:
    """A user's own credential, or why there is none, and the clients of servers that it is shown to."""

    def __init__(self, files: ServerFiles, *, identity: Identity = ME, problem: GoclientError | None = None) -> None:
        self._files = files
        self._identity = identity
        self._problem = problem

    def credential(self) -> Credential:
        if self._problem is not None:
            raise self._problem
        return Credential(self._identity)

    def server_files(self, credential: Credential, deadline: Deadline) -> Any:
        return dict.fromkeys(URL_ENDPOINTS, self._files)


def connected(
    spec: TransferSpec,
    service: Any,
    *,
    count: int = 1,
    options: PreflightOptions | None = None,
    accounts: Any = None,
) -> Context:
    """Return the context of a preflight that has asked ``service``, which is made like Globus."""
    context = Context(spec, count=count, options=options or PreflightOptions(seconds=10.0))
    if accounts is not None:
        context.accounts = lambda: accounts
    connect(context, {"GRID": read_endpoint("gsiftp://grid.example.org", "GRID")}, lambda: service)
    return context


def run(context: Context, *checks: Check) -> list[Finding]:
    """Start these checks and return what they find, in order; it is in the context, too."""
    for check in checks:
        check.start(context)
    for check in checks:
        context.findings += check.findings(context)
    return context.findings


def check_job(
    job: Job,
    source: Callable[[], QueueSource],
    seconds: float,
    *,
    input_size: int = 0,
    reporter: Reporter = SILENT,
) -> list[Finding]:
    """Return what is found of the queue and the payload of a job within so many seconds."""
    options = PreflightOptions(seconds=seconds)
    context = Context(TransferSpec(), job=job, options=options, queues=source, reporter=reporter)
    context.input_size = input_size
    return run(context, QueueState(), Payload())
