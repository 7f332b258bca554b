"""The PanDA server's file server in miniature: it keeps the sources of tasks, and hands them out to jobs."""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from werkzeug.datastructures import FileStorage
from werkzeug.routing import Rule
from werkzeug.utils import send_from_directory
from werkzeug.wrappers import Request, Response

from goclient.sandbox.panda import api
from goclient.sandbox.panda.api import Method, refusal, success
from goclient.sandbox.state import State

MB = 1 << 20
SANDBOX_LIMIT, NO_BUILD_LIMIT, LOG_LIMIT = 768 * MB, 10 * MB, 100 * MB  # file_server_api.py of 1.0.4
REUSED_WITHIN = 3 * 86_400  # seconds
OVERWRITABLE = "__ow__"  # the last part of a name that may be taken again


class Cache:
    """The routes that take and give the sources of tasks."""

    def __init__(self, state: State) -> None:
        self._state = state

    def rules(self) -> list[Rule]:
        """The routes and their handlers."""
        methods = (
            Method("file_server/upload_cache_file", self.upload_cache_file, "POST"),
            Method("file_server/validate_cache_file", self.validate_cache_file, "POST"),
        )
        return [*api.rules(self._state, methods), Rule("/cache/<path:name>", endpoint=self.file, methods=["GET"])]

    def file(self, request: Request, name: str) -> Response:
        """A file that was uploaded, for anybody; its bytes as they are, which a Content-Encoding would deny."""
        plain = "application/octet-stream"
        return send_from_directory(self._state.folders.cache, name, request.environ, mimetype=plain)

    def upload_cache_file(self, owner: dict[str, Any], file: FileStorage) -> dict[str, Any]:
        """Keeps a file under its last name; one that is there stays as it is."""
        name = (file.filename or "").split("/")[-1]
        content = file.read()
        problem = _too_large(name, len(content)) or _written(self._state.folders.cache / name, content)
        if problem:
            return refusal(problem)
        values = {"name": name, "owner": owner["id"], "size": len(content), "checksum": _checksum(content)}
        with self._state.transaction():
            self._state.run("delete from cache_files where name = ?", name)
            self._state.insert("cache_files", {**values, "created": time.time()})
        return success()

    def validate_cache_file(self, owner: dict[str, Any], file_size: int, checksum: int | str) -> dict[str, Any]:
        """Where the caller's own file of this size and checksum is, if it is there."""
        row = self._state.row(
            "select name from cache_files where owner = ? and size = ? and checksum = ? and created > ?",
            owner["id"],
            api.in_range(file_size),
            str(checksum),
            time.time() - REUSED_WITHIN,
        )
        if row is None:
            return refusal("NOTFOUND")
        return success(message=f"FOUND:{urlsplit(self._state.fact('url')).hostname}:{row['name']}")


def _too_large(name: str, size: int) -> str:
    """What the server says of a file that is too large, or the empty string."""
    no_build = not name.startswith("sources.") and not name.endswith(".out")
    limit = LOG_LIMIT if name.endswith(".out") else NO_BUILD_LIMIT if no_build else SANDBOX_LIMIT
    if size <= limit:
        return ""
    why = f"ERROR: upload failure. Exceeded size limit {size // MB} MB > {limit // MB} MB."
    if no_build:
        return f"{why} Please submit the job without --noBuild/--libDS since those options impose a tighter size limit"
    return f"{why} Please remove redundant files from your work area"


def _written(path: Path, content: bytes) -> str:
    """What the server says if a file cannot be written, or the empty string."""
    try:
        with open(path, "wb" if path.name.endswith(f".{OVERWRITABLE}") else "xb") as file:
            file.write(content)
    except FileExistsError:
        return "ERROR: cannot overwrite file"
    except (OSError, ValueError):
        return "ERROR: cannot write file"
    return ""


def _checksum(content: bytes) -> str | None:
    """The CRC in the last bytes of a gzip file, by which panda-client knows it again."""
    return str(struct.unpack("II", content[-8:])[0]) if len(content) >= 8 else None
