"""Metrics of a job, from its journal: how long each phase took, and what it moved; docs/sites.md has the form."""

from __future__ import annotations

import re
from collections.abc import Iterator

from goclient.journal import Entry, Journal

MAX_METRICS = 500  # characters: the column jobMetrics
PHASES = ("stage-in", "stage-out", "output")
_COUNT = re.compile(r"(files|bytes|faults)=([0-9]+)")


def metrics(journal: Journal) -> str:
    """Return the metrics of a job as words ``name=value``, as far as its journal knows them."""
    entries = list(journal.entries())
    words = ["goclient=v1"]
    for phase in PHASES:
        moved = [one for one in entries if one.what == "transfer" and one.key.partition(".")[0] == phase]
        if moved:
            words += [f"{phase}.s={_span(moved):.1f}", *_counts(phase, moved)]
        if phase == "stage-in" and (ran := [one for one in entries if one.what == "payload"]):
            words.append(f"payload.s={_span(ran):.1f}")
    if entries:
        words.append(f"total.s={_span(entries):.1f}")
    return " ".join(words)[:MAX_METRICS]


def _span(entries: list[Entry]) -> float:
    return max(one.time for one in entries) - min(one.time for one in entries)


def _counts(phase: str, entries: list[Entry]) -> Iterator[str]:
    """Yield what the tasks of a phase have moved, as their last entries say."""
    last = {one.key: one.detail for one in entries if one.state in ("done", "failed")}
    for name in ("files", "bytes", "faults"):
        total = sum(int(count) for detail in last.values() for found, count in _COUNT.findall(detail) if found == name)
        yield f"{phase}.{name}={total}"
