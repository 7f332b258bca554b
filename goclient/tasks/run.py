"""One run of prun or pathena with our options in it.

panda-client's code runs as it is.  On its way it calls the functions of ``hooks.py``, here in order: the parser is made
and parses (our words are taken out before), its own line is written down (ours are judged), the user is known (ours are
looked at: nothing was uploaded yet), a task is ready (our words are appended), a task is sent.
"""

from __future__ import annotations

import json
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from goclient.errors import ExitCode, raise_all
from goclient.reporter.base import Reporter
from goclient.tasks import credential, datasets, hooks, load, words
from goclient.tasks.hooks import Function, Replaced
from goclient.tasks.line import DUMP, Line
from goclient.tasks.stock import NOT_UPLOADED, UPLOAD_FAILED, command_line, run_stock
from goclient.tasks.words import Table

if TYPE_CHECKING:
    from goclient.errors import Finding
    from goclient.tasks.look import Looked
    from goclient.tasks.names import Appended
    from goclient.tasks.outputs import TaskMap
    from goclient.tasks.wanted import Meant, Wanted


class Desk(NamedTuple):
    """Who types and reads: our options, what our words want, the files of lists, and who is told what is done.

    ``sent`` is told of each task that was sent: its name, what the server said, and its id or None.
    """

    table: Table
    read: Callable[[Sequence[str]], Wanted]
    read_lines: Callable[[str], list[str]]
    reporter: Reporter
    sent: Callable[[str, str, int | None], None] | None = None


def run(tool: str, argv: Sequence[str], desk: Desk) -> int:
    """Return the exit code of ``prun`` or ``pathena`` with these words; raises what is wrong with ours."""
    version = hooks.version()
    session = Session(tool, desk)
    line = [tool, *words.hidden(argv, desk.table)]
    os.environ.setdefault("PANDA_SYS", sys.prefix)  # pathena needs it, and panda_setup.sh alone sets it
    quiet = warnings.catch_warnings(action="ignore")  # as its own scripts are
    with Replaced() as replaced, command_line(line), hooks.sockets_end(), quiet:
        session.replaced = replaced
        for hook in hooks.AT_START:
            hooks.found(hook)
        replaced.replace(hooks.ADD_HELP, session.line.add_help)
        replaced.replace(hooks.PARSE, session.line.parse)
        code = run_stock(tool, version)
    if not session.line.parsed:
        raise hooks.changed(f"{tool} does not parse with {hooks.PARSE}")
    return session.truth(code)


