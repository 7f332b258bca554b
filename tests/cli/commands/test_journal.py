"""``goclient journal`` tells what is open, and what was written of one thing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import goclient
from goclient.errors.sent import SentBefore
from goclient.job_journal import JobJournal
from goclient.journal import HOST, Entry, Journal
from goclient.model.names import UUID
from tests import faults
from tests.commands import Result, completed
from tests.faults import Connection, Fault, FaultyServer

JOB = ("sendJob.py", "--noCheck", "--computingSite=TEST1", "--transformation=/bin/true")
Typed = Callable[..., Result]


@pytest.fixture
def typed(env: dict[str, str], tmp_path: Path) -> Typed:
    """Type a command as somebody whose request is never known to have arrived, unless ``url`` is another server's."""
    user = {**env, "PANDA_AUTH": "oidc", "PANDA_AUTH_VO": "x", "PANDA_AUTH_ID_TOKEN": "a.b.c",
            "GOCLIENT_STATE": str(tmp_path / "state"), "GOCLIENT_TIMEOUT": "5"}  # fmt: skip
    return lambda *words, url="http://127.0.0.1:1": completed(words, env={**user, "PANDA_URL_SSL": url}, cwd=tmp_path)


def test_the_same_request_stops_while_the_end_of_the_first_is_unknown(typed: Typed) -> None:
    with FaultyServer(faults.reset_after_reading) as server:
        lost = typed(*JOB, url=server.url)
        again = typed(*JOB, "--json", url=server.url)
        other = typed(*JOB, "--jobParameters=2", url=server.url)
        assert (lost.code, again.code, other.code) == (90, 10, 90)
        assert again.json["error"]["code"] == "sent-before"
        assert "it is not known whether the server accepted its 1 job" in again.err
        assert len(server.submissions) == 2
        (name,) = {row[19] for row in server.submissions[0].rows}

        listed = typed("goclient", "journal", "list", "--json").json
        assert [(one["what"], one["state"], one["running"]) for one in listed] == [("request", "unknown", False)] * 2
        assert (listed[0]["names"], listed[0]["host"], listed[0]["PandaIDs"]) == ([name], HOST, [])
        table = typed("goclient", "journal", "list")
        assert (table.code, name in table.out, listed[0]["key"] in table.out) == (0, True, True)
        hint = again.json["error"]["hint"]
        assert f"goclient journal show {listed[0]['key']}" in hint
        assert f"goclient journal show {listed[0]['key']}" in lost.err


def test_a_request_is_found_by_its_campaign(typed: Typed) -> None:
    with FaultyServer(faults.well) as server:
        assert typed(*JOB, "--campaign=scan7", "--njobs=2", url=server.url).code == 0
        assert typed(*JOB, url=server.url).code == 0
    shown = typed("goclient", "journal", "show", "scan7", "--json").json
    assert [one["state"] for one in shown if one["what"] == "request"] == ["intended", "done"]
    count, first, last, campaign, of = shown[0]["subjects"][2:]
    assert (count, campaign, of) == ("2", "scan7", server.url)
    names = [row[19] for row in server.submissions[0].rows]
    assert [first, last] == names
    assert all(re.fullmatch(rf"scan7\.{UUID.pattern}_[01]", name) for name in names)
    (plain,) = (row[19] for row in server.submissions[1].rows)
    assert UUID.fullmatch(plain), "a job without a campaign that was typed keeps the name of before"
    unnamed = typed("goclient", "journal", "show", plain, "--json").json[0]["subjects"][5]
    assert re.fullmatch("[0-9]{8}-[0-9]{6}", unnamed)


@pytest.mark.parametrize(("name", "hint"), [("a/b", "write --campaign a-b"), ("/", "such as --campaign scan2026"),
                                            ("x" * 65, f"write --campaign {'x' * 64}")])  # fmt: skip
def test_a_campaign_s_name_that_cannot_be_one_is_repaired(typed: Typed, name: str, hint: str) -> None:
    for command in (("sendJob.py", "--computingSite=TEST1", "--transformation=/bin/true", "--noSubmit"),
                    ("goclient", "check")):  # fmt: skip
        result = typed(*command, "--json", f"--campaign={name}")
        assert result.code == 2
        assert hint in result.out


def first_lost() -> Fault:
    """A fault that loses the answer to the first submission only."""
    seen: list[Connection] = []

    def fault(connection: Connection) -> None:
        seen.append(connection)
        (faults.reset_after_reading if len(seen) == 1 else faults.well)(connection)

    return fault


def test_with_again_it_is_sent_and_the_first_one_is_closed(typed: Typed) -> None:
    with FaultyServer(first_lost()) as server:
        codes = [typed(*JOB, *more, url=server.url).code for more in ((), (), ("--again",), ())]
        assert (codes, len(server.submissions)) == ([90, 10, 0, 0], 3)
        assert typed("goclient", "journal", "list", "--json").json == []
        entries = typed("goclient", "journal", "show", server.submissions[0].rows[0][19], "--json").json
        assert [(one["what"], one["state"]) for one in entries] == [
            ("request", "intended"), ("submission", "intended"), ("submission", "unknown"), ("request", "unknown"),
            ("request", "done"),
        ]  # fmt: skip
        assert entries[-1]["detail"].startswith("submitted again: ")


