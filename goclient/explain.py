"""What a job's parameters will do: from their text to a spec, a plan and the payload's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goclient.model.block import decode
from goclient.model.plan import Task, plan
from goclient.model.spec import TransferSpec

# When each phase happens, in a person's words.
WHEN = {"stage-in": "before the payload", "stage-out": "after the payload", "output": "then, its output"}


@dataclass(frozen=True, slots=True)
class Explained:
    """What a text means: names of the catalogue are resolved, the others stand as they are."""

    spec: TransferSpec
    tasks: tuple[Task, ...]
    payload: str

    def document(self) -> dict[str, Any]:
        """The contract's JSON object: spec, plan, payload."""
        entries = [task.document(self.spec.working) for task in self.tasks]
        return {"spec": self.spec.model_dump(), "plan": entries, "payload": self.payload}


def explain(text: str, *, catalogue: Mapping[str, str]) -> Explained:
    """What a jobParameters text means; raises RequestError for one that is damaged or wrong."""
    spec, payload = decode(text)
    spec = spec.with_endpoints(dict(catalogue))
    return Explained(spec, plan(spec), payload)


def rows(
    tasks: Sequence[Task], working: str | None, *, catalogue: Mapping[str, str]
) -> list[tuple[str, str, str, str]]:
    """For each item of a plan: the number of its task, when it happens, from where, to where.

    Endpoints go by their names in the catalogue, the node by its working endpoint's.
    """
    names = {where: name for name, where in catalogue.items()}

    def place(endpoint: str | None, path: str) -> str:
        return f"{working} (the node): {path}" if endpoint is None else f"{names.get(endpoint, endpoint)}:{path}"

    return [
        (str(number), WHEN[task.phase], place(task.source, item.source), place(task.destination, item.destination))
        for number, task in enumerate(tasks, 1)
        for item in task.items
    ]


HEADS = ("task", "when", "from", "to")
