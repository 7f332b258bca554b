"""Transfer between two GridFTP servers, without the node between: also with a server that sees the job's directory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from goclient.errors import Collector, EndpointError, GoclientError, raise_all
from goclient.errors.conditions import ChecksumDiffers, NotADirectory, PathNotFound
from goclient.errors.wording import quoted
from goclient.model.endpoint import JOB, Endpoint, GridftpEndpoint
from goclient.model.location import Location
from goclient.model.plan import TransferItem, TransferTask, check_apart
from goclient.model.remote import FileInfo
from goclient.node.delivery import Delivery
from goclient.node.engines.background import in_background, insist, noted
from goclient.node.engines.base import JobContext, Steps, Transferred, Transport
from goclient.node.engines.far_end import check_link, part_beside
from goclient.node.engines.globus_ends import InJob
from goclient.node.engines.job_files import Arrivals
from goclient.node.engines.store import ServerStore
from goclient.node.ownership import attempts_in, final_path
from goclient.node.shared_filesystem import Shared, check_sees
from goclient.services.contents import Moved
from goclient.services.deadline import LONGEST_WAIT, Background
from goclient.services.gridftp.data import Watch
from goclient.services.gridftp.session import Session
from goclient.services.gridftp.third_party import Copy, third_party

if TYPE_CHECKING:
    from goclient.node.engines.gridftp import Access


class _Side(NamedTuple):
    """One of the two servers: what an item's path follows there; and the job's directory, if that is what it sees."""

    server: GridftpEndpoint
    top: str = ""
    job: InJob | None = None


class _File(NamedTuple):
    """A file to be copied: its path at the source, where it arrives, and its final path; its size."""

    source: str
    arriving: str
    final: str
    size: int


_Checksums = Mapping[str, str | GoclientError]


class Pair(Transport):
    """A task between two servers on its way."""

    def __init__(self, job: JobContext, task: TransferTask, label: str, *, access: Access, shared: Shared) -> None:
        self._job, self._task, self._label = job, task, label
        self._access = access
        self._shared = shared
        self._files = access.files()
        self._sessions: tuple[Session, ...] = ()
        self._known: Delivery | None = None
        self._made: set[str] = set()

    def check_ahead(self) -> None:
        """List the destinations of the items, if they are not in the job's directory."""
        if self._task.destination != JOB:
            with self._resting():
                self._delivery.check()

    @property
    def _delivery(self) -> Delivery:
        if self._known is None:
            destination = self._task.destination
            assert isinstance(destination, GridftpEndpoint), "the engine has said so"
            self._known = Delivery(ServerStore(destination, self._files), self._job, self._task.items)
        return self._known

    def steps(self) -> Steps:
        """Transfer the items in a thread; those that are done, says the journal, are not done again."""
        with self._resting():
            return (yield from self._steps())

    def _steps(self) -> Steps:
        task = self._task
        if (done := Transferred.known(self._job.journal, self._label)) is not None:
            return done
        source, destination = self._side(task.source), self._side(task.destination)
        items = self._items(source, destination)
        yield 0.0  # nothing is sent until all tasks of the phase are checked
        steps = in_background(lambda moved: self._transfer(items, source, destination, moved), self._cancel)
        way = f"{source.server} -> {destination.server}"
        return (yield from noted(self._job, self._label, steps, way=way))

    def deliver(self) -> None:
        """Give the files their names, if they are not in the job's directory."""
        if self._task.destination != JOB:
            with self._resting():
                self._delivery.place(patience=self._access.patience)

    @contextmanager
    def _resting(self) -> Iterator[None]:
        """Run the body; nothing is connected afterwards, until files get their names, maybe in hours."""
        try:
            yield
        finally:
            self._files.rest()

    def _cancel(self) -> None:
        self._files.close()
        for one in self._sessions:
            one.cancel()

    # --- what is copied -----------------------------------------------------------------------------------------

    def _side(self, endpoint: Endpoint) -> _Side:
        """Return one side of the task; raise EndpointError for a server that does not see the job's directory."""
        if endpoint != JOB:
            assert isinstance(endpoint, GridftpEndpoint), "the engine has said so"
            return _Side(endpoint)
        server, directory = self._task.server, self._job.directory
        assert isinstance(server, GridftpEndpoint), "the engine has said so"
        seen_as = self._shared.path(directory, server.text)
        check_sees(self._files.listing, server, directory=directory, seen_as=seen_as)
        return _Side(server, f"{seen_as}/", InJob(server, self._job, f"{seen_as}/"))

    def _items(self, source: _Side, destination: _Side) -> Sequence[TransferItem]:
        """Return the items with whole paths and their kinds; raise an error for all that are missing, or in the way."""
        collector, job = Collector(), self._job
        items: Sequence[TransferItem] = self._task.items
        with collector:
            if destination.job is not None:
                items = [destination.job.settle(item) for item in items]
                check_apart(items)
                arrivals = Arrivals(job.directory, overwrite=job.overwrite)
                for item in items:
                    with collector:
                        target = job.directory / item.destination
                        if not item.recursive or not target.is_dir():
                            arrivals.check(target)
            else:
                items = self._delivery.begin()
        found = self._files.entries(source.server, [source.top + item.source for item in items])
        settled = []
        for item in items:
            with collector:
                if source.job is not None:
                    source.job.entry(item.source)
                    source.job.check(item.source)
                path = source.top + item.source
                info = found[path]
                if isinstance(info, GoclientError):
                    raise info
                if item.recursive and not info.is_directory:
                    message = f"{quoted(source.server.show(path))}: it is a file, not a directory"
                    raise NotADirectory(message, hint="leave out the final /", subject=path)
                there = Location(destination.server, final_path(destination.top + item.destination))
                if there.is_in(Location(source.server, path)):
                    shown = quoted(source.server.show(path))
                    message = f"{shown}: it cannot be copied into itself, to {quoted(there.display)}"
                    raise EndpointError(message, hint="name a part", code="into-itself", subject=path)
                settled.append(item._replace(source=path, recursive=info.is_directory))
        raise_all(collector.errors)
        return settled

    def _walk(
        self, item: TransferItem, source: _Side, destination: _Side, known: Mapping[str, FileInfo | GoclientError]
    ) -> Iterator[_File]:
        """Yield the files of an item, behind the directories that they need, which are made."""
        target = destination.top + item.destination.rstrip("/")
        if not item.recursive:
            info = known[item.source]
            if isinstance(info, GoclientError):
                raise info
            self._make(target.rpartition("/")[0], destination)
            yield self._file(item.source, target, info)
            return
        waiting, followed = [(item.source.rstrip("/"), target)], {item.source.rstrip("/")}
        places: list[str] = []  # they are made when all is listed: the target may be in the source, by another path
        files: list[_File] = []
        while waiting:
            directory, there = waiting.pop()
            places.append(there)
            for name, info in sorted(self._files.listing(source.server, f"{directory}/").items()):
                if info.is_directory and not attempts_in((name,)):  # what is on its way may be this task's own
                    check_link(info, source.server.show(f"{directory}/{name}"), followed)
                    waiting.append((f"{directory}/{name}", f"{there}/{name}"))
                elif not info.is_directory:
                    files.append(self._file(f"{directory}/{name}", f"{there}/{name}", info))
        for one in places:
            self._make(one, destination)
        yield from files

    def _file(self, path: str, target: str, info: FileInfo) -> _File:
        hidden = self._task.destination != JOB and final_path(target) != target
        return _File(path, target if hidden else part_beside(target), target, info.size)

    def _make(self, directory: str, destination: _Side) -> None:
        """Make a directory, and those above it that are missing, once."""
        if directory in self._made:
            return
        self._made.add(directory)
        if destination.job is not None:
            here = self._job.directory / Path(directory).relative_to(destination.top)
            Arrivals(self._job.directory, overwrite=self._job.overwrite).make(here)
            return
        try:
            self._files.mkdir(destination.server, directory)
        except PathNotFound:
            above = directory.rpartition("/")[0]
            if not above:
                raise
            self._make(above, destination)
            self._files.mkdir(destination.server, directory)

    # --- copying ------------------------------------------------------------------------------------------------

    def _transfer(self, items: Sequence[TransferItem], source: _Side, destination: _Side, moved: Moved) -> Transferred:
        known = self._files.entries(source.server, [item.source for item in items if not item.recursive])
        files = [file for item in items for file in self._walk(item, source, destination, known)]
        moved(0)
        largest = max((one.size for one in files), default=0)

        def checksums_there() -> dict[str, str | GoclientError]:
            return self._files.checksums(source.server, [one.source for one in files], largest=largest)

        try:
            # The source reads its files twice anyway: side by side, unless one server is both.
            there = Background(checksums_there) if source.server != destination.server else None
            self._copy(files, source.server, destination.server, moved)
            here = self._files.checksums(destination.server, [one.arriving for one in files], largest=largest)
            self._compare(files, source.server, here, there.result(LONGEST_WAIT) if there else checksums_there())
            self._name(files, destination)
        except BaseException:
            self._files.close()  # it may still sum up
            parts = [one.arriving for one in files if one.arriving != one.final]
            if parts:
                self._access.delete(destination.server, *parts)
            raise
        return Transferred(len(files), sum(one.size for one in files))

    def _copy(
        self, files: Sequence[_File], source: GridftpEndpoint, destination: GridftpEndpoint, moved: Moved
    ) -> None:
        """Copy files, in new sessions as often as the old ones break; raise what was refused."""
        copies = [Copy(one.source, one.arriving) for one in files]

        def attempt(told: Moved) -> None:
            while not all(one.is_over for one in copies):
                for one in self._sessions:
                    one.close()
                first = self._access.session(source)
                self._sessions = (first,)  # it is closed if the other one fails
                second = self._access.session(destination)
                self._sessions = first, second
                third_party(first, second, copies, watch=Watch(told, self._access.silent))

        try:
            insist(attempt, moved, patience=self._access.patience)
        finally:
            for one in self._sessions:
                one.close()
        raise_all(one.error for one in copies if one.error is not None)

    def _compare(self, files: Sequence[_File], source: GridftpEndpoint, here: _Checksums, there: _Checksums) -> None:
        """Raise ChecksumDiffers for each file that is not the same at both servers."""
        errors: list[GoclientError] = []
        for one in files:
            pair = there[one.source], here[one.arriving]
            unknown = [known for known in pair if isinstance(known, GoclientError)]
            if unknown:
                errors += unknown
            elif pair[0] != pair[1]:
                subject = source.show(one.source)
                message = f"{quoted(subject)} has the ADLER32 {pair[0]}, and its copy {pair[1]}: it has changed"
                hint = "see to it that nobody writes to it, and submit the job again"
                errors.append(ChecksumDiffers(message, hint=hint, subject=subject))
        raise_all(errors)

    def _name(self, files: Sequence[_File], destination: _Side) -> None:
        """Give what arrived beside its final path its name: in the job's directory, or in one that is merged with."""
        beside = [(one.arriving, one.final) for one in files if one.arriving != one.final]
        if self._job.overwrite:
            for old, new in beside:
                self._files.replace(destination.server, old, new)
        else:
            raise_all(self._files.renames(destination.server, beside))
