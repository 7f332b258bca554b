"""Run prun or pathena of panda-client with our options in it: ``goclient prun``, ``goclient pathena``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from goclient.cli import run
from goclient.errors.findings import Finding
from goclient.files.text import list_lines
from goclient.model.task_options import PathenaOptions, TaskOptions
from goclient.reporter.base import Reporter
from goclient.secrets import hide
from goclient.tasks.command_line import TABLES
from goclient.tasks.notes import TaskNotes
from goclient.tasks.session import Frontend
from goclient.tasks.session import run as run_task

if TYPE_CHECKING:
    from goclient.tasks.carriage import Carrying
    from goclient.tasks.validation import TaskRequest


def prun(argv: Sequence[str], reporter: Reporter) -> int:
    """Run prun; return its exit code, or ours if our words are wrong: never 0 if a task was not accepted."""
    return run_tool("prun", argv, reporter)


def pathena(argv: Sequence[str], reporter: Reporter) -> int:
    """Run pathena; return its exit code, or ours if our words are wrong: never 0 if a task was not accepted."""
    return run_tool("pathena", argv, reporter)


def run_tool(
    tool: str,
    argv: Sequence[str],
    reporter: Reporter,
    *,
    sent: Callable[[str, str, int | None], None] | None = None,
) -> int:
    """Run prun or pathena of panda-client with these words, and return its exit code.

    ``sent`` is told of each task that was sent.
    """
    end = argv.index("--") if "--" in argv else len(argv)
    words = [word for at, word in enumerate(argv) if at >= end or word != "--quiet"]  # the reporter is quiet already
    notes = TaskNotes(lambda: run.Session(reporter).connections, reporter)
    frontend = Frontend(
        TABLES[tool], lambda ours: _request(tool, ours, reporter), list_lines, reporter, notes, sent=sent
    )
    code = run_task(tool, words, frontend)
    if not code and not {"-h", "--help"}.isdisjoint(words):
        from goclient.cli.examples import examples_of  # other lines need none

        print(examples_of(f"goclient {tool}"), end="")
    if code:
        from goclient.config.environment import panda_url  # only a failure pays for them
        from goclient.services import loopback

        url = panda_url()
        if remedy := loopback.remedy(url, ""):  # panda-client's own words do not say that the sandbox is stopped
            reporter.error(f"nothing answers at {url}", remedy)
    return code


def _request(tool: str, words: Sequence[str], reporter: Reporter) -> TaskRequest:
    """Return what our words want of each task, and what is wrong with them singly."""
    # -h, and a task without transfers, need none of this.
    from goclient.assembly import new_preflight, read_transfers
    from goclient.cli.parser import Parser
    from goclient.dispatch import deposit_for_jobs
    from goclient.tasks.validation import TaskRequest

    carrying: Carrying | None = None
    kind = {"prun": TaskOptions, "pathena": PathenaOptions}[tool]
    session = run.Session(reporter)
    parser = Parser(kind, prog=f"goclient {tool}")
    typed = parser.read(words, session.defaults)
    connections = session.connections
    options, transfers = typed.options, read_transfers(typed, connections)
    if transfers.carriage is not None:
        from goclient.tasks.carriage import Carrying  # archives, which other tasks do not need

        carrying = Carrying(transfers.carriage, connections)
    return TaskRequest(
        transfers.items,
        options.globusWords or "",
        options.useGOForOutput,
        options.goLenient,
        new_preflight(options, connections, transfers=transfers, checks=not options.noCheck),
        lambda account: deposit_for_jobs(account, options, connections),
        tuple(transfers.errors),
        tuple(_warnings(options)),
        carrying,
    )


def _warnings(options: TaskOptions) -> list[Finding]:
    """Return the warnings of options that do less, or more, than their names say."""
    found = []
    if options.myproxy:
        message = "--myproxy uploads no proxy, as it did in 2012: it says where one is, and that is checked"
        hint = "to deposit one: goclient myproxy deposit --retriever DN, or --deposit --pilot DN"
        found.append(Finding("warning", "myproxy", "--myproxy", message, hint))
    if options.goLenient:
        message = "a site that does not know goclient will run the jobs without their files (--goLenient)"
        found.append(Finding("warning", "lenient", "--goLenient", message))
    for name in options.unchecked if options.noCheck else ():
        message = f"{name} has no effect, because nothing is checked (--noCheck)"
        found.append(Finding("warning", "no-look", name, message))
    return found


def call(argv: Sequence[str]) -> int:
    """Run a call from Python, and return its exit code: the descriptor that tasks are noted in, the tool, its words."""
    descriptor, tool, *words = argv

    def note_sent(name: str, said: str, number: int | None) -> None:
        line = {"name": name, "said": hide(said), "jediTaskID": number}
        os.write(int(descriptor), f"{json.dumps(line)}\n".encode())

    return run.run(f"goclient {tool}", lambda own, reporter: run_tool(tool, own, reporter, sent=note_sent), words)


if __name__ == "__main__":
    sys.exit(call(sys.argv[1:]))
