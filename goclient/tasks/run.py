"""One run of prun or pathena with our options in it.

panda-client's code runs as it is.  On its way it calls the functions of ``hooks.py``, here in order: the parser is made
and parses (our words are taken out before), its own line is written down (ours are judged), the user is known (ours are
looked at: nothing was uploaded yet), a task is ready (our words are appended), a task is sent.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from goclient.errors import ExitCode, GoclientError, raise_all
from goclient.tasks import datasets, hooks, words
from goclient.tasks.hooks import Function, Replaced
from goclient.tasks.line import DUMP, Line
from goclient.tasks.words import Table

if TYPE_CHECKING:
    from goclient.model.finding import Finding
    from goclient.tasks.look import Looked
    from goclient.tasks.outputs import TaskMap
    from goclient.tasks.wanted import Meant, Wanted


class Desk(NamedTuple):
    """Who types and reads: our options, what our words want, the files of lists, and how something is said.

    ``sent`` is told of each task that was sent: its name, what the server said, and its id or None.
    """

    table: Table
    read: Callable[[Sequence[str]], Wanted]
    read_lines: Callable[[str], list[str]]
    say: Callable[[str, str], None]
    sent: Callable[[str, str, int | None], None] | None = None


def run(tool: str, argv: Sequence[str], desk: Desk) -> int:
    """The exit code of ``prun`` or ``pathena`` with these words; raises what is wrong with ours."""
    version = hooks.version()
    session = Session(tool, desk)
    line = [tool, *words.hidden(argv, desk.table)]
    os.environ.setdefault("PANDA_SYS", sys.prefix)  # pathena needs it, and panda_setup.sh alone sets it
    with Replaced() as replaced, _command_line(line), warnings.catch_warnings(action="ignore"):  # as its own scripts do
        session.replaced = replaced
        for hook in hooks.AT_START:
            hooks.found(hook)
        replaced.replace(hooks.ADD_HELP, session.line.add_help)
        replaced.replace(hooks.PARSE, session.line.parse)
        code = _run_stock(tool, version)
    if not session.line.parsed:
        raise hooks.changed(f"{tool} does not parse with {hooks.PARSE}")
    return session.truth(code)


@contextmanager
def _command_line(line: list[str]) -> Iterator[None]:
    """The line as that of the program, while a block runs."""
    before, sys.argv = sys.argv, line
    try:
        yield
    finally:
        sys.argv = before


def _run_stock(tool: str, version: str) -> int:
    """The exit code of panda-client's own code, which ends by SystemExit."""
    try:
        if tool == "prun":
            hooks.found(hooks.PRUN)()
        else:
            sys.modules.pop("pandaclient.PathenaScript", None)  # it runs when it is imported
            if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
                signal.signal(signal.SIGINT, signal.default_int_handler)  # ours would wait for the end of the import
            import_module("pandaclient.PathenaScript")
    except SystemExit as stop:
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except GoclientError:
        raise
    except Exception as error:
        message = f"{tool} of panda-client {version} stopped: {type(error).__name__}: {error}"
        raise GoclientError(message, hint="-vv shows where", code="panda-client") from error
    return 0


