"""From a spec to the ordered transfer tasks: one for each phase and pair of endpoints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from goclient.errors import GoclientError, RequestError, quoted, raise_all
from goclient.model.spec import Move, TransferSpec

Phase = Literal["stage-in", "stage-out", "output"]


@dataclass(frozen=True, slots=True)
class Item:
    """One file or directory: full paths at both ends; on the node, relative to the job's directory.

    ``renames`` is True if the destination was typed as a new name: if a directory of that name exists there,
    the source goes into it instead.
    """

    source: str
    destination: str
    recursive: bool
    renames: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """One transfer to do: all items of a phase between two endpoints; None is the job's own node."""

    phase: Phase
    source: str | None
    destination: str | None
    items: tuple[Item, ...]

    def document(self, working: str | None) -> dict[str, Any]:
        """The contract's JSON of a plan's entry; the node goes by the name of its working endpoint."""
        return {
            "phase": self.phase,
            "source": working if self.source is None else self.source,
            "destination": working if self.destination is None else self.destination,
            "items": [
                {"source": item.source, "destination": item.destination, "recursive": item.recursive}
                for item in self.items
            ],
        }


def plan(spec: TransferSpec) -> tuple[Task, ...]:
    """The tasks of a spec in the order in which they are done; items keep the user's order.

    Raises RequestError for each two items of a job that would be written to one place.
    """
    tasks: dict[tuple[Phase, str | None, str | None], list[Item]] = {}
    for phase, move in _phases(spec):
        item = Item(
            source=_path(move.source.endpoint, move.source.path),
            destination=_path(move.target.endpoint, move.target.path),
            recursive=move.source.is_directory,
            renames=not move.destination.is_directory,
        )
        tasks.setdefault((phase, move.source.endpoint, move.destination.endpoint), []).append(item)
    raise_all(_conflicts(spec))
    return tuple(Task(*key, tuple(items)) for key, items in tasks.items())


def _phases(spec: TransferSpec) -> Iterator[tuple[Phase, Move]]:
    for phase, moves in (("stage-in", spec.stage_in), ("stage-out", spec.stage_out), ("output", spec.output)):
        for move in moves:
            yield phase, move  # type: ignore[misc]  # mypy takes the literals for str


def _path(endpoint: str | None, path: str) -> str:
    return path.lstrip("/") if endpoint is None else path


def _conflicts(spec: TransferSpec) -> Iterator[GoclientError]:
    """An error for each move that is written where an earlier one of the job is."""
    seen: dict[tuple[str | None, str], Move] = {}
    for move in spec.moves:
        target = move.target
        place = (target.endpoint, re.sub("//+", "/", target.path).rstrip("/"))
        first = seen.setdefault(place, move)
        if first is not move:
            yield RequestError(
                f"{quoted(first.source)} and {quoted(move.source)} would both be written to {quoted(target)}",
                hint="give each its own destination",
                code="one-destination",
                subject=str(target),
            )
