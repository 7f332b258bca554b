"""Retries: jobs that failed are sent again, with their own numbers, as the server's record of them says.

What is sent is checked first, as a submission is.  One process at a time does it, and the journal says which job was
sent again as which: nothing is retried twice.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from goclient.campaigns.mended import KeptJobs
from goclient.config import environment
from goclient.config.connections import Connections
from goclient.config.settings import Settings
from goclient.dispatch import send_prepared
from goclient.errors import GoclientError, RequestError, ServerError
from goclient.errors.findings import Finding
from goclient.errors.sent import CHECK_NUMBER, ReplyLost, UnreadableJob, first_to_last, how_to_tell
from goclient.errors.wording import quote
from goclient.jobs.panda_ids import as_ranges, read_panda_ids
from goclient.jobs.selection import campaigns_of
from goclient.jobs.tries import Latest, explain_lost, latest_try, new_tries, next_name, read_tries, turn
from goclient.journal import Journal
from goclient.mending.adoption import adopt
from goclient.mending.preparation import Again, Left, prepare_again
from goclient.model.campaign import campaign_of
from goclient.model.records.answers import KnownJob
from goclient.model.retry_options import RetryOptions
from goclient.services.panda.owner import person_name
from goclient.submission import Submission

FAILED = "failed"


class RetriedJob(NamedTuple):
    """A job that was sent again: its number, and the number and name of its next try; 0 if nothing was sent."""

    old: int
    panda_id: int
    name: str

    def document(self) -> dict[str, Any]:
        """Return the JSON object of it."""
        return {"PandaID": self.panda_id or None, "jobName": self.name, "retryOf": self.old}


@dataclass(frozen=True)
class Retried:
    """Outcome of a retry: jobs that were sent again, jobs that were left as they are, and what was refused."""

    jobs: tuple[RetriedJob, ...] = ()
    left: tuple[Left, ...] = ()
    refused: tuple[GoclientError, ...] = ()
    findings: tuple[Finding, ...] = ()


def retry_jobs(
    panda_ids: Sequence[int],
    options: RetryOptions,
    connections: Connections,
    show: Callable[[Sequence[RetriedJob]], None] = lambda _: None,
    *,
    once: bool = False,
) -> Retried:
    """Send jobs again that have failed, and return what came of it; ``show`` tells the user of jobs once they are sent.

    The latest try of each job counts; with ``once`` a job that has a later try is passed over.  Raises PreflightFailed
    if a check finds what would fail, ServerError if not all jobs were accepted, or if that is not known: the error has
    those that were, in its document.
    """
    path = environment.journal_path(connections.env)
    with turn(Journal(path)):
        journal = Journal(path)  # as the process before has left it
        jobs = _adopt_named(panda_ids, options, connections, journal)
        if jobs:
            journal = Journal(path)
            if not options.noSubmit:
                show(jobs)
        if once:
            tries = read_tries(journal, connections.panda().name)
            panda_ids = [one for one in panda_ids if latest_try(one, tries).panda_id == one]
        choice = _choose(panda_ids, options, connections, journal)
        prepared = prepare_again(choice.jobs, options, connections)
        for group in prepared.groups:
            names = {one.panda_id: one.record.jobName for one in group.jobs}
            if options.noSubmit:
                jobs += [RetriedJob(old, 0, name) for old, name in names.items()]
                continue
            submission = replace(group.submission, key=str(uuid.uuid4()))
            journal.append(new_tries(submission.key, connections.panda().name, names))
            jobs += _send(submission, tuple(names), connections, _Sent(tuple(jobs), show))
    refused = (*choice.refused, *prepared.refused)
    return Retried(tuple(jobs), (*choice.left, *prepared.left), refused, prepared.findings)


def _adopt_named(
    panda_ids: Iterable[int], options: RetryOptions, connections: Connections, journal: Journal
) -> list[RetriedJob]:
    """Return the jobs that the user names as tries whose answers are lost, once the journal has them."""
    if not options.jobs:
        return []
    server = connections.panda()
    tries = read_tries(journal, server.name)
    latest = (latest_try(one, tries) for one in panda_ids)
    lost = {one.panda_id: one.lost for one in latest if one.lost is not None and one.lost.row is not None}
    noted = {one.panda_id for one in tries.values()}
    named = [one for one in read_panda_ids(options.jobs) if one not in noted]
    found = adopt(named, lost, server, journal) if named else {}
    return [RetriedJob(old, new, lost[old].name) for old, new in found.items()]


class _Sent(NamedTuple):
    """Jobs that were sent before, and what tells the user of those that are sent now."""

    before: tuple[RetriedJob, ...]
    show: Callable[[Sequence[RetriedJob]], None]


def _send(submission: Submission, olds: Sequence[int], connections: Connections, sent: _Sent) -> list[RetriedJob]:
    """Send one group of jobs, and return them; an error has the jobs of earlier groups, too."""

    def pair(done: Submission) -> list[RetriedJob]:
        return [RetriedJob(old, job.panda_id, job.name) for old, job in zip(olds, done.jobs, strict=True)]

    try:
        return pair(send_prepared(submission, connections, lambda done: sent.show(pair(done))))
    except GoclientError as error:
        before = [one.document() for one in sent.before]
        extra = {**error.extra, "jobs": [*before, *error.extra.get("jobs", ())]} if before else error.extra
        hint = error.hint
        if isinstance(error, ReplyLost):
            names = first_to_last([one.jobName for one in submission.records])
            hint = f"their names are {names}: {how_to_tell(f'goclient retry {as_ranges(olds)}', len(olds))}"
        raise error.replace(hint=hint, extra=extra) from error


class _Choice(NamedTuple):
    """Jobs that are sent again, those that are left as they are, and what was refused."""

    jobs: tuple[Again, ...]
    left: tuple[Left, ...]
    refused: tuple[GoclientError, ...]


def _choose(panda_ids: Iterable[int], options: RetryOptions, connections: Connections, journal: Journal) -> _Choice:
    """Decide for the latest try of each job whether it is sent again."""
    server = connections.panda()
    tries, campaigns, kept = read_tries(journal, server.name), campaigns_of(journal), KeptJobs(journal.path.parent)
    latest: dict[int, Latest] = {}
    for panda_id in panda_ids:
        found = latest_try(panda_id, tries)
        latest.setdefault(found.panda_id, found)
    me = person_name(server.rights().name) if latest else ""
    definition = int(time.time()) % 10_000 or 1  # as new_job_template()
    jobs, left, lost = [], [], list[Latest]()
    refused: dict[_Refusal, list[int]] = {}
    for one, job in zip(latest.values(), server.records(list(latest)), strict=True):
        if job is None or isinstance(job, UnreadableJob):
            refused.setdefault(_explain_refusal(server.name, job), []).append(one.panda_id)
            continue
        if (refusal := _refusal(job, me)) is not None:
            refused.setdefault(refusal, []).append(one.panda_id)
            continue
        if one.lost is not None and not options.again:
            lost.append(one)
            continue
        goes_again = job.state.state == FAILED or (one.lost is not None and job.state.state != "finished")
        if not (goes_again or options.all):  # one that was cancelled, and was to be sent again before, is meant, too
            left.append(Left(one.panda_id, f"{job.state.state}; --all retries such jobs, too"))
            continue
        if (past := _past_mending(job, kept, connections.settings)) is not None:
            refused.setdefault(past, []).append(one.panda_id)
            continue
        name = next_name(job.record.jobName, after=one.lost.name if one.lost is not None else "")
        common = replace(job.record.common, jobDefinitionID=definition)
        record = job.record._replace(common=common, jobName=name)
        campaign = campaigns.get(one.panda_id) or campaign_of(name)
        jobs.append(Again(one.panda_id, job.state, record, campaign, kept.batch_of(name) is not None))
    if jobs or left or options.jobs:
        for why in [one for one in refused if one.passes]:
            left += [Left(panda_id, why.why) for panda_id in refused.pop(why)]
    return _Choice(tuple(jobs), tuple(left), (*(why.error(ids) for why, ids in refused.items()), *explain_lost(lost)))


class _Refusal(NamedTuple):
    """Reason why jobs cannot be sent again; ``{ids}`` in the hint stands for their numbers.

    ``passes``: it is not a mistake to name such a job beside others.
    """

    kind: type[GoclientError]
    code: str
    why: str
    hint: str
    passes: bool = False

    def error(self, panda_ids: Sequence[int]) -> GoclientError:
        """Return the error of all jobs that are refused for it."""
        ids = as_ranges(panda_ids)
        return self.kind(f"PandaID {ids}: {self.why}", hint=self.hint.format(ids=ids), code=self.code, subject=ids)


def _explain_refusal(server: str, error: UnreadableJob | None) -> _Refusal:
    """Return why a job cannot be sent again of which there is no record, or one that is not a job's."""
    if error is not None:
        return _Refusal(UnreadableJob, error.code, error.message, "type it again later: the others are not held up")
    return _Refusal(ServerError, "unknown-job", f"unknown to {server}", CHECK_NUMBER)


