"""Questions asked before any check judges: the collection of each endpoint, and what the directories in use hold."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from goclient.errors import GoclientError
from goclient.model.endpoint import Catalogue, Endpoint, GlobusEndpoint, UrlEndpoint, is_uuid, read_endpoint
from goclient.model.syntax.options import DEFAULT_WORKING
from goclient.preflight.base import Connection, Context
from goclient.preflight.endpoints import find_problem
from goclient.preflight.listings import Listings
from goclient.preflight.locations import Locations
from goclient.services.deadline import Background
from goclient.services.parallel import Parallel

if TYPE_CHECKING:
    from goclient.services.globus.collection import Collection
    from goclient.services.globus.sdk import Globus


def connect(context: Context, catalogue: Catalogue, globus: Globus) -> None:
    """Resolve the endpoints of a context's spec, all at once, and list the directories that it names.

    Sets the context's ``connection`` and ``resolved``.
    """
    spec, parallel = context.spec, Parallel(context.deadline, context.reporter)
    ask = partial(find_collection, globus=globus, catalogue=catalogue)
    own = spec.working if spec.makes_endpoint and spec.working != DEFAULT_WORKING else None
    working = Background(partial(ask, GlobusEndpoint(own))) if own else None
    means = {one: catalogue.get(one.text, one) for one in spec.endpoints}
    found = parallel.map(ask, [one for one, end in means.items() if not isinstance(end, UrlEndpoint)])
    usable = {
        endpoint: one
        for endpoint, one in found.items()
        if not isinstance(one, GoclientError) and find_problem(endpoint, one, globus.identity) is None
    }
    known: dict[str, Endpoint] = {one.text: end for one, end in means.items() if isinstance(end, UrlEndpoint)}
    known |= {endpoint.text: GlobusEndpoint(one.id) for endpoint, one in usable.items()}
    context.resolved = spec.with_endpoints(known)
    collections = {one.id: one for one in usable.values()}
    listings = Listings(globus, parallel)
    locations = Locations(context.resolved, listings, collections=collections, serials=range(1, context.count + 1))
    context.connection = Connection(globus, parallel, catalogue, found, collections, working, locations)
    locations.fetch()


def find_collection(endpoint: Endpoint, *, globus: Globus, catalogue: Catalogue) -> Collection:
    """Return the collection that an endpoint means, asked for now; raise EndpointError if there is none, or several."""
    known = catalogue.get(endpoint.text, endpoint).text
    if is_uuid(known):
        return globus.collection(read_endpoint(known, endpoint.display))
    return globus.resolve(endpoint.text, known=catalogue)
