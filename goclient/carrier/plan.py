"""Plan of a carried job: made at submission, and read on the node, where nothing else tells the carrier what to do.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import compress
from typing import Any, TypeVar, get_args

from goclient.errors import RequestError
from goclient.errors.wording import quote
from goclient.model.endpoint import JOB, Endpoint, read_endpoint
from goclient.model.location import Location
from goclient.model.mode import Mode
from goclient.model.names import TASK_NUMBER, fill_serial
from goclient.model.plan import Phase, TransferItem, TransferTask

CARRY, PLAN = "goclient-carry", "goclient-plan.json"  # their names in the archive of a job
PLANS = "goclient-plan*.json"  # where several tasks have one archive, each has a plan of its own in it
FILE_KEY = "___file___:"  # begins the key of a PanDA secret that becomes a file (pandaclient, PBookCore.set_secret)
_VERSION = 1
_PHASES: tuple[Phase, ...] = get_args(Phase)
T = TypeVar("T")


@dataclass(frozen=True)
class CarrierPlan:
    """All that a carrier is told: transfers, the user's program, and where its credential is good for anything.

    ``name`` is that of the submission.  ``program`` is a URL, or the name of a file of the job's archive; empty in the
    jobs of a task, whose own words begin with the program.  ``auth`` and ``transfer`` are the base URLs of the two
    Globus services, empty where no service client acts; ``scopes`` are what it asks for, and ``credential`` is the name
    of the file that has it, or tokens.  ``needs`` is in hours.  ``servers`` are the HTTPS servers for which there are
    tokens: the id of each collection, and the URL.
    ``connect`` is the URL, or the path on the node, of Globus Connect Personal, if a transfer passes through it.
    ``dealt`` has, for the first tasks, the number of the job that alone has each item; 0: every job has it.
    """

    name: str
    tasks: tuple[TransferTask, ...]
    overwrite: bool
    working: str
    program: str
    auth: str = ""
    transfer: str = ""
    scopes: tuple[str, ...] = ()
    credential: str = ""
    needs: int = 0
    connect: str = ""
    servers: tuple[tuple[str, str], ...] = ()
    dealt: tuple[tuple[int, ...], ...] = ()

    def for_job(self, serial: int, task: int | None = None) -> CarrierPlan:
        """Return the plan of one of the jobs: its items, with its number in the paths, and its PanDA task's if any."""

        def fill(path: str) -> str:
            filled = fill_serial(path, serial)
            return filled if task is None else filled.replace(TASK_NUMBER, str(task))

        shares = [_share(self.tasks[at], dealt, serial) for at, dealt in enumerate(self.dealt)]
        own = [one for one in (*shares, *self.tasks[len(shares) :]) if one.items]
        return replace(self, tasks=tuple(_with_paths(one, fill) for one in own), dealt=())

    def encode(self) -> bytes:
        """Return the document of the plan: the same bytes for the same plan."""
        document = {**vars(self), "version": _VERSION, "tasks": [_task_document(task) for task in self.tasks]}
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()

    @property
    def sha256(self) -> str:
        """Return the checksum of the document, which the job's command has: a changed plan is not carried out."""
        return sha256(self.encode()).hexdigest()

    @classmethod
    def decode(cls, data: bytes) -> CarrierPlan:
        """Return the plan of a document; raise RequestError if it is not one."""
        try:
            found = json.loads(data)
            if _take(found, "version", int) != _VERSION:
                raise ValueError("another goclient has made it")
            plan = cls(
                name=_take(found, "name", str),
                tasks=tuple(map(_read_task, _take(found, "tasks", list))),
                overwrite=_take(found, "overwrite", bool),
                working=_take(found, "working", str),
                program=_take(found, "program", str),
                auth=_take(found, "auth", str),
                transfer=_take(found, "transfer", str),
                scopes=tuple(_check(scope, str) for scope in _take(found, "scopes", list)),
                credential=_take(found, "credential", str),
                needs=_take(found, "needs", int),
                connect=_take(found, "connect", str),
                servers=tuple(map(_read_server, _take(found, "servers", list))),
                dealt=tuple(tuple(_check(one, int) for one in dealt) for dealt in _take(found, "dealt", list)),
            )
            if [*map(len, plan.dealt)] != [len(task.items) for task in plan.tasks[: len(plan.dealt)]]:
                raise ValueError("it does not say of each item which job has it")
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            reason = str(error) or type(error).__name__
            raise RequestError(
                f"the plan of the job cannot be read: {quote(reason)}", hint="submit the job again", code="plan"
            ) from error
        return plan


def _share(task: TransferTask, dealt: tuple[int, ...], serial: int) -> TransferTask:
    """Return a task with the items that a job has; ``dealt`` says of each whose it is."""
    return task._replace(items=tuple(compress(task.items, (whose in (0, serial) for whose in dealt))))


def _with_paths(task: TransferTask, fill: Callable[[str], str]) -> TransferTask:
    items = (item._replace(source=fill(item.source), destination=fill(item.destination)) for item in task.items)
    return task._replace(items=tuple(items))


def _task_document(task: TransferTask) -> dict[str, Any]:
    return {
        "phase": task.phase,
        "source": _endpoint_document(task.source),
        "destination": _endpoint_document(task.destination),
        "items": task.items,
        "server": None if task.server is None else _endpoint_document(task.server),
        "mode": task.mode,
    }


def _endpoint_document(endpoint: Endpoint) -> tuple[str, str]:
    return endpoint.text, endpoint.typed


def _read_task(found: Any) -> TransferTask:
    server = found["server"]
    source, destination = _read_endpoint(found["source"]), _read_endpoint(found["destination"])
    mode = Mode.read(found["mode"])
    if found["phase"] not in _PHASES or mode is None:
        raise ValueError(f"{quote(found['phase'])} in the mode {quote(found['mode'])} is not known")
    items = tuple(_read_item(item, source, destination) for item in _take(found, "items", list))
    return TransferTask(
        found["phase"], source, destination, items, None if server is None else _read_endpoint(server), mode
    )


def _read_server(found: Any) -> tuple[str, str]:
    collection, url = found
    return _check(collection, str), _check(url, str)


def _read_endpoint(found: Any) -> Endpoint:
    text, typed = (_check(one, str) for one in found)
    return read_endpoint(text, typed) if text else JOB


def _read_item(found: Any, source: Endpoint, destination: Endpoint) -> TransferItem:
    """Return an item whose two paths can be on their endpoints; raise ValueError or TypeError."""
    old, new, recursive, renames = found
    for endpoint, path in ((source, _check(old, str)), (destination, _check(new, str))):
        Location(endpoint, f"/{path}" if endpoint == JOB else path)
    return TransferItem(old, new, _check(recursive, bool), _check(renames, bool))


def _take(document: Any, key: str, kind: type[T]) -> T:
    """Return a value of a document; raise TypeError if it is of another kind, KeyError if it is not there."""
    return _check(document[key], kind)


def _check(value: Any, kind: type[T]) -> T:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not of the type {kind.__name__}")
    return value
