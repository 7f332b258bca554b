"""Two requests are the same if they ask for the same jobs, and one is open until somebody was told of its end."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.errors.sent import SentBefore
from goclient.jobs.sent import CALL, check_not_sent, digest_of, new_request, open_requests, same_requests
from goclient.journal import HOST, Entry, Journal
from goclient.model.records.panda_job import JobRecord, JobTemplate, job_records
from goclient.submission import new_job_template
from tests.strategies import SOME

SERVER = "https://panda.example"


def records(count: int = 1, parameters: str = "-n ${SN}", **values: Any) -> list[JobRecord]:
    given = {"transformation": "/bin/true", "computingSite": "TEST1", "prodSourceLabel": "user",
             "destinationSE": "local", "destinationDBlock": None, "currentPriority": 1000}  # fmt: skip
    template, name = new_job_template(**{**given, **values})
    return job_records(template, name=name, parameters=parameters, count=count)


def gone(entry: Entry) -> Entry:
    """The entry of a process that does not run any more."""
    digest, _, *rest = entry.subjects
    return replace(entry, subjects=(digest, f"{os.getpid()}.1", *rest))


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl")


# --- the same request -------------------------------------------------------------------------------------------

OTHERS: dict[str, dict[str, Any]] = {
    "another queue": {"computingSite": "TEST2"},
    "another payload": {"transformation": "/bin/false"},
    "other words": {"parameters": "-n 2"},
    "more jobs": {"count": 2},
    "another priority": {"currentPriority": 5},
    "a dataset that was named": {"destinationDBlock": "user.jdoe.out"},
    "a dataset that begins as ours do": {"destinationDBlock": "panda.destDB.mine"},
}


def test_names_and_times_make_no_difference() -> None:
    first, second = records(3), records(3)
    assert first[0].jobName != second[0].jobName
    later = [one._replace(common=replace(one.common, jobDefinitionID=17)) for one in second]
    assert digest_of(first, SERVER) == digest_of(second, SERVER) == digest_of(later, SERVER)


@pytest.mark.parametrize("values", OTHERS.values(), ids=OTHERS)
def test_any_other_value_makes_another_request(values: dict[str, Any]) -> None:
    assert digest_of(records(**values), SERVER) != digest_of(records(), SERVER)
    assert digest_of(records(**values), SERVER) == digest_of(records(**values), SERVER)


def test_another_server_gets_another_request() -> None:
    assert digest_of(records(), SERVER) != digest_of(records(), "https://other")


@given(st.lists(st.text(max_size=6), min_size=1, max_size=4), st.lists(st.text(max_size=6), min_size=1, max_size=4))
@SOME
def test_other_parameters_of_any_job_make_another_request(one: list[str], other: list[str]) -> None:
    common = JobTemplate("/bin/true", "TEST1", "user", "local", "panda.destDB.x", 7, 1000)
    digests = [digest_of([JobRecord(common, "n", text) for text in texts], SERVER) for texts in (one, other)]
    if not any("\0" in text for text in one + other):  # validation refuses it
        assert (digests[0] == digests[1]) == (one == other)


# --- open ---------------------------------------------------------------------------------------------------------


def test_a_request_of_a_process_that_is_gone_stops_the_next_one(journal: Journal) -> None:
    journal.append(gone(new_request(records(), SERVER, "k1")))
    journal.append(Entry(CALL, "k1.0", "intended"))
    (one,) = same_requests(journal, digest_of(records(), SERVER))
    assert (one.entry.key, one.is_running) == ("k1", False)
    with pytest.raises(SentBefore) as caught:
        check_not_sent(journal, records(), SERVER)
    assert (caught.value.key, caught.value.exit_code) == ("k1", 10)
    assert "it is not known whether the server accepted its 1 job" in caught.value.message
    assert "goclient journal show k1" in caught.value.hint
    check_not_sent(journal, records(parameters="other"), SERVER)


def test_a_request_whose_jobs_were_not_sent_stops_nothing(journal: Journal) -> None:
    journal.append(gone(new_request(records(), SERVER, "k1")))
    journal.append(Entry("upload", "k1.upload", "done"))
    check_not_sent(journal, records(), SERVER)
    assert [one.outcome for one in same_requests(journal, digest_of(records(), SERVER))] == ["its 1 job was not sent"]


def test_a_request_that_is_being_sent_stops_nothing(journal: Journal) -> None:
    journal.append(new_request(records(), SERVER, "k1"))
    assert [one.is_running for one in open_requests(journal)] == [True]
    check_not_sent(journal, records(), SERVER)


def test_a_killed_process_that_nobody_waits_for_does_not_run(journal: Journal) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        start = Path(f"/proc/{process.pid}/stat").read_text().split()[21]
        entry = new_request(records(), SERVER, "k1")
        digest, _, *rest = entry.subjects
        journal.append(replace(entry, subjects=(digest, f"{process.pid}.{start}", *rest)))
        journal.append(Entry(CALL, "k1.0", "intended"))
        check_not_sent(journal, records(), SERVER)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(SentBefore):
            check_not_sent(Journal(journal.path), records(), SERVER)


@pytest.mark.parametrize(("state", "is_open"), [("unknown", True), ("accepted", True), ("refused", False),
                                                ("done", False)])  # fmt: skip
def test_a_request_is_open_until_its_end_was_told(journal: Journal, state: str, is_open: bool) -> None:
    entry = gone(new_request(records(), SERVER, "k1"))
    journal.append(entry)
    journal.append(entry.then(state))
    assert bool(same_requests(journal, digest_of(records(), SERVER))) == is_open


OUTCOMES = [
    ("intended", (), "it is not known whether the server accepted its 3 jobs"),
    ("intended", ("7", "8", "9"), "the server accepted 3 of its 3 jobs, PandaID 7 to 9"),
    ("accepted", ("7",), "the server accepted 1 of its 3 jobs, PandaID 7"),
    ("unknown", ("7", "8"),
     "the server accepted 2 of its 3 jobs, PandaID 7 to 8; it is not known whether it accepted the others"),
]  # fmt: skip


@pytest.mark.parametrize(("state", "ids", "outcome"), OUTCOMES)
def test_the_outcome_is_what_its_calls_say(journal: Journal, state: str, ids: tuple[str, ...], outcome: str) -> None:
    request = new_request(records(3), SERVER, "k1")
    journal.append(request)
    journal.append(Entry(CALL, "k1.0", "accepted" if ids else "unknown", ids))
    journal.append(Entry(CALL, "other.0", "accepted", ("99",)))
    journal.append(request.then(state))
    assert [one.outcome for one in open_requests(journal)] == [outcome]


def test_a_request_of_another_machine_may_not_be_running(journal: Journal) -> None:
    journal.append(new_request(records(), SERVER, "k1"))
    journal.path.write_text(journal.path.read_text().replace(f'"host":"{HOST}"', '"host":"other"'))
    (request,) = open_requests(Journal(journal.path))
    assert not request.is_running
    assert request.has_calls, "it may be about to make its first one"


def test_a_damaged_request_is_passed_over(journal: Journal) -> None:
    journal.append(Entry("request", "k1", "intended", ("x",)))
    assert open_requests(journal) == []
