"""Records of a retry in the journal: which jobs were tried again, as which, and of which it does not know."""

from __future__ import annotations

from pathlib import Path

import pytest

from goclient.jobs.sent import CALL, new_request
from goclient.jobs.tries import new_tries, next_name, read_tries
from goclient.journal import HOST, Entry, Journal
from goclient.model.records.panda_job import JobTemplate, job_records

SERVER = "https://panda.example"
TEMPLATE = JobTemplate("/bin/true", "TEST1", "user", "local", "panda.destDB.x", 7, 1000)

CALLS: dict[str, tuple[list[tuple[str, tuple[str, ...]]], dict[int, int | None]]] = {
    "all were accepted": ([("accepted", ("11", "12")), ("accepted", ("13",))], {1: 11, 2: 12, 3: 13}),
    "one row was refused": ([("accepted", ("", "12")), ("accepted", ("13",))], {2: 12, 3: 13}),
    "one row is lost": ([("accepted", ("11", "?")), ("accepted", ("13",))], {1: 11, 2: None, 3: 13}),
    "rows without their order": ([("accepted", ("12",)), ("accepted", ("13",))], {1: None, 2: None, 3: 13}),
    "a call was refused": ([("accepted", ("11", "12")), ("refused", ())], {1: 11, 2: 12}),
    "a call is lost": ([("accepted", ("11", "12")), ("unknown", ("n",))], {1: 11, 2: 12, 3: None}),
    "a call was never made": ([("accepted", ("11", "12"))], {1: 11, 2: 12}),
    "none was made": ([], {}),
}


@pytest.fixture(autouse=True)
def _two_jobs_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goclient.jobs.tries.JOBS_A_CALL", 2)
    monkeypatch.setattr("goclient.jobs.sent.this_process", lambda: "1.1")


def retried(path: Path, calls: list[tuple[str, tuple[str, ...]]]) -> Journal:
    """The journal of a retry of the jobs 1 to 3, whose process is gone."""
    journal = Journal(path / "journal.jsonl")
    journal.append(new_tries("k", SERVER, {1: "a.try2", 2: "b.try2", 3: "c.try2"}))
    journal.append(new_request(job_records(TEMPLATE, name="n", parameters="", count=3), SERVER, "k"))
    for number, (state, subjects) in enumerate(calls):
        journal.append(Entry(CALL, f"k.{number}", state, subjects))
    return journal


@pytest.mark.parametrize(("calls", "expected"), CALLS.values(), ids=CALLS)
def test_each_row_says_which_try_it_is(
    tmp_path: Path, calls: list[tuple[str, tuple[str, ...]]], expected: dict[int, int | None]
) -> None:
    tries = read_tries(retried(tmp_path, calls), SERVER)
    assert {old: one.panda_id for old, one in tries.items()} == expected
    assert {one.name for one in tries.values()} <= {"a.try2", "b.try2", "c.try2"}
    assert read_tries(retried(tmp_path, calls), "https://other.example") == {}


def test_another_machine_may_make_the_other_calls_now(tmp_path: Path) -> None:
    journal = retried(tmp_path, [("accepted", ("11", "12"))])
    journal.path.write_text(journal.path.read_text().replace(f'"host":"{HOST}"', '"host":"other"'))
    tries = read_tries(Journal(journal.path), SERVER)
    assert {old: one.panda_id for old, one in tries.items()} == {1: 11, 2: 12, 3: None}
    assert tries[3].row is None, "nobody can say which it is"


@pytest.mark.parametrize(
    ("name", "after", "expected"),
    [
        ("n", "", "n.try2"),
        ("n.try2", "", "n.try3"),
        ("n.try9", "", "n.try10"),
        ("n", "n.try2", "n.try3"),
        ("n.try", "", "n.try.try2"),
        ("n.try0", "", "n.try0.try2"),
        ("scan.0a_3.try2\n", "", "scan.0a_3.try2\n.try2"),
    ],
)
def test_a_name_tells_which_try_it_is(name: str, after: str, expected: str) -> None:
    assert next_name(name, after=after) == expected
