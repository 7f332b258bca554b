"""The Globus Transfer service in miniature: collections and their paths."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from goclient.sandbox import storage
from goclient.sandbox.http import answer, body, globus_identity, number, result, transfer_error
from goclient.sandbox.state import State
from goclient.sandbox.storage import PERSONAL, StorageError, local_path

SCOPE = "urn:globus:auth:scope:transfer.api.globus.org:all"

# The status and the code of each trouble with a path, as the service words them.
_PATH_ERRORS = {
    "NotFound": (404, "ClientError.NotFound"),
    "PermissionDenied": (403, "EndpointPermissionDenied"),
    "NotDirectory": (502, "ExternalError.DirListingFailed.NotDirectory"),
    "GCDisconnected": (502, "ExternalError.DirListingFailed.GCDisconnected"),
    "Exists": (502, "ExternalError.MkdirFailed.Exists"),
}


# Fields of the service's endpoint document that say nothing any more, or nothing here.
_LEGACY: dict[str, Any] = {
    **dict.fromkeys(
        "organization s3_url host_path myproxy_server myproxy_dn oauth_server "
        "non_functional_endpoint_display_name non_functional_endpoint_id".split()
    ),
    **dict.fromkeys(
        "french_english_bilingual s3_owner_activated disable_verify disable_anonymous_writes force_verify "
        "force_encryption mfa_required activated shareable acl_available acl_editable in_use".split(),
        False,
    ),
    "expires_in": -1,
    "expire_time": None,
    "DATA": [],
}


class Transfer:
    """The routes of the Transfer service that tell of collections and paths."""

    def __init__(self, state: State) -> None:
        self._state = state

    def rules(self) -> list[Rule]:
        """The routes and their handlers."""
        routes = [
            ("GET", "/endpoint/<id>", self.show),
            ("POST", "/endpoint", self.create),
            ("DELETE", "/endpoint/<id>", self.delete),
            ("GET", "/endpoint_search", self.search),
            ("GET", "/operation/endpoint/<id>/ls", self.ls),
            ("GET", "/operation/endpoint/<id>/stat", self.stat),
            ("POST", "/operation/endpoint/<id>/mkdir", self.mkdir),
        ]
        return [Rule(f"/v0.10{path}", endpoint=handler, methods=[method]) for method, path, handler in routes]

    # --- collections ---

    def show(self, request: Request, id: str) -> Response:
        """The document of a collection."""
        identity = globus_identity(self._state, request)
        return answer(self._document(self._collection(request, identity, id)))

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
        }
        self._state.insert("collections", values)
        return answer(
            {
                "DATA_TYPE": "endpoint_create_result",
                "code": "Created",
                "message": "Endpoint created successfully",
                "id": values["id"],
                "globus_connect_setup_key": values["setup_key"],
                "resource": "/endpoint",
                "request_id": secrets.token_hex(5),
            },
            201,
        )

    def delete(self, request: Request, id: str) -> Response:
        """Removes a collection that one owns."""
        identity = globus_identity(self._state, request)
        collection = self._collection(request, identity, id)
        if collection["owner"] != identity["id"]:
            raise transfer_error(403, "PermissionDenied", "You are not an administrator of it", request.path)
        self._state.run("delete from collections where id = ?", id)
        return answer(result("endpoint_delete", "Deleted", "Endpoint deleted successfully"))

    def search(self, request: Request) -> Response:
        """The collections whose names have every word of ``filter_fulltext`` in them."""
        identity = globus_identity(self._state, request)
        words = request.args.get("filter_fulltext", "").lower().split()
        limit, offset = number(request, "limit", 25), number(request, "offset", 0)
        documents = [
            self._document(one)
            for one in self._state.rows("select * from collections order by rowid")
            if one["entity_type"] != PERSONAL or one["owner"] == identity["id"]
        ]
        found = [d for d in documents if all(w in f"{d['display_name']} {d['canonical_name']}".lower() for w in words)]
        return answer(
            {
                "DATA_TYPE": "endpoint_list",
                "DATA": found[offset : offset + limit],
                "limit": limit,
                "offset": offset,
                "has_next_page": offset + limit < len(found),
            }
        )

    def _collection(self, request: Request, identity: dict[str, Any], id: str) -> dict[str, Any]:
        row = self._state.collection(id)
        if row is None or (row["entity_type"] == PERSONAL and row["owner"] != identity["id"]):
            raise transfer_error(404, "EndpointNotFound", f"No such endpoint '{id}'", request.path)
        return row

    def _document(self, row: dict[str, Any]) -> dict[str, Any]:
        personal = row["entity_type"] == PERSONAL
        owner = self._state.row("select * from identities where id = ?", row["owner"])
        return {
            **_LEGACY,
            "DATA_TYPE": "endpoint",
            "id": row["id"],
            "display_name": row["display_name"],
            "canonical_name": row["display_name"] if "#" in row["display_name"] else f"{row['owner']}#{row['id']}",
            "entity_type": row["entity_type"],
            "is_globus_connect": personal,
            "gcp_connected": storage.is_connected(row) if personal else None,
            "gcp_paused": False if personal else None,
            "globus_connect_setup_key": None,
            "high_assurance": False,
            "non_functional": False,
            "public": not personal,
            "owner_id": row["owner"],
            "owner_string": owner["username"] if owner else None,
            "username": owner["username"] if owner else None,
            "default_directory": "/~/",
            "description": None,
            "host_endpoint_id": None,
            "subscription_id": None,
        }

    # --- paths ---

    def usable(self, request: Request, id: str) -> dict[str, Any]:
        """The collection, if the token carries the consent that its data asks for."""
        identity = globus_identity(self._state, request)
        row = self._collection(request, identity, id)
        consent = f"https://auth.globus.org/scopes/{id}/data_access"
        if row["asks_consent"] and consent not in identity["scope"]:
            raise transfer_error(
                403,
                "ConsentRequired",
                "Missing required data_access consent",
                request.path,
                required_scopes=[f"{SCOPE}[*{consent}]"],
            )
        return row

    def ls(self, request: Request, id: str) -> Response:
        """The entries of a directory."""
        row = self.usable(request, id)
        path = request.args.get("path") or "/~/"
        try:
            found = storage.entries(local_path(row, path))
        except StorageError as error:
            raise _path_error(request, error, path) from error
        if request.args.get("show_hidden") in ("0", "false", "False"):
            found = [one for one in found if not one["name"].startswith(".")]
        limit, offset = number(request, "limit", 100_000), number(request, "offset", 0)
        return answer(
            {
                "DATA_TYPE": "file_list",
                "endpoint": id,
                "path": path.rstrip("/") + "/",
                "absolute_path": path,
                "rename_supported": True,
                "total": len(found),
                "offset": offset,
                "limit": limit,
                "DATA": found[offset : offset + limit],
            }
        )

    def stat(self, request: Request, id: str) -> Response:
        """One entry."""
        row = self.usable(request, id)
        path = request.args.get("path") or "/~/"
        try:
            return answer(storage.describe(local_path(row, path)))
        except StorageError as error:
            if error.kind == "NotFound":
                raise transfer_error(404, "NotFound", f"Path not found: '{path}'", request.path) from error
            raise _path_error(request, error, path) from error

    def mkdir(self, request: Request, id: str) -> Response:
        """Makes one directory; its parent must exist."""
        row = self.usable(request, id)
        path = str(body(request).get("path", ""))
        try:
            try:
                local_path(row, path).mkdir()
            except FileExistsError as error:
                raise StorageError("Exists", "Path already exists") from error
            except FileNotFoundError as error:
                raise StorageError("NotFound", "Parent directory not found") from error
            except OSError as error:
                raise StorageError("PermissionDenied", str(error.strerror)) from error
        except StorageError as error:
            raise _path_error(request, error, path) from error
        return answer(result("mkdir_result", "DirectoryCreated", "The directory was created successfully"), 202)


def _path_error(request: Request, error: StorageError, path: str) -> Exception:
    status, code = _PATH_ERRORS[error.kind]
    return transfer_error(status, code, f"{error} (path '{path}')", request.path)
