"""Engine for copies on the node: in a process of its own, without credentials and open files of the pilot."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from goclient.errors import EndpointError, GoclientError, RequestError, raise_all
from goclient.errors.conditions import NotADirectory, PathExists, PathNotFound
from goclient.errors.wording import quoted
from goclient.model.endpoint import JOB, NODE
from goclient.model.plan import TransferItem, TransferTask
from goclient.node.engines.base import Heartbeat, JobContext, Transferred
from goclient.node.engines.copier import Copier, CopyEngine
from goclient.node.keeper import Command, keep
from goclient.node.payload import HEARTBEAT_EVERY
from goclient.node.signals import uninterrupted

CLEAN_UP = 30.0  # seconds to remove the part of a large file, which a busy disk may take
_HEARTBEAT = b"."  # written by the child for each piece that was copied; its answer, a JSON document, comes last
_KINDS = {
    kind.__name__: kind
    for kind in (NotADirectory, PathExists, PathNotFound, EndpointError, RequestError, GoclientError)
}
# -P: no module of the directory that it runs in (Python 3.11); that is /, which only root can write to.
_OPTIONS = ["-P"] if sys.version_info >= (3, 11) else []


class LocalEngine(CopyEngine):
    """Carry out copies between the node's files and the job's directory, as :class:`Copier` does, in a child."""

    def __init__(self, job: JobContext, *, own: Sequence[str]) -> None:
        self._job = job
        self._own = (*own, str(job.scratch))

    def run(self, task: TransferTask) -> Transferred:
        """Copy the items; raise what :class:`Copier` does, or what the heartbeat does, which ends the copy."""
        order = {
            "phase": task.phase,
            "from_job": task.source == JOB,
            "to_job": task.destination == JOB,
            "items": task.items,
            "directory": str(self._job.directory),
            "overwrite": self._job.overwrite,
            "own": self._own,
        }
        reading, writing = os.pipe()
        with open(reading, "rb", buffering=0) as answers, tempfile.TemporaryFile() as asked:
            asked.write(json.dumps(order).encode())
            asked.seek(0)
            words = [sys.executable, *_OPTIONS, "-m", __name__]
            env = {**self._job.env, "PYTHONPATH": os.pathsep.join(sys.path)}
            command = Command(words, Path("/"), env, writing, stdin=asked.fileno())
            with open(writing, "wb") as ours, keep(command, f"copier {task.phase}", self._job.journal) as process:
                ours.close()
                try:
                    text = self._answer(answers)
                finally:
                    with uninterrupted():
                        process.end(within=CLEAN_UP)
        try:
            answer = json.loads(text)
        except ValueError:
            last = quoted(text.decode(errors="replace")[-200:].strip())
            raise EndpointError(f"the copy was ended: {last}", hint="see the pilot's log", code="copy") from None
        raise_all(_KINDS.get(kind, GoclientError)(message, **words) for kind, message, words in answer["errors"])
        return Transferred(answer["files"], answer["bytes"])

    def _answer(self, answers: IO[bytes]) -> bytes:
        """Return what the child has written when it has ended."""
        written = b""
        while True:
            self._job.heartbeat.send()
            ready, _, _ = select.select([answers], [], [], HEARTBEAT_EVERY)
            if ready:
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
