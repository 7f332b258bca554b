"""The log of a job is what was written, however much that is and whatever takes its names."""

from __future__ import annotations

import os
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from goclient.node.engines.base import JobContext
from goclient.node.job_log import JobLog
from goclient.reporter.recording import RecordingReporter
from tests.node.test_payload import ran, run
from tests.node.transfers import job_context


@pytest.fixture
def context(tmp_path: Path) -> JobContext:
    return job_context(tmp_path / "scratch")


def another_log(context: JobContext, archive: Path) -> dict[str, bytes]:
    """The log that another pilot writes, which takes the job over."""
    reporter = RecordingReporter()
    with closing(JobLog(context.scratch, context.directory, reporter)) as log:
        reporter.progress("said by another pilot")
        log.write(archive)
    return members(archive)


def members(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {name: tar.extractfile(name).read() for name in tar.getnames()}  # type: ignore[union-attr]


def test_a_log_has_the_end_of_very_much_output(
    context: JobContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goclient.node.job_log.MOST", 4096)
    with ran(context, "#!/bin/sh\nhead -c 10000 /dev/zero\nprintf end\n") as log:
        log.write(tmp_path / "log.tgz")
    found = members(tmp_path / "log.tgz")
    assert found["job.out"] == bytes(4093) + b"end"
    assert b"job.out has 10003 bytes, of which the log has the last 4096" in found["pilot.log"]


TRICKS = {
    "pipe": "mkfifo job.out ../pilot.log",
    "link": "ln -s /etc/passwd job.out; ln -s /etc/passwd ../pilot.log",
    "directory": "mkdir job.out ../pilot.log",
    "device": "mknod job.out c 1 5; mknod ../pilot.log c 1 5",
}


@pytest.mark.parametrize("trick", TRICKS)
def test_the_log_is_what_was_written_whatever_takes_its_names(context: JobContext, tmp_path: Path, trick: str) -> None:
    if trick == "device" and os.geteuid() != 0:
        pytest.skip("only root can make a device")
    with ran(context, f"#!/bin/sh\necho said; rm -f job.out ../pilot.log; {TRICKS[trick]}\n") as log:
        context.reporter.progress("after it")
        log.write(tmp_path / "log.tgz")
    found = members(tmp_path / "log.tgz")
    assert found["job.out"] == b"said\n"
    assert b"the payload ended well" in found["pilot.log"]
    assert b"after it" in found["pilot.log"]


@pytest.mark.parametrize("trick", TRICKS)
def test_another_pilot_s_log_waits_for_no_pipe(context: JobContext, tmp_path: Path, trick: str) -> None:
    if trick == "device" and os.geteuid() != 0:
        pytest.skip("only root can make a device")
    run(context, f"#!/bin/sh\nrm -f job.out ../pilot.log; {TRICKS[trick]}\n")
    found = another_log(context, tmp_path / "log.tgz")
    assert list(found) == ["pilot.log"]
    assert found["pilot.log"].endswith(b"said by another pilot\n")


def test_a_log_goes_on_where_another_pilot_was_killed(context: JobContext, tmp_path: Path) -> None:
    run(context, "#!/bin/sh\necho said\n")
    found = another_log(context, tmp_path / "log.tgz")
    assert found["job.out"] == b"said\n"
    assert [line.split(b" ", 2)[2][:8] for line in found["pilot.log"].splitlines()] == [b"the payl", b"said by "]
