"""One job on a worker node: bring its input, run its payload, take its output away.

A job is run by replaying its journal: what the journal says is done is not done again, and a job that a pilot has
left behind goes on where its journal ends.  A new job has an empty one.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from goclient.model.endpoint import JOB
from goclient.model.plan import TransferTask
from goclient.node import payload
from goclient.node.engines.base import Heartbeat, JobContext, TransferEngine
from goclient.node.outputs import check_outputs
from goclient.node.signals import hold
from goclient.node.transfers import Transfers


@dataclass(frozen=True)
class NodeJob:
    """A job to do: its transfers, and its payload.

    ``program`` gives the file to run, once the input is there; ``variables`` are what the payload's environment has
    beside the context's.  ``log_name`` is the name that the job's log has, if it is to be taken away with the output.
    """

    tasks: tuple[TransferTask, ...]
    program: Callable[[], Path]
    arguments: tuple[str, ...]
    variables: Mapping[str, str]
    log_name: str


class Log(Protocol):
    """Log of a job; it has the payload's output."""

    @abstractmethod
    def open_output(self) -> IO[bytes]:
        """Return the file of the payload's output, which is made; raise PayloadError if something has its name."""

    @abstractmethod
    def write(self, archive: Path, *, opener: Callable[[str, int], int], heartbeat: Heartbeat) -> None:
        """Write the log so far, a tar file; raise OSError."""


def run_job(job: NodeJob, context: JobContext, engines: Sequence[TransferEngine], log: Log) -> None:
    """Run a job, or the rest of it; raise TransferFailed, PayloadError, or another error for what went wrong.

    A signal that comes once everything is delivered changes nothing: the job has done its work.
    """
    transfers = Transfers(job.tasks, context, engines)
    if not payload.has_ended_well(context.journal):
        transfers.check_ahead()
        transfers.bring()
        program = job.program()
        context.heartbeat.change("running")
        context.reporter.progress("the payload runs")
        env = {**context.env, **job.variables}
        payload.run(program, job.arguments, context, env=env, output=log.open_output())
    rest = [task for task in job.tasks if task.phase != "stage-in"]
    taken = {item.source for task in rest if task.source == JOB for item in task.items}
    copy = context.directory / job.log_name
    if job.log_name in taken and copy.name == job.log_name and not os.path.lexists(copy):
        log.write(copy, opener=payload.of_job, heartbeat=context.heartbeat)  # as far as it goes
    outputs = check_outputs(rest, context.directory)
    transfers.take()
    outputs.check_unchanged()
    transfers.deliver()
    hold()
