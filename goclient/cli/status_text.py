"""Words and tables about jobs that are followed: a summary, the reasons of failures, the jobs, and their transfers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from goclient.cli.tables import print_table
from goclient.errors.wording import pluralize, printable
from goclient.jobs.follow import Followed, campaign_in
from goclient.jobs.links import jedi_task_page, job_page, task_page
from goclient.jobs.panda_ids import as_ranges
from goclient.jobs.status import JobStatus, name_phase
from goclient.jobs.summary import Moved, ReasonGroup, Summary, summarize
from goclient.jobs.units import duration, moment, size
from goclient.model.endpoint import is_uuid
from goclient.model.remote import TaskState

FEW = 20  # jobs whose transfers are all shown
_REASONS = 5  # of a group in which they differ
_IN_PLACE = "goclient status --json has them all"


def print_followed(followed: Followed, *, shows_all: bool = False) -> None:
    """Print what became of jobs and tasks; of more than a few jobs only the transfers that need a look, or all."""
    summary = summarize(followed.jobs, transfers=followed.transfers)
    for line in summary_lines(followed, summary):
        print(printable(line))
    for group in summary.groups:
        print()
        for line in group_lines(group, followed.jobs):
            print(printable(line))
    for line in _later_lines(followed):
        print(line)
    _print_transfers([_transfer_row(campaign_in(task), task, followed) for task in followed.transfers])
    if followed.jobs:
        print()
        print_jobs(followed.jobs, server=followed.server)
    rows, left = [], 0
    for job in followed.jobs:
        for task in job.transfers:
            if shows_all or len(followed.jobs) <= FEW or (task.reason and not task.has_succeeded):
                rows.append(_transfer_row(str(job.panda_id), task, followed))
            else:
                left += 1
    _print_transfers(rows)
    if left:
        print(f"\n{pluralize(left, 'transfer')} not shown: -v shows all")


def summary_lines(followed: Followed, summary: Summary) -> Iterator[str]:
    """Yield the lines of a summary: tasks, jobs by state, and what they have moved."""
    for task in followed.tasks:
        page = jedi_task_page(task.number, followed.server)
        yield f"task {task.number}: {task.state}{f'  {page}' if page else ''}"
    states = ", ".join(f"{number:,} {state}" for state, number in summary.states.items())
    before = f", which moved {_files_of(summary.moved_before)}" if summary.moved_before.files else ""
    retried = f" (earlier tries beside them: {summary.retried:,}{before})" if summary.retried else ""
    yield f"{summary.heading}{f': {states}' if states else ''}{retried}"
    moved = summary.moved
    parts = [f"{_files_of(moved)} transferred, {size(moved.bytes)}"] if moved.files or moved.bytes else []
    parts += [f"{size(moved.rate)}/s in a transfer"] if moved.rate else []
    parts += [f"longest wait for a node {duration(summary.longest_wait)}"] if summary.longest_wait else []
    if parts:
        yield "; ".join(parts)


def _files_of(moved: Moved) -> str:
    return f"{moved.files:,} file{'s' * (moved.files != 1)}"


def group_lines(group: ReasonGroup, jobs: Sequence[JobStatus]) -> Iterator[str]:
    """Yield the lines of jobs that failed for one reason: how many, why, what mends it, and which."""
    ids = set(group.panda_ids)
    yield f"{pluralize(len(ids), 'job')}: {group.reason}"
    own = [job for job in jobs if job.panda_id in ids and job.reason and job.reason != group.reason]
    for job in own[:_REASONS]:
        yield f"    PandaID={job.panda_id}: {job.reason}"
    if len(own) > _REASONS:
        yield f"    and {len(own) - _REASONS:,} more; {_IN_PLACE}"
    yield f"    {group.cure.value}{f': {group.mending}' if group.mending else ''}"
    yield f"    PandaID {as_ranges(ids)}"


def print_jobs(jobs: Sequence[JobStatus], *, server: str) -> None:
    """Print a row for each job; a column that none of them needs is left out."""
    several = len({job.campaign for job in jobs}) > 1
    rows = [
        (
            str(job.panda_id),
            job.state,
            job.site,
            moment(job.created) if job.created is not None else "",
            _between(job.created, job.started),
            _between(job.started, job.ended),
            job.campaign if several else "",
            job.name,
            job_page(job.panda_id, server),
        )
        for job in jobs
    ]
    heads = ("PandaID", "state", "site", "created", "waited", "ran", "campaign", "name", "page")
    kept = [at for at, column in enumerate(zip(*rows, strict=True)) if any(column)]
    wide = sum(heads[at] in ("name", "page") for at in kept)
    print_table([heads[at] for at in kept], [[row[at] for at in kept] for row in rows], below=wide)


def _between(began: float | None, ended: float | None) -> str:
    """Return how long something took; nothing if that is not known, as where two clocks do not agree."""
    return duration(ended - began) if began is not None and ended is not None and ended >= began else ""


def _later_lines(followed: Followed) -> Iterator[str]:
    """Yield which jobs were tried again as jobs that are not shown."""
    some = [f"{old} as {new}" for old, new in list(followed.later.items())[:FEW]]
    if some:
        more = len(followed.later) - len(some)
        yield ""
        yield f"tried again, as jobs that are not shown here: {', '.join(some)}{f' and {more:,} more' if more else ''}"


def _print_transfers(rows: Sequence[tuple[str, ...]]) -> None:
    if rows:
        print()
        print_table(("of", "phase", "state", "files", "size", "task", "reason"), rows, below=2)


def _transfer_row(whose: str, task: TaskState, followed: Followed) -> tuple[str, ...]:
    page = task_page(task.task_id) if followed.has_pages and is_uuid(task.task_id) else task.task_id
    return whose, name_phase(task), task.status, str(task.files), size(task.bytes), page, task.reason


def warnings_of(followed: Followed) -> Iterator[str]:
    """Yield why transfers are not known, a reason that many jobs have only once."""
    jobs = followed.jobs
    if followed.warning:
        yield followed.warning
    said = Counter(job.warning.partition(": ")[2] for job in jobs if job.warning)
    for why, number in said.items():
        one = next(job.warning for job in jobs if job.warning.partition(": ")[2] == why)
        yield one if number == 1 else f"the transfers of {number:,} jobs are not known: {why}"
