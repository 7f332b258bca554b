"""Answers of the PanDA server to pilots are read as server 1.0.4 means them."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from goclient.errors import GoclientError
from goclient.errors.sent import ReplyLost, UnreadableJob
from goclient.model.records.answers import KnownJob
from goclient.services.panda.access import PandaAccess
from goclient.services.panda.calls import Refused
from goclient.services.panda.client import Command, PandaServer, Unstored
from tests.faults import FaultyServer, http, replies
from tests.web_server import Request, Response, answering


class Answers:
    """Answers that a server gives next, whatever it is asked, and what it was asked."""

    def __init__(self) -> None:
        self.data: Any = None
        self.asked: list[tuple[str, str]] = []


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def server(answers: Answers) -> Iterator[PandaServer]:
    """A server of these answers."""

    def answer(request: Request) -> Response:
        answers.asked.append((request.method, request.path))
        return Response({"success": True, "message": "", "data": answers.data})

    with answering(answer) as url:
        yield PandaServer(PandaAccess(url, 5.0, 5.0, token="t", vo="sandbox"))


@pytest.mark.parametrize(
    ("told", "command"),
    [
        pytest.param("NULL", Command.GO_ON, id="unset"),
        pytest.param(None, Command.GO_ON, id="null"),
        pytest.param("debug", Command.GO_ON, id="another"),
        pytest.param("tobekilled", Command.STOP, id="stop"),
        pytest.param("debug,tobekilled", Command.STOP, id="stop-among-others"),
        pytest.param("badattemptnr", Command.STALE, id="another-attempt"),
        pytest.param("alreadydone", Command.STALE, id="it-has-ended"),
        pytest.param(["tobekilled"], Command.GO_ON, id="not-a-text"),
    ],
)
def test_a_report_is_answered_with_a_command(
    server: PandaServer, answers: Answers, told: object, command: Command
) -> None:
    answers.data = {"StatusCode": 0, "command": told}
    assert server.update(17, "running") is command


@pytest.mark.parametrize("status", [10, 30])
def test_a_report_that_the_database_did_not_take_is_not_one(server: PandaServer, answers: Answers, status: int) -> None:
    """update_job of 1.0.4 answers so, with success, if it timed out or its database was busy."""
    answers.data = {"StatusCode": status}
    with pytest.raises(Unstored) as caught:
        server.update(17, "finished")
    assert caught.value.transient


def test_the_server_says_who_asks_and_with_which_rights(server: PandaServer, answers: Answers) -> None:
    answers.data = {"user_dn_raw": "/CN=pilot", "is_production_user": True}
    rights = server.rights()
    assert (rights.name, rights.is_pilot) == ("/CN=pilot", True)
    assert answers.asked == [("GET", "/api/v1/system/get_user_attributes")]
    assert rights.clock is not None
    assert abs(rights.clock) < 60


@pytest.mark.parametrize("data", [{}, {"is_production_user": "yes"}])
def test_a_right_that_is_not_granted_is_not_there(server: PandaServer, answers: Answers, data: dict[str, Any]) -> None:
    answers.data = data
    assert not server.rights().is_pilot


# --- answers that hold secrets ------------------------------------------------------------------------------------

OTHERS = "a-secret-of-the-users-own"
ANSWERS = {
    "cut": {"success": True, "data": f'{{"MYPASS": "{OTHERS}"'},
    "a list": {"success": True, "data": f'["{OTHERS}"]'},
    "success is a word": {"success": "yes", "data": OTHERS},
    "refused, with them": {"success": False, "message": f"not {OTHERS}"},
    "the bare document": {"MYPASS": OTHERS},
}


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "401 Token refused", "429 Too Many", "500 Error"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_no_part_of_an_answer_that_may_hold_secrets_is_shown(answer: dict[str, Any], status: str) -> None:
    with FaultyServer(replies(http(json.dumps(answer).encode(), status=status))) as server:
        panda = PandaServer(PandaAccess(server.url, 5.0, 5.0))
        with pytest.raises(GoclientError) as raised:
            panda.secrets()
        shown = "".join(traceback.format_exception(raised.value)) + raised.value.hint
    assert OTHERS not in shown


# --- what mends jobs ---


def test_each_job_of_a_kill_has_an_answer(server: PandaServer, answers: Answers) -> None:
    answers.data = [True, False, "yes"]
    assert server.kill([1, 2, 3]) == [True, False, False]
    assert answers.asked == [("POST", "/api/v1/job/kill")]
    for data in ([True], {"1": True}, None):
        answers.data = data
        with pytest.raises(ReplyLost):
            server.kill([1, 2])


@pytest.mark.parametrize("code", [1, 2, 4, None, "0", False])
def test_a_command_that_the_server_does_not_register_is_refused(
    server: PandaServer, answers: Answers, code: Any
) -> None:
    answers.data = code
    for command in (server.retry_task, server.kill_task):
        if code is False:  # as Python has it, and as no server says it
            assert command(7) == ""
        else:
            with pytest.raises(Refused, match="refused"):
                command(7)
    answers.data = 0
    assert server.retry_task(7) == ""


JOB = {"PandaID": 7, "attemptNr": 0, "jobStatus": "failed", "jobName": "n", "jobParameters": "run", "cloud": "NULL"}
WRONG = [{"PandaID": 7, "currentPriority": "high"}, {"PandaID": 7, "jobName": "x" * 5000}, {"PandaID": "NULL"}, 7, "x"]


def test_a_record_has_what_another_try_needs(server: PandaServer, answers: Answers) -> None:
    answers.data = [{**JOB, "currentPriority": -5, "prodUserID": "/CN=me"}, None]
    job, unknown = server.records([7, 8])
    assert unknown is None
    assert isinstance(job, KnownJob)
    assert (job.owner, job.record.jobName, job.record.jobParameters) == ("/CN=me", "n", "run")
    assert (job.record.common.currentPriority, job.record.common.cloud) == (-5, None)


@pytest.mark.parametrize("job", WRONG)
def test_a_row_that_is_malformed_hides_no_other(server: PandaServer, answers: Answers, job: Any) -> None:
    answers.data = [job, {**JOB, "PandaID": 8}]
    bad, good = server.records([7, 8])
    assert isinstance(bad, UnreadableJob)
    assert isinstance(good, KnownJob)
    assert (bad.code, good.state.panda_id) == ("bad-answer", 8)
