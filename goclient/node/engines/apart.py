"""Copies on the node, in a process of their own: it has none of the pilot's credentials and open files."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from goclient.errors import EndpointError, GoclientError, RequestError, quoted, raise_all
from goclient.model.endpoint import JOB, NODE
from goclient.model.plan import TransferItem, TransferTask
from goclient.node.engines.local import Copier
from goclient.node.environment import clean_environment
from goclient.node.payload import LOOK_EVERY, end
from goclient.node.signals import uninterrupted

CLEAN_UP = 30.0  # seconds to remove the part of a large file, which a busy disk may take
_BEAT = b"."  # written by the child for each piece that was copied; its answer, a JSON document, comes last
_KINDS = {kind.__name__: kind for kind in (EndpointError, RequestError, GoclientError)}


def carry_apart(
    task: TransferTask, *, folder: Path, overwrite: bool, own: Sequence[str], beat: Callable[[], None]
) -> int:
    """Return how many files of a task were copied; raise what :class:`Copier` does.

    ``beat`` is called now and then; what it raises ends the copy.
    """
    ends = {"source": task.source == JOB, "destination": task.destination == JOB}  # or else on the node
    order = json.dumps(
        {
            "phase": task.phase,
            "items": task.items,
            "ends": ends,
            "folder": str(folder),
            "overwrite": overwrite,
            "own": own,
        }
    )
    process = None
    try:
        with uninterrupted():
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__],  # -P: no module of the folder that it runs in
                cwd="/",
                env={**clean_environment(os.environ), "PYTHONPATH": os.pathsep.join(sys.path)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        text = _answer(process, order.encode(), beat)
    finally:
        if process is not None:
            with uninterrupted():
                end(process, within=CLEAN_UP)
    return _copied(text)


def _answer(process: subprocess.Popen[bytes], order: bytes, beat: Callable[[], None]) -> bytes:
    """Return what the child has written when it has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError), process.stdin:
        process.stdin.write(order)
    written = b""
    with process.stdout:
        while True:
            beat()
            ready, _, _ = select.select([process.stdout], [], [], LOOK_EVERY)
            if ready:
                piece = os.read(process.stdout.fileno(), 1 << 16)
                if not piece:
                    break
                written = (written + piece).lstrip(_BEAT)
    process.wait()
    return written


def _copied(text: bytes) -> int:
    """Return the number in the child's answer; raise the errors in it."""
    try:
        answer = json.loads(text)
    except ValueError:
        said = quoted(text.decode(errors="replace")[-200:].strip())
        raise EndpointError(f"the copy was ended: {said}", hint="see the pilot's log", code="copy") from None
    raise_all(_KINDS[kind](message, **words) for kind, message, words in answer["errors"])
    return int(answer["copied"])


def main() -> None:
    """Carry out the order that is read from stdin, and write what came of it to stdout."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no part of a file stays
    order = json.load(sys.stdin)
    items = tuple(TransferItem(*item) for item in order["items"])
    source, destination = (JOB if order["ends"][end] else NODE for end in ("source", "destination"))
    copier = Copier(
        Path(order["folder"]), overwrite=order["overwrite"], own=order["own"], beat=lambda: _write(_BEAT)
    )  # fmt: skip
    copied, errors = 0, tuple[GoclientError, ...]()
    try:
        copied = copier.carry(TransferTask(order["phase"], source, destination, items))
    except GoclientError as error:
        errors = error.parts
    except Exception as error:
        errors = (GoclientError(f"unexpected {type(error).__name__}: {error}"),)
    told = [
        (type(one).__name__, one.message, {"hint": one.hint, "code": one.code, "subject": one.subject})
        for one in errors
    ]
    _write(json.dumps({"copied": copied, "errors": told}).encode())


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    main()
