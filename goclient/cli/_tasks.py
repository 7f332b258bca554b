"""``goclient prun`` and ``goclient pathena``: run the tool of panda-client with our options in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from goclient.cli import _run
from goclient.tasks.run import Desk, run
from goclient.tasks.table import TABLES

if TYPE_CHECKING:
    from goclient.tasks.wanted import Wanted


def run_tool(tool: str, argv: Sequence[str]) -> int:
    """The exit code of prun or pathena of panda-client with these words."""

    def read(words: Sequence[str]) -> Wanted:
        from goclient.cli._task_options import wanted  # -h, and a task without transfers, need none of this

        return wanted(tool, words)

    def read_lines(path: str) -> list[str]:
        from goclient.cli.options import read_lines

        return read_lines(path)

    def say(text: str, hint: str) -> None:
        _run.say(f"goclient {tool}", text, hint)

    return run(tool, argv, Desk(TABLES[tool], read, read_lines, say))
