"""Globus Transfer in miniature: the rules of guest collections, and the roles of all."""

from __future__ import annotations

import sqlite3
import time
import uuid
from typing import Any

from werkzeug.wrappers import Response

from goclient.sandbox.globus.endpoints import check_administrator, visible
from goclient.sandbox.globus.permissions import EVERYBODY, ROLES, normalize
from goclient.sandbox.globus.storage import GUEST
from goclient.sandbox.globus.task_document import iso, read_time
from goclient.sandbox.http import BadRequest, Document, TransferError, answer
from goclient.sandbox.routes import Call, Routes
from goclient.sandbox.state import Row

routes = Routes("/v0.10/endpoint/<id>")


# --- rules ---


@routes.on("GET", "/access_list")
def list_rules(call: Call, id: str) -> Document:
    """List the rules of a guest collection that hold now."""
    _check_manager(call, id)
    query = "select * from rules where collection = ? and (expires is null or expires > ?) order by rowid"
    data = [_describe_rule(row) for row in call.state.rows(query, id, time.time())]
    return {"DATA_TYPE": "access_list", "endpoint": id, "length": len(data), "DATA": data}


@routes.on("GET", "/access/<rule>")
def show_rule(call: Call, id: str, rule: str) -> Document:
    """Show one rule."""
    return _describe_rule(_find_rule(call, id, rule))


@routes.on("POST", "/access")
def create_rule(call: Call, id: str) -> Response:
    """Make a rule; there must not be one for the same directory and the same principal."""
    _check_manager(call, id)
    values = _read_rule(call, call.document())
    _check_number(call, id, values)
    rule = str(uuid.uuid4())
    try:
        call.state.insert("rules", {**values, "id": rule, "collection": id, "created": time.time()})
    except sqlite3.IntegrityError as error:
        text = "This folder is already shared with this identity"  # plain: the service's words
        raise TransferError(409, "Exists", text) from error
    made = call.result("Created", "Access rule created successfully.", kind="access_create_result")
    return answer({**made, "access_id": rule}, 201)


@routes.on("PUT", "/access/<rule>")
def update_rule(call: Call, id: str, rule: str) -> Document:
    """Change the permissions or the expiry of a rule."""
    row = _describe_rule(_find_rule(call, id, rule))
    values = _read_rule(call, {**row, **call.document()})
    statement = "update rules set permissions = ?, expires = ? where id = ?"
    call.state.run(statement, values["permissions"], values["expires"], rule)
    return call.result("Updated", "Access rule updated successfully.")


@routes.on("DELETE", "/access/<rule>")
def delete_rule(call: Call, id: str, rule: str) -> Document:
    """Remove a rule; the owner of the collection needs none."""
    _find_rule(call, id, rule)
    call.state.run("delete from rules where id = ?", rule)
    return call.result("Deleted", f"Access rule '{rule}' deleted successfully")


def _check_manager(call: Call, id: str) -> None:
    """Raise what Transfer answers if the caller may not manage the rules of a guest collection."""
    rights = visible(call, id)
    if rights.collection["entity_type"] != GUEST:
        raise TransferError(409, "Conflict", "Only guest collections have access rules")
    if not rights.manages_access:
        raise TransferError(403, "PermissionDenied", "You may not manage its access rules")


def _check_number(call: Call, id: str, values: dict[str, Any]) -> None:
    """Raise what Transfer answers if a collection has as many rules as it may have, in all or for one user."""
    settings = call.sandbox.tuning.now
    rules = call.state.rows("select principal_type, principal from rules where collection = ?", id)
    same = [row for row in rules if all(row[name] == values[name] for name in row)]
    if len(rules) >= settings.all_access_rules or len(same) >= settings.access_rules:
        text = "The collection has as many access rules as it may have"  # the limits are the service's, the words ours
        raise TransferError(409, "LimitExceeded", text)


