"""The server is told how a job ended, also if it does not hear at first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from goclient.errors import (
    EndpointError,
    GoclientError,
    Interrupted,
    RequestError,
    ServerError,
    Several,
    TransferFailed,
)
from goclient.errors.conditions import NodeFault, StaleAttempt
from goclient.job_journal import JobJournal, job_files
from goclient.journal import Journal
from goclient.model.records.answers import JobState
from goclient.node.engines.base import Attempt
from goclient.pilot.execution import Node
from goclient.pilot.recovery import recover
from goclient.pilot.report import Killed, PandaHeartbeat, PilotCode, PilotDied, Unreported, _pilot_code
from goclient.pilot.taken import TakenJob
from goclient.services.panda.client import Command
from tests.pilot.servers import Server, job, pilot
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
        told = json.loads(request.body or b"{}")
        end = told.get("job_status") in ("finished", "failed")
        if end:
            state.ends.append(told["job_status"])
        if end and len(state.ends) <= state.failing:
            return Response(b"<html>Bad Gateway</html>", 502)
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        url = state.target + request.path
        there = requests.request(request.method, url, data=request.body, headers=headers, timeout=60)
        return Response(there.content, there.status_code)

    with answering(answer) as sandbox.env["PANDA_URL_SSL"]:
        yield state


@pytest.mark.conformance  # it takes long
def test_the_end_of_a_job_is_told_again_until_the_server_hears_it(sandbox: Sandbox, forwarder: Forwarder) -> None:
    forwarder.failing = 2
    payload = sandbox.payload("nothing.sh", "#!/bin/sh\n")
    assert sandbox.run("sendJob.py", "--computingSite=TEST1", f"--transformation={payload}").code == 0
    result = sandbox.pilot()
    assert result.code == 0, result.err
    assert forwarder.ends == ["finished"] * 3
    assert result.err.count("the server was not told yet") == 2
    assert sandbox.rows("select status from jobs") == [{"status": "finished"}]


def test_a_pilot_without_the_role_takes_no_job(sandbox: Sandbox) -> None:
    payload = sandbox.payload("nothing.sh", "#!/bin/sh\n")
    assert sandbox.run("sendJob.py", "--computingSite=TEST1", f"--transformation={payload}").code == 0
    refused = sandbox.pilot(GOCLIENT_PILOT_TOKEN_FILE="")
    assert refused.code == 4
    assert "neither the production nor the pilot role" in refused.err
    assert sandbox.rows("select status from jobs") == [{"status": "activated"}]


AWAY = ServerError("the server is away", transient=True)
CODES = [
    (TransferFailed("stage-in", EndpointError("x")), PilotCode.STAGE_IN),
    (TransferFailed("stage-out", EndpointError("x")), PilotCode.STAGE_OUT),
    (TransferFailed("output", RequestError("x")), PilotCode.STAGE_OUT),
    (TransferFailed("stage-in", EndpointError("x", transient=True)), PilotCode.STAGE_IN_PASSES),
    (TransferFailed("output", EndpointError("x", transient=True)), PilotCode.STAGE_OUT_PASSES),
    (TransferFailed("output", Several([AWAY, RequestError("x")])), PilotCode.STAGE_OUT),
    (TransferFailed("stage-in", Killed("x")), PilotCode.KILLED_BY_SERVER),
    (Killed("x"), PilotCode.KILLED_BY_SERVER),
    (Interrupted("x"), PilotCode.KILLED_BY_SIGNAL),
    (PilotDied("x"), PilotCode.KILLED_BY_SIGNAL),
    (EndpointError("x"), PilotCode.SETUP),
    (NodeFault("x"), PilotCode.NODE),
    (TransferFailed("stage-in", NodeFault("x")), PilotCode.NODE),
    (RequestError("x"), PilotCode.SETUP),
    (GoclientError("x"), PilotCode.GENERAL),
]


@pytest.mark.parametrize(("error", "code"), CODES, ids=lambda one: one.name if isinstance(one, PilotCode) else "")
def test_the_monitor_knows_the_code_of_a_failure(error: GoclientError, code: PilotCode) -> None:
    assert _pilot_code(error) is code


# --- heartbeats ---


@pytest.fixture
def server() -> Server:
    """A server that thinks that job 17 runs."""
    return Server(states={17: JobState(17, 1, 0, "running", "", "")})


@pytest.fixture
def heartbeat(server: Server, tmp_path: Path) -> Iterator[PandaHeartbeat]:
    """The heartbeat of the first attempt of job 17, which is sent each time."""
    journal = JobJournal(tmp_path, 17, 1)
    yield PandaHeartbeat(server, TakenJob(journal, "TEST1", Attempt("17", 1)), every=0.0)
    journal.close()


def test_a_lost_answer_to_a_heartbeat_fails_no_job(server: Server, heartbeat: PandaHeartbeat) -> None:
    server.away = AWAY
    for state in ("starting", "running"):
        heartbeat.change(state)
        heartbeat.send()
    heartbeat.confirm()
    server.away = None
    heartbeat.send()
    assert [state for _, state, _ in server.reports] == ["running"]


def test_a_job_that_the_server_wants_stopped_is_killed(server: Server, heartbeat: PandaHeartbeat) -> None:
    server.commands.append(Command.STOP)
    with pytest.raises(Killed):
        heartbeat.send()
    with pytest.raises(Killed):  # each thread of the job is told
        heartbeat.send()


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(JobState(17, 2, 0, "running", "", ""), id="a-later-attempt"),
        pytest.param(JobState(17, 1, 0, "cancelled", "", ""), id="it-is-over"),
        pytest.param(None, id="it-is-not-known"),
    ],
)
def test_a_stop_of_an_attempt_that_does_not_count_makes_it_stale(
    server: Server, heartbeat: PandaHeartbeat, known: JobState | None
) -> None:
    """The server 1.0.4 has one command for a job that was killed and for an attempt that it does not have."""
    server.commands.append(Command.STOP)
    server.described[17] = known
    with pytest.raises(StaleAttempt):
        heartbeat.send()


def test_a_stale_attempt_is_told_to_nobody_and_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.jobs.append(job())
    server.commands += [Command.GO_ON, Command.STALE]
    outcome = pilot(tmp_path, server).run_one()
    assert outcome is not None
    assert outcome.state == "stale"
    assert server.ends == []
    assert list((tmp_path / "work").iterdir()) == []


def test_an_attempt_that_is_found_stale_in_a_transfer_is_told_to_nobody(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: object) -> None:
        raise TransferFailed("output", StaleAttempt("a later attempt delivers"))

    monkeypatch.setattr(Node, "run", run)
    server.jobs.append(job())
    outcome = pilot(tmp_path, server).run_one()
    assert outcome is not None
    assert (outcome.state, server.reports) == ("stale", [])


def test_an_end_that_cannot_be_told_is_left_to_the_next_pilot(server: Server, tmp_path: Path) -> None:
    server.jobs.append(job(transformation="/bin/false"))

    class Leaving(Server):
        def update(self, panda_id: int, state: str, **details: Any) -> Command:
            if state == "failed" and not returned:
                raise AWAY
            return super().update(panda_id, state, **details)

    returned: list[bool] = []
    leaving = Leaving(jobs=server.jobs)
    with pytest.raises(Unreported, match="does not know it yet"):
        pilot(tmp_path, leaving).run_one()
    assert list((tmp_path / "work").iterdir()) == [], "the node is free all the same"
    returned.append(True)
    recover(pilot(tmp_path, leaving))
    assert leaving.ends == [(17, "failed")]
    assert leaving.reports[-1][2]["trans_exit_code"] == 1


def test_the_attempt_of_a_task_s_job_is_named_after_the_task(server: Server, tmp_path: Path) -> None:
    """A job without a task has a count of jobs in the same field, which only the job's description tells apart."""
    for panda_id, task in ((20, 41), (21, 0)):
        server.jobs.append(job(panda_id, task_id=2))
        server.described[panda_id] = JobState(panda_id, 1, task, "sent", "", "")
        assert pilot(tmp_path, server).run_one() is not None
    begun = {
        file.panda_id: next(Journal(file.path).entries()).subjects for file in job_files(tmp_path / "state")
    }  # fmt: skip
    assert begun == {20: ("t41", "20"), 21: ("21", "1")}
