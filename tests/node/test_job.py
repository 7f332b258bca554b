"""A job is run by replaying its journal: what is done is not done again, and the rest is."""

from __future__ import annotations

import tarfile
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from goclient.errors import TransferFailed
from goclient.journal import Journal
from goclient.model.endpoint import JOB, NODE
from goclient.model.plan import TransferItem, TransferTask
from goclient.node.engines.base import JobContext
from goclient.node.engines.local import LocalEngine
from goclient.node.job import NodeJob, run_job
from goclient.node.job_log import JobLog
from goclient.node.payload import PAYLOAD, PayloadError
from goclient.node.signals import interruptible
from goclient.reporter.recording import RecordingReporter
from tests.node.transfers import job_context

SCRIPT = '#!/bin/sh\ncat input > made\necho "$1 $NAME"\n'


@dataclass
class Job:
    """A job that copies a file in and two out, one of them its log, and counts how often its payload is fetched."""

    context: JobContext
    data: Path
    fetched: list[Path] = field(default_factory=list)

    def run(self) -> None:
        """Run the job as a pilot does, which knows nothing but what is on disk."""
        assert isinstance(self.context.reporter, RecordingReporter)
        vars(self.context.journal).update(vars(Journal(self.context.journal.path)))
        log = JobLog(self.context.scratch, self.context.directory, self.context.reporter)
        with closing(log), interruptible():
            run_job(self.job, self.context, [LocalEngine(self.context)], log)

    @property
    def job(self) -> NodeJob:
        into = TransferTask("stage-in", NODE, JOB, (TransferItem(f"{self.data}/input", "input", False),))
        out = [TransferItem(name, f"{self.data}/out/{name}", False) for name in ("made", "job.log.tgz")]
        tasks = (into, TransferTask("output", JOB, NODE, tuple(out)))
        return NodeJob(tasks, self.fetch, ("word",), {"NAME": "value"}, "job.log.tgz")

    def fetch(self) -> Path:
        program = self.context.scratch / "run.sh"
        program.write_text(SCRIPT)
        program.chmod(0o700)
        self.fetched.append(program)
        return program

    @property
    def made(self) -> str:
        return (self.data / "out" / "made").read_text()


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "input").write_text("in")
    return Job(job_context(tmp_path / "scratch"), tmp_path / "data")


def test_input_comes_payload_runs_and_output_goes_with_the_log(job: Job) -> None:
    job.run()
    assert job.made == "in"
    with tarfile.open(job.data / "out" / "job.log.tgz") as log:
        assert log.extractfile("job.out").read() == b"word value\n"  # type: ignore[union-attr]


def test_a_job_that_is_done_is_not_done_again(job: Job) -> None:
    job.run()
    before = (job.data / "out" / "made").stat()
    job.run()
    assert (job.data / "out" / "made").stat() == before
    assert len(job.fetched) == 1


def test_a_job_whose_payload_has_ended_well_goes_on_with_its_output(job: Job) -> None:
    (job.context.directory / "made").write_text("before")
    for state in ("intended", "done"):
        job.context.journal.append(PAYLOAD.then(state))
    job.run()
    assert (job.made, job.fetched) == ("before", [])


def test_a_payload_that_was_running_is_not_run_again(job: Job) -> None:
    job.context.journal.append(PAYLOAD.then("intended"))
    with pytest.raises(PayloadError, match="was started by a pilot that died"):
        job.run()
    assert job.fetched == []


def test_a_file_that_changes_while_it_is_taken_gets_no_name(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def take(transfers: object) -> None:
        (job.context.directory / "made").write_text("changed")

    monkeypatch.setattr("goclient.node.transfers.Transfers.take", take)
    with pytest.raises(TransferFailed, match='output: "made": it changed while it was taken away'):
        job.run()
    assert not (job.data / "out" / "made").exists()