def test_a_state_directory_that_is_not_there_is_named(env: dict[str, str], tmp_path: Path) -> None:
    listed = completed(("goclient", "journal", "list"), env={**env, "GOCLIENT_STATE": f"{tmp_path}/stat"}, cwd=tmp_path)
    assert (listed.code, listed.out) == (0, "")
    assert f"{tmp_path}/stat, which does not exist: check GOCLIENT_STATE" in listed.err


def test_a_request_whose_end_was_told_is_not_open(typed: Typed) -> None:
    with FaultyServer() as server:
        for _ in range(2):
            assert typed(*JOB, url=server.url).code == 0
    listed = typed("goclient", "journal", "list")
    assert (listed.code, listed.out, "nothing is open" in listed.err) == (0, "", True)
    assert typed("goclient", "journal", "list", "--json").json == []
    shown = typed("goclient", "journal", "show", "2")
    assert (shown.code, "accepted" in shown.out) == (0, True)
    assert "done" in shown.out


@pytest.mark.conformance  # it takes long
def test_equal_requests_side_by_side_do_not_stop_each_other(typed: Typed) -> None:
    with FaultyServer() as server, ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: typed(*JOB, url=server.url), range(40)))
        assert [one.err for one in results if one.code] == []
        assert len({one.out for one in results}) == len(server.submissions) == 40
    assert typed("goclient", "journal", "list", "--json").json == []


def test_a_program_says_again_as_a_keyword(
    env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PANDA_AUTH": "oidc", "PANDA_AUTH_VO": "x", "PANDA_AUTH_ID_TOKEN": "a.b.c",
                        "HOME": env["HOME"], "GOCLIENT_STATE": str(tmp_path)}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    options = {"computingSite": "TEST1", "transformation": "/bin/true", "noCheck": True}
    with FaultyServer(first_lost()) as server:
        monkeypatch.setenv("PANDA_URL_SSL", server.url)
        client = goclient.Client()
        with pytest.raises(goclient.ServerError):
            client.submit(**options)
        with pytest.raises(SentBefore) as caught:
            client.submit(**options)
        assert caught.value.hint.endswith("add again=True")
        assert [job.panda_id for job in client.submit(**options, again=True).jobs] == [1]
        assert client.open_items() == []


# --- jobs of pilots -------------------------------------------------------------------------------------------------


def test_a_job_that_is_not_closed_is_listed_with_its_last_step(typed: Typed, tmp_path: Path) -> None:
    state = tmp_path / "state"
    closed, left = JobJournal(state, 4, 1), JobJournal(state, 5, 2)
    closed.append(Entry("job", "4.1", "accepted"))
    closed.finish()
    left.append(Entry("job", "5.2", "accepted"))
    left.append(Entry("transfer", "stage-in.0", "accepted", ("s", "t")))
    dead = JobJournal(state, 6, 1)
    dead.append(Entry("job", "6.1", "accepted"))
    dead.close()
    JobJournal(state, 7, 1).close()
    listed = typed("goclient", "journal", "list", "--json").json
    assert [(one["key"], one["PandaIDs"], one["running"], one["detail"]) for one in listed] == [
        ("5.2", [5], True, "its pilot runs; transfer stage-in.0: accepted"),
        ("6.1", [6], False, "its pilot is gone; job 6.1: accepted"),
        ("7.1", [7], None, "its journal has no entry"),
    ]
    for name in ("5", "5.2"):
        shown = typed("goclient", "journal", "show", name, "--json").json
        assert [one["what"] for one in shown] == ["job", "transfer"]
    assert [one["state"] for one in typed("goclient", "journal", "show", "4", "--json").json] == ["accepted", "done"]
    left.close()


def test_an_open_call_of_an_older_goclient_is_listed(typed: Typed, tmp_path: Path) -> None:
    line = {"what": "submission", "key": "k", "state": "unknown", "subjects": ["n_0", "n_1"], "detail": "", "time": 1.0}
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "journal.jsonl").write_text(f"{json.dumps(line)}\n")
    (one,) = typed("goclient", "journal", "list", "--json").json
    assert (one["what"], one["key"], one["names"]) == ("submission", "k", ["n_0", "n_1"])


# --- mistakes -------------------------------------------------------------------------------------------------------

WRONG = {
    "no action": ((), 2, "list"),
    "a misspelt one": (("lst",), 2, "did you mean list?"),
    "a name for list": (("list", "x"), 2, "goclient journal list"),
    "no name": (("show",), 2, "goclient journal show NAME"),
    "an unknown name": (("show", "nix"), 10, "goclient journal list"),
}


@pytest.mark.parametrize(("words", "code", "hint"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_told(typed: Typed, words: tuple[str, ...], code: int, hint: str) -> None:
    result = typed("goclient", "journal", *words)
    assert (result.code, hint in result.err) == (code, True), result.err


def test_control_characters_of_a_journal_do_not_reach_the_terminal(typed: Typed, tmp_path: Path) -> None:
    Journal(tmp_path / "state" / "journal.jsonl").append(Entry("submission", "k", "unknown", ("n\x1b[2J",), "\x07"))
    for words in (("list",), ("show", "k")):
        shown = typed("goclient", "journal", *words)
        assert (shown.code, "\x1b" in shown.out, "\x07" in shown.out) == (0, False, False)
