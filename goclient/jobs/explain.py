"""Explanation of a job's parameters: from their text to a spec, a plan and the payload's own words."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from goclient.carrier.rungen import read_start
from goclient.errors.findings import Finding
from goclient.errors.wording import pluralize
from goclient.model.deal import DealTable
from goclient.model.endpoint import JOB, NODE, Catalogue, Endpoint
from goclient.model.plan import TransferTask
from goclient.model.planner import plan
from goclient.model.records.base import Counts
from goclient.model.records.registry import decode_with_warnings
from goclient.model.spec import TransferSpec
from goclient.model.staging import OUT, Staged, in_tasks

# When each phase happens, in a person's words.
WHEN = {"stage-in": "before the payload", "stage-out": "after the payload", "output": "then, its output"}
BROUGHT, DELIVERED = "before the jobs are sent", "when jobs have ended"  # through a site's directory
_MOST = 20  # rows of a transfer task that brings the files of all jobs


@dataclass(frozen=True, slots=True)
class Explained:
    """Meaning of a text: names of the catalogue are resolved, and endpoints are shown with their names.

    ``carried`` is the checksum of the plan of a job that brings its own transfers, empty for another; ``counts`` says
    how many these are if the text does not name them; ``archive`` is the URL of what travels with the job.
    With a ``deal`` all else is what the first of its jobs has.  ``staged`` is what is brought for all jobs before they
    are sent, and delivered after them.
    """

    spec: TransferSpec
    plan: tuple[TransferTask, ...]
    payload: str
    warnings: tuple[Finding, ...]
    carried: str = ""
    counts: Counts | None = None
    archive: str = ""
    deal: DealTable | None = None
    staged: Staged | None = None

    def document(self) -> dict[str, Any]:
        """Return the contract's JSON object: spec, plan, payload; and what a carried job has beside them."""
        entries = [task.document(self.spec.working) for task in self.plan]
        document = {"spec": self.spec.model_dump(), "plan": entries, "payload": self.payload}
        if self.carried:
            counts = self.counts._asdict() if self.counts is not None else None
            document["carried"] = {"plan": self.carried, "archive": self.archive, "counts": counts}
        if self.deal is not None:
            document["deal"] = self.deal.document()
        if self.staged is not None:
            document["staged"] = self.staged.document()
        return document

    def summary(self) -> list[str]:
        """Say how many tasks there are, how they reach the job's directory, and who does them; a line each."""
        if self.staged is not None:
            return [*summary(self.plan, self.spec), *_describe_staging(self.staged)]
        if not self.carried:
            return summary(self.plan, self.spec)
        if self.counts is not None:
            tasks, items = pluralize(self.counts.tasks, "task"), pluralize(self.counts.items, "item")
            lines = [f"{tasks} with {items}, which only the plan in the job's archive names"]
        else:
            lines = summary(self.plan, self.spec)
        where = f" in {self.archive}" if self.archive else ""
        return [*lines, f"brings its own transfers: the plan is {self.carried[:16]}…{where}"]


def explain(text: str, *, catalogue: Catalogue) -> Explained:
    """Explain a jobParameters text; raise RequestError for one that is damaged or wrong."""
    decoded, warnings = decode_with_warnings(text)
    spec = decoded.spec.with_endpoints(catalogue).show_names(catalogue)
    payload, archive = decoded.payload, ""
    if decoded.carried and (start := read_start(payload)) is not None:
        if start.plan != decoded.carried:
            message = "the job's carrier has another plan than the one of which these are the transfers"
            warnings = [*warnings, Finding("warning", "other-plan", "--CarriedGO", message, "submit the job again")]
        payload, archive = shlex.join(start.words), start.url
    return Explained(spec, plan(spec), payload, tuple(warnings), decoded.carried, decoded.counts, archive)


class Row(NamedTuple):
    """One item of a plan for a person: the number of its task, when it is transferred, from where, to where."""

    task: str
    when: str
    source: str
    destination: str


HEADS = Row("task", "when", "from", "to")


