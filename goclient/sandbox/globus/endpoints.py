"""Globus Transfer in miniature: endpoints and collections, shown, found, made, changed and removed."""

from __future__ import annotations

import json
import uuid
from typing import Any

from werkzeug.wrappers import Response

from goclient.sandbox.globus.endpoint_document import KEPT, describe
from goclient.sandbox.globus.permissions import Rights, find_collection, find_rights
from goclient.sandbox.globus.storage import GUEST, PERSONAL
from goclient.sandbox.http import BadRequest, Document, TransferError, answer
from goclient.sandbox.routes import Call, Routes
from goclient.sandbox.state import State, compact_json

SCOPES = (
    *("all", "my-endpoints", "my-gcp-endpoints", "administered-by-me"),
    *("shared-by-me", "shared-with-me", "recently-used", "in-use"),
)

routes = Routes("/v0.10")


def visible(call: Call, id: str) -> Rights:
    """Return a collection and the caller's rights; raise what Transfer answers to a caller who cannot see it."""
    identity, row = call.transfer_user(), find_collection(call.state, id)
    rights = None if row is None else find_rights(call.state, row, identity["id"])
    if rights is None or not rights.visible:
        raise TransferError(404, "EndpointNotFound", f"No such endpoint '{id}'")
    return rights


def check_administrator(call: Call, id: str) -> Rights:
    """Return a collection and its administrator's rights; raise what Transfer answers to others."""
    rights = visible(call, id)
    if not rights.administers:
        raise TransferError(403, "PermissionDenied", "You are not an administrator of it")
    return rights


@routes.on("GET", "/endpoint/<id>")
def show(call: Call, id: str) -> Document:
    """Show a collection."""
    return describe(call.state, visible(call, id))


@routes.on("POST", "/endpoint")
def create(call: Call) -> Response:
    """Make a Globus Connect Personal collection, with a setup key that works once."""
    identity = call.transfer_user()
    wanted = call.document()
    if not wanted.get("is_globus_connect") or not wanted.get("display_name"):
        raise TransferError(400, "BadRequest", "Only Globus Connect Personal endpoints can be made")
    owned = call.state.row("select count(*) as number from collections where owner = ?", identity["id"])
    if owned and owned["number"] >= call.sandbox.tuning.now.endpoints:  # the limit is the service's, the words are ours
        raise TransferError(409, "LimitExceeded", "You have as many endpoints as one may have")
    values = {
        "id": str(uuid.uuid4()),
        "display_name": str(wanted["display_name"]),
        "owner": identity["id"],
        "entity_type": PERSONAL,
        "setup_key": str(uuid.uuid4()),
        "public": bool(wanted.get("public", True)),  # as the service: public unless told otherwise
        "fields": compact_json({name: wanted[name] for name in KEPT if name in wanted}),
    }
    call.state.insert("collections", values)
    made = call.result("Created", "Endpoint created successfully", kind="endpoint_create_result")
    own = {"resource": "/endpoint", "id": values["id"], "globus_connect_setup_key": values["setup_key"]}
    return answer({**made, **own}, 201)


@routes.on("PUT", "/endpoint/<id>")
def update(call: Call, id: str) -> Document:
    """Change what an administrator may change."""
    row = check_administrator(call, id).collection
    wanted = call.document()
    shown, public = wanted.get("display_name") or row["display_name"], wanted.get("public", row["public"])
    fields = json.loads(row["fields"]) | {name: wanted[name] for name in KEPT if name in wanted}
    statement = "update collections set display_name = ?, public = ?, fields = ? where id = ?"
    call.state.run(statement, str(shown), bool(public), compact_json(fields), id)
    return call.result("Updated", "Endpoint updated successfully")


@routes.on("DELETE", "/endpoint/<id>")
def delete(call: Call, id: str) -> Document:
    """Remove a collection, with its rules and roles, and the guests that it has."""
    check_administrator(call, id)
    with call.state.transaction():
        for table in ("rules", "roles"):
            call.state.run(f"delete from {table} where collection = ?", id)
        call.state.run("delete from collections where ? in (id, host)", id)
    return call.result("Deleted", "Endpoint deleted successfully")


@routes.on("GET", "/endpoint_search")
def search(call: Call) -> Document:
    """Find the collections that the caller can see, that pass the filters, and whose names have every word in them."""
    me = call.transfer_user()["id"]
    scope = call.args.get("filter_scope") or "all"
    if scope not in SCOPES:
        raise BadRequest(f"no scope '{scope}'")
    limit, offset = call.number("limit", 25), call.number("offset", 0)
    found = []
    for row in call.state.rows("select * from collections order by rowid"):
        rights = find_rights(call.state, row, me)
        if rights.visible and _in_scope(call.state, rights, scope=scope, me=me):
            document = describe(call.state, rights)
            if _passes(document, call.args):
                found.append(document)
    page = {"limit": limit, "offset": offset, "has_next_page": offset + limit < len(found)}
    return {"DATA_TYPE": "endpoint_list", "DATA": found[offset : offset + limit], **page}


def _in_scope(state: State, rights: Rights, *, scope: str, me: str) -> bool:
    """Return True if a collection that one can see is in a scope of a search."""
    row = rights.collection
    mine, guest = bool(row["owner"] == me), bool(row["entity_type"] == GUEST)
    match scope:
        case "my-endpoints":
            found = mine
        case "my-gcp-endpoints":
            found = mine and bool(row["entity_type"] == PERSONAL)
        case "administered-by-me":
            found = rights.administers
        case "shared-by-me":
            found = mine and guest
        case "shared-with-me":
            found = not mine and guest and bool(rights.grants)
        case "recently-used" | "in-use":
            active = "status = 'ACTIVE'" if scope == "in-use" else "true"
            query = f"select 1 from tasks where owner = ? and ? in (source, destination) and {active}"
            found = state.row(query, me, row["id"]) is not None
        case _:
            found = True
    return found


def _passes(document: dict[str, Any], given: Any) -> bool:
    """Return True if a document passes the filters of a search."""
    words = given.get("filter_fulltext", "").lower().split()
    text = " ".join(str(document[name] or "") for name in ("display_name", "canonical_name", "description")).lower()
    kinds = given.get("filter_entity_type", "")
    owner = given.get("filter_owner_id", "")
    return (
        all(word in text for word in words)
        and (not kinds or document["entity_type"] in kinds.split(","))
        and (not owner or owner in (document["owner_id"], document["owner_string"]))
    )
