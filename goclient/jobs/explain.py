"""What a job's parameters will do: from their text to a spec, a plan and the payload's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goclient.errors import Finding
from goclient.model.endpoint import JOB, NODE, Endpoint
from goclient.model.plan import TransferTask
from goclient.model.planner import plan
from goclient.model.records.registry import decode_with_warnings
from goclient.model.spec import TransferSpec

# When each phase happens, in a person's words.
WHEN = {"stage-in": "before the payload", "stage-out": "after the payload", "output": "then, its output"}


@dataclass(frozen=True, slots=True)
class Explained:
    """What a text means: names of the catalogue are resolved, the others stand as they are."""

    spec: TransferSpec
    tasks: tuple[TransferTask, ...]
    payload: str
    doubts: tuple[Finding, ...]

    def document(self) -> dict[str, Any]:
        """The contract's JSON object: spec, plan, payload."""
        entries = [task.document(self.spec.working) for task in self.tasks]
        return {"spec": self.spec.model_dump(), "plan": entries, "payload": self.payload}


def explain(text: str, *, catalogue: Mapping[str, str]) -> Explained:
    """What a jobParameters text means; raises RequestError for one that is damaged or wrong."""
    (spec, payload), doubts = decode_with_warnings(text)
    spec = spec.with_endpoints(dict(catalogue))
    return Explained(spec, plan(spec), payload, tuple(doubts))


def rows(
    tasks: Sequence[TransferTask], working: str | None, *, catalogue: Mapping[str, str]
) -> list[tuple[str, str, str, str]]:
    """For each item of a plan: the number of its task, when it happens, from where, to where.

    Endpoints go by their names in the catalogue; the job's directory by its working endpoint's, or by the server
    that sees it.
    """
    names = {where: name for name, where in catalogue.items()}

    def location(task: TransferTask, endpoint: Endpoint, path: str) -> str:
        if endpoint == NODE:
            return f"the node's own files: {path}"
        if endpoint != JOB:
            return f"{names.get(endpoint.text, endpoint.text)}:{path}"
        if task.is_copy:
            return f"the job's directory: {path}"
        seen = f"seen by {names.get(task.server.text, task.server.text)}" if task.server else "the node"
        return f"{working} ({seen}): {path or '.'}"

    return [
        (
            str(number),
            WHEN[task.phase],
            location(task, task.source, item.source),
            location(task, task.destination, item.destination),
        )
        for number, task in enumerate(tasks, 1)
        for item in task.items
    ]


HEADS = ("task", "when", "from", "to")


def summary(tasks: Sequence[TransferTask], spec: TransferSpec, *, catalogue: Mapping[str, str]) -> list[str]:
    """How many tasks a plan has, how they reach the job's directory, and which names the job gives; a line each."""
    items, copies = sum(len(task.items) for task in tasks), sum(task.is_copy for task in tasks)
    on_node = f" and {copies} copy task(s) on the node" if copies else ""
    lines = [f"{len(tasks) - copies} transfer task(s){on_node} with {items} item(s)"]
    if spec.makes_endpoint:
        lines.append(f"through a Globus Connect endpoint that the job makes, {spec.working}-…")
    if spec.local_endpoint is not None:
        local = spec.local_endpoint.text
        server = {where: name for name, where in catalogue.items()}.get(local, local)
        lines.append(f"through the server {server}, which must see the job's directory")
    lines += [f"names the Globus user {spec.user}"] if spec.user else []
    return lines + ([f"names the MyProxy account {spec.myproxy}"] if spec.myproxy else [])
