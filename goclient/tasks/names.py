"""The final names of what a task's jobs write, for a person: where each file goes, and by which name."""

from __future__ import annotations

from typing import NamedTuple

from goclient.model.location import Location, Transfer
from goclient.model.spec import TransferSpec
from goclient.reporter.base import Reporter
from goclient.tasks.outputs import Outputs, TaskMap
from goclient.tasks.transfers import TASK

NUMBERS = "${SN/P} is a job's number (000001, 000002, …)"


class Appended(NamedTuple):
    """What was appended to a task: our words; and the final names of its files, a line each."""

    task: TaskMap
    words: list[str]
    names: list[str]

    def report_names(self, reporter: Reporter, number: int | None = None) -> None:
        """Report by which names the files arrive, and where; the task has its number once it is submitted."""
        dataset = str(self.task["taskName"]).rstrip("/")
        if self.names and number is None:
            text = f"final names of the files of {dataset}, where {TASK} is the task's number and {NUMBERS}:"
            reporter.progress(text, *self.names)
        elif self.names:
            text = f"final names of the files of task {number}, {dataset}, where {NUMBERS}:"
            reporter.progress(text, *(name.replace(TASK, str(number)) for name in self.names))


def final_names(typed: TransferSpec, ready: TransferSpec, outputs: Outputs) -> list[str]:
    """Return a line for each file that a job gives away, and for each output that stays in PanDA alone.

    ``typed`` has the endpoints' names as the user knows them, ``ready`` is what the jobs do; their moves are the same.
    None of the lines is there if nothing is taken away.
    """
    labels = {f"/{lfn}": name for name, lfn in outputs.names.items()} | {f"/{outputs.log}": "the log"}
    pairs = [*zip(typed.stage_out, ready.stage_out, strict=True), *zip(typed.output, ready.output, strict=True)]
    lines = [
        (labels.get(transfer.source.path, _shown(transfer)), _target(named, transfer)) for named, transfer in pairs
    ]
    taken = {transfer.source.path for _, transfer in pairs}
    left = [(name, f"{lfn}, in PanDA alone") for name, lfn in outputs.names.items() if f"/{lfn}" not in taken]
    width = max((len(label) for label, _ in [*lines, *left]), default=0)
    return [f"{label:<{width}}  {target}" for label, target in [*lines, *left]] if lines else []


def _shown(transfer: Transfer) -> str:
    return transfer.source.path[1:] if transfer.source.in_job else str(transfer.source)


def _target(named: Transfer, transfer: Transfer) -> str:
    """Return where a move goes, with the endpoint's name as it was typed."""
    return str(Location(endpoint=named.destination.endpoint, path=transfer.target_path))
