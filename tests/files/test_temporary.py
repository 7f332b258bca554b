"""A command that finds no place for its temporary files says which it has tried, and what to type."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.commands import Run, command

FULL = 'ulimit -f 0; exec "$@"'  # no file anywhere can have a byte
HINT = "name a directory that you can write to: export TMPDIR=~\n"
FROM_PYTHON = """
import goclient
try:
    goclient.prun(["--outDS", "user.jdoe.test"])
except goclient.GoclientError as error:
    print(error.exit_code.value, error.message, error.hint)
"""


def full(*words: str) -> list[str]:
    """Return a command line whose process can write to no file."""
    return ["sh", "-c", FULL, "sh", *command(words)]


@pytest.mark.parametrize("named", ["/no/such", "/proc", "/etc/hostname", ""])
def test_the_demo_says_where_its_files_cannot_be(run: Run, tmp_path: Path, named: str) -> None:
    result = run(*full("goclient", "sandbox", "demo"), TMPDIR=named)
    assert (result.code, result.out) == (10, "")
    tried = f'TMPDIR="{named}", /tmp' if named else "/tmp"
    assert f"no temporary file can be written: not in {tried}, /var/tmp or " in result.err
    assert result.err.endswith(HINT)


def test_a_program_that_sends_a_task_gets_an_error_of_ours(run: Run) -> None:
    result = run(*full(sys.executable, "-c", FROM_PYTHON), TMPDIR="/no/such")
    assert result.out.startswith('10 no temporary file can be written: not in TMPDIR="/no/such", /tmp, /var/tmp or "')
    assert result.out.endswith(HINT)
