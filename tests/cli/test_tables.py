"""Tables: every path, id and reason is shown whole at any width, on a terminal as in a pipe."""

from __future__ import annotations

import ast
import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goclient.cli import endpoint_text, myproxy_text, status_text, tables
from goclient.cli.commands import endpoint, whoami
from goclient.client import Client
from goclient.config import catalogue as catalogues
from goclient.config import environment
from goclient.deposit import DepositSpec, Proof
from goclient.endpoints import View
from goclient.errors.wording import printable
from goclient.jobs.explain import explain
from goclient.jobs.follow import Followed
from goclient.jobs.status import JobStatus
from goclient.model.remote import TaskState
from goclient.reporter.base import SILENT
from goclient.services.globus.collection import Collection
from goclient.services.globus.login import Identity as GlobusIdentity
from goclient.services.gsi.identity import Identity
from goclient.services.myproxy.wire import Deposit

WIDTHS = range(1, 301)
SITE = "01234567-89ab-cdef-0123-456789abcdef"
TASK = "fedcba98-7654-3210-fedc-ba9876543210"
LONG = "/home/osg_data/panda/" + "a-very-long-name." * 9 + "root"
WIDE = "/資料/測試 二/file\uff3f\uff21.root"
COMBINED = "/Cesky\u0301 k\u030cůň/u\u0308ber/ḱ\u0323.dat"
HOSTILE = "the disk\x1b[2J is\n full\t\u202e, ask 林\r"
CELLS = {
    "ordinary": [["/a", SITE, "a reason"], ["/b c", TASK, "another"]],
    "long": [[LONG, SITE, f"no such file: {LONG}"]],
    "wide": [[WIDE, SITE, "測" * 40], ["a", TASK, "b"]],
    "combining": [[COMBINED, SITE, "e\u0301" * 30], ["a", TASK, "b"]],
    "control": [[HOSTILE, SITE, "\x07\x00"], ["a", TASK, "b"]],
    "empty cells": [["", "", ""], ["", SITE, ""], ["/a", "", ""]],
    "blanks": [[" /a ", SITE, "a reason  "], ["  ", TASK, " "]],
    "no rows": [],
}
HEADS = ("path", "id", "reason")


