"""Options that choose jobs, the same for each command that is about jobs which were submitted.

This module may not use ``from __future__ import annotations`` or ``X | None``: argparse_dataclass needs the real
``Optional[X]`` type of each field.  It is loaded for ``--help``, too, and imports nothing slow.
"""

from goclient.model.frozen import Frozen
from goclient.model.option import option

JOBS = "jobs"


class SelectOptions(Frozen):
    """Hold which jobs are meant: all that is typed adds up, and nothing means those of the last days."""

    PandaID: tuple[str, ...] = option(
        "PandaID",
        help="numbers of jobs: 42, PandaID=42, 42-141, 42,43, @FILE with such words, or - for standard input",
        group=JOBS,
        many=True,
    )
    task: tuple[str, ...] = option(
        "--task", help="the jobs of a task of prun or pathena", group=JOBS, metavar="JEDITASKID", many=True
    )
    campaign: str | None = option("--campaign", help="the jobs of a campaign", group=JOBS, metavar="CAMPAIGN")
    last: bool = option("--last", help="the jobs that were submitted last", group=JOBS, default=False)

    @property
    def is_empty(self) -> bool:
        """Return True if nothing is typed."""
        return not (self.PandaID or self.task or self.campaign or self.last)
