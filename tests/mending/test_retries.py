"""A retry that dies at any of its steps, and is typed again, makes no second job, and loses none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.config.connections import Connections
from goclient.errors import GoclientError, ServerError
from goclient.errors.sent import ReplyLost, SentBefore
from goclient.jobs.sent import open_requests
from goclient.journal import Entry, Journal
from goclient.mending.retries import Retried, retry_jobs
from goclient.model.records.answers import KnownJob
from goclient.model.records.panda_job import JobTemplate, decode_jobs, encode_jobs, job_records
from goclient.model.retry_options import RetryOptions
from goclient.services.panda.client import Rights

OWNER = "/O=Grid/CN=Jane Doe"


class Died(BaseException):
    """The process is killed."""


class Server:
    """A PanDA server that has jobs which failed, and dies with its caller at a step, or loses an answer."""

    name = "https://panda.example"

    def __init__(self, count: int) -> None:
        self.jobs: dict[int, dict[str, Any]] = {}
        self.deadly, self.passed, self.loses = 0, 0, False
        self.refuses: set[str] = set()  # names of rows that its database does not take
        template = JobTemplate("/bin/true", "TEST1", "user", "local", "panda.destDB.x", 7, 1000)
        self._store(encode_jobs(job_records(template, name="n", parameters="run ${SN}", count=count)))
        self.end("failed", *self.jobs)

    def _store(self, record: str) -> list[int | None]:
        made: list[int | None] = []
        for row in decode_jobs(record):
            if row["jobName"] in self.refuses:
                made.append(None)
                continue
            panda_id = len(self.jobs) + 1
            self.jobs[panda_id] = {**row, "PandaID": panda_id, "jobStatus": "activated", "prodUserID": OWNER}
            made.append(panda_id)
        return made

    def end(self, state: str, *panda_ids: int) -> None:
        for panda_id in panda_ids:
            self.jobs[panda_id]["jobStatus"] = state

    def step(self) -> None:
        """Pass a step of the caller, which dies at the deadly one."""
        self.passed += 1
        if self.passed == self.deadly:
            raise Died

    def rights(self) -> Rights:
        return Rights(OWNER, False, None)

    def records(self, panda_ids: Sequence[int]) -> list[KnownJob | None]:
        found = (self.jobs.get(panda_id) for panda_id in panda_ids)
        return [None if job is None else KnownJob.from_answer(json.loads(json.dumps(job))) for job in found]

    def submit(self, record: str, count: int) -> list[int | None]:
        self.step()
        made = self._store(record)
        assert len(made) == count
        self.step()
        if self.loses:
            raise ReplyLost("the answer is lost")
        return made

    @property
    def alive(self) -> dict[str, int]:
        """How many tries of each job are not over, by the job's own name."""
        names = [job["jobName"].partition(".try")[0] for job in self.jobs.values() if job["jobStatus"] == "activated"]
        return {name: names.count(name) for name in names}


class Here(Connections):
    """Connections of a user to that server, with a journal of their own."""

    def __init__(self, server: Server, state: Path) -> None:
        super().__init__(environ={"GOCLIENT_STATE": str(state), "HOME": str(state)})
        self.server = server

    def panda(self, *, pilot: bool = False) -> Any:
        return self.server


def retry(server: Server, state: Path, *panda_ids: int, deadly: int = 0, **options: Any) -> Retried:
    server.deadly, server.passed = deadly, 0
    return retry_jobs(panda_ids, RetryOptions(noCheck=True, **options), Here(server, state))


