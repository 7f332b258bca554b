"""Clean-up after a job: nothing that its journal names stays on the node or in Globus."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from goclient.errors import Collector, EndpointError, GoclientError, raise_all
from goclient.errors.wording import quote
from goclient.files.trees import remove_tree
from goclient.journal import HOST, Entry, Journal
from goclient.node.engines.base import TransferService
from goclient.node.globus_connect import remove_endpoints
from goclient.node.keeper import kill_recorded
from goclient.reporter.base import SILENT


def clean_up(journal: Journal, globus: Callable[[], TransferService]) -> Collector:
    """Remove all that a job's journal names but what it has delivered; return an error for each thing that is left.

    Processes and directories of another node are left to its own pilots.
    """
    kill_processes(journal)
    left = Collector()
    running = [one for one in journal.latest("transfer") if one.state == "accepted" and len(one.subjects) == 2]
    if running or has_endpoints(journal):
        with left:
            service = globus()
            for entry in running:
                _cancel(entry, service, journal)
            if not remove_endpoints(journal, service, SILENT):
                raise EndpointError("the job's endpoint could not be removed")
    with left:
        remove_directories(journal)
    return left


def remove_directories(journal: Journal) -> None:
    """Remove the directories that a job's journal names; raise GoclientError for those that stay."""
    left = Collector()
    for entry in journal.latest("directory"):
        with left:
            if entry.state != "done":
                _remove(entry, journal)
    raise_all(left.errors)


def has_endpoints(journal: Journal) -> bool:
    """Return True if a job's journal names an endpoint that may still be there."""
    return any(entry.state != "done" for entry in journal.latest("endpoint"))


def kill_processes(journal: Journal) -> None:
    """Kill the processes that a job's journal names, if its keepers could not: nobody runs the job any more."""
    for entry in journal.latest("process"):
        if entry.state == "accepted" and entry.is_here:
            kill_recorded(entry)
            journal.append(entry.then("done"))


def _cancel(entry: Entry, service: TransferService, journal: Journal) -> None:
    """Cancel a transfer task of a job that is over, if it still runs."""
    why = "the job is over"
    try:
        service.cancel(entry.subjects[1])
    except GoclientError as error:
        if error.transient:
            raise
        why = error.message
    journal.append(entry.then("failed", detail=why))


def _remove(entry: Entry, journal: Journal) -> None:
    """Remove a directory; raise GoclientError if it stays."""
    if entry.host != HOST:
        raise GoclientError(f"the directory {quote(entry.key)} is on the node {entry.host}")
    try:
        remove_tree(Path(entry.key))
    except OSError as error:
        raise GoclientError(f"the directory {quote(entry.key)} is left: {error}") from error
    journal.append(entry.then("done"))
