"""The check of a job's queue: does the server know it, does it run jobs, has it room for their input?

The list of all queues is kept for an hour, in a file that only the user reads; what is wrong by it is asked again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from goclient.errors import Finding, RequestError, ServerError, quoted
from goclient.files.private import make_directory, replace
from goclient.model.queue import Queue
from goclient.preflight.listings import nearest

if TYPE_CHECKING:
    from goclient.services.panda.access import QueueSource

KEPT, NEW = 3600.0, 300.0  # seconds; what is wrong by a list that is not new may be mended meanwhile
MAX_FILE = 16 << 20  # bytes
MB = 1 << 20
SHOWN = 8  # names of queues

# What a status means for jobs that name their queue (server 1.0.4; pilots end at an offline queue).
_MEANINGS = {
    "offline": "it runs no jobs",
    "test": "it runs jobs with --prodSourceLabel=test only",
    "brokeroff": "the server sends it no new jobs by itself, and runs those that name it",
    "paused": "it starts no new jobs now",
}
_TEST = "test"  # a status, and the prodSourceLabel of the jobs that run there


@dataclass(frozen=True, slots=True)
class Queues:
    """The queues by name; ``doubt`` is why these are old ones, if they are."""

    known: Mapping[str, Queue]
    doubt: str = ""


def queues(source: QueueSource, wanted: Sequence[str], seconds: float) -> Queues:
    """Return the queues: those that were kept, if all is well with the wanted ones; raise QueuesUnknown."""
    kept, age = _kept(source)
    if all(one in kept and 0 <= age < (KEPT if kept[one].status == "online" else NEW) for one in wanted):
        return Queues(kept)
    from goclient.services.panda.queues import fetch  # requests, which the kept ones do not need

    try:
        found = fetch(source.access, seconds)
    except ServerError as error:
        if not kept:
            raise
        return Queues(kept, error.message)
    _keep(source, found)
    return Queues(found)


def judged(queues: Queues, names: Sequence[str], *, label: str, largest: int) -> list[Finding]:
    """Return what is found of the queues that jobs of a label name; ``largest``: the bytes that one job brings."""
    found = [finding for name in names for finding in _judged(queues, name, label, largest)]
    if not queues.doubt:
        return found
    message = f"{queues.doubt}; what it told before counts"
    hint = "type the command again later"
    return [*map(_softened, found), Finding("warning", "queue-unchecked", names[0], message, hint)]


def unchecked(names: Sequence[str], why: str) -> list[Finding]:
    """Return the warning of queues that could not be looked at."""
    message = f"whether there is a queue {' or '.join(map(quoted, names))} is not known: {why}"
    return [Finding("warning", "queue-unchecked", names[0], message, "look at the name: the server takes any")]


def _judged(queues: Queues, name: str, label: str, largest: int) -> list[Finding]:
    queue = queues.known.get(name)
    if queue is None:
        message = f"the PanDA server has no queue {quoted(name)}"
        near = nearest(name, queues.known)
        hint = f"did you mean {' or '.join(map(quoted, near))}?" if near else f"it has {_listed(list(queues.known))}"
        error = RequestError(message, hint=hint, code="queue-unknown", subject=name)
        return [error.finding]
    found = []
    if queue.status != "online" and not (queue.status == label == _TEST):
        meaning = _MEANINGS.get(queue.status, "it may run no jobs")
        message = f"the queue {quoted(name)} is {queue.status or 'of no status'}: {meaning}"
        online = [one for one, of in queues.known.items() if of.status == "online"]
        hint = f"online: {_listed(nearest(name, online) or online)}" if online else "no queue of that server is online"
        found.append(Finding("warning", "queue-status", name, message, hint))
    if queue.megabytes and largest > queue.megabytes * MB:
        message = f"one job brings {largest} bytes, and has {queue.megabytes} MB at {quoted(name)} (maxwdir)"
        found.append(Finding("warning", "queue-space", name, message, "bring less in each job, or name another queue"))
    return found or [Finding("ok", "queue", name, f"the queue {name} is {queue.status}")]


def _softened(finding: Finding) -> Finding:
    """The finding as a warning: what was known before is no reason to stop."""
    return finding.as_warning()


def _listed(names: Sequence[str]) -> str:
    more = f", and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(sorted(names)[:SHOWN])}{more}"


# --- what is kept ---


def _kept(source: QueueSource) -> tuple[dict[str, Queue], float]:
    """The queues in the file and their age in seconds; none if there are none, of that server, that can be read."""
    try:
        with open(source.file, encoding="utf-8") as file:
            document = json.loads(file.read(MAX_FILE))
        if document["server"] != source.access.url:
            return {}, 0.0
        queues = {str(name): Queue(str(status), int(size)) for name, (status, size) in document["queues"].items()}
        return queues, time.time() - float(document["time"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return {}, 0.0


def _keep(source: QueueSource, found: Mapping[str, Queue]) -> None:
    """Write the queues to the file, whole or not at all; without it they are asked for again."""
    queues = {name: (one.status, one.megabytes) for name, one in found.items()}
    text = json.dumps({"server": source.access.url, "time": time.time(), "queues": queues})
    with suppress(OSError):
        make_directory(source.file.parent)
        replace(source.file, text.encode())
