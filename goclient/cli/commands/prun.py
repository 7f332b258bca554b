"""``goclient prun``: prun of panda-client, unmodified, with our options in it."""

from collections.abc import Sequence

from goclient.cli.tasks import run_tool


def command(argv: Sequence[str]) -> int:
    """Return the exit code of one ``goclient prun`` command line: prun's, or ours if our words are wrong."""
    return run_tool("prun", argv)
