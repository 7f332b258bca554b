"""``goclient pathena``: pathena of panda-client, unmodified, with our options in it."""

from collections.abc import Sequence

from goclient.cli.tasks import run_tool
from goclient.reporter.base import Reporter


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """Return the exit code of one ``goclient pathena`` command line; never 0 if a task was not accepted."""
    return run_tool("pathena", argv, reporter)
