"""A PanDA server that keeps what it is sent, and the environment in which panda-client talks to it."""

from __future__ import annotations

import base64
import gzip
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NICKNAME = "jdoe"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def token() -> str:
    """An id token as panda-client reads it: who it is, and no signature that anybody checks."""

    def part(document: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

    claims = {"name": "jane doe", "preferred_username": NICKNAME, "groups": ["wlcg"], "exp": 4102444800}
    return f"{part({'alg': 'none', 'kid': 'k'})}.{part(claims)}.x"


@dataclass
class Recording:
    """What a server was sent, as (path, body), and what it says: each refusal is the answer to one task."""

    url: str
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    refusals: list[Any] = field(default_factory=list)
    tasks_made: int = 0

    @property
    def env(self) -> dict[str, str]:
        return {
            "PANDA_URL": f"{self.url}/server/panda",
            "PANDA_URL_SSL": f"{self.url}/server/panda",
            "PANDACACHE_URL": f"{self.url}/server/panda",
            "PANDA_BEHIND_REAL_LB": "1",
            "PANDA_AUTH": "oidc",
            "PANDA_AUTH_VO": "wlcg",
            "PANDA_AUTH_ID_TOKEN": token(),
        }

    @property
    def paths(self) -> list[str]:
        return [path.rpartition("/api/v1/")[2] for path, _ in self.requests]

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """The parameters of each task that came."""
        return [json.loads(body)["task_parameters"] for path, body in self.requests if path.endswith("/task/submit")]

    @property
    def masked(self) -> list[tuple[str, bytes]]:
        """What came, without what differs from run to run: names of sandboxes, which are UUIDs, and their contents."""
        return [
            (path, UUID.sub("UUID", body.decode()).encode())
            if not path.endswith(("_cache_file",))
            else (path, b"a file")
            for path, body in self.requests
        ]

    def answer(self, path: str) -> Any:
        """The JSON document, or the HTTP status, that a request gets."""
        if path.endswith("/task/submit"):
            if self.refusals:
                return self.refusals.pop(0)
            self.tasks_made += 1
            return {
                "success": True,
                "message": f"succeeded. new jediTaskID={self.tasks_made}",
                "data": self.tasks_made,
            }
        if path.endswith("/validate_cache_file"):
            return {"success": False, "message": "NOTFOUND", "data": None}
        return {"success": True, "message": "", "data": None}

    def forget(self) -> None:
        """Forgets what came."""
        self.requests.clear()
        self.tasks_made = 0


@contextmanager
def recording() -> Iterator[Recording]:
    """A started server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            kept.requests.append((self.path, body))
            answer = kept.answer(self.path)
            status, document = (answer, {}) if isinstance(answer, int) else (200, answer)
            text = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_PUT = do_GET = do_POST  # http.server's names

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept = Recording(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()
