"""Check of the mode https: does each collection serve HTTPS, may it be used, and are there files that it is not for?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from goclient.errors import EndpointError
from goclient.errors.findings import ExitCode, Finding
from goclient.errors.wording import quote
from goclient.model.endpoint import Endpoint
from goclient.model.location import Location
from goclient.model.remote import FileInfo
from goclient.model.spec import TransferSpec
from goclient.preflight.base import Check, Context
from goclient.preflight.listings import Directory
from goclient.preflight.locations import few
from goclient.services.globus.collection import https_consent

if TYPE_CHECKING:
    from goclient.services.globus.collection import Collection

# Bytes: nothing but the client itself resumes a transfer by HTTPS, and one that is sent begins again.
LARGE = 5 * 10**9
OTHER_WAY = "leave out --goVia https (in a text of 2012 in-mode=https): Globus Connect on the node brings it"
CONNECT_WAY = "add --goVia=gc --goConnect=URL, of Globus Connect Personal for Linux: the job brings that"
SERVICE_WAY = f"leave out --goCredential=token and {CONNECT_WAY}"


class Https(Check):
    """Judge each collection whose files come or go by HTTPS, and each source there."""

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield a finding for each collection, then a few for the sources that had better come another way."""
        connection, is_token = context.connection, context.options.token_wait is not None
        other_way = OTHER_WAY
        if context.options.carried:
            other_way = SERVICE_WAY if is_token else CONNECT_WAY
        for endpoint in https_endpoints(context.resolved):
            collection = connection.collections.get(endpoint.text)
            if collection is not None:
                yield _judge_server(endpoint, collection, other_way=other_way if context.options.carried else "")
                if collection.https_server and (found := _find_consent(endpoint, context)) is not None:
                    yield found
        closed, large = [], []
        for location, entry in _sources(context):
            shown = location.display
            if entry.is_directory and connection.locations.listings.is_closed(Directory.at(location)):
                message = f"{quote(shown)} is a directory that cannot be listed, and HTTPS brings single files only"
                hint = f"name its files, or {other_way}"
                closed.append(EndpointError(message, hint=hint, code="https-directory", subject=shown).finding)
            elif not entry.is_directory and entry.size > LARGE:
                message = f"{quote(shown)} has {entry.size} bytes: a transfer task is the better way for a file above "
                message += f"{LARGE // 10**9} GB, as Globus resumes it"
                large.append(Finding("warning", "https-large", shown, message, other_way))
        yield from (*few(closed), *few(large))


def https_endpoints(spec: TransferSpec) -> list[Endpoint]:
    """Return the collections whose HTTPS servers the phases of a spec use, each once."""
    ends = (
        far.endpoint
        for _, mode, transfers in spec.phases
        if mode.asks_https
        for one in transfers
        for near, far in ((one.source, one.destination), (one.destination, one.source))
        if near.in_job and far.endpoint.is_remote
    )
    return list(dict.fromkeys(ends))


def _sources(context: Context) -> Iterator[tuple[Location, FileInfo]]:
    """Yield each source that comes by HTTPS and is there, with its entry."""
    locations = context.connection.locations
    stage_in = context.resolved.stage_in if context.resolved.in_mode.asks_https else ()
    by_https = (one.source for one in stage_in if one.destination.in_job and one.source.endpoint.is_globus)
    known = [source for source in by_https if locations.knows(source)]
    named = {location for source in known for location in locations.in_jobs(source)}
    return (pair for pair in locations.sources() if pair[0] in named)


def _judge_server(endpoint: Endpoint, collection: Collection, *, other_way: str) -> Finding:
    """Return whether a collection serves HTTPS; ``other_way`` is a carried job's, empty for other jobs."""
    name = endpoint.display
    try:
        url = collection.https_url(name)
    except EndpointError as error:
        hint = f"name a collection that serves HTTPS, ask its owner to enable it, or {other_way}"
        return error.replace(hint=hint).finding if other_way else error.finding
    message = f"{name} serves HTTPS at {url}; for a file above {LARGE // 10**9} GB a transfer task is the better way"
    return Finding("ok", "https", name, message)


def pilot_may_be_user(context: Context) -> bool:
    """Return False if another identity than the user's is named as the pilot's."""
    pilot = context.options.pilot_identity
    return pilot is None or pilot.lower() == context.connection.identity


def _find_consent(endpoint: Endpoint, context: Context) -> Finding | None:
    """Return what is missing if the pilot transfers as the user; None if nothing is, or another identity transfers."""
    globus = context.connection.globus
    if globus is None or globus.has_https_token(endpoint) or not pilot_may_be_user(context):
        return None
    found = https_consent(endpoint.display).finding
    if context.options.pilot_identity is not None or context.options.token_wait is not None:
        return found
    message = f"{found.message}: the pilot needs it if it transfers as you"
    return found._replace(level="warning", message=message, exit_code=ExitCode.DONE)
