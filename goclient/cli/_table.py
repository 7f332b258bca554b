"""Tables: drawn by rich on a terminal, plain columns anywhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from goclient.errors import printable

if TYPE_CHECKING:
    from goclient.model.plan import Task
    from goclient.model.spec import TransferSpec


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, file: TextIO | None = None) -> None:
    """Prints rows under heads on ``file``, or on stdout."""
    file = file or sys.stdout
    if file.isatty() and os.get_terminal_size(file.fileno()).columns >= sum(map(len, heads)) + 40:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(*heads)
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))  # no cell is markup
        Console(file=file).print(table)
        return
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    for row in [heads, *rows]:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip(), file=file)


def print_plan(
    tasks: Sequence[Task], spec: TransferSpec, *, catalogue: Mapping[str, str], file: TextIO | None = None
) -> None:
    """Prints what a job moves: a row an item, how many tasks it is, and who asks."""
    from goclient.explain import HEADS, rows, summary

    if tasks:
        lines = rows(tasks, spec.working, catalogue=catalogue)
        print_table(HEADS, [tuple(map(printable, line)) for line in lines], file=file)
    for line in summary(tasks, spec, catalogue=catalogue):
        print(printable(line), file=file or sys.stdout)
