"""Hidden directories that attempts of a job have left beside its output, and that nobody needs any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from goclient.errors import Collector, raise_all
from goclient.errors.conditions import LeftForGood
from goclient.errors.myproxy import NoUserProxy
from goclient.errors.wording import quote
from goclient.journal import Entry, Journal
from goclient.model.endpoint import NODE, Endpoint, UrlEndpoint, read_endpoint
from goclient.node.destination import Store, find_left
from goclient.node.engines.base import Attempt, TransferService
from goclient.node.engines.globus_ends import CollectionStore
from goclient.node.node_store import NodeStore
from goclient.node.ownership import attempts_in


def has_left(journal: Journal) -> bool:
    """Return True if the journal of a job names hidden directories that may still be there."""
    return any(entry.state != "done" for entry in journal.latest("delivery"))


def remove_left(
    journal: Journal,
    attempt: Attempt,
    service: Callable[[], TransferService],
    *,
    delivered: bool,
    server: Callable[[Endpoint], Store] | None = None,
) -> None:
    """Remove the hidden directories that the journal of a job names; raise GoclientError for those that stay.

    LeftForGood names those of a server to which the owner's proxy would be needed, if there is none any more.
    Once the server knows that the job has ``delivered`` everything, they are of no use to anybody.  Else those stay
    that tell a later attempt of the job what it may replace.  ``service``, and ``server``, which gives the directories
    of a server that a URL names, are called only if the job needs them.
    """
    places: dict[str, list[Entry]] = {}
    for entry in journal.latest("delivery"):
        if entry.state != "done":
            places.setdefault(entry.subjects[0], []).append(entry)
    collector = Collector()
    for text, entries in places.items():
        endpoint = read_endpoint(text)
        with collector, _as_left([one.key for one in entries]):
            store: Store = NodeStore()
            if isinstance(endpoint, UrlEndpoint):
                assert server is not None, "who runs such jobs can ask their servers"
                store = server(endpoint)
            elif endpoint != NODE:
                store = CollectionStore(endpoint, service(), attempt.origin)
            found = []
            for entry in entries:
                _, directory, origin = entry.subjects
                found += find_left(store, directory, Attempt(origin, attempt.number), delivered=delivered)
            if found:
                if isinstance(store, CollectionStore):
                    _cancel(service(), attempt, found)
                store.remove(found)
            for entry in entries:
                journal.append(entry.then("done"))
    raise_all(collector.errors)


@contextmanager
def _as_left(directories: list[str]) -> Iterator[None]:
    """Run the body; raise LeftForGood if it needs a proxy of the job's owner that nobody gets any more."""
    try:
        yield
    except NoUserProxy as error:
        if error.transient:
            raise
        names = ", ".join(map(quote, directories))
        raise LeftForGood(
            f"not removed: {names}: {error.message}", hint="the job's owner can remove that", subject=directories[0]
        ) from error


def _cancel(service: TransferService, attempt: Attempt, found: list[str]) -> None:
    """Cancel what earlier attempts still transfer: it would make their directories again."""
    attempts = {one for top in found for one in attempts_in([top.rpartition("/")[2]]) if one.number < attempt.number}
    for panda_id in {one.panda_id for one in attempts}:
        for task in service.tasks_labelled(f"goclient {panda_id} "):
            if not task.is_over:
                service.cancel(task.task_id)
