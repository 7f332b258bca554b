"""A queue of PanDA, as far as its server tells."""

from __future__ import annotations

from typing import NamedTuple


class Queue(NamedTuple):
    """A queue: its status, and the MB that a job may have in its directory (``maxwdir``), 0 if that is not known."""

    status: str
    megabytes: int = 0
