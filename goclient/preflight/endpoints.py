"""Checks of endpoints: can each be used, does the job's own have a name of its own, are two of them personal?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from goclient.config.catalogue_toml import command
from goclient.errors import EndpointError, GoclientError, LoginNeeded
from goclient.errors.conditions import AmbiguousEndpoint, Disconnected, EndpointNotFound
from goclient.errors.findings import Finding
from goclient.errors.wording import quote
from goclient.model.endpoint import JOB, Endpoint, GlobusEndpoint
from goclient.preflight.base import Check, Connection, Context

if TYPE_CHECKING:
    from goclient.services.globus.collection import Collection

PATIENCE = 2.0  # seconds for what only a warning comes of, once all else is known


class Endpoints(Check):
    """Say what each collection is, or why it cannot be used."""

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield a finding for each collection, in order, and a warning of a server that is not the site's."""
        connection = context.connection
        for endpoint, found in connection.found.items():
            judged = _judge(endpoint, found, connection)
            may_sleep = not isinstance(found, GoclientError) and sleeps(endpoint, found, context)
            yield judged.as_warning() if may_sleep else judged
        local = context.resolved.local_endpoint
        server = connection.collections.get(local.text) if local is not None else None
        if local is not None and server is not None and server.is_personal and not server.is_of(connection.identity):
            name, owner = local.display, server.owner or "nobody"
            message = f"{quote(name)}, which must see the job's directory, is {server.kind} of {owner}"
            hint = "name a server of the site, or leave it out: the job makes an endpoint of its own"
            yield Finding("warning", "not-yours", name, message, hint)


def _judge(endpoint: Endpoint, found: Collection | GoclientError, connection: Connection) -> Finding:
    name = endpoint.display
    if isinstance(found, EndpointNotFound) and name in connection.catalogue:
        hint = f"the catalogue says {connection.catalogue[name]}; to remove that entry, type: {command('remove', name)}"
        return found.replace(hint=hint).finding
    if isinstance(found, GoclientError):
        return found.finding
    if problem := find_problem(endpoint, found, connection.identity):
        return problem.finding
    known = f"{found.name or found.canonical_name}, {found.kind} of {found.owner or 'nobody'}, {found.id}"
    return Finding("ok", "endpoint", name, f"{name} is {known}")


def find_problem(endpoint: Endpoint, found: Collection, identity: str) -> EndpointError | None:
    """Return what keeps a collection from being used; None if nothing does."""
    name, mine, owner = endpoint.display, found.is_of(identity), found.owner or "its owner"
    shown = quote(name) if name == found.name or not found.name else f"{quote(name)} ({found.name})"
    if not found.holds_data:
        return EndpointError(
            f"{shown} is a GCSv5 endpoint: it holds no data itself, its collections do",
            hint=f"name one of its collections: {'' if mine else f'ask {owner}, or '}type: "
            + command("list", search="TEXT"),
            code="no-collection",
            subject=name,
        )
    if found.connected is False:
        return Disconnected(
            f"{shown} is a Globus Connect Personal endpoint that is not connected",
            hint="start Globus Connect Personal on that computer"
            + (f", which is your own ({owner})" if mine else f", or ask {owner} to"),
            subject=name,
        )
    if found.paused:
        return EndpointError(
            f"{shown} is a Globus Connect Personal endpoint that is paused",
            hint="choose Unpause in its menu" if mine else f"let {owner} choose Unpause in its menu",
            code="paused",
            subject=name,
        )
    return None


def sleeps(endpoint: Endpoint, found: Collection, context: Context) -> bool:
    """Return True for a collection that is not connected, where outputs are delivered only when the jobs have ended."""
    spec = context.spec
    read = {one.source.endpoint for one in spec.transfers} | {spec.local_endpoint}
    is_last = context.options.staging is not None and endpoint not in read
    return is_last and isinstance(find_problem(endpoint, found, ""), Disconnected)


class WorkingName(Check):
    """Warn if the endpoint which the job makes is called as one that is there, or as several."""

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield a warning if there is an endpoint of the name that is still to be made, or if that is not known."""
        connection, name = context.connection, context.spec.working
        if connection.working is None or name is None:
            return
        message, hint = f"there is an endpoint {quote(name)} already", "give the job's own another name"
        try:
            there = connection.working.result(min(PATIENCE, context.deadline.left))
            message += f" (of {there.owner or 'nobody'}, {there.id}), {there.kind}"
            if find_problem(GlobusEndpoint(name), there, connection.identity) is None:
                hint += f"; files pass through that one, which must see the job's directory, with its UUID: {there.id}"
        except AmbiguousEndpoint:
            pass
        except (LoginNeeded, EndpointNotFound):  # the other endpoints report the login
            return
        except (GoclientError, TimeoutError) as error:
            why = error.message if isinstance(error, GoclientError) else "Globus has not answered in time"
            message = f"whether there is an endpoint {quote(name)} already was not checked: {why}"
            yield Finding("warning", "unchecked", name, message, "the job makes one of its own in any case")
            return
        message += ": the job makes one of its own all the same"
        yield Finding("warning", "working-exists", name, message, hint)


class PersonalEnds(Check):
    """Refuse transfers between two Globus Connect Personal endpoints, of which the job's own is one.

    In 2012 they were impossible; now they need a subscription.
    """

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield an error for each pair of such endpoints, unless the user allows them."""
        if context.options.allow_personal:
            return
        asked = context.connection.found.items()
        personal = {one: found for one, found in asked if not isinstance(found, GoclientError) and found.is_personal}
        pairs = dict.fromkeys(
            (transfer.source.endpoint, transfer.destination.endpoint)
            for _, mode, transfers in context.spec.phases
            for transfer in transfers
            if all(
                end.endpoint in personal or (end.in_job and mode.makes_endpoint)
                for end in (transfer.source, transfer.destination)
            )
        )
        for pair in pairs:
            ends = [end for end in pair if end.is_remote]
            if any(personal[end].subscribed for end in ends):
                continue
            named = " and ".join(quote(end.display) for end in ends) + (" and the node's own" if JOB in pair else "")
            yield EndpointError(
                f"files cannot go between two Globus Connect Personal endpoints without a subscription: {named}",
                hint="use a collection of a server at one end, or say --goAllowPersonal if there is a subscription",
                code="personal-ends",
                subject=ends[0].display,
            ).finding
