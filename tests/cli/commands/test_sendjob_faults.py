"""Behaviour of sendJob when the PanDA server, the network, the disk or the user's environment fails.

Every test runs the real command line against a server that fails in one way, and looks at what a user and the
server see: the exit code, the words, the requests that were made, and the journal.
"""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from tests import faults
from tests.commands import MODULES, TIMEOUT, Result, completed, started
from tests.faults import Fault, FaultyServer
from tests.pace import within

DEADLINE = 15.0  # seconds; GOCLIENT_TIMEOUT is one, and each job adds a quarter
TOKEN = "eyJhbGciOiJub25lIn0.eyJzZWNyZXQiOiJ0b2tlbiJ9.c2lnbmF0dXJl"
JOB = ("sendJob.py", "--noCheck", "--computingSite=TEST1", "--transformation=/bin/true")
DO_NOT = "do not submit again"


class User:
    """Somebody at a command line, with a token, a journal and an impatient configuration."""

    def __init__(self, home: Path, env: dict[str, str]) -> None:
        self.home = home
        self.state = home / "state"
        self.env = {
            **env,
            "PANDA_AUTH": "oidc",
            "PANDA_AUTH_VO": "x",
            "PANDA_AUTH_ID_TOKEN": "a.b.c",
            "GOCLIENT_TIMEOUT": "1",
            "GOCLIENT_STATE": str(self.state),
        }

    def start(
        self, words: Sequence[str], more: dict[str, str], *, stdout: int | IO[str] = subprocess.PIPE, before: str = ""
    ) -> subprocess.Popen[str]:
        """A command line that runs; ``before`` are Python statements that its process carries out first."""
        if before:
            replaced = "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
            code = f"import os, resource, signal, sys; {before}; {replaced}"
            words = [sys.executable, "-c", code, *MODULES[words[0]], *words[1:]]
        files: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": stdout, "stderr": subprocess.PIPE}
        return started(words, env={**self.env, **more}, cwd=self.home, **files)

    def run(self, *words: str, stdout: int | IO[str] = subprocess.PIPE, before: str = "", **more: str) -> Result:
        """Return what a command line did, which ended in time and showed a traceback only if it was asked for."""
        if before or stdout != subprocess.PIPE:
            result = ended(self.start(words, more, stdout=stdout, before=before))
        else:
            with within(DEADLINE):
                result = completed(words, env={**self.env, **more}, cwd=self.home)
        if "-vv" not in words:
            assert "Traceback" not in result.err, result.err
        return result

    def submit(self, server: FaultyServer, *words: str, before: str = "", **more: str) -> Result:
        """Return what the submission of a job to this server did."""
        more.setdefault("PANDA_URL_SSL", server.url)
        return self.run(*JOB, *words, stdout=subprocess.PIPE, before=before, **more)

    @property
    def journal(self) -> list[dict[str, Any]]:
        """The entries of the journal about single calls."""
        file = self.state / "journal.jsonl"
        found = []
        for line in file.read_text().splitlines() if file.is_file() else ():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return [entry for entry in found if entry["what"] == "submission"]

    @property
    def states(self) -> list[str]:
        assert len({entry["key"] for entry in self.journal}) <= 1, "one submission, one key"
        return [entry["state"] for entry in self.journal]


def ended(process: subprocess.Popen[str]) -> Result:
    """Return what a command did; if it does not end within the deadline, it is killed and the test fails."""
    try:
        with within(DEADLINE):
            out, err = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        pytest.fail(f"it did not end within {TIMEOUT} s: {out} {err}")
    return Result(process.returncode, out or "", err)


@pytest.fixture
def user(tmp_path: Path, env: dict[str, str]) -> User:
    return User(tmp_path, env)


def one_error(result: Result) -> dict[str, Any]:
    """The only document on stdout, which agrees with the exit code and with stderr."""
    assert result.out.count("\n") == 1, result.out
    document: dict[str, Any] = result.json
    error = document["error"]
    assert set(error) == {"code", "message", "hint", "exit_code"}
    assert error["exit_code"] == result.code
    assert error["message"] in result.err
    assert error["hint"]
    assert error["hint"] in result.err
    return document


