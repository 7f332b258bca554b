"""Options of another try of jobs; as those of ``options.py``, from which a command line and keywords are made.

This module may not use ``from __future__ import annotations`` or ``X | None``: argparse_dataclass needs the real type
of each field.
"""

from goclient.model.frozen import Frozen
from goclient.model.option import option

RETRY = "retry"


class RetryOptions(Frozen):
    """Hold what was typed of another try of jobs."""

    all: bool = option(
        "--all",
        help="also jobs that have finished, and those that were cancelled",
        group=RETRY,
        default=False,
        grave=True,
    )
    noSubmit: bool = option("--noSubmit", help="do everything but send", group=RETRY, default=False)
    noCheck: bool = option("--noCheck", help="do not check the endpoints first", group=RETRY, default=False)
    goOverwrite: bool = option(
        "--goOverwrite", help="bring all files again, over those that are there", group=RETRY, default=False, grave=True
    )
    goMkdir: bool = option("--goMkdir", help="make the destinations' directories now", group=RETRY, default=False)
    goGrant: bool = option(
        "--goGrant",
        help="give the service client of a job with --goCarry what it lacks on your guest collections",
        group=RETRY,
        default=False,
        grave=True,
    )
    goShareSecrets: bool = option(
        "--goShareSecrets",
        help="send a job with a credential although PanDA hands it other secrets of yours, too",
        group=RETRY,
        default=False,
        grave=True,
    )
    jobs: tuple[str, ...] = option(
        "--jobs",
        help="PandaIDs of tries of which it is not known whether they were sent, such as 42-141",
        group=RETRY,
        many=True,
        metavar="IDS",
    )
    again: bool = option(
        "--again",
        help="retry although it is not known whether an earlier try was accepted",
        group=RETRY,
        default=False,
        grave=True,
    )
