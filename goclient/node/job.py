"""One job on a worker node: bring its input, run its payload, take its output away."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from goclient.files.private import private
from goclient.model.endpoint import JOB
from goclient.model.plan import TransferTask
from goclient.node import payload
from goclient.node.engines.base import DIRECTORY, JobContext, TransferEngine
from goclient.node.transfers import transfer
from goclient.reporter.recording import RecordingReporter
from goclient.secrets import hidden

Opener = Callable[[str, int], int]


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


def run_job(job: NodeJob, context: JobContext, engines: Sequence[TransferEngine], log: JobLog) -> None:
    """Run a job; raise TransferFailed, PayloadError, or another error for what went wrong."""
    transfer([task for task in job.tasks if task.phase == "stage-in"], context, engines)
    program = job.program()
    context.heartbeat.change("running")
    context.reporter.progress("the payload runs")
    seconds = payload.run(
        program,
        job.arguments,
        directory=context.directory,
        env={**context.env, **job.variables},
        heartbeat=context.heartbeat,
    )
    context.reporter.progress(f"the payload ended well after {seconds:.1f} s")
    rest = [task for task in job.tasks if task.phase != "stage-in"]
    taken = {item.source for task in rest if task.source == JOB for item in task.items}
    copy = context.directory / job.log_name
    if job.log_name in taken and copy.name == job.log_name and not os.path.lexists(copy):
        log.write(copy, opener=payload.of_job)  # as far as it goes
    transfer(rest, context, engines)


@dataclass(frozen=True)
class JobLog:
    """Log of a job: the payload's output, and what was reported."""

    scratch: Path
    reporter: RecordingReporter

    def write(self, archive: Path, *, opener: Opener = private) -> None:
        """Write the log so far, a tar file; raise OSError."""
        text = "".join(f"{hidden(message.line)}\n" for message in self.reporter.messages)
        said = self.scratch / "pilot.log"
        with open(said, "wb", opener=private) as log:
            log.write(text.encode(errors="backslashreplace"))
        with open(archive, "wb", opener=opener) as file, tarfile.open(fileobj=file, mode="w:gz") as tar:
            for path in (said, self.scratch / DIRECTORY / payload.OUTPUT):
                if path.is_file() and not path.is_symlink():
                    tar.add(path, path.name)
