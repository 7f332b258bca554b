"""The jobParameters text that a command is about: as typed, of standard input, or of a submitted job."""

import sys
from collections.abc import Sequence
from typing import Optional

from goclient.reporter.base import Reporter


def job_text(typed: str, pandaid: Optional[int], reporter: Reporter) -> str:
    """The text itself, that of standard input for ``-``, or that of a job's record; raises ServerError for no job."""
    if pandaid is None:
        return _standard_input() if typed == "-" else typed
    from goclient.config import environment
    from goclient.jobs.status import known_jobs
    from goclient.services.panda.client import PandaServer

    return known_jobs([pandaid], server=PandaServer(environment.panda_access(reporter=reporter)))[0].parameters


def several_words(words: Sequence[str], otherwise: str = "quote the whole text") -> str:
    """Return the hint for several words where one text is needed."""
    from goclient.preflight.report import hint_for_words

    return hint_for_words(words) or otherwise


def _standard_input() -> str:
    """All of standard input without its last line end; bytes that are no UTF-8 stay what they are."""
    data = sys.stdin.buffer.read() if sys.stdin is not None else b""
    return data.decode("utf-8", "surrogateescape").removesuffix("\n")
