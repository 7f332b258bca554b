"""From a spec to the ordered transfer tasks: one for each phase and pair of endpoints."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from goclient.errors import GoclientError, RequestError, quoted, raise_all
from goclient.model.spec import NODE_FILES, Phase, Transfer, TransferSpec


class TransferItem(NamedTuple):  # there are thousands: a tuple is made in a third of the time
    """One file or directory: full paths at both ends; on the node, relative to the job's directory.

    ``renames`` is True if the destination was typed as a new name: if a directory of that name exists there,
    the source goes into it instead.
    """

    source: str
    destination: str
    recursive: bool
    renames: bool = False


@dataclass(frozen=True, slots=True)
class TransferTask:
    """One transfer to do: all items of a phase between two endpoints; None is the job's own directory.

    ``server`` is the server that sees that directory; without one, the job's own Globus Connect does.  An endpoint
    NODE_FILES makes it a copy on the node, which no service is asked for.
    """

    phase: Phase
    source: str | None
    destination: str | None
    items: tuple[TransferItem, ...]
    server: str | None = None

    @property
    def is_copy(self) -> bool:
        """True if the task is a copy on the node."""
        return NODE_FILES in (self.source, self.destination)

    def document(self, working: str | None) -> dict[str, Any]:
        """The contract's JSON of a plan's entry; the node goes by the name of its working endpoint, or its server."""
        node = self.server or working
        return {
            "phase": self.phase,
            "source": node if self.source is None else self.source,
            "destination": node if self.destination is None else self.destination,
            "items": [
                {"source": item.source, "destination": item.destination, "recursive": item.recursive}
                for item in self.items
            ],
        }


def plan(spec: TransferSpec) -> tuple[TransferTask, ...]:
    """The tasks of a spec in the order in which they are done; items keep the user's order.

    Raises RequestError for each two items of a job that would be written to one place.
    """
    tasks: list[TransferTask] = []
    written: dict[tuple[str | None, str], Transfer] = {}
    errors: list[GoclientError] = []
    for phase, mode, transfers in spec.phases:
        server = spec.local_endpoint if mode == "server" else None
        items: dict[tuple[str | None, str | None], list[TransferItem]] = {}
        for transfer in transfers:
            source, destination, path = transfer.source, transfer.destination, transfer.target_path
            where = destination.endpoint
            location = where, same_location(path)
            if (first := written.setdefault(location, transfer)) is not transfer:
                errors.append(_conflict(first, transfer))
            item = TransferItem(
                source.path.lstrip("/") if source.endpoint is None else source.path,
                path.lstrip("/") if where is None else path,
                source.path.endswith("/"),
                not destination.path.endswith("/"),
            )
            items.setdefault((source.endpoint, where), []).append(item)
        for ends, found in items.items():
            tasks.append(TransferTask(phase, *ends, tuple(found), server if None in ends else None))
    raise_all(errors)
    return tuple(tasks)


def same_location(path: str) -> str:
    """The path in the one form that all ways to write it have in common."""
    return (re.sub("//+", "/", path) if "//" in path else path).rstrip("/")


def check_apart(items: Sequence[TransferItem]) -> None:
    """None if no two items of a task have one destination, now that it is settled; raises RequestError for each."""
    seen: dict[str, TransferItem] = {}
    errors = []
    for item in items:
        first = seen.setdefault(same_location(item.destination), item)
        if first is not item:
            message = f"{quoted(first.source)} and {quoted(item.source)} would both be written to "
            message += quoted(item.destination)
            hint = "give each its own destination"
            errors.append(RequestError(message, hint=hint, code="one-destination", subject=item.destination))
    raise_all(errors)


def _conflict(first: Transfer, transfer: Transfer) -> RequestError:
    """The error for a move that is written where an earlier one of the job is."""
    return RequestError(
        f"{quoted(first.source)} and {quoted(transfer.source)} would both be written to {quoted(transfer.target)}",
        hint="give each its own destination",
        code="one-destination",
        subject=str(transfer.target),
    )
