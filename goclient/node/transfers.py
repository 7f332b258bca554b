"""Transfers of one phase of a job: each task is carried out by the engine that knows its ends."""

from __future__ import annotations

from collections.abc import Sequence

from goclient.errors import GoclientError, TransferFailed
from goclient.errors.wording import counted
from goclient.model.plan import TransferTask
from goclient.node.engines.base import JobContext, TransferEngine, choose


def transfer(tasks: Sequence[TransferTask], context: JobContext, engines: Sequence[TransferEngine]) -> None:
    """Carry out tasks; raise TransferFailed with the phase of what went wrong."""
    for task in tasks:
        try:
            done = choose(engines, task).run(task)
        except GoclientError as error:
            raise TransferFailed(task.phase, error) from error
        context.reporter.progress(f"{task.phase}: {counted(done.files, 'file')}, {counted(done.bytes, 'byte')}")