def _find_rule(call: Call, id: str, rule: str) -> Row:
    """Return a rule that the caller may manage; raise what Transfer answers if there is none."""
    _check_manager(call, id)
    row = call.state.row("select * from rules where collection = ? and id = ?", id, rule)
    if row is None:
        raise TransferError(404, "AccessRuleNotFound", f"No access rule '{rule}'")
    return row


def _read_rule(call: Call, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a rule that is wanted; raise what Transfer answers to one that cannot be."""
    kind, principal = str(wanted.get("principal_type")), str(wanted.get("principal") or "")
    path, permissions, expires = str(wanted.get("path", "")), wanted.get("permissions"), wanted.get("expiration_date")
    if kind in EVERYBODY:
        principal = ""
    elif kind != "identity" or not call.state.row("select 1 from identities where id = ?", principal):
        raise BadRequest(f"no principal '{kind}' '{principal}'")
    if not path.startswith("/"):
        raise BadRequest(f"the path '{path}' is not absolute")
    if permissions not in ("r", "rw"):
        raise BadRequest("permissions must be 'r' or 'rw'")
    return {
        "path": normalize(path).rstrip("/") + "/",
        "principal_type": kind,
        "principal": principal,
        "permissions": permissions,
        "expires": read_time(str(expires), f"expiration_date '{expires}'", future=True) if expires else None,
    }


def _describe_rule(row: Row) -> Document:
    same = {name: row[name] for name in ("id", "path", "permissions", "principal", "principal_type")}
    times = {"create_time": iso(row["created"]), "expiration_date": iso(row["expires"])}
    return {"DATA_TYPE": "access", **same, **times, "role_id": None, "role_type": None}


# --- roles ---


@routes.on("GET", "/role_list")
def list_roles(call: Call, id: str) -> Document:
    """List who has which role; the owner is always an administrator."""
    collection = check_administrator(call, id).collection
    own = {"id": None, "principal": collection["owner"], "role": "administrator"}
    rows = [own, *call.state.rows("select * from roles where collection = ? order by rowid", id)]
    return {"DATA_TYPE": "role_list", "endpoint": id, "DATA": [_describe_role(row) for row in rows]}


@routes.on("GET", "/role/<role>")
def show_role(call: Call, id: str, role: str) -> Document:
    """Show one role that an identity has."""
    return _describe_role(_find_role(call, id, role))


@routes.on("POST", "/role")
def create_role(call: Call, id: str) -> Response:
    """Give an identity a role."""
    check_administrator(call, id)
    wanted = call.document()
    principal, role = str(wanted.get("principal")), str(wanted.get("role"))
    if not call.state.row("select 1 from identities where id = ?", principal) or role not in ROLES:
        raise BadRequest(f"no role '{role}' for '{principal}'")
    row = {"principal": principal, "role": role, "id": str(uuid.uuid4()), "collection": id}
    try:
        call.state.insert("roles", row)
    except sqlite3.IntegrityError as error:
        raise TransferError(409, "Exists", "The role is given already") from error
    return answer(_describe_role(row), 201)


@routes.on("DELETE", "/role/<role>")
def delete_role(call: Call, id: str, role: str) -> Document:
    """Take a role away."""
    _find_role(call, id, role)
    call.state.run("delete from roles where id = ?", role)
    return call.result("Deleted", f"Role '{role}' deleted successfully")


def _find_role(call: Call, id: str, role: str) -> Row:
    """Return a role of a collection that the caller administers; raise what Transfer answers if there is none."""
    check_administrator(call, id)
    row = call.state.row("select * from roles where collection = ? and id = ?", id, role)
    if row is None:
        raise TransferError(404, "RoleNotFound", f"No role '{role}'")
    return row


def _describe_role(row: Row) -> Document:
    same = {name: row[name] for name in ("id", "principal", "role")}
    return {"DATA_TYPE": "role", "principal_type": "identity", **same}
