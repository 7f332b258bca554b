"""``goclient prun`` and ``goclient pathena``: run the tool of panda-client with our options in it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from goclient.cli import run
from goclient.errors import printable
from goclient.tasks.run import Desk
from goclient.tasks.run import run as run_task
from goclient.tasks.table import TABLES

if TYPE_CHECKING:
    from goclient.tasks.wanted import Wanted


def run_tool(tool: str, argv: Sequence[str], sent: Callable[[str, str, int | None], None] | None = None) -> int:
    """Return the exit code of prun or pathena of panda-client with these words; ``sent`` is told of each task."""

    def read(words: Sequence[str]) -> Wanted:
        from goclient.cli.options.prun import wanted  # -h, and a task without transfers, need none of this

        return wanted(tool, words)

    def read_lines(path: str) -> list[str]:
        from goclient.cli.options.transfers import read_lines

        return read_lines(path)

    def say(text: str, hint: str) -> None:
        run.say(f"goclient {tool}", text)
        for line in hint.split("\n") if hint else ():  # the names of a task's files are a line each
            print(f"    {printable(line)}", file=sys.stderr)

    code = run_task(tool, argv, Desk(TABLES[tool], read, read_lines, say, sent))
    if code:
        _say_if_stopped(say)
    return code


def _say_if_stopped(say: Callable[[str, str], None]) -> None:
    """Say that the sandbox is stopped, if that may be why panda-client failed: its own words do not tell."""
    import os

    from goclient.services import loopback

    url = os.environ.get("PANDA_URL_SSL", "")
    remedy = loopback.remedy(url, "")
    if remedy:
        say(f"error: nothing answers at {url}", remedy)


def called(argv: Sequence[str]) -> int:
    """Return the exit code of a call from Python: the descriptor for what was sent, the tool, its words."""
    descriptor, tool, *words = argv

    def sent(name: str, said: str, number: int | None) -> None:
        import json
        import os

        from goclient.secrets import hidden

        line = {"name": name, "said": hidden(said), "jediTaskID": number}
        os.write(int(descriptor), f"{json.dumps(line)}\n".encode())

    return run.run(f"goclient {tool}", lambda own: run_tool(tool, own, sent), words)


if __name__ == "__main__":
    sys.exit(called(sys.argv[1:]))
