"""Check of the servers that URLs name: is each there, and itself, and does it take the user's own proxy?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from goclient.errors import GoclientError
from goclient.errors.findings import Finding
from goclient.errors.myproxy import IdentityError, IdentityExpired, IdentityMissing
from goclient.errors.wording import quote
from goclient.model.endpoint import Endpoint, UrlEndpoint
from goclient.preflight.base import Check, Context
from goclient.preflight.storage import Server, ServerConnections

NO_PROXY = "make a proxy, with which they are checked: grid-proxy-init -rfc, or voms-proxy-init"


def find_servers(named: Mapping[Endpoint, UrlEndpoint], context: Context) -> ServerConnections:
    """Return the servers, which nobody has asked yet, with the user's own credential."""
    if not named or context.accounts is None:
        return ServerConnections(named)
    try:
        accounts = context.accounts()
        credential = accounts.credential()
        if credential.identity.encrypted:
            message = f"there is no proxy, and the key {quote(credential.identity.key)} needs a pass phrase"
            raise IdentityMissing(message, hint=NO_PROXY)
        clients = accounts.server_files(credential, context.deadline)
    except GoclientError as error:
        return ServerConnections(named, problem=error)
    storages = {one.text: Server(clients[type(one)], one) for one in named.values() if type(one) in clients}
    return ServerConnections(named, storages, credential.identity, clients=tuple(clients.values()))


class Servers(Check):
    """Say which account the user has at each server, or what is wrong with the server, or with the user's proxy.

    What is there, and whether it can be written, is judged as at collections.
    """

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield what is found of the proxy, then a finding for each server, in order."""
        servers = context.connection.servers
        parts = servers.problem.parts if servers.problem is not None else ()
        wrong = [one for one in parts if isinstance(one, IdentityError) and not isinstance(one, IdentityMissing)]
        for one in wrong:
            yield (one.replace(code="proxy-expired") if isinstance(one, IdentityExpired) else one).finding
        if identity := servers.identity:
            context.server_dn = identity.base
            yield Finding("ok", "identity", "the proxy", f"servers are asked as {identity.base} ({identity.found})")
            for text in identity.warnings:
                code = "proxy-limited" if identity.is_limited else "proxy"
                yield Finding("warning", code, "the proxy", text, "make another one: grid-proxy-init -rfc")
        for typed, endpoint in servers.named.items():
            name, found = typed.display, servers.accounts.get(endpoint.text)
            if isinstance(found, GoclientError):
                yield found.finding
            elif found is not None:
                more = f", where you have the account {quote(found)}" if found else ""
                yield Finding("ok", "server", name, f"{name} is {endpoint.title}{more}")
            elif not wrong:
                why = f": {servers.problem.message}" if servers.problem is not None else ""
                message = f"{quote(name)} is {endpoint.title}, which was not checked{why}"
                yield Finding("warning", "unchecked", name, message, NO_PROXY)
