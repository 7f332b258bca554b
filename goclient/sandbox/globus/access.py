"""The Globus Transfer service in miniature: the rules of guest collections, and the roles of all."""

from __future__ import annotations

import sqlite3
import time
import uuid
from typing import Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from goclient.sandbox.globus.endpoints import Endpoints
from goclient.sandbox.globus.permissions import EVERYBODY, ROLES, normal
from goclient.sandbox.globus.storage import GUEST
from goclient.sandbox.globus.task_document import iso, moment
from goclient.sandbox.http import ServiceError, answer, body, globus_identity, result, transfer_error
from goclient.sandbox.state import State


class Access:
    """The routes of the Transfer service that tell who may use a collection, and change it."""

    def __init__(self, state: State, endpoints: Endpoints) -> None:
        self._state = state
        self._endpoints = endpoints

    def rules(self) -> list[Rule]:
        """The routes and their handlers."""
        routes = [
            ("GET", "/access_list", self.access_list),
            ("POST", "/access", self.create_rule),
            ("GET", "/access/<rule>", self.rule),
            ("PUT", "/access/<rule>", self.update_rule),
            ("DELETE", "/access/<rule>", self.delete_rule),
            ("GET", "/role_list", self.role_list),
            ("POST", "/role", self.create_role),
            ("GET", "/role/<role>", self.role),
            ("DELETE", "/role/<role>", self.delete_role),
        ]
        prefix = "/v0.10/endpoint/<id>"
        return [Rule(f"{prefix}{path}", endpoint=handler, methods=[method]) for method, path, handler in routes]

    # --- rules ---

    def access_list(self, request: Request, id: str) -> Response:
        """The rules of a guest collection that hold now."""
        self._managed(request, id)
        rows = self._state.rows(
            "select * from rules where collection = ? and (expires is null or expires > ?) order by rowid",
            id,
            time.time(),
        )
        data = [_rule(row) for row in rows]
        return answer({"DATA_TYPE": "access_list", "endpoint": id, "length": len(data), "DATA": data})

    def rule(self, request: Request, id: str, rule: str) -> Response:
        """One rule."""
        self._managed(request, id)
        return answer(_rule(self._rule(request, id, rule)))

    def create_rule(self, request: Request, id: str) -> Response:
        """A new rule; one for the same folder and the same principal must not be there yet."""
        self._managed(request, id)
        values = self._values(request, body(request))
        try:
            self._state.insert("rules", {**values, "id": str(uuid.uuid4()), "collection": id, "created": time.time()})
        except sqlite3.IntegrityError as error:
            text = "This folder is already shared with this identity"
            raise transfer_error(409, "Exists", text, request.path) from error
        row = self._state.rows("select id from rules where collection = ? order by rowid desc limit 1", id)[0]
        made = result("access_create_result", "Created", "Access rule created successfully.", request.path)
        return answer({**made, "access_id": row["id"]}, 201)

    def update_rule(self, request: Request, id: str, rule: str) -> Response:
        """Changes the permissions or the expiry of a rule."""
        self._managed(request, id)
        row = _rule(self._rule(request, id, rule))
        values = self._values(request, {**row, **body(request)})
        self._state.run(
            "update rules set permissions = ?, expires = ? where id = ?", values["permissions"], values["expires"], rule
        )
        return answer(result("result", "Updated", "Access rule updated successfully.", request.path))

    def delete_rule(self, request: Request, id: str, rule: str) -> Response:
        """Removes a rule; what its owner may do needs none."""
        self._managed(request, id)
        self._rule(request, id, rule)
        self._state.run("delete from rules where id = ?", rule)
        return answer(result("result", "Deleted", f"Access rule '{rule}' deleted successfully", request.path))

    def _managed(self, request: Request, id: str) -> None:
        """None, if the caller may manage the rules of a guest collection; raises what Transfer answers otherwise."""
        row, allowed = self._endpoints.visible(request, globus_identity(self._state, request), id)
        if row["entity_type"] != GUEST:
            raise transfer_error(409, "Conflict", "Only guest collections have access rules", request.path)
        if not allowed.manages_access:
            raise transfer_error(403, "PermissionDenied", "You may not manage its access rules", request.path)

    def _rule(self, request: Request, id: str, rule: str) -> dict[str, Any]:
        row = self._state.row("select * from rules where collection = ? and id = ?", id, rule)
        if row is None:
            raise transfer_error(404, "AccessRuleNotFound", f"No access rule '{rule}'", request.path)
        return row

    def _values(self, request: Request, wanted: dict[str, Any]) -> dict[str, Any]:
        """The columns of a rule that is wanted; raises what Transfer answers to one that cannot be."""
        kind, principal = str(wanted.get("principal_type")), str(wanted.get("principal") or "")
        path, permissions = str(wanted.get("path", "")), wanted.get("permissions")
        if kind in EVERYBODY:
            principal = ""
        elif kind != "identity" or not self._state.row("select 1 from identities where id = ?", principal):
            raise _refused(request, f"no principal '{kind}' '{principal}'")
        if not path.startswith("/"):
            raise _refused(request, f"the path '{path}' is not absolute")
        if permissions not in ("r", "rw"):
            raise _refused(request, "permissions must be 'r' or 'rw'")
        folder = normal(path).rstrip("/") + "/"
        expires = _moment(request, wanted.get("expiration_date"))
        return {
            "path": folder,
            "principal_type": kind,
            "principal": principal,
            "permissions": permissions,
            "expires": expires,
        }

    # --- roles ---

    def role_list(self, request: Request, id: str) -> Response:
        """Who has which role; the owner is an administrator by being it."""
        collection = self._endpoints.administered(request, id)
        own = {"id": None, "principal": collection["owner"], "role": "administrator"}
        rows = [own, *self._state.rows("select * from roles where collection = ? order by rowid", id)]
        return answer({"DATA_TYPE": "role_list", "endpoint": id, "DATA": [_role(row) for row in rows]})

    def role(self, request: Request, id: str, role: str) -> Response:
        """One role that somebody has."""
        self._endpoints.administered(request, id)
        return answer(_role(self._role(request, id, role)))

    def create_role(self, request: Request, id: str) -> Response:
        """Gives an identity a role."""
        self._endpoints.administered(request, id)
        wanted = body(request)
        values = {name: str(wanted.get(name)) for name in ("principal", "role")}
        known = self._state.row("select 1 from identities where id = ?", values["principal"])
        if known is None or values["role"] not in ROLES:
            raise _refused(request, f"no role '{values['role']}' for '{values['principal']}'")
        row = {**values, "id": str(uuid.uuid4()), "collection": id}
        try:
            self._state.insert("roles", row)
        except sqlite3.IntegrityError as error:
            raise transfer_error(409, "Exists", "The role is given already", request.path) from error
        return answer(_role(row), 201)

    def delete_role(self, request: Request, id: str, role: str) -> Response:
        """Takes a role away."""
        self._endpoints.administered(request, id)
        self._role(request, id, role)
        self._state.run("delete from roles where id = ?", role)
        return answer(result("result", "Deleted", f"Role '{role}' deleted successfully", request.path))

    def _role(self, request: Request, id: str, role: str) -> dict[str, Any]:
        row = self._state.row("select * from roles where collection = ? and id = ?", id, role)
        if row is None:
            raise transfer_error(404, "RoleNotFound", f"No role '{role}'", request.path)
        return row


def _refused(request: Request, text: str) -> ServiceError:
    return transfer_error(400, "ClientError.BadRequest", text, request.path)


def _moment(request: Request, text: Any) -> float | None:
    """A time of the future as seconds, or None if there is none."""
    if not text:
        return None
    try:
        seconds = moment(str(text))
    except ValueError as error:
        raise _refused(request, f"expiration_date '{text}' is not a time") from error
    if seconds <= time.time():
        raise _refused(request, f"expiration_date '{text}' is over")
    return seconds


def _rule(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "DATA_TYPE": "access",
        "id": row["id"],
        "path": row["path"],
        "permissions": row["permissions"],
        "principal": row["principal"],
        "principal_type": row["principal_type"],
        "create_time": iso(row["created"]),
        "expiration_date": iso(row["expires"]),
        "role_id": None,
        "role_type": None,
    }


def _role(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "DATA_TYPE": "role",
        "id": row["id"],
        "principal": row["principal"],
        "principal_type": "identity",
        "role": row["role"],
    }
