"""Sections of a page about jobs that need no script: the summary, the reasons of failures, the charts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from goclient.jobs.chart import Chart
from goclient.jobs.cure import Cure
from goclient.jobs.links import task_page
from goclient.jobs.page_rows import clean
from goclient.jobs.panda_ids import as_ranges
from goclient.jobs.status import phase_of
from goclient.jobs.timeline import BANDS, ENDED, FAILED, FINISHED, OTHER, PHASES, WAITING, WORK, band_of, timeline
from goclient.jobs.units import duration, moment, size
from goclient.model.endpoint import is_uuid

if TYPE_CHECKING:
    from goclient.jobs.follow import Followed
    from goclient.jobs.status import JobStatus
    from goclient.jobs.summary import ReasonGroup, Summary

_FEW = 3  # numbers of jobs that are shown without being asked for
_PHASES = {phase: phase for phase in PHASES}


def _number(value: float) -> str:
    """Return a number of jobs, which is a mean."""
    return f"{value:,.1f}".removesuffix(".0") if value < 10 else f"{value:,.0f}"


_OF_JOBS = Chart(
    "All jobs",
    {FINISHED: "finished", FAILED: "failed", ENDED: "cancelled or closed", WORK: "on a node", WAITING: "waiting"},
    _number,
)
_OF_PHASES = Chart("Jobs on nodes, by phase", {**_PHASES, OTHER: "phase not known"}, _number)
_OF_RATES = Chart("Transfers of the jobs", _PHASES, lambda value: f"{size(value)}/s")


def escape_text(value: str) -> str:
    """Return what somebody else wrote as a text of HTML, also between quotes."""
    return escape(clean(value))


def notes(followed: Followed) -> str:
    """Return what a reader must know first: the states of tasks, and what is not in the page."""
    lines = [f"Task {task.number} is {task.state}." for task in followed.tasks]
    lines += [f"Not in this page: {error.message}." for error in followed.errors]
    if followed.later:
        tries = ", ".join(f"{old} as {new}" for old, new in followed.later.items())
        lines.append(f"Tried again, as jobs that are not in this page: {tries}.")
    lines += [f"{one.text}: {one.hint}." for one in followed.unfinished]
    if followed.warning:
        lines.append(f"{followed.warning}.")
    return "".join(f'<p class="note">{escape_text(line)}</p>' for line in lines)


def _share(number: int, total: int) -> str:
    """Return a percentage, which is 0 of nothing only, and 100 of all only."""
    percent = round(100 * number / total)
    return "<1 %" if percent == 0 < number else ">99 %" if percent == 100 and number < total else f"{percent} %"


def summary_section(jobs: Sequence[JobStatus], summary: Summary) -> str:
    """Return how many jobs are in which state, as a bar and as numbers, and what they have transferred."""
    bar, at, total = "", 0, sum(summary.states.values())
    states = sorted(summary.states.items(), key=lambda one: (BANDS.index(band_of(one[0])), -one[1], one[0]))
    for state, number in states:
        bar += f'<rect class="area {band_of(state)}" x="{at}" width="{number}" height="1"/>'
        at += number
    words = ", ".join(f"{number:,} {state}" for state, number in states)
    counts = "".join(
        f'<div><dt class="key {band_of(state)}">{escape_text(state)}</dt>'
        f"<dd>{number:,} <small>{escape(_share(number, total))}</small></dd></div>"
        for state, number in states
    )
    figures = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in _figures(jobs, summary))
    return (
        '<section aria-labelledby="summary"><h2 id="summary">Summary</h2>'
        f'<svg class="bar" role="img" aria-label="{escape_text(words)}" viewBox="0 0 {total} 1"'
        f' preserveAspectRatio="none">{bar}</svg><dl>{counts}</dl><dl>{figures}</dl></section>'
    )


def _figures(jobs: Sequence[JobStatus], summary: Summary) -> list[tuple[str, str]]:
    """Return the name and the value of each figure that is known."""
    found = []
    if summary.retried:
        found.append(("earlier tries beside them", f"{summary.retried:,}"))
    if summary.moved_before.files:
        found.append(("files that earlier tries moved", f"{summary.moved_before.files:,}"))
    if summary.moved.files or summary.moved.bytes:
        found += [("files transferred", f"{summary.moved.files:,}"), ("data", size(summary.moved.bytes))]
    if summary.moved.rate:
        found.append(("rate in a transfer", f"{size(summary.moved.rate)}/s"))
    if summary.longest_wait:
        found.append(("longest wait for a node", duration(summary.longest_wait)))
    began = [job.created for job in jobs if job.created is not None]
    ended = [job.ended for job in jobs if job.ended is not None]
    if began:
        found.append(("first job sent", moment(min(began))))
    if ended and all(job.done for job in jobs):
        found.append(("last job ended", moment(max(ended))))
    return found


def reasons_section(groups: Sequence[ReasonGroup], others: Sequence[ReasonGroup]) -> str:
    """Return a table of why jobs failed: how many, why, what mends it, and which; of other groups only how many."""
    rows = []
    for number, group in enumerate(groups):
        count, ids = len(group.panda_ids), f"<code>{as_ranges(group.panda_ids)}</code>"
        button = (
            f'<button type="button" data-group="{number}" disabled aria-label="{count:,}: show these jobs">{count:,}'
        )
        hint = group.mending if group.cure is not Cure.AGAIN or count <= _FEW else "goclient retry and these PandaIDs"
        cure = f"{group.cure.value}{f': {hint}' if hint else ''}"
        which = f"<details><summary>show</summary>{ids}</details>" if count > _FEW else ids
        rows.append((f"{button}</button>", escape_text(group.reason), escape_text(cure), which))
    left = sum(len(group.panda_ids) for group in others)
    more = f'<p class="note">{left:,} more jobs have {len(others):,} other reasons.</p>' if others else ""
    heads = {"Jobs": "number", "Reason": "reason bad", "What mends it": "text", "PandaIDs": "ids"}
    return _table_section("Why jobs did not finish", heads, rows, more=more)


def transfers_section(followed: Followed) -> str:
    """Return a table of the user's own transfers, which bring and deliver the files of all jobs of a campaign."""
    rows = []
    for task in followed.transfers:
        shown_id = escape_text(task.task_id)
        if followed.has_pages and is_uuid(task.task_id):
            shown_id = f'<a href="{task_page(task.task_id)}" rel="noopener noreferrer">{shown_id}</a>'
        counts = f"{task.files:,}", escape(size(task.bytes))
        rows.append(
            (escape_text(phase_of(task)), escape_text(task.status.lower()), *counts, shown_id, escape_text(task.reason))
        )
    heads = {"Phase": "", "State": "", "Files": "number", "Data": "number", "Transfer task": "ids", "Reason": "reason"}
    return _table_section("Transfers for all jobs", heads, rows)


