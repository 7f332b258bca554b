"""Planner: from a spec to the transfer tasks of its plan."""

from __future__ import annotations

from goclient.errors import GoclientError, RequestError, raise_all
from goclient.errors.wording import quoted
from goclient.model.endpoint import JOB
from goclient.model.location import Transfer
from goclient.model.plan import TransferItem, TransferTask, same_location
from goclient.model.spec import TransferSpec


def plan(spec: TransferSpec) -> tuple[TransferTask, ...]:
    """Return the tasks of a spec in the order in which they are done; items keep the user's order.

    Raises RequestError for each two items of a job that would be written to one place.
    """
    tasks: list[TransferTask] = []
    written: dict[tuple[str, str], Transfer] = {}  # by texts: there may be a hundred thousand
    errors: list[GoclientError] = []
    for phase, mode, transfers in spec.phases:
        server = spec.local_endpoint if mode.needs_server else None
        grouped: dict[tuple[str, str], list[Transfer]] = {}
        for transfer in transfers:
            end = transfer.destination.endpoint.text
            first = written.setdefault((end, same_location(transfer.target_path)), transfer)
            if first is not transfer:
                message = (
                    f"{quoted(first.source.display)} and {quoted(transfer.source.display)} would both be written to "
                )
                message += quoted(transfer.target.display)
                hint, subject = "give each its own destination", transfer.target.display
                errors.append(RequestError(message, hint=hint, code="one-destination", subject=subject))
            grouped.setdefault((transfer.source.endpoint.text, end), []).append(transfer)
        for group in grouped.values():
            ends = group[0].source.endpoint, group[0].destination.endpoint
            items = tuple(map(_item, group))
            tasks.append(TransferTask(phase, *ends, items, server if JOB in ends else None, mode))
    raise_all(errors)
    return tuple(tasks)


def _item(transfer: Transfer) -> TransferItem:
    """Return the item of a transfer: on the node, its paths are relative to the job's directory."""
    source, target = transfer.source.path, transfer.target_path
    return TransferItem(
        source.lstrip("/") if transfer.source.in_job else source,
        target.lstrip("/") if transfer.destination.in_job else target,
        source.endswith("/"),
        not transfer.destination.path.endswith("/"),
    )
