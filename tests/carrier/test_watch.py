"""A carrier sees that the process which the site had started is gone, and that nobody reads its output."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import TIMEOUT

TOP = Path(__file__).parents[2]
LOOK = f"""
import sys; sys.path.insert(0, {str(TOP)!r})
from goclient.carrier.watch import Above
above = Above()
for _ in sys.stdin:
    print(above.fault() or "all are there", file=sys.stderr, flush=True)
"""


def looking(*words: str) -> subprocess.Popen[bytes]:
    """A process, below another if there are words, that looks each time it gets a line."""
    command = [*words, sys.executable, "-I", "-c", LOOK]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)


def look(process: subprocess.Popen[bytes]) -> str:
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(b"\n")
    process.stdin.flush()
    return process.stderr.readline().decode().strip()


def test_the_leader_of_a_session_is_watched_also_when_it_is_not_buried() -> None:
    with looking("/bin/sh", "-c", '"$@"; exit', "sh") as process:
        assert look(process) == "all are there"
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it is dead, and still there
        assert look(process) == "the program that the site had started ended before the job"
        process.wait(TIMEOUT)
        assert look(process) == "the program that the site had started ended before the job"


def test_a_reader_that_is_gone_is_noticed_without_a_word() -> None:
    with looking() as process:
        assert look(process) == "all are there"
        assert process.stdout is not None
        process.stdout.close()
        assert look(process) == "nobody reads the job's output any more"


@pytest.mark.parametrize("output", ["/dev/null", "file", ">&-"])
def test_an_output_that_nobody_reads_anyway_is_no_fault(output: str, tmp_path: Path) -> None:
    redirect = output if output.startswith(">") else f">{tmp_path / output}"
    with looking("/bin/sh", "-c", f'exec "$@" {redirect}', "sh") as process:
        assert look(process) == "all are there"
