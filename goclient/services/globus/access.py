"""Identity and limits with which Globus is asked."""

from __future__ import annotations

from dataclasses import dataclass, field

from goclient.reporter.base import SILENT, Reporter


@dataclass(frozen=True)
class GlobusAccess:
    """A registered client that asks: with a secret it acts for itself, without one for a person who logged in.

    ``timeout``: the end of each call, in seconds, all its tries included.  ``reporter`` is told of
    waits.
    """

    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    timeout: float = 60.0
    reporter: Reporter = field(default=SILENT, repr=False, compare=False)
