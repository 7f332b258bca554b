"""Questions asked before any check judges: what each endpoint is, and what the directories in use hold."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from goclient.errors import GoclientError
from goclient.model.endpoint import Catalogue, Endpoint, GlobusEndpoint, UrlEndpoint, is_uuid, read_endpoint
from goclient.model.syntax.options import DEFAULT_WORKING
from goclient.preflight.base import Connection, Context
from goclient.preflight.endpoints import find_problem, sleeps
from goclient.preflight.listings import Listings, Storage
from goclient.preflight.locations import Locations
from goclient.preflight.servers import find_servers
from goclient.preflight.storage import Collections
from goclient.reporter.waiting import GLOBUS
from goclient.services.deadline import Background
from goclient.services.parallel import Parallel, globus_is_late

if TYPE_CHECKING:
    from goclient.services.globus.collection import Collection
    from goclient.services.globus.sdk import Globus


def connect(context: Context, catalogue: Catalogue, globus: Callable[[], Globus]) -> None:
    """Resolve the endpoints of a context's spec, all at once, and list the directories that it names.

    Sets the context's ``connection`` and ``resolved``.  ``globus`` is called only if a collection is named; what
    keeps it from being asked is a finding.
    """
    spec, service, working = context.spec, None, None
    means = {one: catalogue.get(one.text, one) for one in spec.endpoints}
    servers = find_servers({one: end for one, end in means.items() if isinstance(end, UrlEndpoint)}, context)
    if len(servers.named) < len(means):
        try:
            service = globus()
        except GoclientError as error:
            context.findings += error.findings
    parallel = Parallel(context.deadline, context.reporter, service=GLOBUS if service is not None else "the servers")
    calls: dict[Endpoint, Callable[[], Any]] = {one.endpoint: one.account for one in servers.storages.values()}
    if service is not None:
        ask = partial(find_collection, globus=service, catalogue=catalogue)
        calls |= {one: partial(ask, one) for one in means if one not in servers.named}
        if spec.makes_endpoint and spec.working is not None and spec.working != DEFAULT_WORKING:
            working = Background(partial(ask, GlobusEndpoint(spec.working)))

    def late(end: Endpoint, seconds: float) -> GoclientError:
        server = servers.storages.get(end.text)
        return globus_is_late(end, seconds) if server is None else server.late(seconds)

    found = parallel.map(lambda end: calls[end](), list(calls), late=late)
    servers.accounts.update({text: found.pop(one.endpoint) for text, one in servers.storages.items()})
    usable = {
        endpoint: one
        for endpoint, one in found.items()
        if service is not None
        and not isinstance(one, GoclientError)
        and find_problem(endpoint, one, service.identity) is None
    }
    known: dict[str, Endpoint] = {one.text: end for one, end in servers.named.items()}
    known |= {
        endpoint.text: GlobusEndpoint(one.id)
        for endpoint, one in found.items()
        if not isinstance(one, GoclientError) and (endpoint in usable or sleeps(endpoint, one, context))
    }
    context.resolved = spec.with_endpoints(known)
    collections: dict[str, Collection] = {one.id: one for one in usable.values()}
    storages: dict[str, Storage] = {text: one for text, one in servers.storages.items() if text in servers.usable}
    if service is not None:
        storages |= dict.fromkeys(collections, Collections(service))
    locations = Locations(
        context.resolved, Listings(storages, parallel), collections=collections, serials=range(1, context.count + 1)
    )
    context.connection = Connection(
        service, parallel, catalogue, found, collections, working, servers=servers, locations=locations
    )
    locations.fetch()


def find_collection(endpoint: Endpoint, *, globus: Globus, catalogue: Catalogue) -> Collection:
    """Return the collection that an endpoint means, asked for now; raise EndpointError if there is none, or several."""
    known = catalogue.get(endpoint.text, endpoint).text
    if is_uuid(known):
        return globus.collection(read_endpoint(known, endpoint.display))
    return globus.resolve(endpoint.text, known=catalogue)
