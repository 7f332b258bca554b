"""A task between the job's directory and a far end, whose files this node reads and writes itself, in a thread.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from goclient.errors import Collector, GoclientError, raise_all
from goclient.errors.conditions import NotADirectory
from goclient.model.endpoint import JOB, Endpoint
from goclient.model.plan import TransferItem, TransferTask, check_apart
from goclient.model.remote import FileInfo
from goclient.node.destination import make_with_parents
from goclient.node.engines.background import BackgroundTransport
from goclient.node.engines.base import JobContext, Transferred
from goclient.node.engines.far_end import Above, Delivering, FarEnd, check_link, warn_cut
from goclient.node.engines.globus_ends import InJob
from goclient.node.engines.job_files import Arrivals, open_of_job
from goclient.node.engines.own import OwnFiles
from goclient.services.contents import FarFile, Moved


class _File(NamedTuple):
    """A file to transfer: its path at the far end, its path in the job's directory, its size as far as it is known."""

    far: str
    near: str | Path
    size: int = 0


class Streaming(BackgroundTransport):
    """A task on its way; ``end`` gives its far end, with connections of its own."""

    def __init__(
        self,
        job: JobContext,
        task: TransferTask,
        label: str,
        end: Callable[[Endpoint], FarEnd],
        *,
        patience: float,
    ) -> None:
        super().__init__(job, task, label, patience=patience)
        self._open = end
        self._top = job.directory
        self._near = InJob(JOB, job, "")
        self._end: FarEnd | None = None
        self._sizes: dict[str, int] = {}  # of files to be brought, as they were listed
        self._own = OwnFiles((*job.own, str(job.scratch)), job.directory)

    @property
    def _far(self) -> FarEnd:
        if self._end is None:
            task = self._task
            self._end = self._open(task.source if task.destination == JOB else task.destination)
        return self._end

    def _new_delivery(self) -> Delivering:
        return self._far.delivery(self._job, self._task.items)

    def _ready(self) -> tuple[Callable[[Moved], Transferred], str]:
        comes = self._task.destination == JOB
        items, work = (self._incoming(), self._bring) if comes else (self._outgoing(), self._take)
        return lambda moved: work(items, moved), self._far.way

    def _rest(self) -> None:
        if self._end is not None:
            self._end.rest()

    def _cancel(self) -> None:
        self._far.close()

    # --- into the job's directory -------------------------------------------------------------------------------

    def _incoming(self) -> Sequence[TransferItem]:
        """Return the items, each with whether it is a directory; raise all that is missing or in the way."""
        collector = Collector()
        found = self._far.entries([one.source for one in self._task.items])
        items: list[TransferItem] = []
        for one in self._task.items:
            with collector:
                info = found[one.source]
                if isinstance(info, GoclientError):
                    raise info
                _check_kind(one, info)
                self._sizes[one.source] = info.size
                items.append(self._near.settle(one)._replace(recursive=info.is_directory))
        check_apart(items)
        arrivals = Arrivals(self._top, overwrite=self._job.overwrite)
        for one in items:
            with collector:
                arrivals.check(os.path.join(self._top, one.destination))
        raise_all(collector.errors)
        return items

    def _bring(self, items: Sequence[TransferItem], moved: Moved) -> Transferred:
        files = size = 0
        arrivals = Arrivals(self._top, overwrite=self._job.overwrite)
        waiting, together = self._files(items, arrivals, moved), self._far.together
        group = list(islice(waiting, together))
        while group:
            ahead = Collector()  # what is wrong with the next ones takes no name from those that are complete
            with ExitStack() as stack:  # at its end the files get their names, while the server reads the next
                wanted = [FarFile(one.far, stack.enter_context(arrivals.arriving(one.near)), one.size) for one in group]
                self._far.get_all(wanted, moved=moved)
                size += sum(one.file.tell() for one in wanted)
                files += len(group)
                with ahead:
                    if group := list(islice(waiting, together)):
                        self._far.expect(group[0].far, size=group[0].size)
            raise_all(ahead.errors)
        return Transferred(files, size)

    def _files(self, items: Sequence[TransferItem], arrivals: Arrivals, moved: Moved) -> Iterator[_File]:
        """Yield the files of items, one by one."""
        for item in items:
            for one in self._walk_far(item, arrivals, moved):
                moved(0)
                yield one

    def _walk_far(self, item: TransferItem, arrivals: Arrivals, moved: Moved) -> Iterator[_File]:
        """Yield the files of an item when all of it is listed, as it may lead round; make the directories for them."""
        target = os.path.join(self._top, item.destination)
        if not item.recursive:
            arrivals.make(os.path.dirname(target))
            yield _File(item.source, target, self._sizes[item.source])
            return
        waiting, followed = [(item.source.rstrip("/"), Path(target), Above())], {item.source.rstrip("/")}
        files: list[_File] = []
        places: list[Path] = []  # they are made when all is listed: the server may see the job's directory
        while waiting:
            directory, near, above = waiting.pop()
            moved(0)
            listing = self._far.listing(f"{directory}/")
            above = above.with_listing(listing, self._task.source.show(directory))
            warn_cut(listing, self._task.source.show(directory), self._job.reporter)
            places.append(near)
            for info in listing.values():
                if info.is_directory:
                    check_link(info, self._task.source.show(f"{directory}/{info.name}"), followed)
                    waiting.append((f"{directory}/{info.name}", near / info.name, above))
                else:
                    files.append(_File(f"{directory}/{info.name}", near / info.name, info.size))
        for place in places:
            arrivals.make(place)
        yield from files

    # --- out of it ----------------------------------------------------------------------------------------------

    def _outgoing(self) -> Sequence[TransferItem]:
        """Return the items with the paths where they arrive; raise all that is missing or in the way."""
        collector = Collector()
        for one in self._task.items:
            with collector:
                _check_kind(one, self._near.entry(one.source))
        raise_all(collector.errors)
        return self._delivery.begin()

    def _take(self, items: Sequence[TransferItem], moved: Moved) -> Transferred:
        files = size = 0
        made: set[str] = set()
        for item in items:
            for one in self._walk_near(item, made):
                moved(0)
                with open_of_job(Path(one.near), self._own) as file:
                    self._far.put(file, one.far, moved=moved)
                    size += os.fstat(file.fileno()).st_size
                files += 1
        return Transferred(files, size)

    def _walk_near(self, item: TransferItem, made: set[str]) -> Iterator[_File]:
        """Yield the files of an item; make the directories for them, which ``made`` keeps."""
        source, target = self._top / item.source, item.destination.rstrip("/")
        if not source.is_dir():
            self._make(target.rpartition("/")[0], made)
            yield _File(target, Path(os.path.realpath(source)))
            return
        waiting = [(source, target)]
        while waiting:
            near, directory = waiting.pop()
            self._make(directory, made)
            for below in sorted(near.iterdir()):
                if below.is_dir() and not below.is_symlink():
                    waiting.append((below, f"{directory}/{below.name}"))
                else:
                    yield _File(f"{directory}/{below.name}", below)

    def _make(self, directory: str, made: set[str]) -> None:
        """Make a directory, and those above it that are missing."""
        if directory and directory not in made:
            make_with_parents(self._far.mkdir, directory)
            made.add(directory)


def _check_kind(item: TransferItem, found: FileInfo | None) -> None:
    """Raise NotADirectory for a file that was typed as a directory."""
    if item.recursive and found is not None and not found.is_directory:
        raise NotADirectory.from_path(item.source)
