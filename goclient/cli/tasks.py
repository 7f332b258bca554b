"""``goclient prun`` and ``goclient pathena``: run the tool of panda-client with our options in it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from goclient.cli import run
from goclient.reporter.base import Reporter
from goclient.tasks.session import Frontend
from goclient.tasks.session import run as run_task
from goclient.tasks.table import TABLES

if TYPE_CHECKING:
    from goclient.tasks.validation import TaskRequest


def run_tool(
    tool: str,
    argv: Sequence[str],
    reporter: Reporter,
    *,
    sent: Callable[[str, str, int | None], None] | None = None,
) -> int:
    """Return the exit code of prun or pathena of panda-client with these words; ``sent`` is told of each task."""

    def read(words: Sequence[str]) -> TaskRequest:
        from goclient.cli.options.prun import wanted  # -h, and a task without transfers, need none of this

        return wanted(tool, words, reporter)

    def read_lines(path: str) -> list[str]:
        from goclient.cli.options.transfers import read_lines

        return read_lines(path)

    code = run_task(tool, argv, Frontend(TABLES[tool], read, read_lines, reporter, sent))
    if code:
        _report_if_stopped(reporter)
    return code


def _report_if_stopped(reporter: Reporter) -> None:
    """Report that the sandbox is stopped, if that may be why panda-client failed: its own words do not tell."""
    import os

    from goclient.services import loopback

    url = os.environ.get("PANDA_URL_SSL", "")
    remedy = loopback.remedy(url, "")
    if remedy:
        reporter.error(f"nothing answers at {url}", remedy)


def called(argv: Sequence[str]) -> int:
    """Return the exit code of a call from Python: the descriptor for what was sent, the tool, its words."""
    descriptor, tool, *words = argv

    def sent(name: str, said: str, number: int | None) -> None:
        import json
        import os

        from goclient.secrets import hidden

        line = {"name": name, "said": hidden(said), "jediTaskID": number}
        os.write(int(descriptor), f"{json.dumps(line)}\n".encode())

    return run.run(f"goclient {tool}", lambda own, reporter: run_tool(tool, own, reporter, sent=sent), words)


if __name__ == "__main__":
    sys.exit(called(sys.argv[1:]))
