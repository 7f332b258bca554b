"""One run of prun or pathena with our options in it.

panda-client's code runs as it is.  On its way it calls the functions of ``hooks.py``, here in order: the parser is made
and parses (our words are taken out before), its own line is written down (ours are judged), the user is known (ours are
looked at: nothing was uploaded yet), a task is ready (our words are appended), a task is sent.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from goclient.errors import ExitCode, GoclientError, raise_all
from goclient.tasks import hooks, words
from goclient.tasks.hooks import Function, Replaced
from goclient.tasks.line import DUMP, Line
from goclient.tasks.words import Table

if TYPE_CHECKING:
    from goclient.model.finding import Finding
    from goclient.tasks.look import Expected, Looked
    from goclient.tasks.outputs import TaskMap
    from goclient.tasks.wanted import Meant, Wanted


class Desk(NamedTuple):
    """Who types and reads: our options, what our words want, the files of lists, and how something is said."""

    table: Table
    read: Callable[[Sequence[str]], Wanted]
    read_lines: Callable[[str], list[str]]
    say: Callable[[str, str], None]


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
        self._deposited = False
        self._worst = 0

    def truth(self, code: int) -> int:
        """The exit code: panda-client's, unless it says that all is well when a task was not accepted."""
        return code or self._worst

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
        typed = self.line.typed
        if given != words.values(typed, table):  # --loadJson has changed it
            typed = words.words_of(given, table)
        from goclient.tasks.wanted import meant

        wanted = self.desk.read(typed)
        merging = any(getattr(self.line.options, name, None) for name in ("mergeOutput", "mergeScript"))
        found = meant(wanted, self.desk.read_lines, merging=merging)
        self._asked = (wanted, found) if found else None

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

        self._nickname = str(hooks.found(hooks.NICKNAME)() or "") if meant.server else ""
        if meant.server and not self._nickname:
            return  # panda-client stops for that, in words of its own
        try:
            complete = self.tool == "prun"
            self._looked = look(wanted, meant, self._expected(), self._nickname, complete=complete)
        except PreflightFailed as error:
            self._say(error.findings)
            raise
        self._say(self._looked.findings)

    def _expected(self) -> list[Expected]:
        """What is known of the tasks before they are made."""
        from goclient.tasks.look import Expected
        from goclient.tasks.outputs import declared, expected

        options = self.line.options
        more = getattr(options, "extOutFile", "") or []
        more = more.split(",") if isinstance(more, str) else more
        names = declared(getattr(options, "outputs", ""), getattr(options, "trf", ""), more)
        datasets = [options.outDS]
        if options.inOutDsJson:
            items = import_module("pandaclient.MiscUtils").decodeJSON(options.inOutDsJson)
            datasets = [item["outDS"] for item in items]
        log = not getattr(options, "noSeparateLog", False)
        return [
            Expected(name.rstrip("/"), expected(names, self._nickname, name.rstrip("/"), log=log)) for name in datasets
        ]

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
        spec = transfers(meant.spec, self._looked.server, ready, self._nickname, found=self._looked.spec)
        raise_all(shared(spec, several=bool(self.line.options.inOutDsJson)))
        return words_of(spec, lenient=wanted.lenient)

    def send(self, original: Function) -> Function:
        """Sends a task only with our words last in it, and remembers if it was not accepted."""

        def insert(task: TaskMap, *args: Any, **more: Any) -> Any:
            self._sure(task)
            self._deposit()
            status, answer = original(task, *args, **more)
            if status != 0 or answer[0] not in (0, 3):  # 3: accepted, to a task that is there
                self._worst = self._worst or int(ExitCode.SERVER)
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

    def _deposit(self) -> None:
        """None, once the proxy that the jobs need is deposited, if that was found due."""
        if self._deposited or self._asked is None or self._looked is None:
            return
        from goclient.check.account import TO_DEPOSIT

        self._deposited = True
        account = self._looked.spec.myproxy
        if account is not None and any(finding.code == TO_DEPOSIT for finding in self._looked.findings):
            self._asked[0].deposit(account)
