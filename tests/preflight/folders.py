"""A Transfer service that holds these paths, and what the checks of listings find there."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

from goclient.errors import EndpointError
from goclient.errors.conditions import NotADirectory, PathNotFound, StorageDenied
from goclient.errors.findings import Finding
from goclient.model.endpoint import JOB, Endpoint, read_endpoint
from goclient.model.location import Location, Transfer
from goclient.model.remote import FileInfo
from goclient.model.spec import TransferSpec
from goclient.preflight.base import Context, PreflightOptions
from goclient.preflight.paths import Paths, ReadOnly
from goclient.preflight.sources import Contents, Size
from goclient.services.globus.collection import Collection
from tests.preflight.contexts import connected, run

ME, NODE = "me", Location(JOB, "/")

SITE = read_endpoint("11111111-1111-4111-8111-111111111111", "SITE")

OTHER = "22222222-2222-4222-8222-222222222222"


class Service:
    """A Transfer service that holds these paths; a folder's ends with a slash.

    What is in ``denied`` cannot be listed, and nothing in it be told of if it is in ``closed``, too.
    """

    identity = ME
    owner = ME

    def __init__(self, paths: dict[str, FileInfo], *, denied: Sequence[str] = (), closed: Sequence[str] = ()) -> None:
        self._paths = paths
        self._denied = denied
        self._closed = closed
        self._lock = threading.Lock()
        self.asked: Counter[tuple[str, str]] = Counter()

    def _note(self, method: str, path: str) -> None:
        with self._lock:
            self.asked[method, path] += 1

    def collection(self, collection: Endpoint) -> Collection:
        return Collection(
            collection.text, "SITE", "", "GCSv5_mapped_collection", f"{self.owner}@x", None, None, False, True, "", (),
            self.owner,
        )  # fmt: skip

    def _missing(self, path: str) -> EndpointError:
        return PathNotFound(f"{path}: there is no such path", subject=f"SITE:{path}")

    def _denial(self, path: str) -> StorageDenied:
        return StorageDenied(f"SITE:{path}: the storage denies it", subject=f"SITE:{path}")

    def listing(self, collection: Endpoint, folder: str) -> dict[str, FileInfo]:
        self._note("ls", folder)
        if folder in self._denied:
            raise self._denial(folder)
        if folder != "/" and folder.rstrip("/") not in self._paths:
            raise self._missing(folder)
        if folder != "/" and not self._paths[folder.rstrip("/")].is_directory:
            raise NotADirectory(f"{folder}: it is a file", subject=f"SITE:{folder}")
        below = {path.removeprefix(folder): info for path, info in self._paths.items() if path.startswith(folder)}
        return {name: info for name, info in below.items() if name and "/" not in name}

    def entry(self, collection: Endpoint, path: str) -> FileInfo:
        self._note("stat", path)
        if any(path.startswith(folder) for folder in self._closed):
            raise self._denial(path)
        if path not in self._paths:
            raise self._missing(path)
        return self._paths[path]

    def is_empty(self, collection: Endpoint, folder: str) -> bool:
        self._note("empty", folder)
        return not any(path.startswith(folder) for path in self._paths)

    def mkdir(self, collection: Endpoint, folder: str) -> None:
        self._note("mkdir", folder)


def file(path: str, size: int = 1, **more: str) -> tuple[str, FileInfo]:
    return path, FileInfo(path.rpartition("/")[2], False, size, **{"type": "file", "permissions": "0644", **more})


def folder(path: str, permissions: str = "0755") -> tuple[str, FileInfo]:
    return path, FileInfo(path.rpartition("/")[2], True, 4096, "dir", permissions)


def looked(
    service: Any, *transfers: Transfer, jobs: int = 1, overwrite: bool = False, options: PreflightOptions | None = None
) -> tuple[Context, list[Finding]]:
    spec = TransferSpec(stage_in=transfers, working="w", overwrite=overwrite)
    context = connected(spec, service, count=jobs, options=options)
    return context, run(context, Paths(), Contents(), ReadOnly(), Size())


def brought(path: str, to: Location = NODE) -> Transfer:
    return Transfer(Location(SITE, path), to)


def codes(findings: Sequence[Finding], level: str = "warning") -> list[str]:
    return [one.code for one in findings if one.level == level]
