"""The Globus Transfer service in miniature: endpoints and collections, shown, found, made, changed and removed."""

from __future__ import annotations

import json
import uuid
from typing import Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from goclient.sandbox.globus.endpoint_document import CHANGEABLE, described
from goclient.sandbox.globus.permissions import Rights, rights
from goclient.sandbox.globus.storage import GUEST, PERSONAL
from goclient.sandbox.http import answer, body, globus_identity, number, result, transfer_error
from goclient.sandbox.state import State, dumped

SCOPES = (
    *("all", "my-endpoints", "my-gcp-endpoints", "administered-by-me"),
    *("shared-by-me", "shared-with-me", "recently-used", "in-use"),
)


class Endpoints:
    """The routes of the Transfer service that tell of endpoints and collections."""

    def __init__(self, state: State) -> None:
        self._state = state

    def rules(self) -> list[Rule]:
        """The routes and their handlers."""
        routes = [
            ("GET", "/endpoint/<id>", self.show),
            ("POST", "/endpoint", self.create),
            ("PUT", "/endpoint/<id>", self.update),
            ("DELETE", "/endpoint/<id>", self.delete),
            ("GET", "/endpoint_search", self.search),
        ]
        return [Rule(f"/v0.10{path}", endpoint=handler, methods=[method]) for method, path, handler in routes]

    def visible(self, request: Request, identity: dict[str, Any], id: str) -> tuple[dict[str, Any], Rights]:
        """A collection and what an identity may do with it; raises what Transfer answers to who cannot see it."""
        row = self._state.collection(id)
        allowed = None if row is None else rights(self._state, row, identity["id"])
        if row is None or allowed is None or not allowed.visible:
            raise transfer_error(404, "EndpointNotFound", f"No such endpoint '{id}'", request.path)
        return row, allowed

    def administered(self, request: Request, id: str) -> dict[str, Any]:
        """A collection of which the caller is an administrator; raises what Transfer answers to others."""
        row, allowed = self.visible(request, globus_identity(self._state, request), id)
        if not allowed.administers:
            raise transfer_error(403, "PermissionDenied", "You are not an administrator of it", request.path)
        return row

    def show(self, request: Request, id: str) -> Response:
        """The document of a collection."""
        row, allowed = self.visible(request, globus_identity(self._state, request), id)
        return answer(described(self._state, row, allowed))

    def create(self, request: Request) -> Response:
        """A new Globus Connect Personal collection, with a setup key that works once."""
        identity = globus_identity(self._state, request)
        wanted = body(request)
        if not wanted.get("is_globus_connect") or not wanted.get("display_name"):
            raise transfer_error(400, "BadRequest", "Only Globus Connect Personal endpoints can be made", request.path)
        values = {
            "id": str(uuid.uuid4()),
            "display_name": str(wanted["display_name"]),
            "owner": identity["id"],
            "entity_type": PERSONAL,
            "setup_key": str(uuid.uuid4()),
            "public": bool(wanted.get("public", True)),  # as the service: public unless told otherwise
            "fields": dumped(_fields(wanted)),
        }
        self._state.insert("collections", values)
        made = result("endpoint_create_result", "Created", "Endpoint created successfully", "/endpoint")
        return answer({**made, "id": values["id"], "globus_connect_setup_key": values["setup_key"]}, 201)

    def update(self, request: Request, id: str) -> Response:
        """Changes what an administrator may change."""
        row = self.administered(request, id)
        wanted = body(request)
        self._state.run(
            "update collections set display_name = ?, public = ?, fields = ? where id = ?",
            str(wanted.get("display_name") or row["display_name"]),
            bool(wanted.get("public", row["public"])),
            dumped({**json.loads(row["fields"]), **_fields(wanted)}),
            id,
        )
        return answer(result("result", "Updated", "Endpoint updated successfully", request.path))

    def delete(self, request: Request, id: str) -> Response:
        """Removes a collection, with its rules and roles, and the guests that it has."""
        self.administered(request, id)
        with self._state.transaction():
            for table in ("rules", "roles"):
                self._state.run(f"delete from {table} where collection = ?", id)
            self._state.run("delete from collections where ? in (id, host)", id)
        return answer(result("result", "Deleted", "Endpoint deleted successfully", request.path))

    def search(self, request: Request) -> Response:
        """The collections that one can see and that pass the filters, whose names have every word in them."""
        me = globus_identity(self._state, request)["id"]
        scope = request.args.get("filter_scope") or "all"
        if scope not in SCOPES:
            raise transfer_error(400, "ClientError.BadRequest", f"no scope '{scope}'", request.path)
        limit, offset = number(request, "limit", 25), number(request, "offset", 0)
        documents = []
        for row in self._state.rows("select * from collections order by rowid"):
            allowed = rights(self._state, row, me)
            if allowed.visible and self._in_scope(scope, row, allowed, me):
                documents.append(described(self._state, row, allowed))
        found = [one for one in documents if _passes(one, request.args)]
        page = {"limit": limit, "offset": offset, "has_next_page": offset + limit < len(found)}
        return answer({"DATA_TYPE": "endpoint_list", "DATA": found[offset : offset + limit], **page})

    def _in_scope(self, scope: str, row: dict[str, Any], allowed: Rights, me: str) -> bool:
        """Whether a collection that one can see is in a scope of a search."""
        mine, guest = bool(row["owner"] == me), bool(row["entity_type"] == GUEST)
        match scope:
            case "my-endpoints":
                found = mine
            case "my-gcp-endpoints":
                found = mine and bool(row["entity_type"] == PERSONAL)
            case "administered-by-me":
                found = allowed.administers
            case "shared-by-me":
                found = mine and guest
            case "shared-with-me":
                found = not mine and guest and bool(allowed.grants)
            case "recently-used" | "in-use":
                found = self._used(row["id"], me, "status = 'ACTIVE'" if scope == "in-use" else "true")
            case _:
                found = True
        return found

    def _used(self, id: str, me: str, state: str) -> bool:
        query = f"select 1 from tasks where owner = ? and ? in (source, destination) and {state}"
        return self._state.row(query, me, id) is not None


def _fields(wanted: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a document as it was sent."""
    return {name: wanted[name] for name in sorted(CHANGEABLE - {"display_name", "public"}) if name in wanted}


def _passes(document: dict[str, Any], given: Any) -> bool:
    """Whether a document passes the filters of a search."""
    words = given.get("filter_fulltext", "").lower().split()
    text = " ".join(str(document[name] or "") for name in ("display_name", "canonical_name", "description")).lower()
    kinds = given.get("filter_entity_type", "")
    owner = given.get("filter_owner_id", "")
    return (
        all(word in text for word in words)
        and (not kinds or document["entity_type"] in kinds.split(","))
        and (not owner or owner in (document["owner_id"], document["owner_string"]))
    )