class Session:
    """What is known in one run, by the functions that take the place of panda-client's."""

    def __init__(self, tool: str, desk: Desk) -> None:
        self.tool = tool
        self.desk = desk
        self.replaced = Replaced()
        self.line = Line(tool, desk.table, judged=lambda typed: desk.read(typed).errors, ready=self._prepare)
        self._asked: tuple[Wanted, Meant] | None = None  # if any transfers are
        self._looked: Looked | None = None
        self._nickname = ""
        self._judged = False
        self._appended: list[tuple[TaskMap, list[str]]] = []
        self._count = 0  # of the tasks that are to be sent, if any transfers are asked for
        self._sent = 0
        self._worst = 0

    def truth(self, code: int) -> int:
        """The exit code: panda-client's, unless it says that all is well when a task was not accepted."""
        missing = 0 if self._submits_nothing else self._count - self._sent
        if missing > 0 and not (code or self._worst):
            self.desk.say(f"error: {missing} of {self._count} tasks were not submitted", "see above why")
            return int(ExitCode.SERVER)
        return code or self._worst

    @property
    def _submits_nothing(self) -> bool:
        return bool(getattr(self.line.options, "noSubmit", False))

    def _prepare(self) -> None:
        """Puts the rest of our functions in place, now that there is work to do."""
        for hook, ours in (
            (hooks.LINE, self.judge),
            (hooks.WHO, self.look),
            (hooks.CHECK, self.append),
            (hooks.SEND, self.send),
        ):
            self.replaced.replace(hook, ours)
        hooks.found(hooks.NICKNAME)

    # --- our words ---

    def judge(self, original: Function) -> Function:
        """Judges our words once all are there, --loadJson's included; nobody is asked."""

        def convert(*args: Any, **more: Any) -> Any:
            line = original(*args, **more)
            self._judged = True
            self._judge()
            self._keep_dump()
            return line

        return convert

    def _keep_dump(self) -> None:
        """Makes --dumpTaskParams absolute: panda-client writes it from a folder that it removes."""
        path = getattr(self.line.options, DUMP, None)
        if path:
            setattr(self.line.options, DUMP, os.path.abspath(os.path.expanduser(path)))

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
        """What the file of --loadJson gives our options, which counts more than the line.

        It is read again: panda-client makes a number of each text that looks like one.
        """
        path = getattr(self.line.options, "loadJson", None)
        if not path:
            return {}
        found = import_module("pandaclient.MiscUtils").decodeJSON(path)
        return {name: value for name, value in found.items() if name in table.options}

    def look(self, original: Function) -> Function:
        """Looks at the transfers once it is known who the user is, before anything is uploaded."""

        def check_proxy(*args: Any, **more: Any) -> Any:
            answer = original(*args, **more)
            if self._asked is not None and self._looked is None:
                self._look(*self._asked)
            return answer

        return check_proxy

    def _look(self, wanted: Wanted, meant: Meant) -> None:
        from goclient.submit import PreflightFailed
        from goclient.tasks.look import look

        options = self.line.options
        self._nickname = str(hooks.found(hooks.NICKNAME)() or "")
        tasks = datasets.expected_of(options, self._nickname)
        if not self._nickname or not all(task.dataset for task in tasks):
            return  # panda-client stops for that, in words of its own
        for task in tasks:
            datasets.check_name(task.dataset, options, self._nickname)
        self._count = len(tasks)
        try:
            complete = self.tool == "prun" or bool(getattr(options, "trf", None))
            self._looked = look(wanted, meant, tasks, self._nickname, complete=complete)
        except PreflightFailed as error:
            self._say(error.findings)
            raise
        self._say(self._looked.findings)
        self._deposit(wanted)

    def _say(self, findings: Sequence[Finding]) -> None:
        """Says the warnings, and with -v what is right."""
        for finding in findings:
            if finding.level == "warning":
                self.desk.say(f"warning: {finding.message}", finding.hint)
            elif finding.level == "ok" and getattr(self.line.options, "verbose", False):
                self.desk.say(f"ok: {finding.message}", "")

    # --- tasks ---

    def append(self, original: Function) -> Function:
        """Appends our words to a task that panda-client has found right."""

        def check(task: TaskMap, *args: Any, **more: Any) -> Any:
            answer = original(task, *args, **more)
            if answer[0] == 0:
                self._append(task)
            self._worst = self._worst or answer[0]
            return answer

        return check

    def _append(self, task: TaskMap) -> None:
        """Appends our words to a task, last and once, and dumps it for pathena."""
        if not self._judged:
            raise hooks.changed(f"{self.tool} does not call {hooks.LINE}")
        if self._asked is not None and not any(one is task for one, _ in self._appended):
            found = self._words(task, *self._asked)
            task["jobParameters"] += [{"type": "constant", "value": word} for word in found]
            self._appended.append((task, found))
        path = getattr(self.line.options, DUMP, None)
        if self.tool == "pathena" and path and DUMP in self.line.table.options:
            with open(path, "w", encoding="utf-8") as file:
                json.dump(task, file)

    def _words(self, task: TaskMap, wanted: Wanted, meant: Meant) -> list[str]:
        from goclient.tasks.look import Expected, transfers, words_of
        from goclient.tasks.moves import shared
        from goclient.tasks.outputs import outputs_of

        if self._looked is None:
            raise hooks.changed(f"{self.tool} does not call {hooks.WHO}")
        ready = Expected(str(task["taskName"]).rstrip("/"), outputs_of(task))
        typed = transfers(meant.spec, self._looked.typed, ready, self._nickname)
        raise_all(shared(typed, several=self._count > 1))
        spec = transfers(meant.spec, self._looked.server, ready, self._nickname, found=self._looked.spec)
        return words_of(spec, lenient=wanted.lenient)

    def send(self, original: Function) -> Function:
        """Sends a task only with our words last in it, and remembers if it was not accepted."""

        def insert(task: TaskMap, *args: Any, **more: Any) -> Any:
            self._sure(task)
            status, answer = original(task, *args, **more)
            accepted = status == 0 and answer[0] in (0, 3)  # 3: accepted, to a task that is there
            number = re.search(r"jediTaskID=(\d+)", str(answer[1])) if accepted else None
            self._sent += accepted
            if not accepted or (number is None and answer[0] == 0):
                self._worst = self._worst or int(ExitCode.SERVER)
            if self.desk.sent is not None:
                said = str(answer[1]) if status == 0 else str(answer)
                self.desk.sent(str(task.get("taskName", "")), said, number and int(number[1]))
            return status, answer

        return insert

    def _sure(self, task: TaskMap) -> None:
        """None; raises RequestError unless our words are last in a task, if any transfers are asked for."""
        if not self._judged:
            raise hooks.changed(f"{self.tool} does not call {hooks.LINE}")
        ours = next((found for one, found in self._appended if one is task), [])
        last = [item.get("value") for item in task["jobParameters"][-len(ours) :]] if ours else []
        if last != ours or (self._asked is not None and not ours):
            raise hooks.changed(f"{self.tool} does not submit what {hooks.CHECK} was given")

    def _deposit(self, wanted: Wanted) -> None:
        """None, once the proxy that the jobs need is deposited, if that was found due; before anything is uploaded."""
        from goclient.model.finding import TO_DEPOSIT

        looked = self._looked
        if looked is None or looked.spec.myproxy is None or self._submits_nothing:
            return
        if any(finding.code == TO_DEPOSIT for finding in looked.findings):
            wanted.deposit(looked.spec.myproxy)
