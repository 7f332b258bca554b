"""A job may still need a credential, or not: by the journal as far as it tells, and by the server's word."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from goclient.carrier.secret import Secret, Use
from goclient.carrier.sending import SECRET, note_task
from goclient.config.connections import Connections
from goclient.config.environment import journal_path
from goclient.errors import EndpointError, RequestError, ServerError
from goclient.jobs.credentials import Credentials
from goclient.jobs.grants import GRANT, make_ready
from goclient.jobs.outstanding import Outstanding, State
from goclient.jobs.sent import CALL, REQUEST
from goclient.journal import Entry, Journal, start_of, this_process
from goclient.model.records.answers import JobState
from goclient.model.request import Credential, Grant
from goclient.reporter.recording import RecordingReporter

SHARED = Secret.of(Credential("8b5eb87a-10b2-4626-96dc-d9ab00c6942a", "a-secret-of-the-service"))
TOKENS = replace(Secret.for_tokens(["c1"]).with_tokens({"c1": "a-token-of-one"}, until="", identity="me"))
GONE = "1.0"  # a process that has ended


@dataclass
class Server:
    """PanDA's server, and Globus, as far as they are asked here."""

    name: str = "https://panda.example"
    kept: dict[str, str] = field(default_factory=lambda: {SHARED.key: SHARED.value, TOKENS.key: TOKENS.value})
    states: dict[int, str] = field(default_factory=dict)
    tasks: dict[int, str] = field(default_factory=dict)
    void: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    fails: bool = False

    def panda(self) -> Server:
        return self

    def secrets(self) -> dict[str, str]:
        return dict(self.kept)

    def set_secret(self, key: str, value: str | None) -> None:
        if self.fails:
            raise ServerError("refused")
        assert value is None
        self.kept.pop(key)

    def describe(self, ids: Sequence[int]) -> list[JobState | None]:
        return [JobState(one, 1, 0, self.states[one], "", "") if one in self.states else None for one in ids]

    def task_state(self, number: int) -> str:
        return self.tasks[number]

    def globus(self) -> Server:
        return self

    def take_back(self, grant: Grant) -> None:
        self.taken.append(grant.rule)

    def revoke_tokens(self, tokens: Sequence[str]) -> None:
        self.void += tokens


class Case:
    """A journal and a server."""

    def __init__(self, folder: Path) -> None:
        self.journal, self.server = Journal(folder / "journal.jsonl"), Server()

    def hand_out(
        self, key: str, secret: Secret = SHARED, *, process: str = GONE, server: str = "", state: str = "accepted"
    ) -> None:
        use = Use(secret.key, secret.who.value, "me", secret.until, server or self.server.name, process, ())
        self.journal.append(Entry(SECRET, f"{key}.secret", state, use.subjects))

    def send(self, key: str, *ids: int, state: str = "done") -> None:
        self.journal.append(Entry(CALL, f"{key}.0", "accepted" if ids else "unknown", tuple(map(str, ids))))
        self.journal.append(Entry(REQUEST, key, state))

    @property
    def credentials(self) -> Credentials:
        connections: Any = self.server
        return Credentials(Journal(self.journal.path), connections)

    def state(self) -> State:
        return next(one.state for one in self.credentials.list_open() if one.key == SHARED.key)

    def revoked(self, *ids: str) -> list[Outstanding]:
        return self.credentials.revoke(ids)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


@pytest.mark.parametrize(
    ("state", "expected"), [("running", State.IN_USE), ("finished", State.ENDED), (None, State.UNKNOWN)]
)
def test_the_server_says_whether_a_job_is_done(case: Case, state: str | None, expected: State) -> None:
    case.hand_out("r1")
    case.send("r1", 1, 2)
    case.server.states = {1: "failed", **({2: state} if state else {})}
    assert case.state() is expected


@pytest.mark.parametrize(("state", "expected"), [("running", State.IN_USE), ("exhausted", State.IN_USE),
                                                 ("done", State.ENDED), ("aborted", State.ENDED)])  # fmt: skip
def test_a_task_keeps_it_until_it_is_done_itself(case: Case, state: str, expected: State) -> None:
    case.hand_out("r1")
    note_task("r1", "accepted", journal=case.journal, server=case.server.name, task_id=7)
    case.server.tasks = {7: state}
    assert case.state() is expected


