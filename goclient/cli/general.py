"""Options that every command has, and what a line says of them before its command reads it.

This module is loaded for ``--help``, too, and imports nothing slow.
"""

from collections.abc import Sequence
from typing import NamedTuple, Optional

from goclient.model.frozen import Frozen
from goclient.model.option import option

GROUP = "general"


class GeneralOptions(Frozen):
    """Hold what was typed of any command."""

    verbose: int = option("-v", help="-vv shows the traceback of an error", group=GROUP, default=0, count=True)
    quiet: bool = option(
        "--quiet", help="do not tell of progress: print results, warnings and errors only", group=GROUP, default=False
    )
    log_file: Optional[str] = option(
        "--log-file",
        help="append what is told, and what -v tells, to a file that only you can read",
        group=GROUP,
        metavar="FILE",
    )


class General(NamedTuple):
    """Hold what a line says for any command: whether it is quiet, its log file, and the words without that file's."""

    quiet: bool
    log_file: str
    words: list[str]


def read_general(argv: Sequence[str]) -> General:
    """Return what a line says for any command.

    A log file that is named twice, or has no name, is left to the parser of the command, which reports all mistakes.
    """
    end = argv.index("--") if "--" in argv else len(argv)
    quiet, named = "--quiet" in argv[:end], [at for at in range(end) if argv[at].partition("=")[0] == "--log-file"]
    if len(named) == 1:
        (at,) = named
        width = 1 if "=" in argv[at] else 2
        value = argv[at].partition("=")[2] if width == 1 else "".join(argv[at + 1 : min(at + 2, end)])
        if value and (width == 1 or not value.startswith("-")):
            return General(quiet, value, [*argv[:at], *argv[at + width :]])
    return General(quiet, "", list(argv))