def _refusal(job: KnownJob, me: str) -> _Refusal | None:
    """Return why a job cannot be sent again: it is somebody else's, JEDI's to retry, or not over."""
    state, owner = job.state, person_name(job.owner)
    if owner != me:
        why = f"owned by {quote(owner)}, and you are {quote(me)}"
        return _Refusal(RequestError, "not-yours", why, "name jobs of your own")
    if state.task_id:
        why, hint = (
            f"of task {state.task_id}, whose jobs JEDI tries again",
            f"goclient retry --task {state.task_id}",
        )
        return _Refusal(RequestError, "job-of-task", why, hint)
    if not job.is_ours:
        why = "with files or software of PanDA's own, which goclient does not send"
        return _Refusal(RequestError, "not-of-sendjob", why, "submit again with the program that was used before")
    if not state.is_over:
        hint = "wait for the end (goclient status {ids} --watch), or stop it first: goclient kill {ids}"
        return _Refusal(RequestError, "not-over", f"not over, but {state.state}", hint, passes=True)
    return None


def _past_mending(job: KnownJob, kept: KeptJobs, settings: Settings) -> _Refusal | None:
    """Return why a job that runs on files at a site cannot be sent again.

    Its outputs would be lost, or replaced, or it would look for its files where they are not.
    """
    batch, anew = kept.batch_of(job.record.jobName), "send anew, by sendJob.py --goVia site with another --campaign"
    if batch is None:
        return None
    if kept.is_over(batch):
        why = f"what was brought to the site for {batch.campaign} is removed, and nothing would deliver its outputs"
        return _Refusal(RequestError, "campaign-over", why, anew)
    if job.state.state == "finished" and not kept.is_missing(batch, job.record.jobName):
        why = f"finished: goclient advance {batch.campaign} delivers its outputs, or has done so"
        return _Refusal(RequestError, "delivered", why, anew, passes=True)
    queue, sent = job.record.common.computingSite, kept.node_of(batch)
    if sent is not None and (today := settings.site(queue).node) not in (None, sent):
        why = f"sent with {quote(sent)} on the nodes, and [site.{queue}] node is now {quote(today)}"
        hint = f"{anew}; to give up what is left of this one: goclient advance {batch.campaign} --end"
        return _Refusal(RequestError, "other-node", why, hint)
    return None
