"""A job has a journal of its own, which one process has at a time."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from goclient.errors import GoclientError
from goclient.job_journal import JobFile, JobJournal, job_files, prune
from goclient.journal import KEPT, Entry, Journal

FIRST = Entry("submission", "k1", "intended", ("a", "b"), "2 jobs", time=1.5)


def test_a_job_has_its_own_journal(tmp_path: Path) -> None:
    own = JobJournal(tmp_path, 17, 2)
    own.append(FIRST)
    (entry,) = own.entries()
    assert (entry, entry.attempt) == (FIRST, 2)
    assert job_files(tmp_path) == [JobFile(tmp_path / "jobs" / "17-2.jsonl", 17, 2, is_open=True)]
    own.close()


def test_only_one_has_a_journal_of_a_job(tmp_path: Path) -> None:
    own = JobJournal(tmp_path, 17, 1)
    own.append(FIRST)
    with pytest.raises(BlockingIOError):
        JobJournal(tmp_path, 17, 1)
    JobJournal(tmp_path, 17, 2).close()
    own.close()
    JobJournal(tmp_path, 17, 1).close()


_HOLDER = """
import sys
from pathlib import Path
from goclient.job_journal import JobJournal
from goclient.journal import Entry
JobJournal(Path(sys.argv[1]), 17, 1).append(Entry("job", "17.1", "accepted"))
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_process_that_is_killed_leaves_its_journal_to_others(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(BlockingIOError):
            JobJournal(tmp_path, 17, 1)
        process.kill()
    own = JobJournal(tmp_path, 17, 1)
    assert own.last("job", "17.1") is not None
    own.close()


def test_a_finished_journal_has_another_name(tmp_path: Path) -> None:
    own = JobJournal(tmp_path, 17, 1)
    own.append(FIRST)
    own.finish()
    (file,) = job_files(tmp_path)
    assert (file.path.name, file.is_open) == ("17-1.done.jsonl", False)
    assert [one.state for one in Journal(file.path).entries()] == ["intended", "done"]


def test_a_journal_that_is_finished_meanwhile_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = JobJournal(tmp_path, 17, 1)
    own.append(FIRST)
    before = fcntl.flock

    def finish_first(descriptor: int, how: int) -> None:  # between its opening and its lock
        own.finish()
        before(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", finish_first)
    with pytest.raises(BlockingIOError):
        JobJournal(tmp_path, 17, 1)


def test_a_journal_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    JobJournal(tmp_path, 17, 1).finish()
    with pytest.raises(BlockingIOError):
        JobJournal(tmp_path, 17, 1, make=False)
    assert [one.is_open for one in job_files(tmp_path)] == [False]


def test_a_journal_of_a_job_that_cannot_be_written_is_our_error(tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("")
    with pytest.raises(GoclientError, match="cannot be written: ") as caught:
        JobJournal(tmp_path, 17, 1)
    assert caught.value.code == "journal"


def test_only_finished_journals_go_after_a_month(tmp_path: Path) -> None:
    for number, finish in ((17, True), (18, False), (19, True)):
        own = JobJournal(tmp_path, number, 1)
        own.append(FIRST)
        own.finish() if finish else own.close()
    for name in ("17-1.done.jsonl", "18-1.jsonl"):
        os.utime(tmp_path / "jobs" / name, (1e9, 1e9))
    (tmp_path / "jobs" / "notes.jsonl").write_text("somebody else's")
    prune(tmp_path, now=1e9 + KEPT + 1)
    assert [(one.panda_id, one.is_open) for one in job_files(tmp_path)] == [(18, True), (19, False)]


def test_entries_of_many_threads_are_all_whole(tmp_path: Path) -> None:
    own = JobJournal(tmp_path, 17, 1)

    def append(name: str) -> None:
        for i in range(20):
            own.append(Entry("transfer", f"{name}-{i}", "done"))

    threads = [threading.Thread(target=append, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.key for one in own.entries()}) == len(own.latest("transfer")) == 80
    own.close()
