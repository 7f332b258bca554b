"""Files of the PanDA server: the sources of tasks, which it keeps for their jobs, and transformations."""

from __future__ import annotations

import struct
import time
from pathlib import Path
from urllib.parse import urlsplit

from werkzeug.datastructures import FileStorage
from werkzeug.utils import send_from_directory
from werkzeug.wrappers import Response

from goclient.sandbox.http import Document
from goclient.sandbox.panda.api import Api, Caller, in_range, refusal, success
from goclient.sandbox.panda.jedi import TRANSFORMATIONS
from goclient.sandbox.routes import Call

MB = 1 << 20
SANDBOX_LIMIT, NO_BUILD_LIMIT, LOG_LIMIT = 768 * MB, 10 * MB, 100 * MB  # file_server_api.py of 1.0.4
REUSED_WITHIN = 3 * 86_400  # seconds
OVERWRITABLE = "__ow__"  # the last part of a name that may be taken again

routes = Api()


@routes.on("GET", "/transformations/<path:name>")
@routes.on("GET", f"{TRANSFORMATIONS}<path:name>")
def transformation(call: Call, name: str) -> Response:
    """Send a transformation to anybody."""
    return send_from_directory(call.state.directory.transformations, name, call.environ)


@routes.on("GET", "/cache/<path:name>")
def send_file(call: Call, name: str) -> Response:
    """Send a file that was uploaded to anybody; its bytes as they are, which a Content-Encoding would deny."""
    plain = "application/octet-stream"
    return send_from_directory(call.state.directory.cache, name, call.environ, mimetype=plain)


@routes.method("file_server/upload_cache_file", "POST")
def upload_cache_file(caller: Caller, file: FileStorage) -> Document:
    """Keep a file under its last name; one that exists stays as it is."""
    state, name, content = caller.state, (file.filename or "").split("/")[-1], file.read()
    problem = _check_size(name, caller.size) or _write(state.directory.cache / name, content)
    if problem:
        return refusal(problem)
    # The CRC in the last bytes of a gzip file, by which panda-client knows it again.
    checksum = str(struct.unpack("II", content[-8:])[0]) if len(content) >= 8 else None
    values = {"name": name, "owner": caller.id, "size": len(content), "checksum": checksum, "created": time.time()}
    with state.transaction():
        state.run("delete from cache_files where name = ?", name)
        state.insert("cache_files", values)
    return success()


@routes.method("file_server/validate_cache_file", "POST")
def validate_cache_file(caller: Caller, file_size: int, checksum: int | str) -> Document:
    """Tell the name of the caller's own file of this size and checksum, if there is one."""
    row = caller.state.row(
        "select name from cache_files where owner = ? and size = ? and checksum = ? and created > ?",
        caller.id,
        in_range(file_size),
        str(checksum),
        time.time() - REUSED_WITHIN,
    )
    if row is None:
        return refusal("NOTFOUND")
    return success(message=f"FOUND:{urlsplit(caller.state.fact('url')).hostname}:{row['name']}")


def _check_size(name: str, size: int) -> str:
    """Return what the server says of a file that is too large, or the empty string."""
    no_build = not name.startswith("sources.") and not name.endswith(".out")
    limit = LOG_LIMIT if name.endswith(".out") else NO_BUILD_LIMIT if no_build else SANDBOX_LIMIT
    if size <= limit:
        return ""
    why = f"ERROR: upload failure. Exceeded size limit {size // MB} MB > {limit // MB} MB."
    if no_build:
        return f"{why} Please submit the job without --noBuild/--libDS since those options impose a tighter size limit"
    return f"{why} Please remove redundant files from your work area"


def _write(path: Path, content: bytes) -> str:
    """Write a file; return what the server says if that fails, or the empty string."""
    try:
        with open(path, "wb" if path.name.endswith(f".{OVERWRITABLE}") else "xb") as file:
            file.write(content)
    except FileExistsError:
        return "ERROR: cannot overwrite file"
    except (OSError, ValueError):
        return "ERROR: cannot write file"
    return ""
