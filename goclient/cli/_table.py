"""Tables: drawn by rich on a terminal, plain columns anywhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints rows under heads on stdout."""
    if sys.stdout.isatty() and os.get_terminal_size(1).columns >= sum(map(len, heads)) + 40:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(*heads)
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))  # no cell is markup
        Console().print(table)
        return
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    for row in [heads, *rows]:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
