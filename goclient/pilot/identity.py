"""Identities of a pilot: who the PanDA server and Globus say that it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from goclient.config import environment, grid
from goclient.config.connections import Connections
from goclient.errors import GoclientError, RequestError
from goclient.errors.wording import quoted
from goclient.pilot.readiness import check_rights
from goclient.services.globus.login import whoami


@dataclass(frozen=True)
class PilotIdentity:
    """Identity of a pilot: its DN, or the name in its token, and the Globus identity that transfers."""

    dn: str
    globus: str
    globus_id: str

    def document(self) -> dict[str, Any]:
        """Return the JSON object: dn, identity, id."""
        return {"dn": self.dn, "identity": self.globus, "id": self.globus_id}

    def differences(self, dn: str | None, identity: str | None) -> list[GoclientError]:
        """Return an error for each of ``[pilot] dn`` and ``identity`` of the settings that says something else."""
        found = (("dn", dn, {self.dn}), ("identity", identity, {self.globus, self.globus_id}))
        return [
            RequestError(
                f"[pilot] {name} of the settings is {quoted(told)}, but the pilot is {quoted(min(own))}",
                hint=f"set it to {quoted(min(own))}",
                code="pilot-identity",
                subject=f"pilot.{name}",
            )
            for name, told, own in found
            if told and told not in own
        ]


def pilot_identity(connections: Connections) -> PilotIdentity:
    """Return who the pilot is; raise what the PanDA server or Globus has against it."""
    access = environment.panda_access(connections.env, pilot=True, reporter=connections.reporter)
    server = connections.panda(pilot=True)
    rights = server.rights()
    check_rights(rights, server.name)
    dn = grid.identity(connections.env, proxy=access.certificate).base if access.certificate else rights.name
    identity = whoami(connections.globus_access())
    return PilotIdentity(dn, identity.username, identity.id)
