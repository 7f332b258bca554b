"""Who asks a service, and where it is: what ``config.py`` finds and ``services`` are given."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class PandaAccess:
    """Where the PanDA server is and who asks: a token with its VO, or a certificate file; times in seconds."""

    url: str  # scheme://host:port
    connect_timeout: float
    answer_timeout: float
    token: str | None = field(default=None, repr=False)
    token_file: str | None = None  # where it comes from, if it is a file: it is read again for each call
    stored: str | None = None  # or panda-client's file, whose refresh token gives a new one
    source: str = ""  # the variable, or the file of panda-client, that has the token
    vo: str | None = None
    certificate: str | None = None
    ca: str | None = None
    bundles: tuple[str, ...] = ()  # files of authorities that count beside ``ca``


@dataclass(frozen=True)
class QueueSource:
    """Where a PanDA server tells its queues, to anybody, and the file in which they are kept."""

    access: PandaAccess
    file: Path


@dataclass(frozen=True)
class GlobusAccess:
    """The registered client that asks: with a secret it acts for itself, without one for a person who logged in.

    ``timeout``: the end of each call, in seconds, all its tries included.
    """

    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    timeout: float = 60.0
