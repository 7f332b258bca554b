"""HTTPS servers of collections in miniature: single files, by GET, PUT and DELETE, with a token for each collection.

Each answers below ``/https/ID``, which the endpoint document has as ``https_server``; a real one has a host of its own.
As with a real one a token is for one collection, and nothing is asked before a file is overwritten.  Not known of real
ones, and here as strict as it can be: a file is written in place, so that a request which breaks off leaves a part of
it, and a directory that is missing is not made.  A request whose sender has gone before the file is opened writes
nothing: on a busy machine it could undo what the sender asks next.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote_to_bytes, urlencode

from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.routing import PathConverter
from werkzeug.utils import send_file
from werkzeug.wrappers import Response

from goclient.sandbox.globus import consents, scopes, storage
from goclient.sandbox.globus.permissions import NOBODY, Rights, find_collection, find_rights
from goclient.sandbox.globus.storage import GUEST, Kind, StorageError
from goclient.sandbox.http import ServiceError
from goclient.sandbox.routes import Call, Routes

METHODS = "GET, HEAD, PUT, DELETE, OPTIONS"
PIECE = 1 << 20  # bytes
ESTABLISHED = 1  # netinet/tcp.h: the first byte of TCP_INFO
# The status of each kind of error with a path.  Of a real server only those of authorization are known.
_STATUSES: dict[Kind, int] = {
    "NotFound": 404,
    "NotFile": 404,
    "PermissionDenied": 403,
    "NotDirectory": 409,
    "IsDirectory": 409,
    "InvalidPath": 400,
    "NoSpace": 507,
    "Quota": 507,
}

routes = Routes("/https/<id>")
_emptying = threading.Lock()  # a file is emptied right after its connection is checked


class AnyBytes(PathConverter):
    """Rest of a path, line feeds and all, in a route written ``<bytes:NAME>``."""

    regex = r"(?s:.*)"
    part_isolating = False  # slashes are in it


@routes.on("GET", "/<bytes:below>")
def get(call: Call, id: str, below: str) -> Response:
    """Send a file, or the range of it that is asked for; HEAD is answered with the same headers."""
    with _errors(call, id):
        real = _rights(call, id, write=False).local_path(_path(call, id), write=False)
        status = real.stat()
        storage.check_mode(real, stat.S_IRUSR)
        if not stat.S_ISREG(status.st_mode):
            raise StorageError("NotFile", "Not a regular file")
        try:
            return send_file(
                real,
                call.environ,
                "application/octet-stream",
                download_name="file",  # its own need not be text
                last_modified=status.st_mtime,
                etag=False,
                conditional=True,
            )
        except RequestedRangeNotSatisfiable:
            return Response("", 416, headers={"Content-Range": f"bytes */{status.st_size}"})


@routes.on("PUT", "/<bytes:below>")
def put(call: Call, id: str, below: str) -> Response:
    """Write a file, over one that is there; its directory must exist."""
    if call.content_length is None and not call.environ.get("wsgi.input_terminated"):
        raise ServiceError(411, "Length Required\n")
    with _errors(call, id):
        real = _rights(call, id, write=True).local_path(_path(call, id), write=True)
        if real.is_dir():
            raise StorageError("IsDirectory", "Is a directory")
        storage.check_mode(real, stat.S_IWUSR)
        with _open_empty(call, real) as file:
            shutil.copyfileobj(call.stream, file, PIECE)
    return Response("", 200)


def _open_empty(call: Call, real: Path) -> BinaryIO:
    """Return a file, open and empty, unless the client has closed its connection."""
    connection: socket.socket = call.environ["werkzeug.socket"]
    with _emptying:
        if connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != ESTABLISHED:
            raise ServiceError(400, "Bad Request\n")
        return open(real, "wb")


@routes.on("DELETE", "/<bytes:below>")
def delete(call: Call, id: str, below: str) -> Response:
    """Remove a file, or a symbolic link."""
    with _errors(call, id):
        real = _rights(call, id, write=True).local_path(_path(call, id), write=True, follow=False)
        if real.is_dir() and not real.is_symlink():
            raise StorageError("IsDirectory", "Is a directory")
        real.unlink()
    return Response("", 200)


@routes.on("OPTIONS", "/<bytes:below>")
def options(call: Call, id: str, below: str) -> Response:
    """Tell what may be asked, of anybody."""
    headers = {
        "Allow": METHODS,
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": "Authorization, Content-Type, Range, X-Requested-With",
        "Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range",
    }
    return Response("", 200, headers=headers)


def _path(call: Call, id: str) -> str:
    """Return the path of a request as Transfer writes it: the bytes of a name may be any."""
    asked = call.environ["RAW_URI"].partition("?")[0].partition(f"/https/{id}")[2]
    text = os.fsdecode(unquote_to_bytes(asked.encode("latin-1")))
    return "/".join(map(storage.encode_name, text.split("/")))


def _rights(call: Call, id: str, *, write: bool) -> Rights:
    """Return what the holder of a request's token may do; raise a ServiceError without a good one.

    A collection may be read without a token if a rule of it says so: only a guest collection has rules.
    """
    row = find_collection(call.state, id)
    if row is None or not row["https"]:
        raise ServiceError(404, "no collection is served here\n")
    holder = call.token_holder()
    if holder is None or scopes.https(id) not in scopes.outermost(holder["scope"]):
        rights = find_rights(call.state, row, NOBODY)
        if "Authorization" not in call.headers and row["entity_type"] == GUEST and rights.grants and not write:
            return rights
        raise _refusal(call, id, 401)
    given = "select 1 from sessions where identity = ? and client = ?"
    if row["asks_session"] and not call.state.row(given, holder["id"], holder["client"]):
        raise _refusal(call, id, 403)
    if row["asks_consent"] and not consents.allows(call.state, holder, (scopes.data_access(id),)):
        raise _refusal(call, id, 403)
    return find_rights(call.state, row, holder["id"])


def _refusal(call: Call, id: str, status: int) -> ServiceError:
    """Return what is answered to a request that is not allowed: a browser is sent to the login page."""
    words = {401: "a token of this collection's https scope is needed\n", 403: "Permission denied\n"}
    if call.headers.get("X-Requested-With", "") == "XMLHttpRequest":
        return ServiceError(status, words[status])
    target = f"{call.state.fact('url')}/https/{id}/"
    asked = {"client_id": id, "redirect_uri": target, "response_type": "code", "scope": scopes.https(id)}
    return _Login(f"{call.state.fact('url')}/v2/oauth2/authorize?{urlencode(asked)}")


class _Login(ServiceError):
    """A redirect to the page where a person logs in."""

    def __init__(self, where: str) -> None:
        super().__init__(302, "log in\n")
        self._where = where

    def response(self, path: str) -> Response:
        """Return the redirect."""
        response = super().response(path)
        response.autocorrect_location_header = False
        response.headers["Location"] = self._where
        return response


@contextmanager
def _errors(call: Call, id: str) -> Iterator[None]:
    """Raise what the server answers where the body cannot use a path."""
    try:
        with storage.system_errors():
            yield
    except StorageError as error:
        status = _STATUSES.get(error.kind, 500)
        raise (_refusal(call, id, 403) if status == 403 else ServiceError(status, f"{error}\n")) from error