# --- one fault, one call ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A fault, and what a user must learn of it: the exit code, words on stderr, the journal's last state."""

    fault: Fault
    state: str
    words: str
    code: int = 90


LOST = {
    "it-reads-and-never-answers": Case(faults.silent, "unknown", "no answer within"),
    "reset-before-it-reads": Case(faults.reset_unread, "unknown", ""),
    "reset-after-it-has-read": Case(faults.reset_after_reading, "unknown", ""),
    "half-a-status-line": Case(faults.half_a_status_line, "unknown", ""),
    "a-page-of-html": Case(faults.html_ok, "unknown", "Site maintenance"),
    "a-gateway-s-502": Case(faults.html_bad_gateway, "unknown", "502 Bad Gateway"),
    "half-a-document": Case(faults.half_a_document, "unknown", ""),
    "nothing-after-the-head": Case(faults.nothing_after_the_head, "unknown", ""),
    "a-list-instead-of-an-object": Case(faults.replies(faults.document([1, 2])), "unknown", "[1, 2]"),
    "a-number-instead-of-an-object": Case(faults.replies(faults.document(42)), "unknown", "42"),
    "success-that-is-no-boolean": Case(faults.replies(faults.document({"success": "maybe"})), "unknown", "maybe"),
    "success-without-data": Case(faults.rows(lambda _: None), "unknown", ""),
    "success-with-too-few-rows": Case(faults.rows(lambda good: good[:-1]), "unknown", "2 of 3 jobs"),
    "success-with-too-many-rows": Case(faults.rows(lambda good: [*good, good[0]]), "unknown", "4 of 3 jobs"),
    "success-with-empty-rows": Case(faults.rows(lambda good: [[] for _ in good]), "unknown", ""),
    "success-with-a-text-for-the-rows": Case(faults.rows(lambda _: "123"), "unknown", "123"),
    "success-with-an-object-for-the-rows": Case(faults.rows(lambda _: {"1": 0, "2": 0, "3": 0}), "unknown", ""),
    "a-panda-id-that-is-a-word": Case(faults.panda_id("eins"), "unknown", "eins"),
    "a-panda-id-that-is-infinite": Case(faults.panda_id(float("inf")), "unknown", "inf"),
    "a-panda-id-that-is-a-fraction": Case(faults.panda_id(1.5), "unknown", "1.5"),
    "a-panda-id-that-is-true": Case(faults.panda_id(True), "unknown", "True"),
    "a-body-that-drips-and-never-ends": Case(faults.dripping_body, "unknown", ""),
    "chunks-that-drip-and-never-end": Case(faults.dripping_chunks, "unknown", ""),
    "a-head-that-drips-and-never-ends": Case(faults.dripping_head, "unknown", ""),
}
REFUSED = {
    "success-is-false": Case(faults.refuses("User jdoe is disabled"), "refused", "User jdoe is disabled"),
    "success-is-false-without-a-message": Case(faults.refuses(None), "refused", '"success": false'),
    "a-token-that-is-not-accepted": Case(
        faults.token_refused, "refused", "ERROR : Token authentication failed. Signature has expired", code=4
    ),
    "an-error-of-the-server": Case(faults.server_error, "refused", "ERROR : database is away"),
    "a-request-to-wait": Case(
        faults.replies(faults.http(b"slow down", status="429 Too Many Requests", more="Retry-After: 1\r\n")),
        "refused",
        "slow down",
    ),
}


def parameters(cases: dict[str, Case]) -> list[Any]:
    return [pytest.param(case, id=name) for name, case in cases.items()]


