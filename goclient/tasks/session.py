"""One run of prun or pathena with our options in it.

panda-client's code runs as it is.  On its way it calls functions that :class:`Session` replaces, here in order: the
parser is made and parses (our words are taken out before), the line is written down (ours are validated), the user is
known (the preflight runs: nothing was uploaded yet), a task is ready (our words are appended), a task is sent.
"""

from __future__ import annotations

import json
import os
import re
import sys
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from goclient.errors import raise_all
from goclient.errors.findings import ExitCode
from goclient.reporter.base import Reporter
from goclient.tasks import option_files, panda_client
from goclient.tasks.command_line import DUMP, CommandLine, Table, hide, words_of
from goclient.tasks.notes import TaskNotes
from goclient.tasks.outputs import TaskMap, check_dataset, expect_tasks
from goclient.tasks.panda_client import Function

if TYPE_CHECKING:
    from goclient.tasks.task_transfers import AppendedWords, TaskTransfers
    from goclient.tasks.validation import TaskRequest


class Frontend(NamedTuple):
    """Connect a run to the command: our options, what reads them and the files of lists, and the reporter.

    ``sent`` is told of each task that was sent: its name, what the server said, and its id or None; ``notes`` keep it.
    """

    table: Table
    read: Callable[[Sequence[str]], TaskRequest]
    read_lines: Callable[[str], list[str]]
    reporter: Reporter
    notes: TaskNotes
    sent: Callable[[str, str, int | None], None] | None = None


def run(tool: str, argv: Sequence[str], frontend: Frontend) -> int:
    """Return the exit code of ``prun`` or ``pathena`` with these words; raise what is wrong with ours."""
    panda_client.version()
    os.environ.setdefault("PANDA_SYS", sys.prefix)  # pathena needs it, and panda_setup.sh alone sets it
    with panda_client.surroundings([tool, *hide(argv, frontend.table)]) as stack:
        session = Session(tool, frontend, stack)
        for hook in panda_client.AT_START:
            panda_client.find(hook)
        panda_client.replace(stack, panda_client.ADD_HELP, session.line.add_help)
        panda_client.replace(stack, panda_client.PARSE, session.line.parse)
        code = panda_client.run_tool(tool)
    if not session.line.parsed:
        raise panda_client.incompatible(f"{tool} does not parse with {panda_client.PARSE}")
    return session.exit_code(code)


