"""Jobs that a dead pilot has left are carried on, or reported as failed, and nothing of them is left behind."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from goclient.errors import ServerError
from goclient.job_journal import JOBS, JobJournal, job_files
from goclient.journal import HOST, Entry, Journal
from goclient.model.records.answers import JobState
from goclient.node.engines.base import Attempt
from goclient.node.keeper_program import began
from goclient.node.payload import PAYLOAD
from goclient.pilot.recovery import EMPTY_AFTER, recover
from goclient.pilot.taken import DIRECTORY, TakenJob
from tests.pilot.servers import SITE, Endpoints, Server, job, pilot

AWAY = ServerError("the server is away", transient=True)
LATER = Entry("report", "failed", "intended", detail=json.dumps({"site_name": SITE, "pilot_error_code": 1099}))


@pytest.fixture
def server() -> Server:
    """A server that thinks that job 17 runs."""
    return Server(states={17: JobState(17, 1, 0, "running", "", "")})


def left(folder: Path, *entries: Entry, site: str = SITE) -> Path:
    """The temporary directory of job 17, whose pilot has died after these entries."""
    work = folder / "work"
    work.mkdir(exist_ok=True)
    journal = JobJournal(folder / "state", 17, 1)
    taken = TakenJob(journal, site, Attempt("17", 1), assigned=job()).begin().with_scratch(work)
    assert taken.scratch is not None
    (taken.scratch / DIRECTORY).mkdir()
    for entry in entries:
        journal.append(entry)
    journal.close()
    return taken.scratch


def is_closed(folder: Path) -> bool:
    """Return whether the journal of job 17 says that nothing is left to do."""
    return [one.is_open for one in job_files(folder / "state")] == [False]


def test_a_job_whose_payload_had_not_ended_is_reported_failed(tmp_path: Path, server: Server) -> None:
    scratch = left(tmp_path, PAYLOAD)
    recover(pilot(tmp_path, server))
    ((_, state, details),) = server.reports
    assert (state, details["pilot_error_code"], details["attempt_nr"]) == ("failed", 1200, 1)
    assert "the pilot of the job died" in details["pilot_error_diag"]
    assert not scratch.exists()
    assert is_closed(tmp_path)


def test_a_job_whose_payload_had_ended_well_is_carried_on(tmp_path: Path, server: Server) -> None:
    scratch = left(tmp_path, PAYLOAD, PAYLOAD.then("done"))
    recover(pilot(tmp_path, server))
    assert [state for _, state, _ in server.reports] == ["running", "finished"]
    assert not scratch.exists()
    assert is_closed(tmp_path)


def test_a_payload_that_had_failed_is_reported_with_its_reason(tmp_path: Path, server: Server) -> None:
    left(tmp_path, PAYLOAD, PAYLOAD.then("failed", "7", detail="the payload ended with exit code 7"))
    recover(pilot(tmp_path, server))
    ((_, _, details),) = server.reports
    assert (details["exe_error_diag"], details["trans_exit_code"]) == ("the payload ended with exit code 7", 7)


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(JobState(17, 2, 0, "running", "", ""), id="a-later-attempt"),
        pytest.param(JobState(17, 1, 0, "failed", "", ""), id="it-has-ended"),
        pytest.param(None, id="it-is-not-known"),
    ],
)
def test_an_attempt_that_does_not_count_is_only_cleaned_up(
    tmp_path: Path, server: Server, known: JobState | None
) -> None:
    scratch = left(tmp_path, PAYLOAD, PAYLOAD.then("done"))
    server.states.clear()
    if known is not None:
        server.states[17] = known
    recover(pilot(tmp_path, server))
    assert server.reports == []
    assert not scratch.exists()
    assert is_closed(tmp_path)


def test_an_end_that_is_on_disk_is_told_as_it_is(tmp_path: Path, server: Server) -> None:
    left(tmp_path, PAYLOAD, PAYLOAD.then("done"), LATER)
    recover(pilot(tmp_path, server))
    ((_, state, details),) = server.reports
    assert (state, details["pilot_error_code"]) == ("failed", 1099)
    assert is_closed(tmp_path)


def test_an_end_that_the_server_knows_is_not_told_again(tmp_path: Path, server: Server) -> None:
    scratch = left(tmp_path, LATER, LATER.then("done"))
    recover(pilot(tmp_path, server))
    assert server.reports == []
    assert not scratch.exists()
    assert is_closed(tmp_path)


@pytest.mark.parametrize("entries", [(), (LATER,)], ids=["no-end", "an-end"])
def test_without_the_server_nothing_is_decided(tmp_path: Path, server: Server, entries: tuple[Entry, ...]) -> None:
    left(tmp_path, *entries)
    server.away = AWAY
    recover(pilot(tmp_path, server))
    assert not is_closed(tmp_path)
    server.away = None
    recover(pilot(tmp_path, server))
    assert server.ends == [(17, "failed")]
    assert is_closed(tmp_path)


def test_a_job_of_a_living_pilot_is_left_alone(tmp_path: Path, server: Server) -> None:
    scratch = left(tmp_path, PAYLOAD)
    held = JobJournal(tmp_path / "state", 17, 1)
    recover(pilot(tmp_path, server))
    held.close()
    assert server.reports == []
    assert scratch.exists()


def test_a_job_of_another_queue_is_left_to_its_pilots(tmp_path: Path, server: Server) -> None:
    left(tmp_path, PAYLOAD, site="OTHER")
    recover(pilot(tmp_path, server))
    assert server.reports == []
    assert not is_closed(tmp_path)


def on_another_host(folder: Path) -> None:
    """Let the entries be those of another node with the same home."""
    path = folder / "state" / JOBS / "17-1.jsonl"
    path.write_text(path.read_text().replace(f'"host":"{HOST}"', '"host":"elsewhere"'))


def test_a_job_of_another_node_is_left_to_it_until_the_server_has_ended_it(tmp_path: Path, server: Server) -> None:
    scratch = left(tmp_path, PAYLOAD, PAYLOAD.then("done"), Entry("endpoint", "own", "accepted", ("id-of-own",)))
    on_another_host(tmp_path)
    service = Endpoints()
    recover(pilot(tmp_path, server, service))
    assert (server.reports, service.deleted) == ([], [])
    server.states[17] = server.states[17]._replace(state="failed")
    recover(pilot(tmp_path, server, service))
    assert (server.reports, service.deleted) == ([], ["id-of-own"])
    assert scratch.exists(), "it is not this node's directory, whatever its path"
    assert not is_closed(tmp_path), "its own node has a directory to remove"


def test_a_job_that_kills_its_pilots_is_given_up(tmp_path: Path, server: Server) -> None:
    begun = Entry("job", "17.1", "accepted", ("17", "1"), SITE)
    left(tmp_path, PAYLOAD, PAYLOAD.then("done"), *[begun] * 4)
    recover(pilot(tmp_path, server))
    assert server.ends == [(17, "failed")]


def test_a_process_that_outlived_its_keeper_is_killed(tmp_path: Path, server: Server) -> None:
    with subprocess.Popen(["/bin/sleep", "600"], start_new_session=True) as process:
        start = str(began(process.pid))
        other = str(began(os.getpid()) + 1)  # as if the number had been taken by another process
        left(
            tmp_path,
            Entry("process", "payload", "accepted", (str(process.pid), start, "")),
            Entry("process", "connect", "accepted", (str(os.getpid()), other, "")),
        )
        recover(pilot(tmp_path, server))
        assert process.wait(10) == -9


def test_endpoints_and_transfers_that_the_journal_names_go(tmp_path: Path, server: Server) -> None:
    service = Endpoints()
    lost = service.create_personal("lost").id
    left(
        tmp_path,
        Entry("endpoint", "lost", "intended"),
        Entry("endpoint", "known", "accepted", ("id-of-known",)),
        Entry("endpoint", "gone", "done", ("id-of-gone",)),
        Entry("transfer", "stage-in.0", "accepted", ("submission", "a-task")),
        Entry("transfer", "stage-in.1", "done", ("submission", "another-task")),
    )
    recover(pilot(tmp_path, server, service))
    assert sorted(service.deleted) == sorted([lost, "id-of-known"])
    assert service.cancelled == ["a-task"]
    assert is_closed(tmp_path)


def test_what_cannot_be_removed_now_is_removed_later(tmp_path: Path, server: Server) -> None:
    class Away(Endpoints):
        def delete(self, collection_id: str) -> None:
            raise AWAY

    left(tmp_path, Entry("endpoint", "known", "accepted", ("id-of-known",)))
    recover(pilot(tmp_path, server, Away()))
    assert server.ends == [(17, "failed")]
    assert not is_closed(tmp_path)
    service = Endpoints()
    recover(pilot(tmp_path, server, service))
    assert service.deleted == ["id-of-known"]
    assert server.ends == [(17, "failed")], "told once"
    assert is_closed(tmp_path)


def test_a_job_whose_pilot_died_before_its_first_step_is_reported(tmp_path: Path, server: Server) -> None:
    JobJournal(tmp_path / "state", 17, 1).close()
    path = tmp_path / "state" / JOBS / "17-1.jsonl"
    recover(pilot(tmp_path, server))
    assert path.exists(), "a pilot may just have made it"
    os.utime(path, (time.time() - EMPTY_AFTER - 1,) * 2)
    recover(pilot(tmp_path, server))
    assert server.ends == [(17, "failed")]
    assert is_closed(tmp_path)


def test_a_journal_that_was_not_renamed_is_closed(tmp_path: Path, server: Server) -> None:
    journal = JobJournal(tmp_path / "state", 17, 1)
    journal.append(Entry("job", "17.1", "done"))
    journal.close()
    recover(pilot(tmp_path, server))
    assert is_closed(tmp_path)


def test_the_same_attempt_again_begins_anew(tmp_path: Path, server: Server) -> None:
    """The server takes a "sent" job back, whose pilot died before it could say that it starts."""
    scratch = left(tmp_path, PAYLOAD, PAYLOAD.then("done"))
    server.jobs.append(job())
    outcome = pilot(tmp_path, server).run_one()
    assert outcome is not None
    assert outcome.state == "finished"
    assert not scratch.exists()
    runs = [one for one in Journal(tmp_path / "state" / JOBS / "17-1.done.jsonl").entries() if one.what == "job"]
    assert [one.state for one in runs] == ["accepted", "done"]
