"""Probe a queue: send jobs that look at its worker nodes, wait for their reports, and keep those for later checks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from goclient import submission
from goclient.config import environment
from goclient.config.carried import file_server_url, globus_urls
from goclient.errors import Collector, EndpointError, RequestError, raise_all
from goclient.errors.findings import Finding
from goclient.errors.sent import StillRunning
from goclient.errors.wording import counted, quoted
from goclient.jobs.sent import check_not_sent
from goclient.jobs.watch import wait
from goclient.journal import Journal
from goclient.model.endpoint import Catalogue, GlobusEndpoint, UrlEndpoint, is_uuid
from goclient.model.records.answers import JobState
from goclient.model.records.panda_job import job_records
from goclient.model.spec import TransferSpec
from goclient.model.syntax.parse import parse_endpoint
from goclient.preflight.queue import check_pilot_queue
from goclient.probe.kept import Kept, file_of, judge, load, store
from goclient.probe.nodes import Node
from goclient.probe.question import Question, Target, globus_targets

if TYPE_CHECKING:
    from goclient.config.connections import Connections
    from goclient.services.globus.sdk import Globus

EVERY = 10.0  # seconds between two questions whether the jobs are over


@dataclass(frozen=True, slots=True)
class Order:
    """Order of a user: a queue, how many jobs look at it, at which collections and paths; times in seconds.

    ``within``: how long their end is waited for, 0 not to wait.  ``again``: a probe that is not over counts no more.
    """

    queue: str
    count: int = 1
    collections: Sequence[str] = ()
    paths: Sequence[str] = ()
    answer_within: int = 10
    within: int = 600
    again: bool = False


@dataclass(frozen=True, slots=True)
class Probed:
    """A queue as it was probed: the jobs that are not over, and what the nodes of the others have."""

    queue: str
    jobs: tuple[int, ...]
    nodes: tuple[Node, ...]
    findings: tuple[Finding, ...]

    def document(self) -> dict[str, Any]:
        """Return the JSON object of it."""
        nodes = [
            {"PandaID": one.panda_id, "seen": int(one.seen), "reason": one.reason, "report": one.report}
            for one in self.nodes
        ]
        ok = not any(one.is_error for one in self.findings)
        found = [one.document() for one in self.findings]
        return {"queue": self.queue, "ok": ok, "waiting": list(self.jobs), "nodes": nodes, "findings": found}


def probe(order: Order, connections: Connections) -> Probed:
    """Probe a queue, or wait for the probe that was sent before; raise StillRunning if it is not over in time."""
    source, server = connections.queues(), connections.panda()
    file = file_of(source, order.queue)
    kept = load(file)
    if not kept.jobs or order.again:
        kept = replace(kept, jobs=_send(order, connections), sent=time.time())
        store(file, kept)
    else:
        connections.reporter.progress(f"a probe was sent before: {_named(kept.jobs)}")
    if not order.within:
        return Probed(order.queue, kept.jobs, (), ())
    states = {one.panda_id: one for one in server.describe(kept.jobs) if isinstance(one, JobState)}
    if running := [one.panda_id for one in states.values() if not one.is_over]:
        _wait(running, order, connections)
        states |= {one.panda_id: one for one in server.describe(running) if isinstance(one, JobState)}
    nodes = tuple(_node(panda_id, states.get(panda_id), kept.sent) for panda_id in kept.jobs)
    store(file, Kept(nodes))
    return Probed(order.queue, (), nodes, tuple(judge(order.queue, nodes)))


def _named(panda_ids: Sequence[int]) -> str:
    return f"PandaID {', '.join(map(str, panda_ids))}"


def _send(order: Order, connections: Connections) -> tuple[int, ...]:
    """Send the jobs, each call of which is in the journal before and after; return their PandaIDs."""
    check_pilot_queue(connections.queues(), order.queue, connections.reporter)
    question, job = _question(order, connections), connections.settings.job
    new = submission.new_job_template(
        transformation=connections.settings.run_gen,
        computingSite=order.queue,
        prodSourceLabel=job.get("prodSourceLabel", "user"),
        destinationSE=job.get("destinationSE", "local"),
        destinationDBlock=None,
        currentPriority=job.get("priority", 1000),
        cloud=job.get("cloud"),
        VO=job.get("VO"),
        processingType=job.get("processingType"),
    )
    new.template.check()
    records = tuple(job_records(new.template, name=new.name, parameters=question.parameters(), count=order.count))
    server, journal = connections.panda(), Journal(environment.journal_path(connections.env))
    prepared = submission.Submission(TransferSpec(), records, ())
    if not order.again:
        check_not_sent(journal, records, server.name)
    sent = submission.send(prepared, server=server, journal=journal, reporter=connections.reporter)
    found = tuple(one.panda_id for one in sent.jobs)
    connections.reporter.progress(f"{counted(len(found), 'job')} sent to {order.queue}: {_named(found)}")
    return found


def _wait(running: Sequence[int], order: Order, connections: Connections) -> None:
    """Wait until the jobs are over; raise StillRunning, with the command that waits again."""
    connections.reporter.progress(f"waiting for {_named(running)}, {order.within} s at most")
    every = min(EVERY, float(order.within))
    try:
        wait(running, connections.panda(), seconds=every, timeout=float(order.within), reporter=connections.reporter)
    except StillRunning as error:
        raise error.replace(hint=f"type it again later, nothing is sent twice: goclient probe {order.queue}") from error


def _node(panda_id: int, state: JobState | None, sent: float) -> Node:
    """Return what a job has told; it was sent at a time, before which it cannot have looked."""
    if state is None:
        return Node(panda_id, time.time(), {}, "the PanDA server does not know the job any more")
    found = state.reported.get("probe")
    report = found if isinstance(found, dict) else {}
    told, now = report.get("time"), time.time()
    seen = float(told) if isinstance(told, int | float) and sent <= told <= now else now
    return Node(panda_id, seen, report, "" if report else state.reason or f"the job is {state.state} without a report")


# --- what is asked for --------------------------------------------------------------------------------------------


def _question(order: Order, connections: Connections) -> Question:
    """Return what the nodes are asked; raises every mistake in it."""
    env, collected = connections.env, Collector()
    targets: tuple[Target, ...] = ()
    with collected:
        urls = globus_urls(env)
        targets = globus_targets(urls.auth, urls.transfer, file_server_url(env))
    names: Catalogue = {}
    with collected:
        names = connections.catalogue() if order.collections else {}
    service = connections.globus() if order.collections else None
    for typed in order.collections:
        assert service is not None, "it is there if anything is typed"
        with collected:
            targets += (_collection(typed, names, service),)
    for path in order.paths:
        if not path.startswith("/") or not path.isprintable():
            message = f"--path {quoted(path)} is not the path of a directory on the nodes"
            collected.errors.append(
                RequestError(message, hint="it begins with a slash", code="not-absolute", subject="--path")
            )
    raise_all(collected.errors)
    return Question(targets, tuple(order.paths), order.answer_within)


def _collection(typed: str, names: Catalogue, service: Globus) -> Target:
    """Return the HTTPS server of a collection; raise EndpointError if there is none."""
    end = names[typed] if typed in names else parse_endpoint(typed)
    if isinstance(end, UrlEndpoint):
        message = f"{quoted(typed)} is {end.title}, which carried jobs do not use"
        raise EndpointError(message, hint="name a collection", code="not-globus", subject=typed)
    known = is_uuid(end.text)
    found = service.collection(GlobusEndpoint(end.text, typed)) if known else service.resolve(typed, known=names)
    return Target(found.id, typed, f"{found.https_url(typed)}/")