class Session:
    """What is known in one run, by the functions that take the place of panda-client's."""

    def __init__(self, tool: str, desk: Desk) -> None:
        self.tool = tool
        self.desk = desk
        self.replaced = Replaced()
        self.line = Line(tool, desk.table, judged=lambda typed: desk.read(typed).errors, ready=self._prepare)
        self._asked: tuple[Wanted, Meant] | None = None  # if any transfers are
        self._looked: Looked | None = None
        self._files = load.Files()
        self._nickname = ""
        self._judged = False
        self._appended: list[Appended] = []
        self._count = 0  # of the tasks that are to be sent, if any transfers are asked for
        self._sent = 0
        self._worst = 0

    def truth(self, code: int) -> int:
        """Return the exit code: panda-client's, unless it says that all is well when a task was not accepted."""
        missing = 0 if self._submits_nothing else self._count - self._sent
        if missing > 0 and not (code or self._worst):
            self.desk.reporter.error(f"{missing} of {self._count} tasks were not submitted", "see above why")
            return int(ExitCode.SERVER)
        if missing > 0 and code == UPLOAD_FAILED:
            self.desk.reporter.error(*NOT_UPLOADED)
        return code or self._worst

    @property
    def _submits_nothing(self) -> bool:
        return bool(getattr(self.line.options, "noSubmit", False))

    def _prepare(self) -> None:
        """Put the rest of our functions in place, now that there is work to do."""
        credential.give_token()
        self.replaced.replace(hooks.LOGIN, credential.noticed)
        for hook, ours in (
            (hooks.LOAD, self._files.keep_letters(lambda: self.line.options, lambda: self.line.table)),
            (hooks.LINE, self.judge),
            (hooks.WHO, self.look),
            (hooks.CHECK, self.append),
            (hooks.SEND, self.send),
        ):
            self.replaced.replace(hook, ours)
        hooks.found(hooks.NICKNAME)

    # --- our words ---

    def judge(self, original: Function) -> Function:
        """Judge our words once all are there, --loadJson's included; nobody is asked."""

        def convert(*args: Any, **more: Any) -> Any:
            line = original(*args, **more)
            self._judged = True
            self._judge()
            self._keep_dump()
            return line

        return convert

    def _keep_dump(self) -> None:
        """Make --dumpTaskParams absolute: panda-client writes it from a folder that it removes."""
        path = getattr(self.line.options, DUMP, None)
        if path:
            setattr(self.line.options, DUMP, os.path.abspath(os.path.expanduser(path)))
        if self._asked is not None:
            raise_all(load.cannot_be_written(self.line.options, ("dumpJson", DUMP)))

    def _judge(self) -> None:
        table = self.line.table
        given = {name: value for name, value in vars(self.line.options).items() if name in table.options}
        if not given:
            return
        loaded = self._loaded(table)
        typed = [word for word in self.line.typed if word[2:].partition("=")[0] not in loaded]
        typed += words.words_of(loaded, table)
        from goclient.tasks.wanted import meant

        wanted = self.desk.read(typed)
        merging = any(getattr(self.line.options, name, None) for name in ("mergeOutput", "mergeScript"))
        found = meant(wanted, self.desk.read_lines, merging=merging)
        self._asked = (wanted, found) if found else None

    def _loaded(self, table: Table) -> dict[str, Any]:
        """Return what the file of --loadJson gives our options, which counts more than the line.

        It is read again: panda-client makes a number of each text that looks like one.
        """
        path = getattr(self.line.options, "loadJson", None)
        if not path:
            return {}
        return {name: value for name, value in self._files.read(path).items() if name in table.options}

    def look(self, original: Function) -> Function:
        """Look at the transfers once it is known who the user is, before anything is uploaded."""

        def check_proxy(*args: Any, **more: Any) -> Any:
            answer = original(*args, **more)
            if self._asked is not None and self._looked is None:
                self._look(*self._asked)
            return answer

        return check_proxy

    def _look(self, wanted: Wanted, meant: Meant) -> None:
        from goclient.errors import PreflightFailed
        from goclient.tasks.look import look
        from goclient.tasks.losses import losses

        options = self.line.options
        self._nickname = str(hooks.found(hooks.NICKNAME)() or "")
        tasks = datasets.expected_of(options, self._files)
        if not self._nickname or not all(task.dataset for task in tasks):
            return  # panda-client stops for that, in words of its own
        for task in tasks:
            datasets.check_name(task.dataset, options, self._nickname)
        self._count = len(tasks)
        self._say(losses(meant, options, tasks[0], self._nickname, complete=self._complete))
        try:
            site = str(getattr(options, "site", None) or "")
            self._looked = look(wanted, meant, tasks, self._nickname, complete=self._complete, site=site)
        except PreflightFailed as error:
            self._say(error.findings)
            raise
        self._say(self._looked.findings)
        self._deposit(wanted)

    @property
    def _complete(self) -> bool:
        """Return true if all outputs of a task are known from the line; else pathena finds them in the job options."""
        return self.tool == "prun" or bool(getattr(self.line.options, "trf", None))

    def _say(self, findings: Iterable[Finding]) -> None:
        """Say the warnings, and with -v what is right."""
        for finding in findings:
            if finding.level == "warning":
                self.desk.reporter.warning(finding.message, finding.hint)
            elif finding.level == "ok" and getattr(self.line.options, "verbose", False):
                self.desk.reporter.progress(f"ok: {finding.message}")

    # --- tasks ---

    def append(self, original: Function) -> Function:
        """Append our words to a task that panda-client has found right."""

        def check(task: TaskMap, *args: Any, **more: Any) -> Any:
            answer = original(task, *args, **more)
            if answer[0] == 0:
                self._append(task)
            self._worst = self._worst or answer[0]
            return answer

        return check

    def _append(self, task: TaskMap) -> None:
        """Append our words to a task, last and once, and dump it for pathena."""
        if not self._judged:
            raise hooks.changed(f"{self.tool} does not call {hooks.LINE}")
        if self._asked is not None and not any(one.task is task for one in self._appended):
            appended = self._transfers(task, *self._asked)
            task["jobParameters"] += [{"type": "constant", "value": word} for word in appended.words]
            self._appended.append(appended)
            appended.report_names(self.desk.reporter)
        path = getattr(self.line.options, DUMP, None)
        if self.tool == "pathena" and path and DUMP in self.line.table.options:
            with open(path, "w", encoding="utf-8") as file:
                json.dump(task, file)

    def _transfers(self, task: TaskMap, wanted: Wanted, meant: Meant) -> Appended:
        from goclient.tasks.look import Expected, transfers, words_of
        from goclient.tasks.losses import not_outputs
        from goclient.tasks.names import Appended, final_names
        from goclient.tasks.outputs import outputs_of
        from goclient.tasks.transfers import shared

        if self._looked is None:
            raise hooks.changed(f"{self.tool} does not call {hooks.WHO}")
        ready = Expected(str(task["taskName"]).rstrip("/"), outputs_of(task))
        typed = transfers(meant.spec, self._looked.typed, ready, self._nickname)
        raise_all(shared(typed, several=self._count > 1))
        spec = transfers(meant.spec, self._looked.server, ready, self._nickname, found=self._looked.spec)
        if not self._complete and not self._appended:
            self._say(not_outputs(meant, self.line.options, ready.outputs))
        return Appended(task, words_of(spec, lenient=wanted.lenient), final_names(typed, spec, ready.outputs))

    def send(self, original: Function) -> Function:
        """Send a task only with our words last in it, and remember if it was not accepted."""

        def insert(task: TaskMap, *args: Any, **more: Any) -> Any:
            ours = self._sure(task)
            status, answer = hooks.answered(lambda: original(task, *args, **more), self.desk.reporter)
            accepted = status == 0 and answer[0] in (0, 3)  # 3: accepted, to a task that is there
            number = re.search(r"jediTaskID=(\d+)", str(answer[1])) if accepted else None
            self._sent += accepted
            if not accepted or (number is None and answer[0] == 0):
                self._worst = self._worst or int(ExitCode.SERVER)
            if self.desk.sent is not None:
                said = str(answer[1]) if status == 0 else str(answer)
                self.desk.sent(str(task.get("taskName", "")), said, number and int(number[1]))
            if ours and number:
                ours.report_names(self.desk.reporter, int(number[1]))
            return status, answer

        return insert

    def _sure(self, task: TaskMap) -> Appended | None:
        """Return what was appended to a task; raises RequestError unless it is last in it, if it is asked for."""
        if not self._judged:
            raise hooks.changed(f"{self.tool} does not call {hooks.LINE}")
        ours = next((one for one in self._appended if one.task is task), None)
        last = [item.get("value") for item in task["jobParameters"][-len(ours.words) :]] if ours else []
        if (ours is not None and last != ours.words) or (self._asked is not None and ours is None):
            raise hooks.changed(f"{self.tool} does not submit what {hooks.CHECK} was given")
        return ours

    def _deposit(self, wanted: Wanted) -> None:
        """Deposit the proxy that the jobs need, if that was found due; before anything is uploaded."""
        looked = self._looked
        if looked is None or looked.spec.myproxy is None or self._submits_nothing:
            return
        if looked.deposit_due:
            wanted.deposit(looked.spec.myproxy)