def on_a_terminal(show: Callable[[], None], columns: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what is shown on a terminal of this width."""
    main, side = pty.openpty()
    tty.setraw(side)
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    os.set_blocking(main, False)
    shown = b""
    with open(side, "w", encoding="utf-8", errors="backslashreplace") as file, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", file)
        patched.delenv("COLUMNS", raising=False)
        assert file.isatty()
        show()
        file.flush()
        while True:
            try:
                shown += os.read(main, 65536)
            except BlockingIOError:
                break
    os.close(main)
    return shown.decode()


def in_a_pipe(show: Callable[[], None], columns: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what is written to a pipe; ``columns`` 0 says nothing of a width."""
    text = io.StringIO()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", text)
        patched.setenv("COLUMNS", str(columns) if columns else "")
        show()
    return text.getvalue()


def table(rows: list[list[str]]) -> Callable[[], None]:
    return lambda: tables.print_table(HEADS, rows)


@pytest.mark.parametrize("rows", CELLS.values(), ids=CELLS)
def test_a_table_cuts_nothing_at_any_width(rows: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    for columns in WIDTHS:
        shown = in_a_pipe(table(rows), columns, monkeypatch)
        lines = shown.splitlines()
        for cell in (cell for row in rows for cell in row if cell):
            assert any(printable(cell) in line for line in lines), (columns, cell)
        if not any(line.startswith(f"{HEADS[0]}  ") for line in lines):
            assert all(re.match("(path|id|reason): |$", line) for line in lines), shown
        assert shown.isascii() or all(char.isprintable() or char == "\n" for char in shown)


@pytest.mark.parametrize("rows", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("columns", [1, 20, 79, 80, 81, 132, 300])
def test_a_table_is_the_same_on_a_terminal_and_in_a_pipe(
    rows: list[list[str]], columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = in_a_pipe(table(rows), columns, monkeypatch)
    assert on_a_terminal(table(rows), columns, monkeypatch) == expected


def test_columns_are_drawn_exactly_where_they_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [["測測", "b", "cc"], ["e\u0301", "", "d"]]
    # path is four columns wide, as two wide letters are; id two, reason six, and two blanks stand between them.
    fitting = in_a_pipe(table(rows), 16, monkeypatch)
    assert fitting.splitlines() == ["path  id  reason", "測測  b   cc", "e\u0301         d"]
    listed = in_a_pipe(table(rows), 15, monkeypatch)
    assert listed.splitlines() == ["path: 測測", "id: b", "reason: cc", "", "path: e\u0301", "reason: d"]


@pytest.mark.parametrize("columns", ["", "0", "x", "-5", "²"])
def test_a_pipe_without_a_width_has_columns(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    text = io.StringIO()
    tables.print_table(HEADS, CELLS["long"], file=text)
    assert text.getvalue().splitlines()[0].startswith("path ")


# --- the tables of the commands ---------------------------------------------------------------------------------

WHOLE = (LONG, WIDE, COMBINED, printable(HOSTILE), SITE, TASK)
DN = f"/C=TW/O=Test/CN={LONG}"


def status_table() -> None:
    task = TaskState(TASK, "goclient 7 stage-in", "FAILED", 3, 4, 5, f"{HOSTILE}{LONG}")
    status_text.print_followed(Followed("s", (JobStatus(7, "failed", f"{WIDE}{COMBINED}{SITE}", (task,)),)))


def plan_table() -> None:
    text = f"'--StageinGOsrc={SITE}:{LONG}' '--StageoutGOsrc=x' '--StageoutGOdest={TASK}:{WIDE}{COMBINED}/'"
    explained = explain(text, catalogue={})
    tables.print_plan(explained.plan, explained.spec)


def endpoint_view() -> None:
    one = Collection(SITE, LONG, WIDE, "GCSv5_mapped_collection", HOSTILE, None, None, False, False, COMBINED, ())
    tables.print_pairs([("endpoint", LONG), *endpoint_text.view_rows(View(LONG, SITE, (LONG,), one))])


def collections_found() -> None:
    one = Collection(TASK, LONG, WIDE, "GCSv5_mapped_collection", HOSTILE, None, None, False, False, COMBINED, ())
    tables.print_table(("name", "kind", "owner", "id"), endpoint_text.make_rows([one]))


def globus_identity() -> None:
    scope = f"https://auth.globus.org/scopes/{SITE}/data_access"
    identity = GlobusIdentity(WIDE, TASK, "person", datetime(2030, 1, 2, tzinfo=UTC), (scope, LONG))
    whoami.print_identity(identity, Client(), json=False)


def deposited() -> None:
    who = Identity(LONG, LONG, HOSTILE, DN, DN, 0, 1, False, False, 2048, False, ())
    found = Deposit(SITE, DN, 0, 1, f"{WIDE}*", COMBINED)
    myproxy_text.print_proof(Proof("localhost:7512", DepositSpec(TASK, "*"), who, found))


def deposit_shown() -> None:
    myproxy_text.print_deposit(Deposit(SITE, DN, 0, 1, f"{WIDE}*", COMBINED, HOSTILE))


SHOWN: dict[str, Callable[[], None]] = {
    "status": status_table, "explain": plan_table, "endpoint show": endpoint_view, "endpoint list": collections_found,
    "whoami": globus_identity, "myproxy deposit": deposited, "myproxy info": deposit_shown,
}  # fmt: skip


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN)
def test_no_command_cuts_what_it_shows(show: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "catalogue", lambda _: {})
    everything = in_a_pipe(show, 0, monkeypatch)
    has = [text for text in WHOLE if text in everything]
    assert has, everything
    for columns in WIDTHS:
        shown = in_a_pipe(show, columns, monkeypatch)
        assert all(text in shown for text in has), shown
        if columns % 37 == 1:
            assert on_a_terminal(show, columns, monkeypatch) == shown


def test_the_catalogue_s_table_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {LONG: SITE, WIDE: TASK}
    monkeypatch.setattr(catalogues, "read", lambda _: entries)

    def show() -> None:
        endpoint.command(["list"], SILENT)

    for columns in WIDTHS:
        shown = in_a_pipe(show, columns, monkeypatch)
        assert all(text in shown for text in (LONG, WIDE, SITE, TASK)), shown


def aligned_by_hand() -> Iterator[str]:
    """Yield the places in the commands where something is aligned with a format."""
    for path in Path(tables.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FormattedValue) and node.format_spec:
                parts = [part.value for part in ast.walk(node.format_spec) if isinstance(part, ast.Constant)]
                if re.match("[<>^]", "".join(map(str, parts))):
                    yield path.name


def test_every_table_is_drawn_in_one_place() -> None:
    # The list of commands, of actions, and the levels of findings: their first column is known.
    assert set(aligned_by_hand()) <= {"main.py", "myproxy.py", "output.py"}


def test_the_names_of_jobs_are_below_them_where_they_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "muons.2ab98b69-3ef0-4921-ba59-149fdc9a6086_0"
    jobs = [JobStatus(7, "finished", "", site="TEST1", name=name), JobStatus(12, "failed", "", site="TEST1", name=name)]
    shown = [
        on_a_terminal(lambda: status_text.print_jobs(jobs, server="https://panda.example"), columns, monkeypatch)
        for columns in (80, 60, 20)
    ]
    assert shown[0].splitlines()[1] == f"7        finished  TEST1  {name}"
    assert shown[1].splitlines() == [
        "PandaID  state     site",
        "7        finished  TEST1",
        f"    name: {name}",
        "12       failed    TEST1",
        f"    name: {name}",
    ]
    assert shown[2].splitlines()[:4] == ["PandaID: 7", "state: finished", "site: TEST1", f"name: {name}"]
