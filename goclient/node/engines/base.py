"""Interfaces of transfers: an engine carries out transfer tasks, a service is what some engines ask for it.

Standard library only, of Python 3.9: this code travels to worker nodes.  Another engine is one more module here, and
one more line where a pilot puts its engines together (``pilot/execution.py``).
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from goclient.errors import EndpointError
from goclient.errors.wording import quote
from goclient.journal import Entry, Journal
from goclient.model.endpoint import Endpoint, UrlEndpoint
from goclient.model.plan import TransferTask
from goclient.model.remote import Listing, NewEndpoint, TaskState, TransferRequest
from goclient.node.environment import clean_environment
from goclient.reporter.base import Reporter


class Heartbeat(Protocol):
    """Tell now and then that a job lives; whatever the methods raise ends the job.

    ``can_confirm``: somebody knows whether the job is still this attempt's.
    """

    can_confirm: bool = True

    @abstractmethod
    def send(self) -> None:
        """Tell that the job lives, if it is time."""

    def change(self, state: str) -> None:  # noqa: ARG002
        """Tell that the job is in a new state."""
        return

    def confirm(self) -> None:
        """Ask now whether the job is still this attempt's: what it delivers then replaces earlier attempts' files."""
        self.send()


@dataclass(frozen=True)
class Attempt:
    """One attempt of what PanDA may do again: a later one has a higher number, and the same ``origin``.

    A plain job is attempted again under its PandaID; a job of a task as another job of the task, with a higher PandaID.
    """

    origin: str  # the PandaID, or ``t`` and the number of the task
    number: int

    @property
    def is_of_task(self) -> bool:
        """Return True if its job is one of a task."""
        return self.origin.startswith("t")

    @property
    def panda_id(self) -> str:
        """Return the PandaID of the job that makes the attempt."""
        return str(self.number) if self.is_of_task else self.origin


@dataclass(frozen=True)
class JobContext:
    """A job as the code on its node sees it: where it runs, and whom it tells what.

    ``pilot_env`` is the pilot's own environment; ``overwrite`` allows that files which exist at the destinations are
    overwritten.  ``own`` are the real paths of the pilot's own files and directories, which no job copies.
    ``campaign`` is the one that the job's name tells, if it does.
    """

    panda_id: int
    attempt: Attempt
    scratch: Path  # everything temporary, which is removed after the job
    directory: Path  # the job's directory, in which the payload runs
    pilot_env: Mapping[str, str]
    overwrite: bool
    journal: Journal
    reporter: Reporter
    heartbeat: Heartbeat
    own: tuple[str, ...] = ()
    campaign: str = ""

    @property
    def env(self) -> dict[str, str]:
        """Return the environment of its processes: the pilot's, without any credential that is known by now."""
        return clean_environment(self.pilot_env)


@dataclass(frozen=True)
class Transferred:
    """Number and size of the files that a task has transferred."""

    files: int
    bytes: int

    @classmethod
    def read(cls, entry: Entry) -> Transferred | None:
        """Return what an entry of the journal says of a task that is done; None of one that is not."""
        numbers = re.fullmatch(r"files=([0-9]+) bytes=([0-9]+)", entry.detail)
        return cls(int(numbers[1]), int(numbers[2])) if numbers and entry.state == "done" else None

    @classmethod
    def find(cls, journal: Journal, label: str) -> Transferred | None:
        """Return what the journal says of a task that is done, None of one that is not."""
        entry = journal.last("transfer", label)
        return None if entry is None else cls.read(entry)

    def note(self, intent: Entry, *subjects: str) -> Entry:
        """Return the entry of a task that is done."""
        return intent.then("done", *subjects, detail=f"files={self.files} bytes={self.bytes}")


Steps = Generator[float, None, Transferred]  # each value: the seconds until the next step is worth taking


class Transport(Protocol):
    """A transfer task on its way; whatever the methods raise ends it, and leaves nothing half done."""

    @abstractmethod
    def check_ahead(self) -> None:
        """Check that nothing is in the way at the destination; raise GoclientError for all that is."""

    @abstractmethod
    def steps(self) -> Steps:
        """Transfer the items, step by step; the first is taken before anything is sent.  Raise GoclientError.

        What a remote destination gets is hidden there until :meth:`deliver`.  What exists is overwritten only if the
        user wants it, and two items are never written to one path.
        """

    @abstractmethod
    def deliver(self) -> None:
        """Give what was transferred its names; raise GoclientError."""


