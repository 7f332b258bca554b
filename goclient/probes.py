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
from goclient.errors.wording import pluralize, quote
from goclient.jobs.sent import check_not_sent
from goclient.jobs.watch import wait
from goclient.journal import Journal
from goclient.model.endpoint import Catalogue, GlobusEndpoint, UrlEndpoint, is_uuid
from goclient.model.probe_options import ProbeOptions
from goclient.model.records.answers import JobState
from goclient.model.records.panda_job import job_records
from goclient.model.spec import TransferSpec
from goclient.model.syntax.parse import parse_endpoint, parse_location
from goclient.preflight.queue import check_pilot_queue
from goclient.probe.kept import Kept, file_of, judge, load, store
from goclient.probe.marks import Mark, read_answers, remove
from goclient.probe.nodes import Node
from goclient.probe.question import Question, Target, globus_targets

if TYPE_CHECKING:
    from goclient.config.connections import Connections
    from goclient.config.settings import SiteDirectory
    from goclient.services.globus.collection import Collection
    from goclient.services.globus.sdk import Globus

EVERY = 10.0  # seconds between two questions whether the jobs are over


@dataclass(frozen=True, slots=True)
class Probed:
    """A queue as it was probed: the jobs that are not over, and what the nodes of the others have."""

    queue: str
    jobs: tuple[int, ...]
    nodes: tuple[Node, ...]
    findings: tuple[Finding, ...]
    site: SiteDirectory | None = None  # where files for jobs can be left, if that is known

    def document(self) -> dict[str, Any]:
        """Return the JSON object of it."""
        nodes = [
            {"PandaID": one.panda_id, "seen": int(one.seen), "reason": one.reason, "report": one.report}
            for one in self.nodes
        ]
        ok = not any(one.is_error for one in self.findings)
        found = [one.document() for one in self.findings]
        site = self.site and {name: str(getattr(self.site, name)) for name in ("collection", "directory", "node")}
        document = {"queue": self.queue, "ok": ok, "waiting": list(self.jobs), "nodes": nodes, "findings": found}
        return {**document, "site": site}


def probe(options: ProbeOptions, connections: Connections) -> Probed:
    """Probe a queue, or wait for the probe that was sent before; raise StillRunning if it is not over in time."""
    source, server = connections.queues(), connections.panda()
    file = file_of(source, options.queue)
    kept = load(file)
    if not kept.jobs or options.again:
        mark = _new_mark(options, kept, connections)
        question = _question(options, mark, connections)
        if kept.mark is not None and kept.mark != mark:
            remove(kept.mark, connections.globus())
        kept = replace(kept, jobs=(), mark=mark)
        store(file, kept)  # a mark that is made is known, whatever comes
        kept = replace(kept, jobs=_send(options, question, connections), sent=time.time())
        store(file, kept)
    elif options.shared and (kept.mark is None or kept.mark.text != options.shared):
        message = f"a probe was sent before, {_name_jobs(kept.jobs)}, which does not look for {quote(options.shared)}"
        hint = f"wait for it: goclient probe {options.queue}; or add --again"
        raise RequestError(message, hint=hint, code="sent-before", subject="--shared")
    else:
        connections.reporter.progress(f"a probe was sent before: {_name_jobs(kept.jobs)}")
    if options.detach:
        return Probed(options.queue, kept.jobs, (), ())
    states = {one.panda_id: one for one in server.describe(kept.jobs) if isinstance(one, JobState)}
    if running := [one.panda_id for one in states.values() if not one.is_over]:
        _wait(running, options, connections)
        states |= {one.panda_id: one for one in server.describe(running) if isinstance(one, JobState)}
    nodes = tuple(_node(panda_id, states.get(panda_id), kept.sent) for panda_id in kept.jobs)
    site, findings = kept.site, list(judge(options.queue, nodes))
    if kept.mark is not None:
        globus = connections.globus()
        answers = read_answers(options.queue, kept.mark, nodes, globus=globus)
        site = answers.directory()
        findings += answers.findings() + remove(kept.mark, globus)
    store(file, Kept(nodes, site=site))
    return Probed(options.queue, (), nodes, tuple(findings), site)


def _name_jobs(panda_ids: Sequence[int]) -> str:
    return f"PandaID {', '.join(map(str, panda_ids))}"