@pytest.mark.parametrize("case", parameters(LOST))
def test_a_lost_reply_is_never_asked_for_again_and_tells_where_to_look(user: User, case: Case) -> None:
    with FaultyServer(case.fault) as server:
        result = user.submit(server, "--njobs=3", "--json")
    assert result.code == case.code, result.err
    document = one_error(result)
    assert document["jobs"] == []
    assert case.words in result.err
    assert (server.attempts, server.connections) == (1, 1)
    assert user.states == ["intended", case.state]
    first, last = user.journal[0]["subjects"]
    for word in (DO_NOT, first, last):
        assert word in document["error"]["hint"]
    for request in server.submissions:
        assert [row[19] for row in request.rows][::2] == [first, last], "19 is jobName"


@pytest.mark.parametrize("case", parameters(REFUSED))
def test_a_refusal_is_shown_in_the_server_s_own_words(user: User, case: Case) -> None:
    with FaultyServer(case.fault) as server:
        result = user.submit(server, "--json")
    assert result.code == case.code, result.err
    assert case.words in one_error(result)["error"]["message"].replace("\\", "")
    assert DO_NOT not in result.err
    assert (server.attempts, len(server.submissions)) == (1, 1)
    assert user.states == ["intended", case.state]


def test_a_refused_token_comes_with_the_command_that_gets_a_new_one(user: User) -> None:
    with FaultyServer(faults.token_refused) as server:
        assert "get_new_token" in one_error(user.submit(server, "--json"))["error"]["hint"]


def test_without_json_stdout_stays_empty_when_nothing_was_accepted(user: User) -> None:
    with FaultyServer(faults.server_error) as server:
        result = user.submit(server)
    assert (result.code, result.out) == (90, "")


def test_control_characters_in_a_server_s_message_do_not_reach_the_terminal(user: User) -> None:
    with FaultyServer(faults.refuses("no\x1b[2J\x07 more")) as server:
        result = user.submit(server)
    assert result.code == 90
    assert "more" in result.err
    assert "\x1b" not in result.err
    assert "\x07" not in result.err


def test_a_closed_port_means_that_nothing_was_sent(user: User) -> None:
    with FaultyServer(listening=False) as server:
        result = user.submit(server, "--json")
    assert result.code == 90
    assert "nothing was sent" in one_error(result)["error"]["message"]
    assert server.url in result.err
    assert DO_NOT not in result.err
    assert user.states == ["intended", "refused"]


def test_a_redirect_is_not_followed_with_a_token_or_without(user: User) -> None:
    with FaultyServer() as other, FaultyServer(faults.redirects_to(other.url.replace("127.0.0.1", "localhost"))) as one:
        result = user.submit(one, "--json")
    assert result.code == 90
    assert "HTTP 307" in one_error(result)["error"]["message"]
    assert (one.attempts, other.connections) == (1, 0)
    assert user.states == ["intended", "refused"]


# --- more than one job, more than one call ------------------------------------------------------------------


def test_the_accepted_jobs_of_a_partly_refused_call_are_printed_and_in_the_journal(user: User) -> None:
    with FaultyServer(faults.refuses_rows(1)) as server:
        result = user.submit(server, "--njobs=3")
    names = [row[19] for row in server.submissions[0].rows]
    assert result.code == 90
    assert result.out.splitlines() == [f"PandaID=1 jobName={names[0]}", f"PandaID=3 jobName={names[2]}"]
    assert "1 of 3 jobs" in result.err
    assert names[1] in result.err
    assert server.attempts == 1
    assert user.states == ["intended", "accepted"]
    assert user.journal[1]["subjects"] == ["1", "", "3"], "one a row; the server refused the second"


def test_the_accepted_jobs_of_a_partly_refused_call_are_in_the_document(user: User) -> None:
    with FaultyServer(faults.refuses_rows(0)) as server:
        document = one_error(user.submit(server, "--njobs=3", "--json"))
    names = [row[19] for row in server.submissions[0].rows]
    assert document["error"]["exit_code"] == 90
    assert document["jobs"] == [{"PandaID": 2, "jobName": names[1]}, {"PandaID": 3, "jobName": names[2]}]


