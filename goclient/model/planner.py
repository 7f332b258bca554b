"""Planner: from a spec to the transfer tasks of its plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from goclient.errors import RequestError, raise_all
from goclient.errors.wording import quote
from goclient.model.endpoint import JOB
from goclient.model.location import Transfer
from goclient.model.plan import TransferItem, TransferTask
from goclient.model.spec import TransferSpec


def plan(spec: TransferSpec) -> tuple[TransferTask, ...]:
    """Return the tasks of a job's spec in the order in which they are done; items keep the user's order.

    Raises RequestError for each two items that would be written to one place.
    """
    raise_all(list(find_collisions(spec.transfers)))
    return group_tasks(spec)


def group_tasks(spec: TransferSpec, *, items: bool = True) -> tuple[TransferTask, ...]:
    """Return the same tasks of a spec that was judged, or of one that several jobs have together.

    Without ``items`` they have none: where only the ends matter, there need not be an object for each file.
    """
    tasks: list[TransferTask] = []
    for phase, mode, transfers in spec.phases:
        server = spec.local_endpoint if mode.needs_server else None
        grouped: dict[tuple[str, str], list[Transfer]] = {}
        for transfer in transfers:
            ends = transfer.source.endpoint.text, transfer.destination.endpoint.text  # texts: there may be many
            grouped.setdefault(ends, []).append(transfer)
        for group in grouped.values():
            source, destination = group[0].source.endpoint, group[0].destination.endpoint
            at_job = server if JOB in (source, destination) else None
            moved = tuple(map(_item, group)) if items else ()
            tasks.append(TransferTask(phase, source, destination, moved, at_job, mode))
    return tuple(tasks)


def find_collisions(transfers: Iterable[Transfer]) -> Iterator[RequestError]:
    """Yield an error for each two of a job's transfers that would be written to one place."""
    written: dict[str, Transfer] = {}  # by texts: there may be a hundred thousand
    for transfer in transfers:
        first = written.setdefault(transfer.target_key, transfer)
        if first is not transfer:
            sources, target = [quote(one.source.display) for one in (first, transfer)], transfer.target.display
            message = f"{' and '.join(sources)} would both be written to {quote(target)}"
            hint = "give each its own destination"
            if first.source.is_in(transfer.source) and transfer.source.is_in(first.source):
                hint = "leave one of them out: they are one file"
                if sources[0] == sources[1]:
                    message = f"{sources[0]} is named twice, to be written to {quote(target)}"
                    hint = "name it once"
            yield RequestError(message, hint=hint, code="one-destination", subject=target)


def _item(transfer: Transfer) -> TransferItem:
    """Return the item of a transfer: on the node, its paths are relative to the job's directory."""
    source, target = transfer.source.path, transfer.target_path
    return TransferItem(
        source.lstrip("/") if transfer.source.in_job else source,
        target.lstrip("/") if transfer.destination.in_job else target,
        source.endswith("/"),
        not transfer.destination.path.endswith("/"),
    )
