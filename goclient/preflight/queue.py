"""Check of a job's queue: does the server know it, does it run jobs, has it room for their input?

The list of all queues is kept for an hour, in a file that only the user reads; what is wrong by it is asked again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from goclient.errors import GoclientError, RequestError, ServerError
from goclient.errors.findings import Finding
from goclient.errors.wording import quote
from goclient.files.private import make_directory, replace
from goclient.model.nearest import nearest
from goclient.preflight.base import Check, Context
from goclient.preflight.misspelt import hint_of_near, list_first
from goclient.services.deadline import Background
from goclient.services.panda.access import Queue

if TYPE_CHECKING:
    from goclient.reporter.base import Reporter
    from goclient.services.panda.access import QueueSource

SHARE = 0.9  # of the time, for the server: the queues that it told before are read in the rest
KEPT, NEW = 3600.0, 300.0  # seconds; what is wrong by a list that is not new may be mended meanwhile
MAX_FILE = 16 << 20  # bytes
MB = 1 << 20

# What a status means for jobs that name their queue (server 1.0.4; pilots end at an offline queue).
_MEANINGS = {
    "offline": "it runs no jobs",
    "test": "it runs jobs with --prodSourceLabel=test only",
    "brokeroff": "the server sends it no new jobs by itself, and runs those that name it",
    "paused": "it starts no new jobs now",
}
_TEST = "test"  # a status, and the prodSourceLabel of the jobs that run there


class Queues(NamedTuple):
    """Queues by name; ``outdated`` is why these are old ones, if they are."""

    known: Mapping[str, Queue]
    outdated: str = ""


class QueueState(Check):
    """Ask the PanDA server for its queues, beside other checks, and judge those that a job names."""

    def __init__(self) -> None:
        self._asked: Background[Queues] | None = None

    def start(self, context: Context) -> None:
        """Ask for the queues, if the job names any."""
        names, seconds = context.job.queues, context.options.seconds
        if names and context.queues is not None:
            self._asked = Background(partial(_ask, context.queues, names, seconds, context.reporter))

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield what is found of each queue, and a warning if that is not known, or outdated."""
        if self._asked is None:
            return
        names = context.job.queues
        unknown = f"whether there is a queue {' or '.join(map(quote, names))} is not known"
        hint = "look at the name: the server takes any"
        try:
            queues = self._asked.result(context.deadline.left)
        except (TimeoutError, ServerError) as error:
            why = error.message if isinstance(error, ServerError) else "the PanDA server has not answered in time"
            yield Finding("warning", "queue-unchecked", names[0], f"{unknown}: {why}", hint)
        except GoclientError as error:
            yield from error.findings
        else:
            yield from judge_queues(queues, names, label=context.job.label, input_size=context.input_size)


def _ask(source: Callable[[], QueueSource], names: Sequence[str], seconds: float, reporter: Reporter) -> Queues:
    where = source()
    with reporter.waiting(f"the PanDA server {where.access.url}", seconds):
        return fetch_queues(where, names, seconds * SHARE)


def fetch_queues(source: QueueSource, wanted: Sequence[str], seconds: float) -> Queues:
    """Return the queues: those that were kept, if all is well with the wanted ones; raise ServerError."""
    kept, age = _load(source)
    if all(one in kept and 0 <= age < (KEPT if kept[one].status == "online" else NEW) for one in wanted):
        return Queues(kept)
    from goclient.services.panda.queues import fetch  # requests, which the kept ones do not need

    try:
        found = fetch(source.access, seconds)
    except ServerError as error:
        if not kept:
            raise
        return Queues(kept, outdated=error.message)
    _keep(source, found)
    return Queues(found)


def judge_queues(queues: Queues, names: Sequence[str], *, label: str, input_size: int) -> Iterator[Finding]:
    """Yield what is found of the queues that jobs of a label name; ``input_size``: the bytes that one job brings.

    By outdated ones nothing is an error.
    """
    for name in names:
        for one in _judge(queues.known, name, label, input_size):
            yield one.as_warning() if queues.outdated else one
    if queues.outdated:
        message = f"{queues.outdated}; checked against what it told before"
        yield Finding("warning", "queue-unchecked", names[0], message, "type the command again later")


def check_pilot_queue(source: QueueSource, name: str, reporter: Reporter) -> None:
    """Raise UnknownQueue for a pilot's queue that the server does not have; warn of what else is wrong with it."""
    try:
        queues = fetch_queues(source, [name], source.access.answer_timeout)
    except ServerError as error:
        reporter.warning(f"whether there is a queue {quote(name)} is not known: {error.message}")
        return
    if name not in queues.known and not queues.outdated:
        raise UnknownQueue(name, queues.known)
    for finding in judge_queues(queues, [name], label="user", input_size=0):
        if finding.level == "warning":
            reporter.warning(finding.message, finding.hint)


class UnknownQueue(RequestError):
    """A queue that the PanDA server does not have; ``known`` are those that it has."""

    code = "queue-unknown"

    def __init__(self, name: str, known: Mapping[str, Queue]) -> None:
        message = f"the PanDA server has no queue {quote(name)}"
        super().__init__(message, hint=hint_of_near(name, known) or f"it has {list_first(known)}", subject=name)


def _judge(known: Mapping[str, Queue], name: str, label: str, input_size: int) -> list[Finding]:
    queue = known.get(name)
    if queue is None:
        return [UnknownQueue(name, known).finding]
    found = []
    if queue.status != "online" and not (queue.status == label == _TEST):
        meaning = _MEANINGS.get(queue.status, "it may run no jobs")
        message = f"the queue {quote(name)} is {queue.status or 'of no status'}: {meaning}"
        online = [one for one, of in known.items() if of.status == "online"]
        hint = (
            f"online: {list_first(nearest(name, online) or online)}" if online else "no queue of that server is online"
        )
        found.append(Finding("warning", "queue-status", name, message, hint))
    if queue.megabytes and input_size > queue.megabytes * MB:
        message = f"one job brings {input_size} bytes, and has {queue.megabytes} MB at {quote(name)} (maxwdir)"
        found.append(Finding("warning", "queue-space", name, message, "bring less in each job, or name another queue"))
    return found or [Finding("ok", "queue", name, f"the queue {name} is {queue.status}")]


# --- what is kept ---


def _load(source: QueueSource) -> tuple[dict[str, Queue], float]:
    """Return the queues in the file and their age in seconds; no queues if it is damaged, or of another server."""
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