@pytest.fixture(autouse=True)
def _steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each entry of the journal is two steps, and no process of before runs any more."""
    append = Journal.append

    def stepping(journal: Journal, entry: Entry) -> None:
        Running.server.step()
        append(journal, entry)
        Running.server.step()

    monkeypatch.setattr(Journal, "append", stepping)
    monkeypatch.setattr("goclient.jobs.sent.this_process", lambda: "1.1")


class Running:
    """The server of the retry that runs."""

    server: Server


STEPS = 12  # entries before and after: of the tries, the request, the call twice, and the end; and the call itself


@given(
    st.integers(1, 3),
    st.lists(st.tuples(st.integers(0, STEPS + 2), st.booleans(), st.sets(st.integers(1, 3), min_size=1)), max_size=5),
)
def test_whatever_dies_no_job_is_retried_twice(count: int, runs: list[tuple[int, bool, set[int]]]) -> None:
    with TemporaryDirectory() as folder:
        Running.server = server = Server(count)
        for deadly, loses, ids in runs:
            server.loses = loses
            with suppress(Died, ReplyLost):
                retry(server, Path(folder), *(one for one in ids if one <= count), deadly=deadly)
            assert all(number == 1 for number in server.alive.values()), server.jobs
        server.loses = False
        done = retry(server, Path(folder), *range(1, count + 1))
        assert all(number == 1 for number in server.alive.values()), server.jobs
        lost = [error for error in done.refused if isinstance(error, SentBefore)]
        if lost:  # the monitor shows which there are, and the others are sent
            there = tuple(map(str, range(count + 1, len(server.jobs) + 1)))
            retry(server, Path(folder), *range(1, count + 1), jobs=there, again=True)
        assert server.alive == {job["jobName"]: 1 for job in list(server.jobs.values())[:count]}


@pytest.mark.parametrize("deadly", range(1, STEPS + 1))
def test_a_retry_that_was_killed_goes_on_or_says_why_not(tmp_path: Path, deadly: int) -> None:
    Running.server = server = Server(2)
    with pytest.raises(Died):
        retry(server, tmp_path, 1, 2, deadly=deadly)
    arrived = bool(server.alive)
    again = retry(server, tmp_path, 1, 2)
    codes = {error.code for error in again.refused}
    if arrived:
        assert codes in ({"not-over"}, {"sent-before"})
    else:
        assert codes in (set(), {"sent-before"})
    assert server.alive in ({}, {"n_0": 1, "n_1": 1})
    all_the_same = retry(server, tmp_path, 1, 2, again=True)
    assert {error.code for error in all_the_same.refused} <= {"not-over"}
    names = [job["jobName"] for job in server.jobs.values()]
    assert len(names) == len(set(names))


def test_nothing_dies_after_the_last_step(tmp_path: Path) -> None:
    Running.server = server = Server(2)
    done = retry(server, tmp_path, 1, 2, deadly=STEPS + 1)
    assert [(job.old, job.panda_id, job.name) for job in done.jobs] == [(1, 3, "n_0.try2"), (2, 4, "n_1.try2")]
    assert server.passed == STEPS


def test_the_latest_try_counts_whichever_number_is_typed(tmp_path: Path) -> None:
    Running.server = server = Server(1)
    retry(server, tmp_path, 1)
    server.end("failed", 2)
    assert [job.name for job in retry(server, tmp_path, 1, 2).jobs] == ["n.try3"]
    server.end("finished", 3)
    assert [one.panda_id for one in retry(server, tmp_path, 1).left] == [3]
    assert [job.name for job in retry(server, tmp_path, 2, all=True).jobs] == ["n.try4"]


def test_another_server_has_other_jobs_with_these_numbers(tmp_path: Path) -> None:
    Running.server = server = Server(1)
    retry(server, tmp_path, 1)
    Running.server = other = Server(1)
    other.name = "https://other.example"
    assert [job.name for job in retry(other, tmp_path, 1).jobs] == ["n.try2"]


@pytest.mark.parametrize("deadly", [1, 2, 3, 4])
def test_a_retry_that_died_before_it_was_sent_hides_no_job_of_a_later_one(tmp_path: Path, deadly: int) -> None:
    Running.server = server = Server(3)
    with pytest.raises(Died):
        retry(server, tmp_path, 1, 2, deadly=deadly)
    assert [one.old for one in retry(server, tmp_path, 1, 3).jobs] == [1, 3]
    assert [one.old for one in retry(server, tmp_path, 2).jobs] == [2], "it was never sent"
    assert server.alive == {"n_0": 1, "n_1": 1, "n_2": 1}


def test_each_call_of_a_retry_is_judged_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Running.server = server = Server(3)
    monkeypatch.setattr("goclient.jobs.sent.JOBS_A_CALL", 1)
    monkeypatch.setattr("goclient.jobs.tries.JOBS_A_CALL", 1)
    submit = server.submit

    def losing(record: str, count: int) -> list[int | None]:
        server.loses = len(server.alive) == 1
        return submit(record, count)

    monkeypatch.setattr(server, "submit", losing)
    with pytest.raises(ReplyLost):
        retry(server, tmp_path, 1, 2, 3)
    assert server.alive == {"n_0": 1, "n_1": 1}
    monkeypatch.setattr(server, "submit", submit)
    server.loses = False
    again = retry(server, tmp_path, 1, 2, 3)
    assert [(job.old, job.name) for job in again.jobs] == [(3, "n_2.try2")], "it was never sent"
    assert [error.code for error in again.refused] == ["sent-before"], "of one it is not known"
    assert [one.panda_id for one in again.left] == [4], "and one runs"
    assert [job.name for job in retry(server, tmp_path, 1, 2, 3, again=True).jobs] == ["n_1.try3"]


def test_a_retry_is_not_that_of_an_identical_job(tmp_path: Path) -> None:
    Running.server = server = Server(2)
    for job in server.jobs.values():
        job["jobParameters"] = "run"
    server.loses = True
    with pytest.raises(ReplyLost):
        retry(server, tmp_path, 1)
    server.loses = False
    assert [job.name for job in retry(server, tmp_path, 2).jobs] == ["n_1.try2"]
    path = tmp_path / "journal.jsonl"
    assert [one.subjects.first for one in open_requests(Journal(path))] == ["n_0.try2"]
    assert [job.name for job in retry(server, tmp_path, 1, again=True).jobs] == ["n_0.try3"]
    assert not open_requests(Journal(path))


def test_each_row_of_a_call_is_judged_by_itself(tmp_path: Path) -> None:
    Running.server = server = Server(4)
    server.refuses = {"n_1.try2"}
    with pytest.raises(ServerError, match=r"refused 1 of 4 jobs: n_1\.try2; 3 of 4 jobs were accepted"):
        retry(server, tmp_path, 1, 2, 3, 4)
    server.refuses = set()
    again = retry(server, tmp_path, 1, 2, 3, 4)
    assert [(job.old, job.name) for job in again.jobs] == [(2, "n_1.try2")], "the others are known"
    assert ([one.panda_id for one in again.left], again.refused) == ([5, 6, 7], ())
    server.end("failed", 6)
    assert [(job.old, job.name) for job in retry(server, tmp_path, 3).jobs] == [(6, "n_2.try3")]


def lost(server: Server, state: Path, *panda_ids: int) -> None:
    """Send jobs again, and lose the answer."""
    server.loses = True
    with pytest.raises(ReplyLost) as caught:
        retry(server, state, *panda_ids)
    server.loses = False
    assert ".try2" in caught.value.hint
    assert "--jobs=" in caught.value.hint


def test_jobs_whose_answer_is_lost_are_named_by_the_user(tmp_path: Path) -> None:
    Running.server = server = Server(3)
    lost(server, tmp_path, 1, 2, 3)
    (error,) = retry(server, tmp_path, 1, 2, 3).refused
    assert error.message == (
        "PandaID 1-3: it is not known whether the server accepted another try of each, n_0.try2 to n_2.try2"
    )
    assert error.hint == (
        "search the PanDA monitor for these names (/jobs/?jobname=…), and type: goclient retry 1-3 --jobs=FIRST-LAST, "
        "with their PandaIDs; if there are none, goclient retry 1-3 --again sends them"
    )
    named = retry(server, tmp_path, 1, 2, jobs=("5,4",))
    assert [(job.old, job.panda_id, job.name) for job in named.jobs] == [(2, 5, "n_1.try2"), (1, 4, "n_0.try2")]
    assert named.refused == ()
    path = tmp_path / "journal.jsonl"
    assert len(open_requests(Journal(path))) == 1, "of one nobody has said anything"
    error = retry(server, tmp_path, 1, 2, 3).refused[-1]
    assert error.message == "PandaID 3: it is not known whether the server accepted another try of it, n_2.try2"
    assert "goclient retry 3 --jobs=PANDAID, with its PandaID; if there is none" in error.hint
    assert [job.panda_id for job in retry(server, tmp_path, 3, jobs=("6",)).jobs] == [6]
    assert not open_requests(Journal(path))
    again = retry(server, tmp_path, 3, jobs=("6",))
    assert ([one.panda_id for one in again.left], again.jobs) == ([6], ()), "typed twice"
    server.end("failed", 6)
    assert [job.name for job in retry(server, tmp_path, 3).jobs] == ["n_2.try3"]


def test_a_job_that_is_named_and_has_failed_is_tried_again(tmp_path: Path) -> None:
    Running.server = server = Server(1)
    lost(server, tmp_path, 1)
    server.end("failed", 2)
    done = retry(server, tmp_path, 1, jobs=("2",))
    assert [(job.old, job.name) for job in done.jobs] == [(1, "n.try2"), (2, "n.try3")]


WRONG = {
    "another job": (("1",), "not-these"),
    "one of them and another": (("4", "3"), "not-these"),
    "a job that is not there": (("4-9",), "unknown-job"),
    "no number": (("x",), "not-a-number"),
}


@pytest.mark.parametrize(("jobs", "code"), WRONG.values(), ids=WRONG)
def test_what_is_not_such_a_job_is_not_believed(tmp_path: Path, jobs: tuple[str, ...], code: str) -> None:
    Running.server = server = Server(3)
    lost(server, tmp_path, 1, 2)
    before = (tmp_path / "journal.jsonl").read_bytes()
    with pytest.raises(GoclientError) as caught:
        retry(server, tmp_path, 1, 2, jobs=jobs)
    assert caught.value.code == code
    assert (tmp_path / "journal.jsonl").read_bytes() == before


def test_a_job_of_somebody_else_with_that_name_is_not_believed(tmp_path: Path) -> None:
    Running.server = server = Server(1)
    lost(server, tmp_path, 1)
    server.jobs[2]["prodUserID"] = "/O=Grid/CN=Mallory"
    with pytest.raises(GoclientError, match=r'is "n\.try2" of "Mallory", and none of the jobs whose answers are lost'):
        retry(server, tmp_path, 1, jobs=("2",))


def test_no_job_is_named_where_no_answer_is_lost(tmp_path: Path) -> None:
    Running.server = server = Server(2)
    with pytest.raises(GoclientError, match="and no answer to a retry of these is lost"):
        retry(server, tmp_path, 1, jobs=("2",))
