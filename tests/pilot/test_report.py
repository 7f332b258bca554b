"""The server is told how a job ended, also if it does not hear at first."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from goclient.errors import EndpointError, GoclientError, Interrupted, RequestError, TransferFailed
from goclient.pilot.report import Killed, PilotCode, _pilot_code
from tests.sandboxes import Sandbox


class Forwarder:
    """Stands in front of a sandbox and answers 502 to the first ``failing`` reports of a job's end."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.failing = 0
        self.ends: list[str] = []


@pytest.fixture
def forwarder(sandbox: Sandbox) -> Iterator[Forwarder]:
    state = Forwarder(sandbox.url)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            document = json.loads(body)
            status, answer = 502, b"<html>Bad Gateway</html>"
            end = document.get("job_status") in ("finished", "failed")
            if end:
                state.ends.append(document["job_status"])
            if not end or len(state.ends) > state.failing:
                headers = {name: value for name, value in self.headers.items() if name != "Host"}
                there = requests.post(state.target + self.path, data=body, headers=headers, timeout=30)
                status, answer = there.status_code, there.content
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    sandbox.env["PANDA_URL_SSL"] = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_end_of_a_job_is_told_again_until_the_server_hears_it(sandbox: Sandbox, forwarder: Forwarder) -> None:
    forwarder.failing = 2
    payload = sandbox.payload("nothing.sh", "#!/bin/sh\n")
    assert sandbox.run("sendJob.py", "--computingSite=TEST1", f"--transformation={payload}").code == 0
    result = sandbox.pilot()
    assert result.code == 0, result.err
    assert forwarder.ends == ["finished"] * 3
    assert result.err.count("the server was not told yet") == 2
    assert sandbox.rows("select status from jobs") == [{"status": "finished"}]


def test_a_job_of_somebody_else_is_not_given_to_a_pilot_without_the_role(sandbox: Sandbox) -> None:
    payload = sandbox.payload("nothing.sh", "#!/bin/sh\n")
    assert sandbox.run("sendJob.py", "--computingSite=TEST1", f"--transformation={payload}").code == 0
    sandbox.rows("update jobs set owner = 'another'")
    without = {"GOCLIENT_PILOT_TOKEN_FILE": ""}
    assert "no job for TEST1" in sandbox.pilot(**without).err
    sandbox.rows("update jobs set owner = (select id from identities where production = 0)")
    refused = sandbox.pilot(**without)
    assert refused.code == 90
    assert "production or pilot role required" in refused.err


CODES = [
    (TransferFailed("stage-in", EndpointError("x")), PilotCode.STAGE_IN),
    (TransferFailed("stage-out", EndpointError("x")), PilotCode.STAGE_OUT),
    (TransferFailed("output", RequestError("x")), PilotCode.STAGE_OUT),
    (TransferFailed("stage-in", Killed("x")), PilotCode.KILLED_BY_SERVER),
    (Killed("x"), PilotCode.KILLED_BY_SERVER),
    (Interrupted("x"), PilotCode.KILLED_BY_SIGNAL),
    (EndpointError("x"), PilotCode.SETUP),
    (RequestError("x"), PilotCode.SETUP),
    (GoclientError("x"), PilotCode.GENERAL),
]


@pytest.mark.parametrize(("error", "code"), CODES, ids=lambda one: one.name if isinstance(one, PilotCode) else "")
def test_the_monitor_knows_the_code_of_a_failure(error: GoclientError, code: PilotCode) -> None:
    assert _pilot_code(error) is code
