"""Directories of the node, to which copies are delivered."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from goclient.errors import Collector, EndpointError, GoclientError
from goclient.errors.conditions import NotADirectory, PathExists, PathNotFound
from goclient.errors.wording import quote
from goclient.model.endpoint import NODE
from goclient.model.remote import FileInfo, Listing
from goclient.node.destination import Renaming, Store
from goclient.node.engines.copier import OTHERS_READ, place


class NodeStore(Store):
    """Directories of the node, to which files are delivered."""

    endpoint = NODE

    def listing(self, directory: str) -> Listing:
        """Return what a directory holds, by name."""
        with _translate(directory), os.scandir(directory) as entries:
            return Listing({one.name: _info(one) for one in entries})

    def mkdir(self, *directories: str) -> None:
        """Make directories, in this order, unless they are there."""
        for one in directories:
            with _translate(one):
                Path(one).mkdir(mode=OTHERS_READ, exist_ok=True)

    def rename(self, renamings: Sequence[Renaming], meanwhile: Callable[[], object]) -> list[GoclientError]:
        """Give paths others that are free; return why that failed for some of them."""
        collector = Collector()
        for one in renamings:
            meanwhile()
            with collector, _translate(one.new):
                place(Path(one.old), Path(one.new))
        return collector.errors

    def remove(self, directories: Sequence[str]) -> None:
        """Remove directories, and all below them."""
        for one in directories:
            with _translate(one), suppress(FileNotFoundError):
                shutil.rmtree(one)


def _info(entry: os.DirEntry[str]) -> FileInfo:
    linked = entry.is_symlink()
    try:
        found = entry.stat()
    except OSError:  # a link that leads nowhere
        found = entry.stat(follow_symlinks=False)
    return FileInfo(entry.name, stat.S_ISDIR(found.st_mode), found.st_size, link_target="yes" if linked else "")


@contextmanager
def _translate(path: str) -> Iterator[None]:
    """Turn what the system says of a path into an error of the endpoint."""
    try:
        yield
    except OSError as error:
        kinds = {FileNotFoundError: PathNotFound, NotADirectoryError: NotADirectory, FileExistsError: PathExists}
        kind = kinds.get(type(error), EndpointError)
        raise kind(
            f"{quote(path)}: {error.strerror}", hint="look at the name, and at the node", subject=path
        ) from error