def _send(options: ProbeOptions, question: Question, connections: Connections) -> tuple[int, ...]:
    """Make the mark, if there is one, and send the jobs, each call of which is in the journal before and after.

    Returns their PandaIDs.
    """
    job = connections.settings.job
    new = submission.new_job_template(
        transformation=connections.settings.run_gen,
        computingSite=options.queue,
        prodSourceLabel=job.get("prodSourceLabel", "user"),
        destinationSE=job.get("destinationSE", "local"),
        currentPriority=job.get("priority", 1000),
        **{name: job.get(name) for name in ("cloud", "VO", "processingType")},
    )
    new.template.check()
    records = tuple(job_records(new.template, name=new.name, parameters=question.parameters(), count=options.njobs))
    server, journal = connections.panda(), Journal(environment.journal_path(connections.env))
    prepared = submission.Submission(TransferSpec(), records, ())
    if not options.again:
        check_not_sent(journal, records, server.name)
    if (mark := question.mark) is not None:
        try:
            connections.globus().mkdir(mark.endpoint, mark.path)
        except EndpointError as error:
            message = f"your account cannot make a directory in {quote(mark.place)}: {error.message}"
            raise error.replace(message=message) from error
    sent = submission.send(prepared, server=server, journal=journal, reporter=connections.reporter)
    found = tuple(one.panda_id for one in sent.jobs)
    connections.reporter.progress(f"{pluralize(len(found), 'job')} sent to {options.queue}: {_name_jobs(found)}")
    return found


def _wait(running: Sequence[int], options: ProbeOptions, connections: Connections) -> None:
    """Wait until the jobs are over; raise StillRunning, with the command that waits again."""
    connections.reporter.progress(f"waiting for {_name_jobs(running)}, {options.wait} s at most")
    every = min(EVERY, float(options.wait))
    try:
        wait(running, connections.panda(), seconds=every, timeout=float(options.wait), reporter=connections.reporter)
    except StillRunning as error:
        raise error.replace(
            hint=f"type it again later, nothing is sent twice: goclient probe {options.queue}"
        ) from error


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


def _question(options: ProbeOptions, mark: Mark | None, connections: Connections) -> Question:
    """Return what the nodes are asked; raises every mistake in it."""
    env, collected = connections.env, Collector()
    targets: tuple[Target, ...] = ()
    with collected:
        urls = globus_urls(env)
        targets = globus_targets(urls.auth, urls.transfer, file_server_url(env))
    names: Catalogue = {}
    with collected:
        names = connections.catalogue() if options.collection else {}
    service = connections.globus() if options.collection else None
    for typed in options.collection:
        assert service is not None, "it is there if anything is typed"
        with collected:
            targets += (_collection(typed, names, service),)
    for path in options.path:
        if not path.startswith("/") or not path.isprintable():
            message = f"--path {quote(path)} is not the path of a directory on the nodes"
            collected.errors.append(
                RequestError(message, hint="it begins with a slash", code="not-absolute", subject="--path")
            )
    raise_all(collected.errors)
    return Question(targets, options.path, options.answerWithin, mark)


def _new_mark(options: ProbeOptions, kept: Kept, connections: Connections) -> Mark | None:
    """Return the mark of a directory that is sought; that of a probe whose jobs may have been sent is kept.

    So the same command makes the same request.  Raises EndpointError for a collection that there is not.
    """
    check_pilot_queue(connections.queues(), options.queue, connections.reporter)
    if not options.shared:
        return None
    if kept.mark is not None and kept.mark.text == options.shared and not options.again:
        return kept.mark
    location = parse_location(options.shared)
    found = _find(location.endpoint.text, connections.catalogue(), connections.globus())
    return Mark.new(found.id, options.shared, location)


def _collection(typed: str, names: Catalogue, service: Globus) -> Target:
    """Return the HTTPS server of a collection; raise EndpointError if there is none."""
    found = _find(typed, names, service)
    try:
        return Target(found.id, typed, f"{found.https_url(typed)}/")
    except EndpointError as error:
        hint = "leave out that --collection: carried jobs use it through Globus Connect only, or ask its owner"
        raise error.replace(hint=hint) from error


def _find(typed: str, names: Catalogue, service: Globus) -> Collection:
    """Return a collection; raise EndpointError if there is none, or it is a server."""
    end = names[typed] if typed in names else parse_endpoint(typed)
    if isinstance(end, UrlEndpoint):
        message = f"{quote(typed)} is {end.title}, which carried jobs do not use"
        raise EndpointError(message, hint="name a collection", code="not-globus", subject=typed)
    known = is_uuid(end.text)
    return service.collection(GlobusEndpoint(end.text, typed)) if known else service.resolve(typed, known=names)
