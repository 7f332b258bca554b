"""Notes of tasks: which were sent, in the journal, and how the user follows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from goclient.errors import GoclientError
from goclient.reporter.base import Reporter
from goclient.tasks.outputs import TaskMap, read_outputs

if TYPE_CHECKING:
    from goclient.config.connections import Connections


class TaskNotes:
    """Write the tasks of one run into the journal; ``connections`` are made when one is sent."""

    def __init__(self, connections: Callable[[], Connections], reporter: Reporter) -> None:
        self._connections = connections
        self._reporter = reporter

    def write(self, key: str, state: str, number: int | None = None, *, must: bool = False) -> None:
        """Write down what came of a task, and its number; ``intended`` before it is sent.

        A journal that cannot be written, or found, stops a task only if it ``must`` be: its jobs have a credential.
        """
        from goclient.carrier.sending import note_task  # what sends nothing needs no journal
        from goclient.config.environment import journal_path
        from goclient.journal import Journal

        try:
            connections = self._connections()
            server, journal = connections.queues().access.url, Journal(journal_path(connections.env))
            note_task(key, state, journal=journal, task_id=number, server=server)
        except GoclientError as error:
            if must:
                raise
            if state != "intended":
                self._reporter.warning(f"the task is not in the journal: {error.message}", error.hint or "")

    def report(self, task: TaskMap, number: int, *, with_names: bool) -> None:
        """Report how to follow a task, and by which names its outputs will be known."""
        dataset = str(task.get("taskName", "")).rstrip("/")
        names: Mapping[str, str] = {}
        with suppress(GoclientError):  # nothing of ours depends on them
            names = read_outputs(task).names if with_names else {}
        if names:
            text = f"outputs of task {number}, {dataset}, in PanDA, where ${{SN/P}} is a job's number:"
            self._reporter.progress(text, *(lfn.replace("$JEDITASKID", str(number)) for lfn in names.values()))
        self._reporter.progress(f"to follow task {number}, type: goclient status --task {number}")
