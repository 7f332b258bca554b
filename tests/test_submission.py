"""A signal while jobs are being sent never makes them look unsent."""

from __future__ import annotations

from pathlib import Path

import pytest

from goclient.errors import GoclientError, Interrupted
from goclient.errors.findings import ExitCode
from goclient.jobs.sent import CALL, open_requests
from goclient.journal import Entry, Journal
from goclient.model.records.panda_job import JobTemplate, decode_jobs, job_records
from goclient.model.spec import TransferSpec
from goclient.reporter.base import SILENT
from goclient.submission import Submission, send


class Server:
    """Takes every job and counts on."""

    name = "https://panda.example"

    def __init__(self) -> None:
        self.taken = 0

    def submit(self, record: str, count: int) -> list[int]:
        assert len(decode_jobs(record)) == count
        first = self.taken + 1
        self.taken += count
        return list(range(first, first + count))


class Interrupting(Journal):
    """A journal during whose n-th entry somebody types Ctrl-C."""

    def __init__(self, path: Path, number: int) -> None:
        super().__init__(path)
        self.left = number

    def append(self, entry: Entry) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        super().append(entry)


def states(journal: Journal) -> list[str]:
    """The states of single calls."""
    return [entry.state for entry in journal.entries() if entry.what == CALL]


def submission(count: int) -> Submission:
    common = JobTemplate("/bin/true", "TEST1", "user", "local", "panda.destDB.x", 7, 1000)
    return Submission(TransferSpec(), tuple(job_records(common, name="n", parameters="", count=count)), ())


def test_ctrl_c_after_the_server_took_the_jobs_says_where_to_look(tmp_path: Path) -> None:
    server, journal = Server(), Interrupting(tmp_path / "journal.jsonl", 3)
    with pytest.raises(Interrupted) as raised:
        send(submission(2), server=server, journal=journal, reporter=SILENT)  # type: ignore[arg-type]  # it has what send asks of it
    assert raised.value.exit_code == ExitCode.INTERRUPTED
    assert "do not submit again" in raised.value.hint
    assert "n_0 to n_1" in raised.value.hint
    assert states(journal) == ["intended", "unknown"]
    assert [one.entry.state for one in open_requests(journal)] == ["unknown"]


def test_ctrl_c_before_the_next_call_reports_the_jobs_accepted_so_far(tmp_path: Path) -> None:
    server, journal = Server(), Interrupting(tmp_path / "journal.jsonl", 4)
    with pytest.raises(Interrupted) as raised:
        send(submission(1500), server=server, journal=journal, reporter=SILENT)  # type: ignore[arg-type]  # it has what send asks of it
    assert server.taken == 1000
    assert "1000 of 1500 jobs were accepted before: PandaID 1 to 1000" in raised.value.message
    assert len(raised.value.extra["jobs"]) == 1000
    assert states(journal) == ["intended", "accepted"]
    assert [one.outcome for one in open_requests(Journal(journal.path))] == [
        "the server accepted 1000 of its 1500 jobs, PandaID 1 to 1000"
    ]


def test_a_request_is_open_until_the_user_is_told(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"

    def show(sent: Submission) -> None:
        assert [one.subjects.jobs for one in open_requests(Journal(path))] == ["2"]
        assert len(sent.jobs) == 2

    send(submission(2), server=Server(), journal=Journal(path), reporter=SILENT, show=show)  # type: ignore[arg-type]  # it has what send asks of it
    assert open_requests(Journal(path)) == []


@pytest.mark.parametrize(
    ("why", "left"),
    [
        pytest.param(GoclientError("no room"), [], id="an error that tells them"),
        pytest.param(
            KeyboardInterrupt("no room"), ["the server accepted 2 of its 2 jobs, PandaID 1 to 2"], id="a signal"
        ),
    ],
)
def test_jobs_that_cannot_be_shown_leave_the_request_open_unless_they_are_told(
    tmp_path: Path, why: BaseException, left: list[str]
) -> None:
    path = tmp_path / "journal.jsonl"

    def show(_: Submission) -> None:
        raise why

    with pytest.raises(type(why), match="no room"):
        send(submission(2), server=Server(), journal=Journal(path), reporter=SILENT, show=show)  # type: ignore[arg-type]  # it has what send asks of it
    assert [one.outcome for one in open_requests(Journal(path))] == left


def test_a_sent_submission_has_its_jobs_with_their_serial_numbers(tmp_path: Path) -> None:
    sent = send(submission(1500), server=Server(), journal=Journal(tmp_path / "journal"), reporter=SILENT)  # type: ignore[arg-type]  # it has what send asks of it
    assert [(job.panda_id, job.name, job.serial) for job in (sent.jobs[0], sent.jobs[-1])] == [
        (1, "n_0", 1),
        (1500, "n_1499", 1500),
    ]
    assert (sent.plan, sent.records, len(sent.jobs)) == ((), submission(1500).records, 1500)
