"""The Globus Transfer service in miniature: what is at the paths of a collection, and small changes to it."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from goclient.sandbox.globus import consents, storage
from goclient.sandbox.globus.endpoints import Endpoints
from goclient.sandbox.globus.permissions import Rights, reached
from goclient.sandbox.globus.scopes import TRANSFER_SCOPE, data_access
from goclient.sandbox.globus.storage import BARE, StorageError
from goclient.sandbox.http import answer, body, globus_identity, number, result, transfer_error
from goclient.sandbox.state import State

# The status and the code of each trouble with a path, as the service words them.
_PATH_ERRORS = {
    "NotFound": (404, "ClientError.NotFound"),
    "PermissionDenied": (403, "EndpointPermissionDenied"),
    "NotDirectory": (502, "ExternalError.DirListingFailed.NotDirectory"),
    "GCDisconnected": (502, "ExternalError.DirListingFailed.GCDisconnected"),
    "Exists": (502, "ExternalError.MkdirFailed.Exists"),
    "RenameExists": (502, "ExternalError.RenameFailed.Exists"),
    "InvalidPath": (400, "InvalidPath"),
}
_OTHER = (502, "EndpointError")


class Paths:
    """The routes of the Transfer service that look at paths, and change them at once."""

    def __init__(self, state: State, endpoints: Endpoints) -> None:
        self._state = state
        self._endpoints = endpoints

    def rules(self) -> list[Rule]:
        """The routes and their handlers."""
        routes = [
            ("GET", "/ls", self.ls),
            ("GET", "/stat", self.stat),
            ("POST", "/mkdir", self.mkdir),
            ("POST", "/rename", self.rename),
        ]
        prefix = "/v0.10/operation/endpoint/<id>"
        return [Rule(f"{prefix}{path}", endpoint=handler, methods=[method]) for method, path, handler in routes]

    def usable(self, request: Request, id: str) -> tuple[dict[str, Any], Rights]:
        """A collection and the caller's rights, if it holds data, and the caller consented to its use.

        Raises what Transfer answers otherwise, also if the caller may not touch anything in it.
        """
        identity = globus_identity(self._state, request)
        row, allowed = self._endpoints.visible(request, identity, id)
        if row["entity_type"] == BARE:  # the status is the service's, the words are ours
            raise transfer_error(400, "NotSupported", "A GCSv5 endpoint holds no data; use a collection", request.path)
        consent = data_access(id)
        if row["asks_consent"] and not consents.allows(self._state, identity, (TRANSFER_SCOPE, consent)):
            needed = [f"{TRANSFER_SCOPE}[*{consent}]"]
            text = "Missing required data_access consent"
            raise transfer_error(403, "ConsentRequired", text, request.path, required_scopes=needed)
        if row["asks_session"] and not self._has_session(identity):
            text = f"Using '{row['display_name']}' takes a login with a second factor"
            asked = {"session_required_mfa": True, "session_message": text}
            raise transfer_error(403, "PermissionDenied", text, request.path, authorization_parameters=asked)
        if not allowed.grants:
            text = f"You do not have permission to use '{row['display_name']}'"
            raise transfer_error(403, "PermissionDenied", text, request.path)
        return row, allowed

    def _has_session(self, holder: dict[str, Any]) -> bool:
        """Whether the holder of a token has logged in with a second factor."""
        given = "select 1 from sessions where identity = ? and client = ?"
        return self._state.row(given, holder["id"], holder["client"]) is not None

    def ls(self, request: Request, id: str) -> Response:
        """The entries of a directory, filtered and ordered."""
        path = request.args.get("path") or "/~/"
        with self._opened(request, id, path) as (row, (real,)):
            found = storage.entries(row, real)
        if request.args.get("show_hidden") in ("0", "false", "False"):
            found = [one for one in found if not one["name"].startswith(".")]
        filters = [one for one in request.args.getlist("filter") if one]
        if filters:
            found = [one for one in found if any(_passes(one, text) for text in filters)]
        _order(request, found)
        limit, offset = number(request, "limit", 100_000), number(request, "offset", 0)
        return answer(
            {
                "DATA_TYPE": "file_list",
                "endpoint": id,
                "path": path.rstrip("/") + "/",
                "absolute_path": path,
                "rename_supported": True,
                "symlink_supported": False,
                "total": len(found),
                "length": len(found[offset : offset + limit]),
                "offset": offset,
                "limit": limit,
                "DATA": found[offset : offset + limit],
            }
        )

    def stat(self, request: Request, id: str) -> Response:
        """One entry."""
        path = request.args.get("path") or "/~/"
        with self._opened(request, id, path, missing="NotFound", follow=False) as (row, (real,)):
            return answer(storage.describe(row, real))

    def mkdir(self, request: Request, id: str) -> Response:
        """Makes one directory; its parent must exist."""
        path = str(body(request).get("path", ""))
        with self._opened(request, id, path, write=True) as (_, (real,)):
            real.mkdir()
        done = ("mkdir_result", "DirectoryCreated", "The directory was created successfully")
        return answer(result(*done, request.path), 202)

    def rename(self, request: Request, id: str) -> Response:
        """Gives a file or a directory another name, at which there is nothing yet."""
        wanted = body(request)
        old, new = str(wanted.get("old_path", "")), str(wanted.get("new_path", ""))
        with self._opened(request, id, old, new, write=True, follow=False) as (_, (source, target)):
            if target.exists() or target.is_symlink():
                raise StorageError("RenameExists", "New path already exists")
            source.rename(target)
        return answer(result("result", "FileRenamed", "File or directory renamed successfully", request.path))

    @contextmanager
    def _opened(
        self,
        request: Request,
        id: str,
        *paths: str,
        write: bool = False,
        follow: bool = True,
        missing: str = "ClientError.NotFound",
    ) -> Iterator[tuple[dict[str, Any], list[Path]]]:
        """Give the collection and the real paths; what fails in the body becomes the service's error."""
        row, allowed = self.usable(request, id)
        try:
            try:
                yield row, [reached(row, allowed, path, write=write, follow=follow) for path in paths]
            except OSError as error:
                raise storage.problem(error) from error
        except StorageError as error:
            status, code = _PATH_ERRORS.get(error.kind, _OTHER)
            named = f"{error} (path '{paths[0]}')"
            raise transfer_error(status, missing if error.kind == "NotFound" else code, named, request.path) from error


def _order(request: Request, found: list[dict[str, Any]]) -> None:
    """Sorts entries by ``orderby=name ASC,size DESC``; raises what Transfer answers to an unknown field."""
    for part in reversed(request.args.get("orderby", "").split(",")):
        field, _, direction = part.strip().partition(" ")
        if not field:
            continue
        if found and field not in found[0]:
            raise transfer_error(400, "ClientError.BadRequest", f"no field '{field}'", request.path)
        found.sort(key=lambda one: (one[field] is None, one[field] or 0), reverse=direction.upper() == "DESC")


def _passes(entry: dict[str, Any], text: str) -> bool:
    """Whether an entry passes a filter ``field:value/field:value``; a field's last character says how it compares."""
    for part in text.split("/"):
        field, _, value = part.partition(":")
        known = str(entry.get(field, ""))
        wanted = not value.startswith("!")
        value = value.removeprefix("!")
        same = fnmatch.fnmatchcase(known, value[1:]) if value.startswith("~") else known == value.removeprefix("=")
        if same != wanted:
            return False
    return True
