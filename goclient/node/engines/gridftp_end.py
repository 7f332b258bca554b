"""A GridFTP server as the far end of a task, and how servers are asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from goclient.errors import GoclientError
from goclient.errors.conditions import ChecksumDiffers
from goclient.errors.wording import quote
from goclient.model.endpoint import GridftpEndpoint
from goclient.model.remote import FileInfo
from goclient.node.engines.background import insist
from goclient.node.engines.far_end import TOGETHER
from goclient.node.engines.store import ServerEnd, ServerStore
from goclient.services.contents import FarFile, Moved
from goclient.services.deadline import Deadline
from goclient.services.gridftp.copies import explain_break, get, put
from goclient.services.gridftp.data import Watch
from goclient.services.gridftp.files import GridftpFiles
from goclient.services.gsi.tls import Credential, Trust

ANSWER = 60.0  # seconds for an answer


@dataclass(frozen=True)
class Access:
    """Access to servers as a user.

    A copy that breaks is tried again for ``patience`` seconds without a byte, and a question without an answer, too.
    """

    credential: Callable[[], Credential]
    trust: Trust
    patience: float

    @property
    def silent(self) -> float:
        """Return the seconds without a byte after which a copy is begun again."""
        return min(self.patience, 120.0)

    def files(self) -> GridftpFiles:
        """Return a client with sessions of its own."""
        return self._files(self.patience)

    def delete(self, endpoint: GridftpEndpoint, *paths: str) -> None:
        """Delete what has arrived so far, if that can be; in a new session: a job that ends has closed its own."""
        with suppress(GoclientError), self._files(0.0) as files:
            files.delete(endpoint, *paths)

    def _files(self, patience: float) -> GridftpFiles:
        return GridftpFiles(self.credential, self.trust, lambda: Deadline(ANSWER), patience=patience)


class GridftpEnd(ServerEnd[GridftpFiles]):
    """A GridFTP server, with one session for everything."""

    way = "over GridFTP"
    together = TOGETHER
    store = ServerStore

    def __init__(self, endpoint: GridftpEndpoint, access: Access, *, overwrite: bool) -> None:
        super().__init__(endpoint, access.files(), overwrite=overwrite)
        self._server = endpoint
        self._access = access

    def get(self, path: str, file: BinaryIO, *, size: int, moved: Moved) -> None:
        """Write a file's content to a local one, and compare the checksums."""
        self.get_all([FarFile(path, file, size)], moved=moved)

    def get_all(self, wanted: Sequence[FarFile], *, moved: Moved) -> None:
        """Do so for several files: the next data channel is asked for ahead, and all checksums at once."""
        here = [self._get(one, moved, others=one is not wanted[-1]) for one in wanted]
        there = self._files.checksums(
            self._server, [one.path for one in wanted], largest=max(one.file.tell() for one in wanted)
        )
        for one, sum_here in zip(wanted, here, strict=True):
            self._compare(sum_here, one.path, there[one.path])

    def _get(self, one: FarFile, moved: Moved, *, others: bool) -> str:
        def once(told: Moved) -> str:
            with self._files.session(self._server) as session:
                watch = Watch(told, self._access.silent)
                return get(session, one, watch=watch, others=others)

        return insist(once, moved, patience=self._access.patience)

    def _send(self, file: BinaryIO, path: str, moved: Moved) -> None:
        again = False

        def once(told: Moved) -> str:
            nonlocal again
            offset, again = self._count_arrived(path) if again else 0, True
            with self._files.session(self._server) as session:
                found = put(session, file, path, offset=offset, watch=Watch(told, self._access.silent))
            if (arrived := self._count_arrived(path)) < file.tell():  # a server may take a cut for the end
                raise explain_break(self._server.show(path), f"{arrived} of {file.tell()} bytes arrived")
            return found

        here = insist(once, moved, patience=self._access.patience)
        self._compare(here, path, self._files.checksums(self._server, [path], largest=file.tell())[path])

    def _take_back(self, path: str) -> None:
        self._access.delete(self._server, path)

    def _count_arrived(self, path: str) -> int:
        """Return how many bytes of a file that broke off are there."""
        found = self._files.entries(self._server, [path])[path]
        return found.size if isinstance(found, FileInfo) else 0

    def _compare(self, here: str, path: str, there: str | GoclientError) -> None:
        """Raise ChecksumDiffers unless the server has the same content."""
        if isinstance(there, GoclientError):
            raise there
        if there != here:
            raise ChecksumDiffers(
                f"{quote(self._server.show(path))} has the ADLER32 {there} there, and {here} here: "
                "it was changed meanwhile, or damaged on its way",
                hint="see to it that nobody writes to it, and submit the job again",
                subject=self._server.show(path),
            )

    def rest(self) -> None:
        """Hang up soon, until it is asked again, maybe in hours."""
        self._files.rest()