@pytest.mark.parametrize(("state", "expected"), [("intended", State.UNKNOWN), ("unknown", State.UNKNOWN),
                                                 ("refused", State.ENDED)])  # fmt: skip
def test_a_task_that_the_server_may_have_keeps_it(case: Case, state: str, expected: State) -> None:
    case.hand_out("r1")
    note_task("r1", state, journal=case.journal, server=case.server.name)  # its process has died since
    assert case.state() is expected


def test_a_job_that_the_server_does_not_know_needs_nothing_that_is_over(case: Case) -> None:
    for until, expected in (("2020-01-01T00:00:00Z", State.ENDED), ("2099-01-01T00:00:00+00:00", State.UNKNOWN)):
        case.hand_out("r1", replace(SHARED, until=until))
        case.send("r1", 1)
        assert case.state() is expected


@pytest.mark.parametrize(("state", "is_kept"), [("refused", False), ("unknown", False), ("unknown", True)])
def test_tokens_that_no_job_got_are_void_whatever_panda_has_kept(case: Case, state: str, is_kept: bool) -> None:
    if not is_kept:
        case.server.kept.pop(TOKENS.key)
    case.hand_out("r1", TOKENS, state=state)
    case.journal.append(Entry(REQUEST, "r1", "refused"))
    reporter = RecordingReporter()
    case.credentials.give_up(TOKENS, reporter)
    assert set(case.server.void) == {"a-token-of-one"}
    assert TOKENS.key not in case.server.kept


def test_tokens_that_a_job_may_have_stay(case: Case) -> None:
    case.hand_out("r1", TOKENS)
    case.send("r1", 1)
    case.server.states = {1: "running"}
    case.credentials.give_up(TOKENS, RecordingReporter())
    assert (case.server.void, TOKENS.key in case.server.kept) == ([], True)


def test_a_lost_answer_leaves_it_unknown(case: Case) -> None:
    case.hand_out("r1", replace(SHARED, until="2020-01-01T00:00:00Z"))
    case.send("r1", state="unknown")
    assert case.state() is State.ENDED, "its rights have ended by themselves"
    case.hand_out("r1")
    assert case.state() is State.UNKNOWN
    assert case.revoked() == []
    assert [one.key for one in case.revoked(*[one.id for one in case.credentials.list_known()])] == [SHARED.key]


def test_a_process_that_sends_jobs_just_now_keeps_it(case: Case) -> None:
    case.hand_out("r1", process=this_process())
    assert case.state() is State.IN_USE
    case.journal.append(Entry(REQUEST, "r1", "refused"))
    assert case.state() is State.ENDED, "the process has told that it sent none"


def test_one_of_several_submissions_is_enough(case: Case) -> None:
    for number in (1, 2):
        case.hand_out(f"r{number}")
        case.send(f"r{number}", number)
    case.server.states = {1: "finished", 2: "running"}
    assert (case.state(), case.revoked()) == (State.IN_USE, [])
    case.server.states[2] = "cancelled"
    assert [one.jobs for one in case.revoked()] == [(1, 2)]
    assert (SHARED.key in case.server.kept, case.credentials.list_known()) == (False, [])


def permission(case: Case, process: str, state: str = "accepted") -> None:
    """Write down that a process has given a permission to the client of the shared secret."""
    values = (SHARED.key, case.server.name, process, "c1", "/d/", "rw", "me", "", "rule-1")
    case.journal.append(Entry(GRANT, "g1", state, values))


def test_who_relies_on_a_permission_keeps_it_until_the_secret_is_handed_out(case: Case) -> None:
    case.hand_out("r1")
    case.send("r1", 1)
    case.server.states = {1: "finished", 2: "finished"}
    permission(case, GONE)
    assert case.state() is State.ENDED
    permission(case, this_process())
    assert (case.state(), case.revoked()) == (State.IN_USE, [])
    case.hand_out("r2", process=this_process())
    case.send("r2", 2)
    assert case.state() is State.ENDED
    case.server.kept.pop(TOKENS.key)
    case.revoked()
    assert case.server.taken == ["rule-1"]