def rows(tasks: Sequence[TransferTask], working: str | None, staged: Staged | None = None) -> list[Row]:
    """Return a row for each item of a plan; the job's directory goes by its working endpoint, or by its server.

    Around them is what is ``staged`` for all jobs.
    """
    if staged is not None:
        brought = list(_list_brings(staged))
        first = len(in_tasks(staged.brings)) + 1
        own = [one._replace(task=str(int(one.task) + first - 1)) for one in rows(tasks, working)]
        return [*brought, *own, *_list_deliveries(staged, first + len(tasks))]

    def location(task: TransferTask, endpoint: Endpoint, path: str) -> str:
        if endpoint == NODE:
            return f"the node's own files: {path}"
        if endpoint != JOB:
            return endpoint.show(path)
        if not task.is_globus and task.server is None:
            return f"the job's directory: {path or '.'}"
        seen = f"seen by {task.server.display}" if task.server else "the node"
        return f"{working} ({seen}): {path or '.'}"

    return [
        Row(
            str(number),
            WHEN[task.phase],
            location(task, task.source, item.source),
            location(task, task.destination, item.destination),
        )
        for number, task in enumerate(tasks, 1)
        for item in task.items
    ]


def _list_brings(staged: Staged) -> Iterator[Row]:
    """Yield a row for each file that is brought, of many the first ones."""
    area = staged.area
    for number, part in enumerate(in_tasks(staged.brings), 1):
        shown = part.items if len(part.items) <= _MOST else part.items[: _MOST - 1]
        for item in shown:
            into = area.collection.show(area.below(item.destination))
            yield Row(str(number), BROUGHT, part.source.show(item.source), into)
        if hidden := len(part.items) - len(shown):
            yield Row(str(number), BROUGHT, f"... {hidden} more items of {part.source.display}", "")


def _list_deliveries(staged: Staged, first: int) -> Iterator[Row]:
    """Yield a row for each output of a job that is delivered, for each destination with a number from ``first`` on."""
    area, destinations = staged.area, list(dict.fromkeys(one.destination for one in staged.outputs))
    for one in staged.outputs:
        number = first + destinations.index(one.destination)
        left = area.collection.show(area.below(f"{OUT}/{one.staged}"))
        yield Row(str(number), DELIVERED, left, one.destination.show(one.path))


def _describe_staging(staged: Staged) -> Iterator[str]:
    """Yield what is transferred outside of the jobs, and by how many tasks, a line each."""
    tasks, items = len(in_tasks(staged.brings)), sum(len(one.items) for one in staged.brings)
    if tasks:
        yield f"{BROUGHT}: {pluralize(tasks, 'transfer task')} of yours with {pluralize(items, 'item')}, for all jobs"
    if staged.outputs:
        ends = len({one.destination for one in staged.outputs})
        yield f"{DELIVERED}: a few transfer tasks of yours to {pluralize(ends, 'destination')}, for all jobs"
    yield f"left meanwhile in {staged.area.collection.show(staged.area.directory)}, on the nodes {staged.area.node}"


def summary(tasks: Sequence[TransferTask], spec: TransferSpec) -> list[str]:
    """Say how many tasks a plan has, how they reach the job's directory, and which names the job gives; a line each."""
    servers = {one.text: one for task in tasks for one in (task.source, task.destination) if one.needs_proxy}
    lines = [f"{_count_tasks(tasks)} with {pluralize(sum(len(task.items) for task in tasks), 'item')}"]
    if spec.makes_endpoint:
        lines.append(f"through a Globus Connect endpoint that the job makes, {spec.working}-…")
    if spec.local_endpoint is not None:
        lines.append(f"through the server {spec.local_endpoint.display}, which must see the job's directory")
    if servers:
        named = ", ".join(one.display for one in servers.values())
        lines.append(f"with the user's proxy, which the pilot retrieves, at {named}")
    lines += [f"names the Globus user {spec.user}"] if spec.user else []
    if spec.myproxy:
        return [*lines, f"names the MyProxy account {spec.myproxy}"]
    guess = f"the pilot tries the one of {spec.user}" if spec.user else "the pilot has no proxy"
    return [*lines, f"names no MyProxy account: {guess}"] if servers else lines


def _count_tasks(tasks: Sequence[TransferTask]) -> str:
    """Say how many tasks there are of each kind."""
    by_globus, copies = sum(task.is_globus for task in tasks), sum(task.is_copy for task in tasks)
    https, servers = sum(task.asks_https for task in tasks), sum(task.needs_proxy for task in tasks)
    counts = [pluralize(by_globus, "transfer task")] if by_globus or not (https or servers) else []
    counts += [pluralize(https, "HTTPS task")] if https else []
    counts += [pluralize(servers, "server task")] if servers else []
    counts += [f"{pluralize(copies, 'copy task')} on the node"] if copies else []
    return " and ".join(counts)
