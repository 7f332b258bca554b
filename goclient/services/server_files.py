"""Interface of what asks servers for their files, as the clients of GridFTP and of WebDAV do.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from goclient.errors import GoclientError
from goclient.model.remote import FileInfo, Listing


class ServerFiles(Protocol):
    """Client of the servers of one kind, with one session a server, that several threads may use."""

    def account(self, endpoint: Any, /) -> str:  # the client of each kind takes its own endpoints
        """Log in; return the account that the credential has there, "" if the server does not tell it."""
        raise NotImplementedError

    def listing(self, endpoint: Any, directory: str, /) -> Listing:
        """Return what a directory holds, by name."""
        raise NotImplementedError

    def listings(self, endpoint: Any, directories: Sequence[str], /) -> Mapping[str, Listing | GoclientError]:
        """Return what each directory holds."""
        raise NotImplementedError

    def entries(self, endpoint: Any, paths: Sequence[str], /) -> Mapping[str, FileInfo | GoclientError]:
        """Return what is at each path."""
        raise NotImplementedError

    def mkdir(self, endpoint: Any, /, *directories: str) -> None:
        """Make directories, in order, unless they are there."""
        raise NotImplementedError

    def rename(self, endpoint: Any, old: str, new: str, /) -> None:
        """Give a path another one, which must be free."""
        raise NotImplementedError

    def renames(
        self, endpoint: Any, pairs: Sequence[tuple[str, str]], meanwhile: Callable[[], object], /
    ) -> list[GoclientError]:
        """Give paths others that are free; return why that failed for some of them.

        ``meanwhile`` is called now and then; what it raises ends the work.
        """
        raise NotImplementedError

    def replace(self, endpoint: Any, old: str, new: str, /) -> None:
        """Give a file another path, in place of the file that has it."""
        raise NotImplementedError

    def remove(self, endpoint: Any, /, *directories: str) -> None:
        """Remove directories, and all below them."""
        raise NotImplementedError

    def close(self) -> None:
        """End all sessions, those in which other threads wait included."""
        raise NotImplementedError
