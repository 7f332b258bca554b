"""Transfers of the tasks of one run: validated, checked before anything is uploaded, and appended to each task."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from goclient.errors import PreflightFailed, raise_all
from goclient.errors.findings import Finding
from goclient.errors.grouping import group_findings
from goclient.model.names import TASK_NUMBER
from goclient.model.spec import TransferSpec
from goclient.model.syntax.lists import ReadLines
from goclient.reporter.base import Reporter
from goclient.tasks.loss_warnings import find_losses, find_no_outputs
from goclient.tasks.outputs import ExpectedTask, Outputs, TaskMap, read_outputs
from goclient.tasks.panda_client import CHECK_PROXY, CHECK_TASK, incompatible
from goclient.tasks.preflight import TaskReport, check_tasks
from goclient.tasks.transfers import find_shared, list_final_names, transfers_of, write_words
from goclient.tasks.validation import TaskRequest, validate_task

if TYPE_CHECKING:
    from goclient.tasks.carriage import TaskCarriage, Upload

NUMBERS = "${SN/P} is a job's number (000001, 000002, …)"


class AppendedWords(NamedTuple):
    """Hold what was appended to a task: our words; and the final names of its files, a line each."""

    task: TaskMap
    words: list[str]
    names: list[str]

    @property
    def dataset(self) -> str:
        """Return the name of the task, which is that of its dataset."""
        return str(self.task["taskName"]).rstrip("/")

    def report_names(self, reporter: Reporter, number: int | None = None) -> None:
        """Report by which names the files arrive, and where; the task has its number once it is submitted."""
        dataset = self.dataset
        if self.names and number is None:
            text = f"final names of the files of {dataset}, where {TASK_NUMBER} is the task's number and {NUMBERS}:"
            reporter.progress(text, *self.names)
        elif self.names:
            text = f"final names of the files of task {number}, {dataset}, where {NUMBERS}:"
            reporter.progress(text, *(name.replace(TASK_NUMBER, str(number)) for name in self.names))


class TaskTransfers:
    """Validate the transfers of a run, check them once it is known who submits it, and append them to its tasks."""

    def __init__(
        self, tool: str, options: Any, *, request: TaskRequest, read_lines: ReadLines, reporter: Reporter
    ) -> None:
        merging = any(getattr(options, name, None) for name in ("mergeOutput", "mergeScript"))
        self._valid = validate_task(request, read_lines, merging=merging)
        self._tool = tool
        self._options = options  # panda-client's
        self._complete = tool == "prun" or bool(getattr(options, "trf", None))  # else job options say more outputs
        self._reporter = reporter
        self._report: TaskReport | None = None
        self._nickname = ""
        self._several = False
        self._appended: list[AppendedWords] = []
        self._tasks: tuple[ExpectedTask, ...] = ()
        self._carriage: TaskCarriage | None = None
        if request.carrying is not None:
            from goclient.tasks.carriage import TaskCarriage  # archives, which other tasks do not need

            self._carriage = TaskCarriage(request.carrying, tool)

    def __bool__(self) -> bool:
        return bool(self._valid)

    @property
    def is_checked(self) -> bool:
        """Return True once the preflight is done, without errors."""
        return self._report is not None

    def check(self, tasks: Sequence[ExpectedTask], nickname: str) -> None:
        """Check the transfers of these tasks, and report what is found; raise PreflightFailed for errors among it."""
        valid, complete = self._valid, self._complete
        self._nickname, self._several = nickname, len(tasks) > 1
        if self._carriage is not None:
            raise_all(self._carriage.find_refused(valid.spec, self._options))
            tasks = [one.without_log() for one in tasks]
        self._say(find_losses(valid, self._options, task=tasks[0], nickname=nickname, complete=complete))
        try:
            site = str(getattr(self._options, "site", None) or "")
            self._report = check_tasks(valid, tasks, nickname=nickname, complete=complete, site=site)
        except PreflightFailed as error:
            self._say(error.findings)
            raise
        self._say(self._report.findings)
        if self._carriage is not None:
            self._tasks = tuple(tasks)
            if self._tool == "prun":  # whose names of outputs are known; pathena gives each a stream
                self._expect(None)

    def _expect(self, outputs: Outputs | None) -> None:
        """Have the plans of all tasks made, whose outputs are these, or those that are expected of each."""
        if self._carriage is not None and self._report is not None:
            for one in self._tasks:
                task = one if outputs is None else one._replace(outputs=outputs)
                self._carriage.expect(task, self._resolve(task), self._report.rights)

    def _resolve(self, task: ExpectedTask) -> TransferSpec:
        """Return all transfers of a task, with their endpoints resolved; raise RequestError if it was not checked."""
        if self._report is None:
            raise incompatible(f"{self._tool} does not call {CHECK_PROXY}")
        return transfers_of(self._report.spec, self._report.server, task=task, nickname=self._nickname)

    def upload(self, name: str, upload: Upload) -> Any:
        """Upload the archive that panda-client has made, with what the jobs bring; return what panda-client expects."""
        return upload() if self._carriage is None else self._carriage.upload(name, upload)

    def deposit_if_due(self) -> None:
        """Deposit the proxy that the jobs need, if the preflight found that due."""
        if self._report is not None and self._report.deposit_due and self._report.spec.myproxy is not None:
            self._valid.request.deposit(self._report.spec.myproxy)

    def append(self, task: TaskMap) -> None:
        """Append our words to a task, last and once; raise RequestError if it was not checked."""
        if any(one.task is task for one in self._appended):
            return
        ready = ExpectedTask(str(task["taskName"]).rstrip("/"), read_outputs(task))
        ready = ready.without_log() if self._carriage is not None else ready
        spec = self._resolve(ready)
        server = self._report.server if self._report is not None else None
        typed = transfers_of(self._valid.spec, server, task=ready, nickname=self._nickname)
        raise_all(find_shared(typed, several=self._several))
        if self._carriage is not None:
            if not self._carriage.is_ready:
                self._expect(ready.outputs)
            words, spec, outputs = self._carriage.start(task, spec, ready)
        else:
            words, outputs = write_words(spec, lenient=self._valid.request.lenient), ready.outputs
            if not self._complete and not self._appended:
                self._say(find_no_outputs(self._valid, self._options, outputs=outputs))
        appended = AppendedWords(task, words, list_final_names(spec, outputs))
        task["jobParameters"] += [{"type": "constant", "value": word} for word in words]
        self._appended.append(appended)
        appended.report_names(self._reporter)

    def find(self, task: TaskMap) -> AppendedWords:
        """Return what was appended to a task; raise RequestError unless it is there, and last."""
        ours = next((one for one in self._appended if one.task is task), None)
        if ours is None or [item.get("value") for item in task["jobParameters"][-len(ours.words) :]] != ours.words:
            raise incompatible(f"{self._tool} does not submit what {CHECK_TASK} was given")
        return ours

    def hand_out(self, appended: AppendedWords) -> str:
        """Hand out the credential that the jobs of a task need, before it is sent; return its key, empty for none."""
        return "" if self._carriage is None else self._carriage.hand_out(appended.dataset)

    def settle(self, appended: AppendedWords, state: str) -> None:
        """Do what the end of a sending asks for: accepted, refused or unknown."""
        if self._carriage is not None:
            self._carriage.settle(appended.dataset, state)

    def _say(self, findings: Iterable[Finding]) -> None:
        """Report the warnings, and with panda-client's -v what is right."""
        for finding in group_findings(findings):
            if finding.level == "warning":
                self._reporter.warning(finding.message, finding.hint)
            elif finding.level == "ok" and getattr(self._options, "verbose", False):
                self._reporter.progress(f"ok: {finding.message}")
