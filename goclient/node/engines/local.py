"""Engine for copies on the node: in a process of its own, without credentials and open files of the pilot."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import IO

from goclient.errors import EndpointError, GoclientError, RequestError, raise_all
from goclient.errors.conditions import NotADirectory, PathExists, PathNotFound
from goclient.errors.wording import quote
from goclient.model.endpoint import JOB, NODE
from goclient.model.plan import TransferItem, TransferTask
from goclient.node.delivery import Delivery
from goclient.node.engines.background import LATE, note_steps
from goclient.node.engines.base import Heartbeat, JobContext, Steps, TransferEngine, Transferred, Transport
from goclient.node.engines.copier import Copier
from goclient.node.keeper import Command, keep
from goclient.node.node_store import NodeStore
from goclient.node.signals import defer_signals
from goclient.services.retry import pauses

POLL = (0.01, 1.0)  # seconds between looks at what the child says: at first, and at most
CLEAN_UP = 30.0  # seconds to remove the part of a large file, which a busy disk may take
_HEARTBEAT = b"."  # written by the child for each piece that was copied; its answer, a JSON document, comes last
_KINDS = {
    kind.__name__: kind
    for kind in (NotADirectory, PathExists, PathNotFound, EndpointError, RequestError, GoclientError)
}
# -P: no module of the directory that it runs in (Python 3.11); that is /, which only root can write to.
_OPTIONS = ["-P"] if sys.version_info >= (3, 11) else []


class LocalEngine(TransferEngine):
    """Carry out copies between the node's files and the job's directory, as :class:`Copier` does, in a child.

    ``modules`` gives where the child finds goclient's own: as here, unless a payload can change that.
    """

    def __init__(self, job: JobContext, modules: Callable[[], str] = lambda: os.pathsep.join(sys.path)) -> None:
        self.job = job
        self.modules = modules
        self.store = NodeStore()

    def can_run(self, task: TransferTask) -> bool:
        """Return True for a copy on the node."""
        return {task.source, task.destination} in ({JOB, NODE}, {NODE})

    def start(self, task: TransferTask, label: str) -> Transport:
        """Return how a task is carried out; nothing is read yet."""
        return _Transport(self, task, label)


class _Transport(Transport):
    """A copy on its way: a child makes it, and then its files get their names."""

    def __init__(self, engine: LocalEngine, task: TransferTask, label: str) -> None:
        self._engine = engine
        self._task = task
        self._label = label
        self._delivery = Delivery(engine.store, engine.job, task.items) if task.destination == NODE else None

    def check_ahead(self) -> None:
        """List the destinations of the items, if they are not in the job's directory."""
        if self._delivery is not None:
            self._delivery.check()

    def steps(self) -> Steps:
        """Copy the items; raise what :class:`Copier` does.  What ends this ends the copy."""
        job = self._engine.job
        if (done := Transferred.find(job.journal, self._label)) is not None:
            return done
        items = self._task.items if self._delivery is None else self._delivery.begin()
        yield 0.0  # nothing is copied until all tasks of the phase are checked
        return (yield from note_steps(job, self._label, self._copy(items), way="on the node"))

    def deliver(self) -> None:
        """Give the files their names, if they are not in the job's directory."""
        if self._delivery is not None:
            self._delivery.place(patience=0.0)

    def _copy(self, items: Sequence[TransferItem]) -> Steps:
        """Have a child copy the items; raise what it raises."""
        task, job = self._task, self._engine.job
        order = {
            "phase": task.phase,
            "from_job": task.source == JOB,
            "to_job": task.destination == JOB,
            "items": items,
            "directory": str(job.directory),
            "overwrite": job.overwrite or self._delivery is not None,  # of what this attempt alone has
            "own": (*job.own, str(job.scratch)),
        }
        reading, writing = os.pipe()
        with open(reading, "rb", buffering=0) as answers, tempfile.TemporaryFile() as asked:
            asked.write(json.dumps(order).encode())
            asked.seek(0)
            words = [sys.executable, *_OPTIONS, "-m", __name__]
            env = {**job.env, "PYTHONPATH": self._engine.modules()}
            command = Command(words, Path("/"), env, writing, stdin=asked.fileno())
            with open(writing, "wb") as ours, keep(command, f"copier {self._label}", job.journal) as process:
                ours.close()
                try:
                    text = yield from self._answer(answers)
                finally:
                    with defer_signals():
                        process.end(within=CLEAN_UP)
        try:
            answer = json.loads(text)
        except ValueError:
            last = quote(text.decode(errors="replace")[-200:].strip())
            raise EndpointError(f"the copy was ended: {last}", hint="see the pilot's log", code="copy") from None
        raise_all(_KINDS.get(kind, GoclientError)(message, **words) for kind, message, words in answer["errors"])
        return Transferred(answer["files"], answer["bytes"])

    def _answer(self, answers: IO[bytes]) -> Generator[float, None, bytes]:
        """Return what the child has written when it has ended."""
        written, pace = b"", pauses(*POLL, factor=LATE)
        while True:
            ready, _, _ = select.select([answers], [], [], 0.0)
            if not ready:
                yield next(pace)
                continue
            piece = answers.read(1 << 16)
            if not piece:
                return written
            written = (written + piece).lstrip(_HEARTBEAT)


class _Pipe(Heartbeat):
    """Heartbeat of the child, which its parent reads."""

    def send(self) -> None:
        _write(_HEARTBEAT)


def main() -> None:
    """Carry out the order that is read from stdin, and write the result to stdout."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no part of a file stays
    order = json.load(sys.stdin)
    items = tuple(TransferItem(*item) for item in order["items"])
    task = TransferTask(
        order["phase"], JOB if order["from_job"] else NODE, JOB if order["to_job"] else NODE, items
    )  # fmt: skip
    copier = Copier(Path(order["directory"]), overwrite=order["overwrite"], own=order["own"], heartbeat=_Pipe())
    done, failures = Transferred(0, 0), tuple[GoclientError, ...]()
    try:
        done = copier.run(task)
    except GoclientError as error:
        failures = error.parts
    except Exception as error:
        failures = (GoclientError(f"unexpected {type(error).__name__}: {error}"),)
    told = [
        (type(one).__name__, one.message, {"hint": one.hint, "code": one.code, "subject": one.subject})
        for one in failures
    ]
    _write(json.dumps({"files": done.files, "bytes": done.bytes, "errors": told}).encode())


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    main()
