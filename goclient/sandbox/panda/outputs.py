"""Outputs of a task: their streams, and the names that they have in its jobs (JEDI of server 1.0.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

KINDS = ("output", "log")


@dataclass(frozen=True, slots=True)
class Output:
    """One output of every job: its stream, and the template of its name."""

    stream: str
    type: str
    template: str
    dataset: str
    offset: int
    destination: str

    def name(self, number: int) -> str:
        """Return the name of the file of one job, in which ``${SN}`` has six digits, with or without ``/P``."""
        serial = f"{number + self.offset:06d}"
        return self.template.replace("${SN}", serial).replace("${SN/P}", serial).replace("${MIDDLENAME}", "")

    def file(self, name: str, task_id: int) -> dict[str, Any]:
        """Return the file of one job, under its name."""
        block = f"{self.dataset.rstrip('/')}.{task_id}"
        file = {"lfn": name, "type": self.type, "dataset": block, "destinationDBlock": block}
        return {**file, "destinationSE": self.destination, "scope": ".".join(self.dataset.split(".")[:2])[:30]}


def read_outputs(items: Sequence[dict[str, Any]]) -> tuple[list[Output], dict[int, str]]:
    """Return the outputs, one a data set, and by the id of their items the values with streams instead of names."""
    found: list[Output] = []
    values: dict[int, str] = {}
    for item in items:
        kind, dataset = item.get("param_type"), item.get("dataset")
        if item["type"] != "template" or kind not in KINDS or any(one.dataset == dataset for one in found):
            continue
        stream = f"{kind.upper()}{sum(1 for one in found if one.type == kind)}"
        template = item["value"].split("=")[-1].replace("'", "")
        values[id(item)] = item["value"].replace(template, f"${{{stream}}}")
        destination = str(item.get("destination") or "local")
        found.append(Output(stream, kind, template, str(dataset), item.get("offset", 0), destination))
    return found, values
