"""``goclient prun``: prun of panda-client, unmodified, with our options in it."""

from collections.abc import Sequence

from goclient.cli.tasks import run_tool
from goclient.reporter.base import Reporter


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """Return the exit code of one ``goclient prun`` command line: prun's, or ours if our words are wrong."""
    return run_tool("prun", argv, reporter)