def test_the_next_submission_holds_what_was_given_before(case: Case, tmp_path: Path) -> None:
    connections = Connections(environ={"GOCLIENT_STATE": str(tmp_path), "HOME": str(tmp_path)})
    assert Journal(journal_path(connections.env)).path == case.journal.path
    permission(case, GONE)
    make_ready(SHARED, connections, 1, server=case.server.name)
    assert case.state() is State.IN_USE
    permission(case, GONE, "done")
    with pytest.raises(EndpointError, match=r'"/d/" was taken back while the checks looked') as raised:
        make_ready(SHARED, connections, 1, server=case.server.name)
    assert raised.value.hint == "type the command again in 60 seconds", "sooner it would be refused once more"


def test_a_submission_that_fails_lets_go_of_what_no_other_one_holds(case: Case, tmp_path: Path) -> None:
    connections = Connections(environ={"GOCLIENT_STATE": str(tmp_path), "HOME": str(tmp_path)})
    case.server.kept.clear()
    with subprocess.Popen(["sleep", "60"]) as other:
        permission(case, f"{other.pid}.{start_of(str(other.pid))}")
        make_ready(SHARED, connections, 1, server=case.server.name)
        case.credentials.give_up(SHARED, RecordingReporter())
        assert (case.server.taken, case.state()) == ([], State.IN_USE), "the other process is about to hand it out"
        other.kill()
    make_ready(SHARED, connections, 1, server=case.server.name)
    assert case.state() is State.IN_USE
    case.credentials.give_up(SHARED, RecordingReporter())
    assert (case.server.taken, case.credentials.list_known()) == (["rule-1"], [])


def test_permissions_stay_while_another_machine_has_a_secret(case: Case) -> None:
    case.hand_out("r1")
    case.send("r1", 1)
    case.server.states = {1: "finished"}
    permission(case, GONE)
    assert [one.key for one in case.revoked()] == [SHARED.key], "the other one's secret is that of tokens"
    assert case.server.taken == []
    assert [len(one.grants) for one in case.credentials.list_known()] == [1]
    case.server.kept.clear()
    case.revoked()
    assert (case.server.taken, case.credentials.list_known()) == (["rule-1"], [])


def test_a_submission_that_begins_meanwhile_keeps_it(case: Case) -> None:
    case.hand_out("r1")
    case.send("r1", 1)
    case.server.states = {1: "finished"}
    described = case.server.describe

    def describe(ids: Sequence[int]) -> list[JobState | None]:
        case.hand_out("r2", process=this_process())  # waits for its turn to set the secret
        return described(ids)

    case.server.describe = describe  # type: ignore[method-assign]
    assert case.revoked() == []
    assert SHARED.key in case.server.kept


def test_tokens_are_void_before_the_secret_is_gone(case: Case) -> None:
    case.hand_out("r1", TOKENS)
    case.send("r1", 1)
    case.server.fails, case.server.states = True, {1: "finished"}
    with pytest.raises(ServerError, match="refused"):
        case.revoked()
    assert case.server.void == ["a-token-of-one"]
    case.server.fails = False
    assert [one.key for one in case.revoked()] == [TOKENS.key]


def test_what_is_of_another_server_or_machine_is_left_alone(case: Case) -> None:
    case.hand_out("r1", server="https://other.example")
    assert {one.key: one.state for one in case.credentials.list_open()} == {
        SHARED.key: State.ELSEWHERE, TOKENS.key: State.ELSEWHERE,
    }  # fmt: skip
    assert case.revoked() == []


def test_a_name_that_is_nearly_right_is_suggested(case: Case) -> None:
    case.hand_out("r1")
    (one,) = case.credentials.list_known()
    with pytest.raises(RequestError, match="there is no credential") as raised:
        case.revoked(one.id[:-1] + "x")
    assert raised.value.hint == f"did you mean {one.id}?"


def test_what_goes_wrong_after_a_status_is_a_warning(case: Case) -> None:
    case.hand_out("r1")
    case.send("r1", 1)
    case.server.fails, case.server.states, reporter = True, {1: "failed"}, RecordingReporter()
    case.credentials.revoke_ended([], reporter)
    assert "a credential was not taken back: refused" in reporter.messages[0].line