def test_a_call_none_of_whose_jobs_was_accepted_is_refused_in_the_journal(user: User) -> None:
    with FaultyServer(faults.refuses_rows(-1)) as server:
        result = user.submit(server, "--njobs=2", "--json")
    assert result.code == 90
    assert one_error(result)["jobs"] == []
    assert server.attempts == 1
    assert user.states == ["intended", "refused"]


def test_2500_jobs_are_three_calls_of_at_most_1000(user: User) -> None:
    with FaultyServer() as server:
        result = user.submit(server, "--njobs=2500", "--json")
    assert result.code == 0, result.err
    assert [len(request.rows) for request in server.submissions] == [1000, 1000, 500]
    names = [row[19] for request in server.submissions for row in request.rows]
    assert len(set(names)) == 2500
    jobs = [(job["PandaID"], job["jobName"]) for job in result.json["jobs"]]
    assert jobs == list(zip(range(1, 2501), names, strict=True))
    assert [entry["state"] for entry in user.journal] == ["intended", "accepted"] * 3
    assert len({entry["key"] for entry in user.journal}) == 3


@pytest.mark.parametrize(
    ("fault", "code", "state", "jobs"),
    [
        pytest.param(faults.refuses("Too many jobs"), 90, "refused", 1000, id="the second call is refused"),
        pytest.param(faults.token_refused, 4, "refused", 1000, id="the token expires before the second call"),
        pytest.param(faults.reset_unread, 90, "unknown", 1000, id="the second call is reset"),
        pytest.param(faults.reset_after_reading, 90, "unknown", 1000, id="the second call's reply is lost"),
        pytest.param(faults.html_bad_gateway, 90, "unknown", 1000, id="a gateway answers the second call"),
        pytest.param(faults.refuses_rows(999), 90, "accepted", 1999, id="a row of the second call is refused"),
    ],
)
def test_a_fault_in_the_second_call_reports_the_jobs_accepted_before_it(
    user: User, fault: Fault, code: int, state: str, jobs: int
) -> None:
    with FaultyServer(fault, good=1) as server:
        result = user.submit(server, "--njobs=2500", "--json")
    assert result.code == code, result.err
    document = one_error(result)
    assert [job["PandaID"] for job in document["jobs"]] == list(range(1, jobs + 1))
    assert f"{jobs} of 2500 jobs were accepted" in document["error"]["message"]
    assert server.attempts == 2
    assert [entry["state"] for entry in user.journal] == ["intended", "accepted", "intended", state]
    assert (DO_NOT in result.err) == (state == "unknown")
    if state == "unknown":
        first, last = user.journal[2]["subjects"]
        assert first.endswith("_1000")
        assert last.endswith("_1999")
        assert first in document["error"]["hint"]


def test_without_json_the_jobs_accepted_before_a_fault_are_printed(user: User) -> None:
    with FaultyServer(faults.reset_after_reading, good=1) as server:
        result = user.submit(server, "--njobs=1001")
    assert result.code == 90
    names = [row[19] for row in server.submissions[0].rows]
    assert result.out.splitlines() == [f"PandaID={i} jobName={name}" for i, name in enumerate(names, 1)]


# --- the user stops it --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("njobs", "good"),
    [pytest.param(1, 0, id="the only call"), pytest.param(1001, 1, id="the second call")],
)
def test_control_c_while_the_server_is_silent_says_what_is_not_known(user: User, njobs: int, good: int) -> None:
    with FaultyServer(faults.silent, good=good) as server:
        words = (*JOB, f"--njobs={njobs}", "--json")
        more = {"PANDA_URL_SSL": server.url, "GOCLIENT_TIMEOUT": "60"}
        # A shell that runs the tests in the background has its children ignore the signal.
        process = user.start(words, more, before="signal.signal(signal.SIGINT, signal.SIG_DFL)")
        server.wait_for_requests(good + 1)
        process.send_signal(signal.SIGINT)
        result = ended(process)
    assert "Traceback" not in result.err
    assert result.code == 130, result.err
    document = one_error(result)
    assert len(document["jobs"]) == good * 1000
    assert server.attempts == good + 1
    assert [entry["state"] for entry in user.journal] == ["intended", "accepted"] * good + ["intended", "unknown"]
    for word in (DO_NOT, user.journal[-1]["subjects"][0]):
        assert word in document["error"]["hint"]


