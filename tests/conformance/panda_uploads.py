"""Serve the PanDA server's own ``upload_cache_file`` and user secrets, where that server is installed.

The argument is the directory of the file server's cache; its output is the port.  Requests
are read here, as the server's web application reads them; a person with a certificate asks.
"""

from __future__ import annotations

import email
import json
import os
import sqlite3
import sys
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

from tests.conformance.panda_attempts import REPLACED, Cursor, Replacing, raise_again


class FileStorage:
    """A file of a form, as werkzeug has it."""

    def __init__(self, filename: str, content: bytes) -> None:
        self.filename, self._content = filename, content

    def read(self) -> bytes:
        return self._content


class Handler(BaseHTTPRequestHandler):
    """Hand a request to the function of its method."""

    protocol_version = "HTTP/1.1"
    modules: dict[str, Any]

    def do_POST(self) -> None:  # http.server's name
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        _, _, _, module, method = self.path.partition("?")[0].split("/")
        env = {"SSL_CLIENT_S_DN": "/DC=org/CN=A User", "REQUEST_METHOD": self.command}
        request = SimpleNamespace(subprocess_env=env, headers_in={"content-length": str(len(body))})
        answer = json.dumps(getattr(self.modules[module], method)(request, **self._parameters(body))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST

    def _parameters(self, body: bytes) -> dict[str, Any]:
        if not body:
            return {}
        if self.headers.get_content_type() == "application/json":
            plain = zlib.decompress(body, 31) if self.headers.get("Content-Encoding") == "gzip" else body
            return dict(json.loads(plain))
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts: Any = email.message_from_bytes(head + body).get_payload()
        return {
            one.get_param("name", header="Content-Disposition"): FileStorage(
                one.get_filename(), one.get_payload(decode=True)
            )
            for one in parts
        }

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def main() -> None:
    told = os.dup(1)  # an import of the server's closes it
    for name in REPLACED:
        sys.modules[name] = MagicMock()
    import pandaserver.config

    config: Any = sys.modules["pandaserver.config.panda_config"]
    pandaserver.config.panda_config = config
    config.cache_dir, config.record_sandbox_info = sys.argv[1], False
    forms: Any = ModuleType("werkzeug.datastructures")
    forms.FileStorage = FileStorage
    sys.modules |= {"werkzeug": MagicMock(), forms.__name__: forms}
    sys.meta_path.append(Replacing())
    from pandaserver.api.v1 import credential_management_api, file_server_api
    from pandaserver.taskbuffer.db_proxy_mods.entity_module import EntityModule

    connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    connection.execute("attach ':memory:' as ATLAS_PANDA")
    connection.execute("create table ATLAS_PANDA.Secrets (owner, updated_at, data)")
    module = EntityModule.__new__(EntityModule)
    module.conn, module.cur = SimpleNamespace(begin=lambda: None), Cursor(connection)
    module._commit, module._rollback, module.create_tagged_logger = lambda: True, lambda: None, MagicMock()
    module.dump_error_message = raise_again
    credential_management_api.init_task_buffer(module)
    Handler.modules = {"file_server": file_server_api, "creds": credential_management_api}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    os.write(told, f"{server.server_address[1]}\n".encode())
    server.serve_forever()


if __name__ == "__main__":
    main()
