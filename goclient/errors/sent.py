"""Errors about requests that were sent, and about jobs that run: each in the family whose exit code it has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from goclient.errors import GoclientError, RequestError, ServerError
from goclient.errors.findings import ExitCode
from goclient.errors.wording import pluralize, quote, utc

CHECK_NUMBER = "check the number, and that PANDA_URL_SSL is the server that took the job"  # of a job that nobody knows


class SentBefore(RequestError):
    """Request that was sent before, and nobody was told what came of it; ``key`` is the journal's."""

    code = "sent-before"

    def __init__(self, key: str, *, since: float, outcome: str) -> None:
        self.key = key
        message = f"the same request was sent at {utc(since)}, and {outcome}; nothing was sent now"
        hint = f"look what became of it: goclient journal show {key}; to submit it once more all the same, add --again"
        super().__init__(message, hint=hint, subject="--again")


class SentAlready(SentBefore):
    """Prepared jobs that the server has accepted before; ``key`` is the journal's."""

    def __init__(self, key: str, *, since: float, outcome: str) -> None:
        self.key = key
        message = f"these prepared jobs were sent at {utc(since)}, and {outcome}; nothing was sent now"
        hint = "prepare them once more to send others like them: each has a name, and may have outputs, of its own"
        RequestError.__init__(self, message, hint=hint, subject="again")


class StartedBefore(SentBefore):
    """Jobs that were begun in their campaign before, through a site, and are not over; ``key`` is their batch's."""

    def __init__(self, key: str, *, since: float, campaign: str, jobs: int) -> None:
        self.key = key
        were, they_are, them = ("was", "it is", "it") if jobs == 1 else ("were", "they are", "them")
        message = f"the same {pluralize(jobs, 'job')} {were} begun in the campaign {quote(campaign)} at {utc(since)}, "
        message += "and not all of that is over; nothing was sent now"
        hint = f"look how far {they_are}: goclient status --campaign {campaign}; to submit {them} once more all the "
        RequestError.__init__(self, message, hint=f"{hint}same, add --again", subject="--again")


class TriesLost(SentBefore):
    """Further tries of jobs, of which nobody knows whether the server accepted them; ``ids`` are the jobs' numbers."""

    def __init__(self, key: str, *, ids: str, names: Sequence[str]) -> None:
        self.key = key
        tries = "another try of it" if len(names) == 1 else "another try of each"
        message = f"PandaID {ids}: it is not known whether the server accepted {tries}, {first_to_last(names)}"
        RequestError.__init__(self, message, hint=how_to_tell(f"goclient retry {ids}", len(names)), subject=ids)


def first_to_last(names: Sequence[str]) -> str:
    """Return the names of jobs as people read them: the first and the last of many."""
    return " to ".join(dict.fromkeys((names[0], names[-1])))


def how_to_tell(command: str, jobs: int) -> str:
    """Return the hint for jobs whose names are known, and of which it is not known whether the server has them."""
    this, which, some = ("this name", "PANDAID, with its PandaID", "there is none, {} sends it")
    if jobs > 1:
        this, which, some = ("these names", "FIRST-LAST, with their PandaIDs", "there are none, {} sends them")
    again = some.format(f"{command} --again")
    return f"search the PanDA monitor for {this} (/jobs/?jobname=…), and type: {command} --jobs={which}; if {again}"


class BeingSent(RequestError):
    """Submission that a process is sending now, so that its jobs are not known yet."""

    code = "being-sent"


class ReplyLost(ServerError):
    """Request that may have reached the server, though its answer is unknown: never send it again."""

    code = "reply-lost"


class NotSent(ServerError):
    """Request that never reached the server, as its message says."""

    code = "unreachable"


class StillRunning(GoclientError):
    """Jobs are not done after the time that somebody was ready to wait; ``panda_ids`` are their numbers.

    There are none of jobs that were not sent in that time.
    """

    exit_code = ExitCode.JOBS_RUNNING
    code = "still-running"

    def __init__(self, panda_ids: Iterable[int]) -> None:
        self.panda_ids = tuple(panda_ids)
        jobs = f"{len(self.panda_ids)} job{'s are' if len(self.panda_ids) > 1 else ' is'}"
        message = f"{jobs} not done yet: PandaID {', '.join(map(str, self.panda_ids))}"
        if not self.panda_ids:
            message = "not all is done yet"
        some = " ".join(map(str, self.panda_ids[:20]))
        super().__init__(message, hint=f"wait again, or look with: goclient status {some}".rstrip(), transient=True)


class JobsFailed(GoclientError):
    """Jobs that failed, which somebody has to mend, or to give up."""

    exit_code = ExitCode.JOBS_FAILED
    code = "jobs-failed"


class UnreadableJob(ServerError):
    """Row of a server's answer that is not the job which was asked for; it says nothing of other rows."""

    code = "bad-answer"


class UnknownJobs(ServerError):
    """Jobs that a server does not know; ``panda_ids`` are their numbers."""

    code = "unknown-job"

    def __init__(self, panda_ids: Iterable[int], *, server: str) -> None:
        self.panda_ids = tuple(panda_ids)
        some, more = ", ".join(map(str, self.panda_ids[:20])), len(self.panda_ids) - 20
        message = f"{server} does not know PandaID {some}{f' and {more} more' if more > 0 else ''}"
        super().__init__(message, hint=CHECK_NUMBER)
