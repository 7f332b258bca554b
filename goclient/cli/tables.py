"""Print tables: columns where they fit, lines of ``key: value`` where they do not; nothing is ever cut."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from goclient.errors.wording import printable

if TYPE_CHECKING:
    from goclient.model.deal import DealTable
    from goclient.model.plan import TransferTask
    from goclient.model.spec import TransferSpec
    from goclient.model.staging import Staged

GAP = "  "
DEAL_ROWS = 20  # of a deal that is shown beside something else


def print_table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], *, file: TextIO | None = None, below: int = 0
) -> None:
    """Print rows under heads on ``file``, or on stdout; as a list, without empty cells, where columns do not fit.

    ``below``: where only so many of the last columns do not fit, their cells are written below each row.
    """
    file = file or sys.stdout
    shown = [tuple(map(printable, row)) for row in rows]
    lines = list(_align([heads, *shown]))
    if max(map(_columns_of, lines)) > _width(file):
        lines = _narrow(heads, shown, below=below, width=_width(file))
    file.writelines(f"{line}\n" for line in lines)


def _narrow(heads: Sequence[str], rows: Sequence[Sequence[str]], *, below: int, width: float) -> list[str]:
    """Return the lines of a table whose columns do not all fit: the last ones below each row, or all as a list."""
    first = len(heads) - below
    top, *lines = _align([heads[:first], *(row[:first] for row in rows)])
    if not below or max(map(_columns_of, (top, *lines))) > width:
        lists = ([f"{head}: {cell}" for head, cell in zip(heads, row, strict=True) if cell] for row in rows)
        return [line for block in lists for line in ("", *block)][1:]
    found = [top]
    for line, row in zip(lines, rows, strict=True):
        under = zip(heads[first:], row[first:], strict=True)
        found += [line, *(f"    {head}: {cell}" for head, cell in under if cell)]
    return found


def print_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Print what is known of one thing: a name and its value on each line, in columns where they fit."""
    shown = [(name, printable(value)) for name, value in pairs]
    lines = list(_align(shown))
    if max(map(_columns_of, lines), default=0) > _width(sys.stdout):
        lines = [f"{name}: {value}" for name, value in shown]
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _align(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield each row as a line whose cells stand below each other, without the blanks of empty cells at its end."""
    widths = [max(map(_columns_of, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        *before, last = row[: max((at for at, cell in enumerate(row) if cell), default=0) + 1]
        cells = (cell + " " * (width - _columns_of(cell)) for cell, width in zip(before, widths, strict=False))
        yield GAP.join([*cells, last])


def _columns_of(text: str) -> int:
    """Return how many columns of a terminal a printable text takes."""
    if text.isascii():
        return len(text)
    import unicodedata  # only names that are not ASCII pay for it

    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    joined = sum(unicodedata.category(char) in ("Mn", "Me") or "\u1160" <= char <= "\u11ff" for char in text)
    return len(text) + wide - joined


def _width(file: TextIO) -> float:
    """Return how many columns there are: those that COLUMNS says, or those of the terminal; else there is no end."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns[:9]):
        return int(columns[:9])
    try:
        return os.get_terminal_size(file.fileno()).columns or float("inf")
    except OSError:
        return float("inf")


def print_deal(deal: DealTable, *, most: int = sys.maxsize, file: TextIO | None = None) -> None:
    """Print the share of each job, of many the first ones and the last, then the totals."""
    rows = [(str(row.serial), str(row.files), row.first.display, row.last.display) for row in deal.rows]
    hidden = max(len(rows) - most, 0)
    if hidden:
        rows[most - 1 : -1] = [("...", "", f"{hidden + 1} more jobs", "")]
    print_table(("job", "files", "first", "last"), rows, file=file)
    print(deal.summary, file=file or sys.stdout)


def print_plan(
    tasks: Sequence[TransferTask],
    spec: TransferSpec,
    *,
    staged: Staged | None = None,
    lines: Sequence[str] | None = None,
    file: TextIO | None = None,
) -> None:
    """Print what a job moves: a row an item, then the ``lines`` that say how many tasks it is, and who asks.

    With what is ``staged`` for all jobs before they are sent, and delivered after them.
    """
    from goclient.jobs.explain import HEADS, rows, summary  # pydantic: most tables show no plan

    if tasks:
        print_table(HEADS, rows(tasks, spec.working, staged), file=file)
    for line in summary(tasks, spec) if lines is None else lines:
        print(printable(line), file=file or sys.stdout)
