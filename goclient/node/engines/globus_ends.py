"""Ends of a task of Globus: another collection, or the job's directory, which this node sees itself."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from goclient.errors import Collector, EndpointError, GoclientError, raise_all
from goclient.errors.conditions import PathNotFound
from goclient.errors.wording import quote
from goclient.model.endpoint import Endpoint
from goclient.model.plan import TransferItem, check_apart
from goclient.model.remote import FileInfo, Listing
from goclient.node.destination import Renaming, Store
from goclient.node.engines.base import JobContext, TransferService
from goclient.node.engines.job_files import Arrivals
from goclient.node.engines.own import OwnFiles
from goclient.node.signals import finishing, interruptible
from goclient.services.retry import turns

if TYPE_CHECKING:
    from concurrent.futures import Future

AT_ONCE = 4  # renames that are asked for side by side
PACE = 0.1  # seconds between two of them at least: an identity has 20 requests a second, for all its pilots
BURST = 10  # of the first of them that need no pause
REMOVED_WITHIN = 60.0  # seconds that a removal is waited for; the service goes on by itself


class End(Protocol):
    """One end of a task: a path of an item follows ``top`` on ``collection``."""

    collection: Endpoint
    top: str

    def entry(self, path: str) -> FileInfo | None:
        """Return the entry at a path, None if it is not known; raise PathNotFound if there is none."""

    def check(self, path: str) -> None:  # noqa: ARG002
        """Raise EndpointError for what no task takes from here."""
        return

    def find_entry(self, path: str) -> FileInfo | None:
        """Return the entry at a path, None if it is not known, or there is none."""
        try:
            return self.entry(path)
        except PathNotFound:
            return None


class Remote(End):
    """An end on another collection, which is listed; not everything that can be read can be listed."""

    def __init__(self, collection: Endpoint, service: TransferService) -> None:
        self.collection = collection
        self.top = ""
        self._service = service
        self._listings: dict[str, Listing] = {}

    def entry(self, path: str) -> FileInfo | None:
        """Return the entry at a path, None if it is not known; raise PathNotFound if there is none."""
        directory, _, name = path.rstrip("/").rpartition("/")
        if not name:
            return None
        try:
            if directory not in self._listings:
                self._listings[directory] = self._service.listing(self.collection, f"{directory}/")
        except EndpointError:
            return None  # the transfer will tell
        found = self._listings[directory].get(name)
        if found is None:
            raise _path_error(path, "it is not there (any more)")
        return found


class InJob(End):
    """An end in the job's directory, which this node sees itself."""

    def __init__(self, collection: Endpoint, job: JobContext, top: str) -> None:
        self.collection = collection
        self.top = top
        self._directory = job.directory
        self._own = OwnFiles((*job.own, str(job.scratch)), job.directory)
        self._overwrite = job.overwrite

    def entry(self, path: str) -> FileInfo | None:
        """Return the entry at a path; raise EndpointError, too, if a link leads out of the directory."""
        if not path.strip("/"):
            return None
        real, top = Path(os.path.realpath(self._directory / path)), Path(os.path.realpath(self._directory))
        if not real.is_relative_to(top):
            raise EndpointError(
                f"{quote(path)} leads outside the job's directory",
                hint="copy the file into it",
                code="outside",
                subject=path,
            )
        if not os.path.exists(real):  # also False for a name that is too long
            raise _path_error(path, "the job did not create this file")
        return FileInfo(real.name, real.is_dir(), 0)

    def check(self, path: str) -> None:
        """Raise EndpointError for a file of the pilot to which the job has given a name here: a server reads all."""
        self._own.check_tree(self._directory / path)

    def settle_all(self, items: Sequence[TransferItem], *, again: bool = False) -> list[TransferItem]:
        """Return items that a server brings here, as :meth:`settle` does; raise all that is in the way, or leads out.

        A server writes wherever a link leads, and over whatever is there: ``again`` says that it may be its own.
        """
        arrivals = Arrivals(self._directory, overwrite=self._overwrite or again)
        settled = [self.settle(one) for one in items]
        check_apart(settled)
        collector = Collector()
        for one in settled:
            with collector:
                arrivals.check(self._directory / one.destination, merges=one.recursive)
        raise_all(collector.errors)
        return settled

    def settle(self, item: TransferItem) -> TransferItem:
        """Return an item that is brought here: what was typed as a new name, and is a directory, is gone into."""
        there = self.find_entry(item.destination) if item.renames else None
        if there is None or not there.is_directory:
            return item
        return item._replace(destination=f"{item.destination}/{item.source.rstrip('/').rsplit('/', 1)[-1]}")


class CollectionStore(Store):
    """Directories of a collection, to which files are delivered."""

    def __init__(self, collection: Endpoint, service: TransferService, origin: str) -> None:
        self.endpoint = collection
        self._service = service
        self._label = f"goclient {origin} clean-up"

    def listing(self, directory: str) -> Listing:
        """Return what a directory holds, by name."""
        return self._service.listing(self.endpoint, directory)

    def mkdir(self, *directories: str) -> None:
        """Make directories, in this order, unless they are there."""
        for one in directories:
            self._service.mkdir(self.endpoint, one)

    def rename(self, renamings: Sequence[Renaming], meanwhile: Callable[[], object]) -> list[GoclientError]:
        """Give paths others, some side by side; return why that failed for some of them."""
        if not renamings:
            return []
        from concurrent.futures import ThreadPoolExecutor  # with logging a twentieth of an engine's start

        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            with finishing():  # the answer to what was asked for says whether the job is delivered
                running: set[Future[None]] = set()
                failures: list[GoclientError] = []
                for number, one in enumerate(renamings):
                    with interruptible():
                        time.sleep(PACE if number >= BURST else 0.0)
                    running.add(pool.submit(self._service.rename, self.endpoint, one.old, one.new))
                    failures += _wait(running, AT_ONCE - 1, meanwhile)
                return failures + _wait(running, 0, meanwhile)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def remove(self, directories: Sequence[str]) -> None:
        """Remove directories; raise EndpointError if that fails while it is waited for."""
        task_id = self._service.remove(self.endpoint, *directories, label=self._label)
        for waited in turns(0.1, 5.0):
            state = self._service.tasks([task_id]).get(task_id)
            if state is None or state.has_succeeded or (state.is_active and waited > REMOVED_WITHIN):
                return
            if not state.is_active:
                raise EndpointError(
                    f"{quote(self.endpoint.show(directories[0]))} is not removed: {state.reason or state.status}",
                    hint=f"type: globus task show {task_id}; globus is a program of the Python package globus-cli",
                    subject=task_id,
                )


def _wait(running: set[Future[None]], most: int, meanwhile: Callable[[], object]) -> list[GoclientError]:
    """Return the failures of those that end until at most so many run."""
    from concurrent.futures import FIRST_COMPLETED, wait  # which the caller has loaded

    failures: list[GoclientError] = []
    while len(running) > most:
        meanwhile()
        done, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
        running -= done
        for one in done:
            try:
                one.result()
            except EndpointError as error:
                failures.append(error)
    return failures


def _path_error(path: str, where: str) -> PathNotFound:
    return PathNotFound(
        f"{quote(path)}: {where}", hint="look at the job's output and the names of its files", subject=path
    )
