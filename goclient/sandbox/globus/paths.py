"""Globus Transfer in miniature: list the paths of a collection, and change them at once."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.wrappers import Response

from goclient.sandbox.globus import consents, storage
from goclient.sandbox.globus.endpoints import visible
from goclient.sandbox.globus.permissions import Rights
from goclient.sandbox.globus.scopes import TRANSFER_SCOPE, data_access
from goclient.sandbox.globus.storage import BARE, Kind, StorageError
from goclient.sandbox.http import BadRequest, Document, TransferError, answer
from goclient.sandbox.routes import Call, Routes

# The status and the code of each kind of error with a path, as the service words them.
_PATH_ERRORS: dict[Kind, tuple[int, str]] = {
    "NotFound": (404, "ClientError.NotFound"),
    "PermissionDenied": (403, "EndpointPermissionDenied"),
    "NotDirectory": (502, "ExternalError.DirListingFailed.NotDirectory"),
    "GCDisconnected": (502, "ExternalError.DirListingFailed.GCDisconnected"),
    "Exists": (502, "ExternalError.MkdirFailed.Exists"),
    "RenameExists": (502, "ExternalError.RenameFailed.Exists"),
    "InvalidPath": (400, "InvalidPath"),
}
_STAT_ERRORS: dict[Kind, tuple[int, str]] = {**_PATH_ERRORS, "NotFound": (404, "NotFound")}
_OTHER = (502, "EndpointError")

routes = Routes("/v0.10/operation/endpoint/<id>")


def usable(call: Call, id: str) -> Rights:
    """Return a collection and the caller's rights, if it holds data, and the caller consented to its use.

    Raise what Transfer answers otherwise, also if the caller may not touch anything in it.
    """
    identity, rights = call.transfer_user(), visible(call, id)
    row = rights.collection
    if row["entity_type"] == BARE:  # the status is the service's, the words are ours
        raise TransferError(400, "NotSupported", "A GCSv5 endpoint holds no data; use a collection")
    consent = data_access(id)
    if row["asks_consent"] and not consents.allows(call.state, identity, (TRANSFER_SCOPE, consent)):
        needed = [f"{TRANSFER_SCOPE}[*{consent}]"]
        raise TransferError(403, "ConsentRequired", "Missing required data_access consent", required_scopes=needed)
    given = "select 1 from sessions where identity = ? and client = ?"
    if row["asks_session"] and not call.state.row(given, identity["id"], identity["client"]):
        text = f"Using '{row['display_name']}' takes a login with a second factor"
        asked = {"session_required_mfa": True, "session_message": text}
        raise TransferError(403, "PermissionDenied", text, authorization_parameters=asked)
    if not rights.grants:
        raise TransferError(403, "PermissionDenied", f"You do not have permission to use '{row['display_name']}'")
    return rights


@routes.on("GET", "/ls")
def ls(call: Call, id: str) -> Document:
    """List the entries of a directory, filtered and ordered."""
    path = call.args.get("path") or "/~/"
    with _errors_of(path):
        rights = usable(call, id)
        found = storage.entries(rights.collection, rights.local_path(path, write=False))
    if call.args.get("show_hidden") in ("0", "false", "False"):
        found = [one for one in found if not one["name"].startswith(".")]
    filters = [one for one in call.args.getlist("filter") if one]
    if filters:
        found = [one for one in found if any(_passes(one, text) for text in filters)]
    _sort(found, call.args.get("orderby", ""))
    limit, offset = call.number("limit", 100_000), call.number("offset", 0)
    return {
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


@routes.on("GET", "/stat")
def stat(call: Call, id: str) -> Document:
    """Show one entry."""
    path = call.args.get("path") or "/~/"
    with _errors_of(path, _STAT_ERRORS):
        rights = usable(call, id)
        return storage.describe(rights.collection, rights.local_path(path, write=False, follow=False))


@routes.on("POST", "/mkdir")
def mkdir(call: Call, id: str) -> Response:
    """Make one directory; its parent must exist."""
    path = str(call.document().get("path", ""))
    with _errors_of(path):
        usable(call, id).local_path(path, write=True).mkdir()
    return answer(call.result("DirectoryCreated", "The directory was created successfully", kind="mkdir_result"), 202)


@routes.on("POST", "/rename")
def rename(call: Call, id: str) -> Document:
    """Give a file or a directory another name, which must be free, in a directory that exists.

    That it must be free is what the globus command says of rename; the code of a missing directory is the one that
    programs meet there.
    """
    wanted = call.document()
    old, new = str(wanted.get("old_path", "")), str(wanted.get("new_path", ""))
    with _errors_of(old):
        rights = usable(call, id)
        source, target = (rights.local_path(one, write=True, follow=False) for one in (old, new))
        if target.exists() or target.is_symlink():
            raise StorageError("RenameExists", "New path already exists")
        if not target.parent.is_dir():
            raise StorageError("Other", "The directory of the new path does not exist")
        source.rename(target)
    return call.result("FileRenamed", "File or directory renamed successfully")


@contextmanager
def _errors_of(path: str, errors: dict[Kind, tuple[int, str]] = _PATH_ERRORS) -> Iterator[None]:
    """Raise what Transfer answers where the body cannot use a path."""
    try:
        with storage.system_errors():
            yield
    except StorageError as error:
        status, code = errors.get(error.kind, _OTHER)
        raise TransferError(status, code, f"{error} (path '{path}')") from error


def _sort(entries: list[dict[str, Any]], order: str) -> None:
    """Sort entries by ``name ASC,size DESC``; raise what Transfer answers to an unknown field."""
    for part in reversed(order.split(",")):
        field, _, direction = part.strip().partition(" ")
        if not field:
            continue
        if entries and field not in entries[0]:
            raise BadRequest(f"no field '{field}'")
        entries.sort(key=lambda one: (one[field] is None, one[field] or 0), reverse=direction.upper() == "DESC")


def _passes(entry: dict[str, Any], text: str) -> bool:
    """Return True if an entry passes a filter ``field:value/field:value``; ``~`` marks a pattern, ``!`` a negation."""
    for part in text.split("/"):
        field, _, value = part.partition(":")
        known = str(entry.get(field, ""))
        wanted = not value.startswith("!")
        value = value.removeprefix("!")
        same = fnmatch.fnmatchcase(known, value[1:]) if value.startswith("~") else known == value.removeprefix("=")
        if same != wanted:
            return False
    return True
