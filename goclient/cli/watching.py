"""Show jobs while they run: a picture that changes on a terminal, a line for each change in a pipe."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime

from goclient.cli.status_text import summary_lines
from goclient.errors.wording import pluralize, printable, timestamp
from goclient.jobs.summary import summarize
from goclient.jobs.watch import Turn

_CHANGES = 10  # that a terminal shows
_GROUPS = 10


def show_turns(turns: Iterable[Turn]) -> None:
    """Show each turn until the last one."""
    if sys.stdout.isatty():
        _show_live(turns)
        return
    for number, turn in enumerate(turns):
        lines = list(summary_lines(turn.followed, summarize(turn.followed.jobs))) if not number else change_lines(turn)
        print("".join(f"{line}\n" for line in lines), end="", flush=True)


def change_lines(turn: Turn) -> list[str]:
    """Return a line for each change: when it was seen, which job, and its states before and now."""
    now = timestamp(time.time())
    return [
        printable(
            f"{now} PandaID={job.panda_id} {' -> '.join(filter(None, (turn.before[job.panda_id], job.state)))}"
            f"{f' ({job.reason})' if job.reason else ''}"
        )
        for job in turn.changed
    ]


def _show_live(turns: Iterable[Turn]) -> None:
    from rich.console import Console, Group  # 0.05 s: only a terminal pays for it
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    changes: deque[str] = deque(maxlen=_CHANGES)
    with Live(console=Console(soft_wrap=False), auto_refresh=False, transient=True) as live:
        for turn in turns:
            changes.extend(change_lines(turn))
            summary = summarize(turn.followed.jobs)
            lines = [printable(line) for line in summary_lines(turn.followed, summary)]
            reasons = Table.grid(padding=(0, 2))
            for group in summary.groups[:_GROUPS]:
                reasons.add_row(Text(pluralize(len(group.panda_ids), "job"), "red"), Text(printable(group.reason)))
            lines.append(f"as of {datetime.now(UTC):%H:%M:%S} UTC; Ctrl-C ends the picture, not the jobs")
            head = Text("\n".join(lines), "bold")
            live.update(Group(head, reasons, Text("\n".join(changes), "dim")), refresh=True)
