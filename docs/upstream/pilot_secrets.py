"""Show that a PanDA pilot writes the secrets of a job's user into its log: python3 pilot_secrets.py PILOT_SOURCE.

The pilot's own function asks a server on this machine for a job.  Exit code 3: the defect is there; 0: it is not.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

SECRET = "not-for-the-log"


class Server(BaseHTTPRequestHandler):
    """Answer each request with a job that has secrets."""

    def do_POST(self) -> None:
        """Answer as the dispatcher of PanDA does."""
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"StatusCode": 0, "PandaID": 1, "secrets": json.dumps({"key": SECRET})}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main(source: str) -> int:
    """Ask for a job with the pilot's code; return 3 if the secret is in what it logs."""
    sys.path.insert(0, source)
    with tempfile.TemporaryDirectory() as home, HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        Path(home, "token").write_text("token")
        own = {"PANDA_AUTH_TOKEN": "token", "PANDA_AUTH_DIR": f"{home}/", "PANDA_AUTH_ORIGIN": "vo"}
        os.environ.update(own, PILOT_HOME=home, PILOT_WORK_DIR=home, PILOT_SOURCE_DIR=source, HOME=home)
        os.chdir(home)
        import pilot.info  # type: ignore[import-not-found]  # noqa: F401  # which the next one needs, and the other way round
        import pilot.util.https as https  # type: ignore[import-not-found]

        log = io.StringIO()
        logging.basicConfig(stream=log, level=logging.DEBUG, force=True)
        url, data = f"http://127.0.0.1:{server.server_port}/server/panda/getJob", {"siteName": "QUEUE"}
        answer = https.request2(url, data, panda=True) if hasattr(https, "request2") else https.request(url, data)
        server.shutdown()
    assert json.loads(answer["secrets"])["key"] == SECRET, f"the pilot got no job: {answer}\n{log.getvalue()}"
    is_logged = SECRET in log.getvalue()
    print("the pilot logs the secrets of the job's user" if is_logged else "no secret is logged")
    return 3 if is_logged else 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or not os.path.isdir(os.path.join(sys.argv[1], "pilot")):
        sys.exit("usage: python3 pilot_secrets.py PILOT_SOURCE, which has a directory pilot")
    sys.exit(main(os.path.abspath(sys.argv[1])))