class Session:
    """Keep what is known in one run, by the functions that take the place of panda-client's.

    Each is given the original first.  What is undone at the end is on the ``stack``.
    """

    def __init__(self, tool: str, frontend: Frontend, stack: ExitStack) -> None:
        self.line = CommandLine(
            tool, frontend.table, find_mistakes=lambda words: frontend.read(words).errors, begin=self._begin
        )
        self._tool = tool
        self._frontend = frontend
        self._stack = stack
        self._read = cache(option_files.read)  # each file once: it may be a pipe
        self._validated = False
        self._transfers: TaskTransfers | None = None  # if any are asked for
        self._count = 0  # of the tasks that are to be sent, if any transfers are asked for
        self._sent = 0
        self._worst = 0

    def exit_code(self, code: int) -> int:
        """Return the exit code: panda-client's, unless it says that all is well when a task was not accepted."""
        missing = 0 if self._submits_nothing else self._count - self._sent
        if missing > 0 and not (code or self._worst):
            message = f"{missing} of {self._count} tasks were not submitted"
            self._frontend.reporter.error(message, "see above why")
            return int(ExitCode.SERVER)
        if missing > 0 and code == panda_client.UPLOAD_FAILED:
            self._frontend.reporter.error(
                "nothing was submitted, because the files of the task could not be uploaded",
                "see above why; PANDA_URL_SSL and PANDACACHE_URL name the server that must answer, and "
                "PANDA_AUTH_ID_TOKEN or the proxy must be valid",
            )
        return code or self._worst

    @property
    def _submits_nothing(self) -> bool:
        return bool(getattr(self.line.options, "noSubmit", False))

    def _begin(self) -> None:
        """Replace the other functions, now that there is work to do."""
        from goclient.tasks import credential  # 2 ms, which -h does not need

        panda_client.set_bounds(self._stack)
        credential.give_token()
        for hook, ours in (
            (panda_client.OPEN_LOGIN, credential.register_login),
            (panda_client.DECODE_JSON, self._read_json),
            (panda_client.CONVERT_LINE, self._convert_line),
            (panda_client.CHECK_PROXY, self._check_proxy),
            (panda_client.PUT_FILE, self._put_file),
            (panda_client.CHECK_TASK, self._check_task),
            (panda_client.INSERT_TASK, self._insert_task),
        ):
            panda_client.replace(self._stack, hook, ours)
        panda_client.find(panda_client.NICKNAME)

    def _read_json(self, _: Function, input_file: str) -> Any:
        """Read a file of options or datasets, instead of panda-client, which drops every letter beyond ASCII."""
        document = self._read(input_file)
        if input_file == self.line.options.loadJson:
            option_files.check_options(document, self.line.options, self.line.table)
        else:
            option_files.check_datasets(document, input_file)
        return document

    def _convert_line(self, original: Function, *args: Any, **more: Any) -> Any:
        """Validate our words once all are there, --loadJson's included; no service is asked."""
        line = original(*args, **more)
        options = self.line.options
        self._validated = True
        self._validate(options)
        path = getattr(options, DUMP, None)
        if path:  # panda-client writes it from a directory that it removes
            setattr(options, DUMP, os.path.abspath(os.path.expanduser(path)))
        if self._transfers is not None:
            raise_all(option_files.find_unwritable(options, ("dumpJson", DUMP)))
        return line

    def _validate(self, options: Any) -> None:
        """Validate our words; what the file of --loadJson gives counts more than the line.

        The file is read again: panda-client makes a number of each text that looks like one.
        """
        table, path = self.line.table, getattr(options, "loadJson", None)
        if table.keys().isdisjoint(vars(options)):
            return
        document = self._read(path) if path else {}
        loaded = {name: value for name, value in document.items() if name in table}
        words = [word for word in self.line.words if word[2:].partition("=")[0] not in loaded]
        words += words_of(loaded, table)
        from goclient.tasks.task_transfers import TaskTransfers  # a task without transfers loads no pydantic

        transfers = TaskTransfers(
            self._tool,
            options,
            request=self._frontend.read(words),
            read_lines=self._frontend.read_lines,
            reporter=self._frontend.reporter,
        )
        self._transfers = transfers if transfers else None

    def _check_proxy(self, original: Function, *args: Any, **more: Any) -> Any:
        """Run the preflight once it is known who the user is, before anything is uploaded."""
        answer = original(*args, **more)
        if self._transfers is None or self._transfers.is_checked:
            return answer
        options = self.line.options
        nickname = str(panda_client.find(panda_client.NICKNAME)() or "")
        tasks = expect_tasks(options, self._read)
        if nickname and all(task.dataset for task in tasks):  # else panda-client stops, in words of its own
            for task in tasks:
                check_dataset(task.dataset, options, nickname)
            self._count = len(tasks)
            self._transfers.check(tasks, nickname)
            if not self._submits_nothing:
                self._transfers.deposit_if_due()
        return answer

    def _put_file(self, original: Function, file: str, *args: Any, **more: Any) -> Any:
        """Add what the jobs bring with them to the task's archive, now that it is complete, before it is uploaded."""

        def upload(**changed: Any) -> Any:
            return original(file, *args, **{**more, **changed})

        return upload() if self._transfers is None else self._transfers.upload(file, upload)

    def _check_task(self, original: Function, task: TaskMap, *args: Any, **more: Any) -> Any:
        """Append our words to a task that panda-client has found right, last and once, and dump it for pathena."""
        answer = original(task, *args, **more)
        self._worst = self._worst or answer[0]
        if answer[0] == 0:
            self._require_validation()
            if self._transfers is not None:
                self._transfers.append(task)
            path = getattr(self.line.options, DUMP, None)
            if self._tool == "pathena" and path and DUMP in self.line.table:
                with open(path, "w", encoding="utf-8") as file:
                    json.dump(task, file)
        return answer

    def _insert_task(self, original: Function, task: TaskMap, *args: Any, **more: Any) -> Any:
        """Send a task only with our words last in it, and remember if it was not accepted."""
        self._require_validation()
        appended = self._transfers.find(task) if self._transfers is not None else None
        reporter, sent, notes = self._frontend.reporter, self._frontend.sent, self._frontend.notes
        handed_out = self._transfers.hand_out(appended) if self._transfers is not None and appended is not None else ""
        key = handed_out or str(uuid.uuid4())
        notes.write(key, "intended", must=bool(handed_out))
        try:
            status, answer = panda_client.wait_for_answer(lambda: original(task, *args, **more), reporter)
        except BaseException:
            notes.write(key, "unknown")
            self._settle(appended, "unknown")
            raise
        accepted = status == 0 and answer[0] in (0, 3)  # 3: accepted, to a task that is there
        found = re.search(r"jediTaskID=(\d+)", str(answer[1])) if accepted else None
        number = int(found[1]) if found else None
        self._sent += accepted
        is_known = status == 0 and (number is not None or not accepted)
        state = "unknown" if not is_known else "accepted" if accepted else "refused"
        notes.write(key, state, number)
        self._settle(appended, state)
        if not accepted or (number is None and answer[0] == 0):
            self._worst = self._worst or int(ExitCode.SERVER)
        if sent is not None:
            sent(str(task.get("taskName", "")), str(answer[1]) if status == 0 else str(answer), number)
        if appended is not None and number is not None:
            appended.report_names(reporter, number)
        if number is not None:
            notes.report(task, number, with_names=appended is None or not appended.names)
        return status, answer

    def _settle(self, appended: AppendedWords | None, state: str) -> None:
        if self._transfers is not None and appended is not None:
            self._transfers.settle(appended, state)

    def _require_validation(self) -> None:
        """Raise RequestError if a task is ready, and nothing has validated our words."""
        if not self._validated:
            raise panda_client.incompatible(f"{self._tool} does not call {panda_client.CONVERT_LINE}")
