"""Identities of a pilot: who the PanDA server, Globus and a MyProxy server say that it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from goclient.config import environment, grid
from goclient.config.connections import Connections
from goclient.errors import Collector, GoclientError, RequestError
from goclient.errors.myproxy import NoIdentity
from goclient.errors.wording import quote
from goclient.pilot.readiness import check_rights
from goclient.services.globus.login import whoami
from goclient.services.gsi.certificate import time_text

SECONDS = 10.0  # for a MyProxy server's answer


@dataclass(frozen=True)
class Retriever:
    """Certificate with which a pilot retrieves the proxies of its jobs' owners, and the server that has taken it."""

    dn: str
    end: int  # Unix time
    server: str  # empty if none is set: jobs name theirs

    def document(self) -> dict[str, Any]:
        """Return the JSON object: dn, end, server."""
        return {"dn": self.dn, "end": self.end, "server": self.server or None}


@dataclass(frozen=True)
class PilotIdentity:
    """Identity of a pilot: its DN, or the name in its token, the Globus identity that transfers, and the retriever.

    The Globus identity is empty if no mode of its jobs needs it; there is no retriever without a certificate.
    """

    dn: str
    globus: str
    globus_id: str
    retriever: Retriever | None
    faults: tuple[GoclientError, ...] = ()
    asks_globus: bool = True

    def document(self) -> dict[str, Any]:
        """Return the JSON object: dn, identity, id, retriever."""
        retriever = self.retriever.document() if self.retriever else None
        return {"dn": self.dn, "identity": self.globus, "id": self.globus_id, "retriever": retriever}

    def lines(self) -> list[tuple[str, str]]:
        """Return a name and a value for each line of the text."""
        nobody = "nobody is logged in: --modes=local needs none" if self.asks_globus else "none is needed"
        rows = [("DN", self.dn), ("Globus identity", self.globus or nobody), ("id", self.globus_id)]
        if self.retriever is None:
            return [*rows, ("retrieves as", "nobody: a job with a MyProxy account fails here")]
        server = f"{self.retriever.server} takes it" if self.retriever.server else "the job's own: none is set here"
        return [
            *rows,
            ("retrieves as", f"{self.retriever.dn}, until {time_text(self.retriever.end)}"),
            ("MyProxy server", server),
        ]

    def differences(self, dn: str | None, identity: str | None) -> list[GoclientError]:
        """Return an error for each of ``[pilot] dn`` and ``identity`` of the settings that says something else."""
        mine = {self.retriever.dn} if self.retriever else {self.dn}  # deposits are made for that
        found = (("dn", dn, mine | {self.dn}), ("identity", identity, {self.globus, self.globus_id}))
        return [
            RequestError(
                f"[pilot] {name} of the settings is {quote(told)}, but the pilot is {quote(min(own))}",
                hint=f"set it to {quote(min(own))}",
                code="pilot-identity",
                subject=f"pilot.{name}",
            )
            for name, told, own in found
            if told and any(own) and told not in own
        ]


def pilot_identity(connections: Connections, *, needs_globus: bool = True) -> PilotIdentity:
    """Return who the pilot is, with what Globus or MyProxy has against it; raise what the PanDA server has."""
    access = environment.panda_access(connections.env, pilot=True, reporter=connections.reporter)
    server = connections.panda(pilot=True)
    rights = server.rights()
    check_rights(rights, server.name)
    dn = grid.identity(connections.env, proxy=access.certificate).base if access.certificate else rights.name
    collector = Collector()
    identity = retriever = None
    with collector:
        identity = whoami(connections.globus_access()) if needs_globus else None
    with collector:
        retriever = _retriever(connections)
    return PilotIdentity(
        dn,
        identity.username if identity else "",
        identity.id if identity else "",
        retriever,
        tuple(collector.errors),
        asks_globus=needs_globus,
    )


def _retriever(connections: Connections) -> Retriever | None:
    """Return as whom the pilot retrieves, None without a certificate; raise what is wrong with it, or with the server.

    The server that the site names is asked what the pilot has deposited, which is nothing: so it must be itself, of a
    CA that is trusted here, and take the pilot's certificate.
    """
    accounts = replace(connections.accounts(), passphrase=None)
    try:
        credential = accounts.credential()
    except NoIdentity:
        return None
    found, server = credential.identity, ""
    if connections.env.get("MYPROXY_SERVER"):
        where = grid.servers(connections.env)
        service = grid.myproxy(connections.env, where, credential=credential, seconds=SECONDS)
        service.info(found.base)
        server = str(service.server)
    return Retriever(found.base, found.end, server)
