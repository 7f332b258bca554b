"""Next steps after a submission: how to follow its jobs, and where their files will be."""

from __future__ import annotations

from collections.abc import Sequence

from goclient.errors.findings import SHOWN
from goclient.model.campaign import campaign_of
from goclient.model.location import Location
from goclient.model.names import fill_serial
from goclient.model.spec import TransferSpec


def status_command(panda_ids: Sequence[int], campaign: str, *, job_name: str) -> str:
    """Return the command that shows these jobs, which were sent under a campaign; ``job_name`` is that of one.

    They go by their numbers, if nobody's lie between and their names do not have the campaign.
    """
    first, last = panda_ids[0], panda_ids[-1]
    if campaign_of(job_name) or last - first != len(panda_ids) - 1:
        return f"goclient status --campaign {campaign}"
    return f"goclient status {first}" + (f"-{last}" if last > first else "")


def mending_steps(campaign: str, jobs: int, *, cancelled: bool) -> str:
    """Return what to type for jobs of a campaign that are over and have not finished, ``cancelled`` ones among them."""
    again, them = f"goclient retry --campaign {campaign}{' --all' if cancelled else ''}", "it" if jobs == 1 else "them"
    return f"to send {them} again, type: {again}; to give {them} up: goclient advance {campaign} --end"


def delivery_step(campaign: str) -> str:
    """Return what delivers the outputs of jobs that leave them at a site."""
    return f"to deliver it when jobs have ended, type: goclient advance {campaign}"


def targets_of(spec: TransferSpec) -> list[Location]:
    """Return where the files of a job will be."""
    return [one.target for one in (*spec.stage_out, *spec.output) if not one.destination.in_job]


def final_names(targets: Sequence[Location], serials: Sequence[int]) -> list[str]:
    """Return where the files of jobs with these numbers will be, a line each: of several, of the first and the last."""
    shown = targets if len(targets) <= SHOWN else targets[: SHOWN - 1]
    lines = []
    for target in shown:
        ends = (target.with_path(fill_serial(target.path, serial)).display for serial in (serials[0], serials[-1]))
        lines.append(" to ".join(dict.fromkeys(ends)))
    return lines if len(shown) == len(targets) else [*lines, f"and {len(targets) - len(shown)} more for each job"]