# --- the disk -----------------------------------------------------------------------------------------------


def no_larger_than(size: int) -> str:
    """Return what limits the files of a process; Python would keep what it compiles cut off, for all later ones."""
    return f"os.environ['PYTHONDONTWRITEBYTECODE'] = '1'; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"


def assert_stopped_by_its_journal(result: Result, server: FaultyServer, path: Path, *, code: int) -> None:
    assert result.code == code, result.err
    error = one_error(result)["error"]
    assert re.match(f'the journal "{path}" cannot be (read|written)', error["message"])
    assert "GOCLIENT_STATE" in error["hint"]
    assert server.connections == 0


def test_nothing_is_sent_if_the_disk_is_full_before_the_journal_is_written(user: User) -> None:
    with FaultyServer() as server:
        result = user.submit(server, "--json", before=no_larger_than(0))
    assert_stopped_by_its_journal(result, server, user.state / "journal.jsonl", code=1)


@pytest.mark.parametrize("location", ["below-a-device", "a-full-device", "below-a-file", "a-folder"])
def test_nothing_is_sent_if_the_journal_cannot_be(user: User, location: str) -> None:
    state = user.state
    if location == "below-a-device":
        state = Path("/dev/full/x")
    elif location == "a-full-device":
        state.mkdir()
        (state / "journal.jsonl").symlink_to("/dev/full")
    elif location == "below-a-file":
        state.write_text("")
    else:
        (state / "journal.jsonl").mkdir(parents=True)
    with FaultyServer() as server:
        result = user.submit(server, "--json", GOCLIENT_STATE=str(state))
    assert_stopped_by_its_journal(result, server, state / "journal.jsonl", code=10)


def test_a_job_is_printed_even_if_the_disk_is_full_when_it_was_accepted(user: User) -> None:
    with FaultyServer() as server:
        assert user.submit(server).code == 0
        journal = user.state / "journal.jsonl"
        intended = sum(map(len, journal.read_bytes().splitlines()[:2]))  # of the request, and of its call
        journal.unlink()

        result = user.submit(server, before=no_larger_than(intended + 20))
        name = server.submissions[1].rows[0][19]
        assert (result.code, result.out) == (0, f"PandaID=2 jobName={name}\n"), result.err
        assert "cannot be written" in result.err
        assert [entry["state"] for entry in user.journal] == ["intended"]

        assert user.submit(server).code == 10, "the journal does not know that it was told"
        assert user.submit(server, "--again").code == 0, "the torn line is in nobody's way"
        assert [entry["state"] for entry in user.journal] == ["intended", "intended", "accepted"]
        assert server.attempts == 3


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(JOB, id="jobs"),
        pytest.param((*JOB, "--json"), id="a document"),
        pytest.param((*JOB, "--noSubmit"), id="a record"),
        pytest.param((*JOB, "--noSubmit", "--json"), id="a record's document"),
        pytest.param(("sendJob.py", "--help"), id="help"),
        pytest.param(("sendJob.py", "--version"), id="version"),
        pytest.param(("goclient", "--help"), id="goclient's help"),
        pytest.param(("goclient", "--version"), id="goclient's version"),
    ],
)
def test_output_that_cannot_be_written_is_an_error_that_is_told(user: User, words: tuple[str, ...]) -> None:
    with FaultyServer() as server, open("/dev/full", "w") as full:
        result = user.run(*words, stdout=full, PANDA_URL_SSL=server.url)
    assert result.code == 1, result.err
    assert "No space left on device" in result.err
    assert "Exception ignored" not in result.err
    if user.journal:
        assert user.states == ["intended", "accepted"], "what cannot be printed can be looked up"
    assert server.attempts == bool(user.journal)


