"""Tables: drawn by rich on a terminal, plain columns anywhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TextIO


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
