"""Check of tokens of the user's that travel with jobs: what they open, how long, and what a job cannot do with them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from goclient.carrier.secret import check_lasts
from goclient.errors import GoclientError, RequestError
from goclient.errors.findings import Finding
from goclient.errors.wording import quote
from goclient.model.endpoint import Endpoint
from goclient.model.plan import TransferTask
from goclient.model.planner import group_tasks
from goclient.model.request import Rights
from goclient.preflight.base import Check, Context
from goclient.preflight.https import https_endpoints
from goclient.preflight.locations import few
from goclient.services.globus.collection import GUEST_KINDS

LIFETIME = timedelta(hours=48)  # of Globus' access tokens


class Tokens(Check):
    """Judge what the tokens open, and each transfer that needs more than the HTTPS server of a collection."""

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield an error for what a job cannot do with them, a warning for each collection that they open as the user.

        Where the HTTPS servers are is kept for the plan: on the node nobody can be asked.
        """
        wait = context.options.token_wait
        if wait is None:
            return
        try:
            check_lasts(datetime.now(UTC) + LIFETIME, needs=context.options.hours, wait=wait)
            tasks = group_tasks(context.resolved)
        except GoclientError as error:
            yield from error.findings
            return
        yield from few([one.finding for task in tasks for one in _find_impossible(task)])
        servers: dict[str, str] = {}
        for endpoint in https_endpoints(context.resolved):
            collection = context.connection.collections.get(endpoint.text)
            if collection is not None and collection.https_server:
                servers[endpoint.text] = collection.https_server
                yield _judge_reach(endpoint, collection.entity_type in GUEST_KINDS, collection.kind)
        context.rights = Rights(servers=servers)


def _find_impossible(task: TransferTask) -> Iterator[RequestError]:
    """Yield what takes Transfer: a token for it would open all that the user may do there, and never travels."""
    if task.is_globus:
        shown = f"{quote(task.source.display)} to {quote(task.destination.display)}"
        message = f"from {shown} a transfer task is needed, and a token for these would let a thief transfer everything"
        hint = "use --goCredential=service, or leave out --goCarry"
        yield RequestError(message, hint=hint, code="token-transfer", subject=task.far.display)
    for item in task.items if task.asks_https else ():
        if item.recursive:
            message = f"{quote(item.source)} is a directory, and with tokens single files pass only: "
            message += "HTTPS lists and makes none"
            hint = "name its files, or use --goCredential=service"
            yield RequestError(message, hint=hint, code="token-directory", subject=item.source)


def _judge_reach(endpoint: Endpoint, is_guest: bool, kind: str) -> Finding:
    name = endpoint.display
    reach = f"who reads a log of the jobs may use {quote(name)} as you until the token ends, or is taken back"
    if is_guest:
        return Finding("ok", "token", name, f"{reach}: a guest collection, by the permissions that you have there")
    message = f"{reach}: it is {kind}, so that is all that you may do there"
    return Finding("warning", "token-mapped", name, message, "use a guest collection, for one directory")