def test_an_error_whose_document_cannot_be_written_keeps_its_exit_code_and_its_words(user: User) -> None:
    with FaultyServer(faults.server_error) as server, open("/dev/full", "w") as full:
        result = user.run(*JOB, "--json", stdout=full, PANDA_URL_SSL=server.url)
    assert result.code == 90, result.err
    assert "ERROR : database is away" in result.err
    assert "Exception ignored" not in result.err


# --- TLS, and where the token goes --------------------------------------------------------------------------


def test_a_server_with_a_certificate_that_nobody_signed_is_told_nothing(user: User) -> None:
    made = faults.certificate(user.home)
    with FaultyServer(tls=made.context) as server:
        result = user.submit(server, "--json")
    assert result.code == 90, result.err
    message = one_error(result)["error"]["message"]
    assert "certificate" in message
    assert "nothing was sent" in message
    assert (server.connections, server.attempts) == (1, 0)
    assert DO_NOT not in result.err
    assert user.states == ["intended", "refused"]


def test_a_server_with_another_host_s_certificate_is_told_nothing(user: User) -> None:
    made = faults.certificate(user.home, host="127.0.0.9")
    with FaultyServer(tls=made.context) as server:
        result = user.submit(server, "--json", X509_CERT_DIR=str(made.trusting))
    assert result.code == 90, result.err
    assert "nothing was sent" in one_error(result)["error"]["message"]
    assert server.attempts == 0


def test_a_server_whose_certificate_is_trusted_gets_the_job_and_the_token(user: User) -> None:
    made = faults.certificate(user.home)
    with FaultyServer(tls=made.context) as server:
        result = user.submit(server, X509_CERT_DIR=str(made.trusting))
    assert result.code == 0, result.err
    assert server.submissions[0].headers["authorization"] == "Bearer a.b.c"
    assert server.submissions[0].headers["origin"] == "x"


