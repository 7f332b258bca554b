"""A payload is judged by its exit code and its output, however much that is, and is never run twice."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from goclient.errors import GoclientError
from goclient.journal import Entry
from goclient.node import payload
from goclient.node.engines.base import JobContext
from goclient.node.job_log import JobLog
from goclient.node.payload import PayloadError, has_ended_well
from goclient.reporter.recording import RecordingReporter
from tests.node.transfers import Beats, job_context

MUCH = 1 << 28  # bytes


@pytest.fixture
def context(tmp_path: Path) -> JobContext:
    return job_context(tmp_path / "scratch")


@contextmanager
def ran(context: JobContext, script: str) -> Iterator[JobLog]:
    """Run a script as the payload of a job; then run the body with the job's log."""
    assert isinstance(context.reporter, RecordingReporter)
    program = context.scratch / "run.sh"
    program.write_text(script)
    program.chmod(0o700)
    with closing(JobLog(context.scratch, context.directory, context.reporter)) as log, log.open_output() as output:
        payload.run(program, (), context, env=context.env, output=output)
        yield log


def run(context: JobContext, script: str) -> None:
    with ran(context, script):
        pass


OUTPUTS = [
    pytest.param("echo first; echo '!!FAILED!!7!!late'; echo end", 7, "late", id="a word of failure"),
    pytest.param("printf '!!FAILED!!7!!no end'", 7, "no end", id="without a line break"),
    pytest.param("printf '1 %%\\r2 %%\\r!!FAILED!!7!!after a bar'", 7, "after a bar", id="after a progress bar"),
    pytest.param("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo '!!FAILED!!7!!long'", 7, "long", id="a long line"),
    pytest.param("yes | head -c 1048574; printf '!!FAILED!!7!!cut'", 7, "cut", id="at the end of a piece"),
    pytest.param("echo '!!FAILED!!1!!one'; echo '!!FAILED!!2!!two'", 1, "one", id="the first of two"),
    pytest.param("echo 'is !!FAILED!!7!!not a word'; echo last; exit 3", 3, "last", id="not at the start"),
    pytest.param("printf 'last\\n \\n\\n'; exit 3", 3, "last", id="blank lines"),
    pytest.param("printf 'a\\rb'; exit 3", 3, '"b"', id="the last of a bar"),
    pytest.param("exit 3", 3, "it said nothing", id="nothing"),
    pytest.param("kill -9 $$", 137, "killed by signal 9", id="a signal"),
]


@pytest.mark.parametrize(("script", "status", "words"), OUTPUTS)
def test_a_failure_is_told_with_its_last_words(context: JobContext, script: str, status: int, words: str) -> None:
    with pytest.raises(PayloadError) as caught:
        run(context, f"#!/bin/sh\n{script}\n")
    assert caught.value.status == status
    assert words in caught.value.message
    last = context.journal.last("payload", "payload")
    assert last is not None
    assert (last.state, last.detail) == ("failed", caught.value.message)


def test_a_payload_that_has_ended_well_is_not_run_again(context: JobContext) -> None:
    assert not has_ended_well(context.journal)
    run(context, "#!/bin/sh\n")
    assert has_ended_well(context.journal)


@pytest.mark.parametrize("state", ["intended", "failed"])
def test_a_payload_that_was_started_once_is_never_run_again(context: JobContext, state: str) -> None:
    context.journal.append(Entry("payload", "payload", state))
    with pytest.raises(PayloadError, match="was started by a pilot that died before its end"):
        has_ended_well(context.journal)


@pytest.mark.conformance  # it takes long
def test_much_output_costs_no_heartbeat(context: JobContext, tmp_path: Path) -> None:
    """Neither when it is read nor when it is put into the log."""
    times: list[float] = []
    context = replace(context, heartbeat=Beats(lambda: times.append(time.monotonic())))
    with ran(context, f"#!{sys.executable}\nimport os; os.truncate(1, {MUCH})\n") as log:
        log.write(tmp_path / "log.tgz", heartbeat=context.heartbeat)
    assert max(later - earlier for earlier, later in pairwise(times)) < 5
    assert len(times) > 2 * MUCH / (1 << 20)


def test_what_the_heartbeat_raises_ends_the_payload_and_its_daemons(context: JobContext) -> None:
    class Killed(GoclientError):
        pass

    def kill() -> None:
        raise Killed("the server told the pilot to stop the job")

    context = replace(context, heartbeat=Beats(kill))
    with pytest.raises(Killed):
        run(context, "#!/bin/sh\necho $$ > main; setsid sleep 1000 & echo $! > daemon; wait\n")
    numbers = [(context.directory / name).read_text().strip() for name in ("main", "daemon")]
    assert not [number for number in numbers if Path(f"/proc/{number}").exists()]


def test_a_thread_may_run_beside_a_payload(context: JobContext) -> None:
    """A pilot has threads that report waits: none of them keeps a lifeline open, or gets a signal raised."""
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    run(context, f"#!{sys.executable}\nprint('x')\n")
    stop.set()
    thread.join()
