"""Plan of a job: its transfer tasks, one for each phase and pair of endpoints, in order.

Standard library only, of Python 3.9: this code travels to worker nodes.  ``model/planner.py`` makes a plan of a spec.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from goclient.errors import RequestError, raise_all
from goclient.errors.wording import quote
from goclient.model.endpoint import JOB, NODE, Endpoint
from goclient.model.mode import DEFAULT_MODE, Mode

Phase = Literal["stage-in", "stage-out", "output"]


class TransferItem(NamedTuple):  # there are thousands: a tuple is made in a third of the time
    """One file or directory: full paths at both ends; on the node, relative to the job's directory.

    ``renames`` is True if the destination was typed as a new name: if a directory of that name exists there,
    the source goes into it instead.
    """

    source: str
    destination: str
    recursive: bool
    renames: bool = False


class TransferTask(NamedTuple):
    """One transfer to do: all items of a phase between two endpoints.

    ``mode`` is how the job's directory is reached in the phase; ``server`` is the server that sees it, if it needs one.
    """

    phase: Phase
    source: Endpoint
    destination: Endpoint
    items: tuple[TransferItem, ...]
    server: Endpoint | None = None
    mode: Mode = DEFAULT_MODE

    @property
    def is_copy(self) -> bool:
        """True if the task is a copy on the node."""
        return NODE in (self.source, self.destination)

    @property
    def far(self) -> Endpoint:
        """End that is not the job's directory, the source if neither is."""
        return self.destination if self.source == JOB else self.source

    @property
    def asks_https(self) -> bool:
        """True if the task is between the job's directory and a collection's HTTPS server."""
        return self.mode.asks_https and JOB in (self.source, self.destination) and self.far.is_globus

    @property
    def is_globus(self) -> bool:
        """True if Globus carries the task out; others are the pilot's own work."""
        return not (self.is_copy or self.asks_https or self.needs_proxy)

    @property
    def makes_endpoint(self) -> bool:
        """True if the task passes through a Globus Connect endpoint that the job makes."""
        return self.mode.makes_endpoint and JOB in (self.source, self.destination) and self.far.is_globus

    @property
    def needs_proxy(self) -> bool:
        """True if the user's proxy acts at an end."""
        return self.source.needs_proxy or self.destination.needs_proxy

    def document(self, working: str | None) -> dict[str, Any]:
        """Return the contract's JSON of a plan's entry; the node goes by its working endpoint, or its server."""
        node = self.server.text if self.server else working
        return {
            "phase": self.phase,
            "source": node if self.source == JOB else self.source.text,
            "destination": node if self.destination == JOB else self.destination.text,
            "items": [
                {"source": item.source, "destination": item.destination, "recursive": item.recursive}
                for item in self.items
            ],
        }


def needs_token(tasks: Sequence[TransferTask]) -> bool:
    """Return True if Globus, or the HTTPS server of a collection, has to be shown a token."""
    return any(task.asks_https or task.is_globus for task in tasks)


def same_location(path: str) -> str:
    """Return the path in the one form that all ways to write it have in common."""
    return (re.sub("//+", "/", path) if "//" in path else path).rstrip("/")


def check_apart(items: Sequence[TransferItem]) -> None:
    """Raise RequestError for each two items of a task that have one destination, now that it is settled."""
    seen: dict[str, TransferItem] = {}
    errors = []
    for item in items:
        first = seen.setdefault(same_location(item.destination), item)
        if first is not item:
            message = f"{quote(first.source)} and {quote(item.source)} would both be written to "
            message += quote(item.destination)
            hint = "give each its own destination"
            errors.append(RequestError(message, hint=hint, code="one-destination", subject=item.destination))
    raise_all(errors)