def test_a_proxy_certificate_is_presented_to_a_server_that_asks_for_one(user: User) -> None:
    """X.509, as without PANDA_AUTH: the server trusts the user's certificate, and would refuse a client without one."""
    made = faults.certificate(user.home)
    made.context.verify_mode = ssl.CERT_REQUIRED
    made.context.load_verify_locations(next(made.trusting.glob("*.0")))
    proxy = str(user.home / "server.pem")
    with FaultyServer(tls=made.context) as server:
        without = user.submit(server, X509_CERT_DIR=str(made.trusting))
        assert without.code == 90, "a token alone does not open a connection here"
        more = {"X509_CERT_DIR": str(made.trusting), "PANDA_AUTH": "", "X509_USER_PROXY": proxy}
        result = user.submit(server, "--again", **more)  # whether the first one arrived is not known
    assert result.code == 0, result.err
    assert "authorization" not in server.submissions[0].headers


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(faults.breaks_tls, id="bytes that are no TLS"),
        pytest.param(faults.reset_after_reading, id="reset"),
        pytest.param(faults.replies(b""), id="closed"),
    ],
)
def test_a_reply_lost_inside_tls_is_as_unknown_as_any(user: User, fault: Fault) -> None:
    made = faults.certificate(user.home)
    with FaultyServer(fault, tls=made.context) as server:
        result = user.submit(server, "--json", X509_CERT_DIR=str(made.trusting))
    assert result.code == 90
    assert len(server.submissions) == 1
    assert user.states == ["intended", "unknown"]
    assert DO_NOT in one_error(result)["error"]["hint"]
    assert "nothing was sent" not in result.err


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://panda.example.org:25080", id="another host"),
        pytest.param("http://127.0.0.1.example.org", id="a host that begins like this one"),
        pytest.param("http://127.0.0.1@panda.example.org", id="this host as the name of a user"),
        pytest.param("http://[2001:db8::1]:25080", id="an address"),
        pytest.param("HTTP://PANDA.EXAMPLE.ORG", id="in capitals"),
    ],
)
def test_a_token_is_not_sent_unencrypted_to_another_host(user: User, url: str) -> None:
    with FaultyServer() as proxy:  # where any connection to another host would go
        result = user.run(*JOB, "--json", PANDA_URL_SSL=url, http_proxy=proxy.url, ALL_PROXY=proxy.url)
    assert result.code == 10, result.err
    assert url in one_error(result)["error"]["message"]
    assert proxy.connections == 0
    assert user.journal == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("PANDA_URL_SSL", "pandaserver.cern.ch", id="a url without a scheme"),
        pytest.param("PANDA_URL_SSL", "ftp://127.0.0.1", id="a url of another scheme"),
        pytest.param("PANDA_URL_SSL", "http://127.0.0.1:x", id="a port that is no number"),
        pytest.param("PANDA_URL_SSL", "http://127.0.0.1:99999", id="a port that cannot be"),
        pytest.param("PANDA_URL_SSL", "http://[::1", id="an address that does not end"),
        pytest.param("PANDA_AUTH_VO", "", id="no vo"),
        pytest.param("PANDA_AUTH_VO", "atlas\r\nX-Other: 1", id="a vo of two lines"),
        pytest.param("PANDA_AUTH_VO", "атлас", id="a vo that no header can hold"),
        pytest.param("GOCLIENT_TIMEOUT", "soon", id="a time that is no number"),
        pytest.param("GOCLIENT_TIMEOUT", "0", id="no time"),
        pytest.param("X509_CERT_DIR", "/nowhere", id="a folder of certificates that is not there"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_before_anything_is_sent(user: User, name: str, value: str) -> None:
    made = faults.certificate(user.home)
    with FaultyServer(tls=made.context if name == "X509_CERT_DIR" else None) as server:
        result = user.submit(server, "--json", **{name: value})
    assert result.code == 10, result.err
    assert name in one_error(result)["error"]["message"]
    assert server.connections == 0
    assert user.journal == []


@pytest.mark.parametrize(
    ("fault", "token", "code"),
    [
        pytest.param(None, TOKEN, 0, id="the job is accepted"),
        pytest.param(faults.silent, TOKEN, 90, id="the server is silent"),
        pytest.param(faults.reset_after_reading, TOKEN, 90, id="the reply is lost"),
        pytest.param(faults.token_refused, TOKEN, 4, id="the token is refused"),
        pytest.param(
            faults.echoes_the_token("403 Forbidden", "ERROR : Token authentication failed. {}"),
            TOKEN,
            4,
            id="the server repeats it when it refuses it",
        ),
        pytest.param(
            faults.echoes_the_token("500 Internal Server Error", "ERROR : cannot read {}"),
            TOKEN,
            90,
            id="the server repeats it in an error",
        ),
        pytest.param(
            faults.echoes_the_token("200 OK", "<html>Authorization: {}</html>"),
            TOKEN,
            90,
            id="a gateway repeats it",
        ),
        pytest.param(None, f"{TOKEN} {TOKEN}", 4, id="it has a blank"),
        pytest.param(None, f"{TOKEN}\n{TOKEN}", 4, id="it has a newline"),
    ],
)
def test_the_token_is_never_shown(user: User, fault: Fault | None, token: str, code: int) -> None:
    with FaultyServer(fault) as server:
        result = user.submit(server, "-vv", PANDA_AUTH_ID_TOKEN=token)
    assert result.code == code, result.err
    written = [path.read_text() for path in user.home.rglob("*") if path.is_file()]
    for text in (result.out, result.err, *written):
        assert TOKEN not in text
        assert TOKEN.rpartition(".")[2] not in text
    assert all(request.headers["authorization"] == f"Bearer {TOKEN}" for request in server.submissions)


def test_the_journal_is_for_its_owner_only(user: User) -> None:
    with FaultyServer() as server:
        assert user.submit(server, before="os.umask(0)").code == 0
    assert os.stat(user.state / "journal.jsonl").st_mode & 0o777 == 0o600
    assert os.stat(user.state).st_mode & 0o777 == 0o700
