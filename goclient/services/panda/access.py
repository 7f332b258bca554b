"""Place of a PanDA server, and the identity that asks it."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import NamedTuple

from goclient.model.frozen import Frozen
from goclient.reporter.base import SILENT, Reporter


class PandaAccess(Frozen):
    """Place of the PanDA server, and who asks: a token with its VO, or a certificate file; times in seconds."""

    url: str  # scheme://host:port
    connect_timeout: float
    answer_timeout: float
    token: str | None = field(default=None, repr=False)
    token_file: str | None = None  # where it comes from, if it is a file: it is read again for each call
    stored: str | None = None  # or panda-client's file, whose refresh token gives a new one
    source: str = ""  # the variable, or the file of panda-client, that has the token
    vo: str | None = None
    variable: str = "PANDA_URL_SSL"  # which says where it is
    certificate: str | None = None
    ca: str | None = None
    bundles: tuple[str, ...] = ()  # files of authorities that count beside ``ca``
    reporter: Reporter = field(default=SILENT, repr=False, compare=False)  # is told of waits


class QueueSource(Frozen):
    """Place where a PanDA server tells its queues, to anybody, and the file in which they are kept."""

    access: PandaAccess
    file: Path


class Queue(NamedTuple):
    """A queue: its status, and the MB that a job may have in its directory (``maxwdir``), 0 if that is not known."""

    status: str
    megabytes: int = 0
