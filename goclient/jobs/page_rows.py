"""Rows of the table in a page about jobs: JSON that the page's script reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from goclient.errors.wording import printable
from goclient.jobs.links import jedi_task_page, job_page, task_page
from goclient.jobs.status import name_phase
from goclient.jobs.summary import measure_moved
from goclient.jobs.timeline import band_of
from goclient.model.endpoint import is_uuid
from goclient.secrets import hide

if TYPE_CHECKING:
    from goclient.jobs.follow import Followed
    from goclient.jobs.summary import ReasonGroup

_ANY_TASK = "00000000-0000-0000-0000-000000000000"


def clean(value: str) -> str:
    """Return what somebody else wrote without what does not print, and without the credentials of this process."""
    return printable(hide(value))


def document(followed: Followed, groups: Sequence[ReasonGroup], now: float) -> dict[str, Any]:
    """Return what the page's script reads: a row a job, in the order of its columns; texts that are often there once.

    A link is the page of its service and a number, or an id that is one: never what a job has written.
    """
    texts: dict[str, int] = {}
    group_of = {panda_id: number for number, group in enumerate(groups) for panda_id in group.panda_ids}

    def add_text(text: str) -> int:
        return texts.setdefault(clean(text), len(texts))

    def whole(time: float | None) -> int | None:
        return None if time is None else round(time)

    rows = []
    for job in followed.jobs:
        moved = measure_moved(job)
        transfers = [
            [add_text(name_phase(task)), add_text(task.status.lower()), task.files, task.bytes,
             task.task_id if is_uuid(task.task_id) else ""]
            for task in job.transfers
        ]  # fmt: skip
        times, rate = [whole(time) for time in (job.created, job.started, job.ended)], whole(moved.rate or None)
        rows.append([
            job.panda_id, add_text(job.state), clean(job.name), add_text(job.site), job.attempt, job.task_id,
            *times, moved.files, moved.bytes, rate, add_text(job.reason), group_of.get(job.panda_id), transfers,
        ])  # fmt: skip
    return {
        "now": round(now),
        "monitor": job_page(0, followed.server).removesuffix("0"),
        "task": jedi_task_page(0, followed.server).removesuffix("0/"),
        "globus": task_page(_ANY_TASK).removesuffix(_ANY_TASK) if followed.has_pages else "",
        "tones": {clean(job.state): band_of(job.state) for job in followed.jobs},
        "groups": [clean(group.reason) for group in groups],
        "texts": list(texts),
        "rows": rows,
    }
