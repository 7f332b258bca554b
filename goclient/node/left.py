"""Hidden directories that attempts of a job have left beside its output, and that nobody needs any more."""

from __future__ import annotations

from collections.abc import Callable

from goclient.errors import Collector, raise_all
from goclient.journal import Entry, Journal
from goclient.model.endpoint import NODE, read_endpoint
from goclient.node.destination import Store, find_left
from goclient.node.engines.base import Attempt, TransferService
from goclient.node.engines.globus_ends import CollectionStore
from goclient.node.node_store import NodeStore


def remove_left(journal: Journal, attempt: Attempt, service: Callable[[], TransferService], *, delivered: bool) -> None:
    """Remove the hidden directories that the journal of a job names; raise GoclientError for those that stay.

    Once the server knows that the job has ``delivered`` everything, they are of no use to anybody.  Else those stay
    that tell a later attempt of the job what it may replace.  ``service`` is called only if the job needs it.
    """
    places: dict[str, list[Entry]] = {}
    for entry in journal.latest("delivery"):
        if entry.state != "done":
            places.setdefault(entry.subjects[0], []).append(entry)
    collector = Collector()
    for text, entries in places.items():
        endpoint = read_endpoint(text)
        with collector:
            store: Store = NodeStore() if endpoint == NODE else CollectionStore(endpoint, service(), attempt.origin)
            directories = [entry.subjects[1] for entry in entries]
            found = [top for one in directories for top in find_left(store, one, attempt, delivered=delivered)]
            if found:
                store.remove(found)
            for entry in entries:
                journal.append(entry.then("done"))
    raise_all(collector.errors)
