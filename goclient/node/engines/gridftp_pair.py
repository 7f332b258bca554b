"""Transfer between two GridFTP servers, without the node between: also with a server that sees the job's directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from goclient.errors import Collector, EndpointError, GoclientError, raise_all
from goclient.errors.conditions import ChecksumDiffers, NotADirectory
from goclient.errors.wording import quote
from goclient.model.endpoint import JOB, Endpoint, GridftpEndpoint
from goclient.model.location import is_in
from goclient.model.plan import TransferItem, TransferTask
from goclient.node.delivery import Delivery
from goclient.node.destination import make_with_parents
from goclient.node.engines.background import BackgroundTransport, insist
from goclient.node.engines.base import JobContext, Transferred
from goclient.node.engines.far_end import Delivering, check_link, part_beside, warn_cut
from goclient.node.engines.globus_ends import InJob
from goclient.node.engines.gridftp_end import Access
from goclient.node.engines.job_files import Arrivals
from goclient.node.engines.store import ServerStore
from goclient.node.ownership import attempts_in, final_path
from goclient.node.shared_filesystem import Shared, check_sees
from goclient.services.contents import Moved
from goclient.services.deadline import LONGEST_WAIT, Background
from goclient.services.gridftp.data import LEAST, Watch
from goclient.services.gridftp.files import GridftpFiles
from goclient.services.gridftp.key import new_key
from goclient.services.gridftp.third_party import Copy, third_party


class _Side(NamedTuple):
    """One of the two servers: what an item's path follows there; and the job's directory, if that is what it sees."""

    server: GridftpEndpoint
    files: GridftpFiles
    top: str = ""
    job: InJob | None = None


class _File(NamedTuple):
    """A file to be copied: its path at the source, where it arrives, and its final path; its size."""

    source: str
    arriving: str
    final: str
    size: int


class Pair(BackgroundTransport):
    """A task between two servers on its way."""

    def __init__(self, job: JobContext, task: TransferTask, label: str, *, access: Access, shared: Shared) -> None:
        super().__init__(job, task, label, patience=access.patience)
        self._access = access
        self._shared = shared
        self._from, self._to = access.files(), access.files()  # a session at each server, also if both are one
        self._made: set[str] = set()
        self._sizes: dict[str, int] = {}  # of the items at the source

    def check_ahead(self) -> None:
        """List the destinations of the items, if they are not in the job's directory."""
        Background(new_key)  # loads what the real one needs, in the time of a login
        if self._task.destination != JOB:
            self._from.ahead(self._server_of(self._task.source))
        super().check_ahead()

    def _new_delivery(self) -> Delivering:
        return Delivery(ServerStore(self._server_of(self._task.destination), self._to), self._job, self._task.items)

    def _ready(self) -> tuple[Callable[[Moved], Transferred], str]:
        source = self._side(self._task.source, self._from)
        destination = self._side(self._task.destination, self._to)
        items = self._items(source, destination)
        way = f"{source.server} -> {destination.server}"
        return lambda moved: self._transfer(items, source, destination, moved), way

    def _rest(self) -> None:
        self._from.rest()
        self._to.rest()

    def _cancel(self) -> None:
        self._from.close()
        self._to.close()

    # --- what is copied -----------------------------------------------------------------------------------------

    def _server_of(self, endpoint: Endpoint) -> GridftpEndpoint:
        server = self._task.server if endpoint == JOB else endpoint
        assert isinstance(server, GridftpEndpoint), "the engine has said so"
        return server

    def _side(self, endpoint: Endpoint, files: GridftpFiles) -> _Side:
        """Return one side of the task; raise EndpointError for a server that does not see the job's directory."""
        server, directory = self._server_of(endpoint), self._job.directory
        if endpoint != JOB:
            return _Side(server, files)
        seen_as = self._shared.path(directory, server.text)
        check_sees(files.listing, server, directory=directory, seen_as=seen_as)
        return _Side(server, files, f"{seen_as}/", InJob(server, self._job, f"{seen_as}/"))

    def _items(self, source: _Side, destination: _Side) -> Sequence[TransferItem]:
        """Return the items with whole paths and their kinds; raise an error for all that are missing, or in the way."""
        collector = Collector()
        items: Sequence[TransferItem] = self._task.items
        with collector:
            items = destination.job.settle_all(items) if destination.job is not None else self._delivery.begin()
        found = source.files.entries(source.server, [source.top + item.source for item in items])
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
                    raise NotADirectory.from_path(source.server.show(path))
                there = final_path(destination.top + item.destination)
                if source.server == destination.server and is_in(there, path):
                    shown, target = quote(source.server.show(path)), quote(destination.server.show(there))
                    message = f"{shown}: it cannot be copied into itself, to {target}"
                    raise EndpointError(message, hint="name a part", code="into-itself", subject=path)
                self._sizes[path] = info.size
                settled.append(item._replace(source=path, recursive=info.is_directory))
        raise_all(collector.errors)
        return settled

    def _walk(self, item: TransferItem, source: _Side, destination: _Side) -> Iterator[_File]:
        """Yield the files of an item, behind the directories that they need, which are made."""
        target = destination.top + item.destination.rstrip("/")
        if not item.recursive:
            self._make(target.rpartition("/")[0], destination)
            yield self._file(item.source, target, self._sizes[item.source])
            return
        waiting, followed = [(item.source.rstrip("/"), target)], {item.source.rstrip("/")}
        places: list[str] = []  # they are made when all is listed: the target may be in the source, by another path
        files: list[_File] = []
        while waiting:
            directory, there = waiting.pop()
            places.append(there)
            listing = source.files.listing(source.server, f"{directory}/")
            warn_cut(listing, source.server.show(directory), self._job.reporter)
            for name, info in sorted(listing.items()):
                if info.is_directory and not attempts_in((name,)):  # what is on its way may be this task's own
                    check_link(info, source.server.show(f"{directory}/{name}"), followed)
                    waiting.append((f"{directory}/{name}", f"{there}/{name}"))
                elif not info.is_directory:
                    files.append(self._file(f"{directory}/{name}", f"{there}/{name}", info.size))
        for one in places:
            self._make(one, destination)
        yield from files

    def _file(self, path: str, target: str, size: int) -> _File:
        hidden = self._task.destination != JOB and final_path(target) != target
        return _File(path, target if hidden else part_beside(target), target, size)

    def _make(self, directory: str, destination: _Side) -> None:
        """Make a directory, and those above it that are missing, once."""
        if directory in self._made:
            return
        self._made.add(directory)
        if destination.job is not None:
            here = self._job.directory / Path(directory).relative_to(destination.top)
            Arrivals(self._job.directory, overwrite=self._job.overwrite).make(here)
            return
        make_with_parents(lambda one: destination.files.mkdir(destination.server, one), directory)

    # --- copying ------------------------------------------------------------------------------------------------

    def _transfer(self, items: Sequence[TransferItem], source: _Side, destination: _Side, moved: Moved) -> Transferred:
        files = [file for item in items for file in self._walk(item, source, destination)]
        moved(0)
        try:
            self._copy(files, source, destination, moved)
            self._compare(files, source, destination)
            self._name(files, destination)
        except BaseException:
            self._cancel()  # one of them may still sum up
            parts = [one.arriving for one in files if one.arriving != one.final]
            if parts:
                self._access.delete(destination.server, *parts)
            raise
        return Transferred(len(files), sum(one.size for one in files))

    def _copy(self, files: Sequence[_File], source: _Side, destination: _Side, moved: Moved) -> None:
        """Copy files, in new sessions as often as the old ones break; raise what was refused."""
        copies = [Copy(one.source, one.arriving) for one in files]
        markers = any(one.size > LEAST for one in files)

        def attempt(told: Moved) -> None:
            while not all(one.is_over for one in copies):
                with (
                    source.files.session(source.server) as first,
                    destination.files.session(destination.server) as second,
                ):
                    third_party(first, second, copies, watch=Watch(told, self._access.silent), markers=markers)

        insist(attempt, moved, patience=self._access.patience)
        raise_all(one.error for one in copies if one.error is not None)

    def _compare(self, files: Sequence[_File], source: _Side, destination: _Side) -> None:
        """Raise ChecksumDiffers for each file that is not the same at both servers, which sum up at once."""
        largest = max((one.size for one in files), default=0)

        def checksums(side: _Side, paths: Sequence[str]) -> dict[str, str | GoclientError]:
            return side.files.checksums(side.server, paths, largest=largest)

        summed = Background(lambda: checksums(source, [one.source for one in files]))
        here = checksums(destination, [one.arriving for one in files])
        there = summed.result(LONGEST_WAIT)
        errors: list[GoclientError] = []
        for one in files:
            pair = there[one.source], here[one.arriving]
            unknown = [known for known in pair if isinstance(known, GoclientError)]
            if unknown:
                errors += unknown
            elif pair[0] != pair[1]:
                subject = source.server.show(one.source)
                message = f"{quote(subject)} has the ADLER32 {pair[0]}, and its copy {pair[1]}: it has changed"
                hint = "see to it that nobody writes to it, and submit the job again"
                errors.append(ChecksumDiffers(message, hint=hint, subject=subject))
        raise_all(errors)

    def _name(self, files: Sequence[_File], destination: _Side) -> None:
        """Give what arrived beside its final path its name: in the job's directory, or in one that is merged with."""
        beside = [(one.arriving, one.final) for one in files if one.arriving != one.final]
        raise_all(destination.files.renames(destination.server, beside, replace=self._job.overwrite))