def _table_section(heading: str, heads: Mapping[str, str], rows: Iterable[Sequence[str]], *, more: str = "") -> str:
    """Return a section with a table of HTML: ``heads`` have the class of each column, and the first cell heads a row.

    On a phone, where it is a list, browsers need the roles to know it as a table.
    """
    name = heading.split(" ")[0].lower()
    body = ""
    for row in rows:
        cells = [
            f'class="{kind}" data-head="{head}">{cell}' for (head, kind), cell in zip(heads.items(), row, strict=True)
        ]
        others = "".join(f'<td role="cell" {cell}</td>' for cell in cells[1:])
        body += f'<tr role="row"><th scope="row" role="rowheader" {cells[0]}</th>{others}</tr>'
    named = "".join(
        f'<th scope="col" role="columnheader" class="{"number" if kind == "number" else ""}">{head}</th>'
        for head, kind in heads.items()
    )
    return (
        f'<section aria-labelledby="{name}"><h2 id="{name}">{heading}</h2>'
        f'<table class="phone" role="table" aria-labelledby="{name}"><thead class="plain" role="rowgroup">'
        f'<tr role="row">{named}</tr></thead><tbody role="rowgroup">{body}</tbody></table>{more}</section>'
    )


def charts_section(jobs: Sequence[JobStatus], now: float) -> str:
    """Return the charts of what happened when, if jobs tell their times."""
    found = timeline(jobs, now)
    if found is None:
        return ""
    span = f"{duration(found.window.ended - found.window.began)} since the first job was sent."
    drawn = (
        _OF_JOBS.html(found.jobs, found.window, sentence=span),
        _OF_PHASES.html(found.phases, found.window),
        _OF_RATES.html(found.rates, found.window),
    )
    heading = '<section aria-labelledby="charts"><h2 id="charts">Over time</h2>'
    return f'{heading}<div class="charts">{"".join(drawn)}</div></section>'
