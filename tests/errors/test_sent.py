"""Doubts about a request that was sent, and problems of jobs that run, are told with what to type next."""

from __future__ import annotations

import pytest

from goclient.errors import RequestError
from goclient.errors.findings import ExitCode
from goclient.errors.sent import (
    CHECK_NUMBER,
    JobsFailed,
    NotSent,
    ReplyLost,
    SentBefore,
    StillRunning,
    TriesLost,
    UnknownJobs,
    first_to_last,
    how_to_tell,
)


def test_a_request_that_was_sent_before_names_its_entry_in_the_journal() -> None:
    error = SentBefore("4711", since=1764012605, outcome="its answer is lost")
    assert error.message.startswith("the same request was sent at 2025-11-24 19:30:05 UTC, and its answer is lost;")
    assert "goclient journal show 4711;" in error.hint
    assert error.hint.endswith("add --again")
    assert (error.key, error.exit_code, error.subject) == ("4711", ExitCode.REQUEST, "--again")


@pytest.mark.parametrize(
    ("names", "message", "hint"),
    [
        (["j.1"], "another try of it, j.1", "--jobs=PANDAID, with its PandaID; if there is none,"),
        (["j.1", "j.2", "j.3"], "another try of each, j.1 to j.3", "--jobs=FIRST-LAST, with their PandaIDs; if there"),
    ],
)
def test_tries_of_which_nobody_knows_are_told_by_their_names(names: list[str], message: str, hint: str) -> None:
    error = TriesLost("k", ids="7", names=names)
    assert error.message == f"PandaID 7: it is not known whether the server accepted {message}"
    assert hint in error.hint
    assert isinstance(error, RequestError)
    assert error.key == "k"


def test_of_many_names_the_first_and_the_last_are_shown() -> None:
    assert [first_to_last(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a to b", "a to c"]
    assert how_to_tell("x", 1) != how_to_tell("x", 2)


@pytest.mark.parametrize(
    ("ids", "message", "hint"),
    [
        ([], "not all is done yet", "wait again, or look with: goclient status"),
        ([1], "1 job is not done yet: PandaID 1", "wait again, or look with: goclient status 1"),
        ([1, 2], "2 jobs are not done yet: PandaID 1, 2", "wait again, or look with: goclient status 1 2"),
    ],
)
def test_jobs_that_still_run_are_named(ids: list[int], message: str, hint: str) -> None:
    error = StillRunning(iter(ids))
    assert (error.message, error.hint, error.panda_ids, error.transient) == (message, hint, tuple(ids), True)


def test_of_many_unknown_jobs_twenty_are_named() -> None:
    error = UnknownJobs(range(1, 23), server="https://panda")
    assert error.message.endswith("does not know PandaID " + ", ".join(map(str, range(1, 21))) + " and 2 more")
    assert (len(error.panda_ids), error.hint) == (22, CHECK_NUMBER)
    assert UnknownJobs([5], server="s").message == "s does not know PandaID 5"


def test_a_reply_that_is_lost_is_not_a_request_that_was_not_sent() -> None:
    assert {one.code for one in (ReplyLost, NotSent, JobsFailed)} == {"reply-lost", "unreachable", "jobs-failed"}
    assert not issubclass(NotSent, ReplyLost)
    assert JobsFailed.exit_code == 5
