"""The planner: from a spec to the transfer tasks of its plan."""

from __future__ import annotations

from goclient.errors import GoclientError, RequestError, quoted, raise_all
from goclient.model.endpoint import JOB, Endpoint
from goclient.model.location import Transfer
from goclient.model.plan import TransferItem, TransferTask, same_location
from goclient.model.spec import TransferSpec


def plan(spec: TransferSpec) -> tuple[TransferTask, ...]:
    """The tasks of a spec in the order in which they are done; items keep the user's order.

    Raises RequestError for each two items of a job that would be written to one place.
    """
    tasks: list[TransferTask] = []
    written: dict[tuple[Endpoint, str], Transfer] = {}
    errors: list[GoclientError] = []
    for phase, mode, transfers in spec.phases:
        server = spec.local_endpoint if mode == "server" else None
        items: dict[tuple[Endpoint, Endpoint], list[TransferItem]] = {}
        for transfer in transfers:
            source, destination, path = transfer.source, transfer.destination, transfer.target_path
            where = destination.endpoint
            location = where, same_location(path)
            if (first := written.setdefault(location, transfer)) is not transfer:
                errors.append(_conflict(first, transfer))
            item = TransferItem(
                source.path.lstrip("/") if source.in_job else source.path,
                path.lstrip("/") if destination.in_job else path,
                source.path.endswith("/"),
                not destination.path.endswith("/"),
            )
            items.setdefault((source.endpoint, where), []).append(item)
        for ends, found in items.items():
            tasks.append(TransferTask(phase, *ends, tuple(found), server if JOB in ends else None))
    raise_all(errors)
    return tuple(tasks)


def _conflict(first: Transfer, transfer: Transfer) -> RequestError:
    """The error for a move that is written where an earlier one of the job is."""
    return RequestError(
        f"{quoted(first.source)} and {quoted(transfer.source)} would both be written to {quoted(transfer.target)}",
        hint="give each its own destination",
        code="one-destination",
        subject=str(transfer.target),
    )
