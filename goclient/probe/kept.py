"""Keep what probes of a queue have told in a file, for later checks, and the jobs of a probe that is not over."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Container, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from goclient.config.settings import SiteDirectory
from goclient.errors import EndpointError
from goclient.errors.findings import Finding
from goclient.errors.wording import pluralize, printable
from goclient.files.private import make_directory, replace
from goclient.probe.marks import Mark
from goclient.probe.nodes import Node, Problem

if TYPE_CHECKING:
    from goclient.services.panda.access import QueueSource

_MOST = 16 << 20  # bytes
_AGES = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


@dataclass(frozen=True, slots=True)
class Kept:
    """Nodes of a queue as they were seen last; ``jobs`` are those of a probe that was sent and is not over.

    ``mark`` is what those look for, or were to look for; ``site`` is the directory that the last mark has found.
    """

    nodes: tuple[Node, ...] = ()
    jobs: tuple[int, ...] = ()
    sent: float = 0.0  # seconds since 1970
    mark: Mark | None = None
    site: SiteDirectory | None = None


def file_of(source: QueueSource, queue: str) -> Path:
    """Return the file that keeps what is known of a queue of a server."""
    name = hashlib.sha256(f"{source.access.url}\0{queue}".encode()).hexdigest()[:16]
    return source.file.with_name(f"nodes-{name}.json")


def load(file: Path) -> Kept:
    """Return what is kept in a file; nothing if it is damaged, or is not there."""
    try:
        with open(file, encoding="utf-8") as opened:
            found = json.loads(opened.read(_MOST))
        nodes = tuple(Node(int(i), float(seen), dict(report), str(why)) for i, seen, report, why in found["nodes"])
        mark = Mark(**found["mark"]) if found.get("mark") else None
        return Kept(nodes, tuple(map(int, found["jobs"])), float(found["sent"]), mark, _read_site(found.get("site")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return Kept()


def store(file: Path, kept: Kept) -> None:
    """Write what is known to a file, whole or not at all; without it, a queue is probed again."""
    nodes = [(one.panda_id, one.seen, one.report, one.reason) for one in kept.nodes]
    with suppress(OSError):
        make_directory(file.parent)
        replace(file, json.dumps({**asdict(kept), "nodes": nodes}, default=str).encode())


def _read_site(found: list[Any] | None) -> SiteDirectory | None:
    if not found:
        return None
    collection, directory, node, seen = found
    return SiteDirectory(str(collection), PurePosixPath(directory), PurePosixPath(node), float(seen))


def judge(
    queue: str, nodes: Sequence[Node], *, wanted: Container[str] | None = None, needs: int = 0
) -> Iterator[Finding]:
    """Yield what carried jobs cannot do with on the nodes of a queue, or that all is well with them.

    Of servers those that are ``wanted`` count, None for all; ``needs``: the bytes that a job brings.  It is an error if
    it stops a job on every node.  Without ``wanted``, also yield the paths that several nodes share.
    """
    found: dict[Problem, list[Node]] = {}
    for node in nodes:
        for problem in dict.fromkeys(node.problems(wanted=wanted, needs=needs)):
            found.setdefault(problem, []).append(node)
    for problem, those in found.items():
        some = f"{len(those)} of {len(nodes)}, " if len(those) < len(nodes) else ""
        text = f"nodes of {queue} were last seen {problem.phrase} ({some}{ago(max(one.seen for one in those))})"
        error = EndpointError(printable(text), hint=problem.hint, code=problem.code, subject=queue)
        yield error.finding if problem.stops and not some else error.finding.as_warning()
    if nodes and not found:
        text = f"nodes of {queue} were last seen fit for carried jobs ({ago(max(one.seen for one in nodes))})"
        yield Finding("ok", "nodes", queue, printable(text))
    for (path, _), names in _places(nodes).items() if wanted is None else ():
        if len(names) > 1:
            text = f"{path} is one directory, which {len(names)} nodes of {queue} share"
            yield Finding("ok", "node-shared", path, printable(text))


def _places(nodes: Sequence[Node]) -> dict[tuple[str, str], set[str]]:
    """Return the names of the nodes that have the same directory under a path."""
    found: dict[tuple[str, str], set[str]] = {}
    for node in nodes:
        for place in node.marks():
            found.setdefault(place, set()).add(node.name)
    return found


def ago(seen: float) -> str:
    """Return how long ago a time is."""
    age = int(time.time() - seen)
    return next((f"{pluralize(age // size, unit)} ago" for size, unit in _AGES if age >= size), "just now")
