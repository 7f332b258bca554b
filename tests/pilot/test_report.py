"""The server is told how a job ended, also if it does not hear at first."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests

from goclient.errors import EndpointError, GoclientError, Interrupted, RequestError, TransferFailed
from goclient.pilot.report import Killed, PilotCode, _pilot_code
from tests.sandboxes import Sandbox
from tests.web_server import Request, Response, answering


class Forwarder:
    """Stands in front of a sandbox and answers 502 to the first ``failing`` reports of a job's end."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.failing = 0
        self.ends: list[str] = []


@pytest.fixture
def forwarder(sandbox: Sandbox) -> Iterator[Forwarder]:
    state = Forwarder(sandbox.url)

    def answer(request: Request) -> Response:
        end = json.loads(request.body).get("job_status") in ("finished", "failed")
        if end:
            state.ends.append(json.loads(request.body)["job_status"])
        if end and len(state.ends) <= state.failing:
            return Response(b"<html>Bad Gateway</html>", 502)
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        there = requests.post(state.target + request.path, data=request.body, headers=headers, timeout=30)
        return Response(there.content, there.status_code)

    with answering(answer) as sandbox.env["PANDA_URL_SSL"]:
        yield state


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
