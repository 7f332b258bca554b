"""Metrics of a job, from its journal: how long each phase took, and what it moved; docs/sites.md has the form."""

from __future__ import annotations

import re
from collections.abc import Iterator

from goclient.journal import Entry, Journal
from goclient.node.engines.base import Transferred

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
    for word in _tasks(entries):
        if len(" ".join((*words, word))) <= MAX_METRICS:
            words.append(word)
    return " ".join(words)[:MAX_METRICS]


def _span(entries: list[Entry]) -> float:
    return max(one.time for one in entries) - min(one.time for one in entries)


def _counts(phase: str, entries: list[Entry]) -> Iterator[str]:
    """Yield what the tasks of a phase have moved, as their last entries say."""
    last = {one.key: one.detail for one in entries if one.state in ("done", "failed")}
    for name in ("files", "bytes", "faults"):
        total = sum(int(count) for detail in last.values() for found, count in _COUNT.findall(detail) if found == name)
        yield f"{phase}.{name}={total}"


def _tasks(entries: list[Entry]) -> Iterator[str]:
    """Yield a word for each transfer task that Globus has carried out: its phase, its id, and what it has moved."""
    last = {one.key: one for one in entries if one.what == "transfer" and one.state in ("done", "failed")}
    for key, one in last.items():
        phase, done = key.partition(".")[0], Transferred.read(one) or Transferred(0, 0)
        if phase in PHASES and len(one.subjects) == 2:
            yield f"{phase}.task={one.subjects[1]},{done.files},{done.bytes},{one.state}"