class TransferEngine(Protocol):
    """Carry out transfer tasks of one kind."""

    @abstractmethod
    def can_run(self, task: TransferTask) -> bool:
        """Return True if the engine knows both ends of the task."""

    @abstractmethod
    def start(self, task: TransferTask, label: str) -> Transport:
        """Return how a task is carried out; ``label`` is its key in the job's journal, which says what was done."""


def choose(engines: Sequence[TransferEngine], task: TransferTask) -> TransferEngine:
    """Return the first engine that can run a task; raise EndpointError if there is none."""
    for engine in engines:
        if engine.can_run(task):
            return engine
    ends = task.source, task.destination
    source, destination = (quote(end.display) if end.is_remote else "the node" for end in ends)
    raise EndpointError(
        f"no engine of this pilot transfers from {source} to {destination}",
        hint="submit the job to a queue whose pilots have one",
        code="no-engine",
        subject=next((end.display for end in ends if isinstance(end, UrlEndpoint)), task.source.display),
    )


class Identified(Protocol):
    """A collection that a service has found."""

    @property
    def id(self) -> str:
        """Return its UUID."""


class Tokens(Protocol):
    """Give access tokens of the identity that the pilot acts as in Globus."""

    @abstractmethod
    def https(self, collection_id: str) -> str:
        """Return an access token of the https scope of a collection; raise GoclientError."""


class TransferService(Protocol):
    """A service that transfers files between collections, such as Globus; its errors are GoclientErrors.

    ``collection`` is an endpoint with the id of a collection, and with the name that errors show for it.
    """

    def while_waiting(self, call: Callable[[], object]) -> None:  # noqa: ARG002
        """Have something done each second while the service wants to be left alone; what it raises ends no wait.

        Once it returns True, the service is not asked again, and its last answer counts.
        """
        return

    @abstractmethod
    def resolve(self, name: str) -> Identified:
        """Return the one collection with this name."""

    @abstractmethod
    def listing(self, collection: Endpoint, directory: str) -> Listing:
        """Return what a directory holds, by name."""

    @abstractmethod
    def mkdir(self, collection: Endpoint, directory: str) -> None:
        """Make a directory, unless it is there."""

    @abstractmethod
    def rename(self, collection: Endpoint, old: str, new: str) -> None:
        """Give a file or a directory another path; raise PathExists if that is not free."""

    @abstractmethod
    def remove(self, collection: Endpoint, *directories: str, label: str) -> str:
        """Return the id of a task that removes directories, and all below them."""

    @abstractmethod
    def create_personal(self, name: str) -> NewEndpoint:
        """Create a private Globus Connect Personal collection; sent once."""

    @abstractmethod
    def personal_called(self, name: str) -> list[str]:
        """Return the ids of the identity's own Globus Connect Personal collections with exactly this name."""

    @abstractmethod
    def delete(self, collection_id: str) -> None:
        """Delete a collection."""

    @abstractmethod
    def submission_id(self) -> str:
        """Return a new submission id: a transfer sent twice under one id is carried out once."""

    @abstractmethod
    def submit(self, request: TransferRequest) -> str:
        """Return the id of the task that carries out a request."""

    @abstractmethod
    def tasks(self, task_ids: Sequence[str]) -> dict[str, TaskState]:
        """Return the states of tasks by their ids, in one call, without those that are not known."""

    @abstractmethod
    def tasks_labelled(self, prefix: str, *, inside: str = "", since: float | None = None) -> list[TaskState]:
        """Return the identity's transfer tasks whose label begins with ``prefix``; see ``globus/transfers.py``."""

    @abstractmethod
    def faults(self, task_id: str) -> list[str]:
        """Return what went wrong in a task so far, newest first."""

    @abstractmethod
    def cancel(self, task_id: str) -> None:
        """Tell the service to end a task."""
