"""Check of the service client that acts for carried jobs: Globus is asked as that client whether it may be there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from goclient.errors import EndpointError, GoclientError, LoginNeeded
from goclient.errors.conditions import EndpointNotFound, PathNotFound, PermissionDenied
from goclient.errors.findings import Finding
from goclient.errors.wording import quote
from goclient.model.syntax.shell import command_line
from goclient.preflight.base import Check, Context
from goclient.preflight.misspelt import GLOBUS_COMMAND
from goclient.preflight.permissions import Access, Need, find_access

if TYPE_CHECKING:
    from goclient.services.globus.collection import AccessRule
    from goclient.services.globus.sdk import Globus


class ServiceAccess(Check):
    """List, as the service client, each directory of collections whose rules do not tell what it may do there.

    If all of them tell, one is listed all the same, which shows that the client's secret is right.
    """

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield a warning for each permission that is too wide, and an error for each one that is missing."""
        if context.options.service is None:
            return
        connection = context.connection
        needed = find_access(context.resolved, connection)
        for access in needed:
            rules = connection.rules.get(access.endpoint)
            own = [one for one in rules if one.principal == context.options.acting] if isinstance(rules, list) else []
            yield from (found for rule in own for found in _judge_rule(rule, access, context.options.hours))
        known = {one.collection.id for one in needed if isinstance(connection.rules.get(one.endpoint), list)}
        unknown = [need for one in needed if one.collection.id not in known for need in one.needs]
        asked = unknown or [one.needs[0] for one in needed[:1]]
        if not asked:
            return
        try:
            service = context.options.service()
        except GoclientError as error:
            yield from error.findings
            return
        found = connection.parallel.map(partial(_list, service), asked)
        connection.parallel.map(lambda one: one.forget(), [service])  # one that stays valid ends itself
        for need in asked:
            if unknown or isinstance(found[need], LoginNeeded):
                yield from _judge(need, found[need], service.acts_as)


def _judge_rule(rule: AccessRule, access: Access, hours: int) -> Iterator[Finding]:
    """Yield a warning if a rule has no end, or is for all of a collection: the client's secret stands in logs."""
    shown = f"{access.endpoint.display}:{rule.path}"
    why = "and its secret stands in the logs of its jobs"
    if not rule.expires:
        later = datetime.now(UTC) + timedelta(hours=hours, days=1)
        words = ("update", "--expiration-date", f"{later:%Y-%m-%d %H:%M:%S}", access.collection.id, rule.id)
        hint = f"type: {command_line('globus', 'endpoint', 'permission', *words)}; {GLOBUS_COMMAND}"
        message = f"the permission of the service client for {quote(shown)} has no end, {why}"
        yield Finding("warning", "service-lasting", shown, message, hint)
    if rule.path == "/":
        message = f"the permission of the service client for {quote(shown)} is for all of the collection, {why}"
        yield Finding("warning", "service-wide", shown, message, "give it one for the directory that the jobs need")
    elif not any(_are_related(rule.path, need.location.path) for need in access.needs):
        message = f"the service client has a permission for {quote(shown)}, too, which these jobs do not need, {why}"
        yield Finding("warning", "service-shared", shown, message, "have a client for each campaign, used by you alone")


def _are_related(one: str, other: str) -> bool:
    """Return True if one of two directories is the other, or above it."""
    return one.startswith(other) or other.startswith(one)


def _list(service: Globus, need: Need) -> bool:
    return service.is_empty(need.location.endpoint, need.location.path)


def _judge(need: Need, answer: bool | GoclientError, who: str) -> Iterator[Finding]:
    name = need.location.endpoint.display
    if isinstance(answer, LoginNeeded):
        message = f"{answer.message} ({who}, which is to act for the jobs)"
        hint = "check GOCLIENT_CARRY_CLIENT_ID and GOCLIENT_CARRY_CLIENT_SECRET: the secret may have been replaced"
        yield LoginNeeded(message, hint=hint, code="carry-client", subject="GOCLIENT_CARRY_CLIENT_SECRET").finding
    elif isinstance(answer, PermissionDenied | EndpointNotFound):
        shown = quote(need.location.display)
        why = answer.message.removeprefix(f"{shown}: ")
        message = f"{who} has to act for the jobs, and may not use {shown}: {why}"
        hint = "use a guest collection on which it has a permission, or ask the owner of this one"
        yield EndpointError(message, hint=hint, code="service-permission", subject=name).finding
    elif isinstance(answer, GoclientError) and not isinstance(answer, PathNotFound):
        yield answer.finding.as_warning()
