"""Surroundings of the engines in tests of the node: a job's context, and a transfer service in miniature."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from goclient.errors import EndpointError
from goclient.errors.conditions import PathExists, PathNotFound
from goclient.journal import Journal
from goclient.model.endpoint import Endpoint
from goclient.model.plan import TransferTask
from goclient.model.remote import FileInfo, Listing, NewEndpoint, TaskState, TransferRequest
from goclient.node.engines.base import (
    Attempt,
    Heartbeat,
    JobContext,
    TransferEngine,
    Transferred,
    TransferService,
)
from goclient.reporter.recording import RecordingReporter
from tests.servers.collection import TOKEN, CollectionServer


class Beats(Heartbeat):
    """A heartbeat that calls ``then`` each time, and counts."""

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self.count = 0
        self._then = then

    def send(self) -> None:
        self.count += 1
        self._then()


def carry_out(
    engine: TransferEngine,
    task: TransferTask,
    *,
    beat: Callable[[], object] = lambda: None,
    meanwhile: Callable[[], object] = lambda: None,
    delivers: bool = True,
) -> Transferred:
    """Carry out a task as the only one of its phase: look, transfer, and give names if it ``delivers``.

    ``beat`` is called between steps, ``meanwhile`` between the look and what is sent.
    """
    transport = engine.start(task, f"{task.phase}.1")
    transport.check_ahead()
    steps = transport.steps()
    try:
        next(steps)
        beat()
        meanwhile()
        while True:
            time.sleep(next(steps))
            beat()
    except StopIteration as end:
        if delivers:
            transport.deliver()
        done: Transferred = end.value
        return done
    finally:
        steps.close()


def job_context(scratch: Path, *, attempt: int = 1, overwrite: bool = False, own: tuple[str, ...] = ()) -> JobContext:
    """The context of an attempt of job 7, whose directory is made; ``own`` are files of its pilot."""
    directory = scratch / "job"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return JobContext(
        panda_id=7,
        attempt=Attempt("7", attempt),
        scratch=scratch,
        directory=directory,
        pilot_env=os.environ,
        overwrite=overwrite,
        journal=Journal(scratch.parent / f"{uuid.uuid4()}.jsonl"),
        reporter=RecordingReporter(),
        heartbeat=Beats(),
        own=own,
    )


@dataclass
class Collection:
    id: str


@dataclass(frozen=True)
class HttpsCollections:
    """The HTTPS servers of collections, by their ids, with the one token that all of them take."""

    servers: Mapping[str, CollectionServer]
    token: str = TOKEN

    def https_server(self, collection_id: str) -> str:
        return self.servers[collection_id].url

    def https(self, collection_id: str) -> str:
        return self.token


@dataclass
class Service(TransferService):
    """A transfer service whose collections are folders of this machine; a task is done when it is looked at.

    ``stuck``: tasks do not go on.  ``failing``: they fail with this reason.
    """

    collections: dict[str, Path] = field(default_factory=dict)
    tasks_sent: dict[str, TransferRequest] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    stuck: bool = False
    failing: str = ""

    def resolve(self, name: str) -> Collection:
        return Collection(name)

    def listing(self, collection: Endpoint, directory: str) -> Listing:
        top = self._path(collection.text, directory)
        with _told(collection.show(directory)):
            return Listing({one.name: FileInfo(one.name, one.is_dir(), one.stat().st_size) for one in top.iterdir()})

    def mkdir(self, collection: Endpoint, directory: str) -> None:
        with _told(collection.show(directory)):
            self._path(collection.text, directory).mkdir(exist_ok=True)

    def rename(self, collection: Endpoint, old: str, new: str) -> None:
        target = self._path(collection.text, new)
        with _told(collection.show(new)):
            if target.exists():
                raise PathExists(f"{collection.show(new)}: it exists already", hint="choose another name")
            self._path(collection.text, old).rename(target)

    def remove(self, collection: Endpoint, *directories: str, label: str) -> str:
        for one in directories:
            shutil.rmtree(self._path(collection.text, one), ignore_errors=True)
        return label  # of a task that is not known: it is done

    def personal_called(self, name: str) -> list[str]:
        raise NotImplementedError

    def create_personal(self, name: str) -> NewEndpoint:
        raise NotImplementedError

    def delete(self, collection_id: str) -> None:
        raise NotImplementedError

    def submission_id(self) -> str:
        return str(uuid.uuid4())

    def submit(self, request: TransferRequest) -> str:
        self.tasks_sent[request.submission_id] = request
        return request.submission_id

    def _state(self, task_id: str) -> TaskState:
        request = self.tasks_sent[task_id]
        if self.stuck:
            return TaskState(task_id, request.label, "ACTIVE", 0, 0, 0, "")
        if self.failing:
            return TaskState(task_id, request.label, "FAILED", 0, 0, 1, self.failing)
        files = size = 0
        for item in request.items:
            source, target = self._path(request.source, item.source), self._path(request.destination, item.destination)
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                if target.is_dir() and not item.recursive:
                    raise IsADirectoryError(f"{target} is a directory")
                shutil.copytree(source, target, dirs_exist_ok=True) if item.recursive else shutil.copy(source, target)
            except (OSError, shutil.Error) as error:
                return TaskState(task_id, request.label, "FAILED", files, size, 1, str(error))
            made = [one for one in (target, *target.rglob("*")) if one.is_file()]
            files, size = files + len(made), size + sum(one.stat().st_size for one in made)
        return TaskState(task_id, request.label, "SUCCEEDED", files, size, 0, "")

    def tasks(self, task_ids: Sequence[str]) -> dict[str, TaskState]:
        return {one: self._state(one) for one in task_ids if one in self.tasks_sent}

    def tasks_labelled(self, prefix: str, *, inside: str = "", since: float | None = None) -> list[TaskState]:
        assert (inside, since) == ("", None)
        return [self._state(one) for one, request in self.tasks_sent.items() if request.label.startswith(prefix)]

    def faults(self, task_id: str) -> list[str]:
        raise EndpointError("the service does not tell now", transient=True)

    def cancel(self, task_id: str) -> None:
        self.cancelled.append(task_id)

    def _path(self, collection: str, path: str) -> Path:
        return self.collections[collection] / path.lstrip("/")


@contextmanager
def _told(shown: str) -> Iterator[None]:
    """Run the body; raise what the disk says of a path as the service does."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise PathNotFound(f"{shown}: there is no such path", hint="check the path") from None
    except OSError as error:
        raise EndpointError(f"{shown}: {error.strerror}", hint="check the path") from None
