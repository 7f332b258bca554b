"""Campaigns: the jobs that are sent under one name, which is in the names of the jobs and in the labels of transfers.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

from goclient.model.names import UUID

# What the label of a transfer task may have (Globus Transfer API, "label"), without what separates words or names.
# Digits alone are a PandaID: the label of a campaign's transfer would be that of a job's.
_NAME = r"(?=[0-9]*[A-Za-z_-])[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
_JOB = rf"({_NAME})\.{UUID.pattern}(?:_[0-9]+)?(?:\.try[0-9]+)?"
RULE = "a campaign's name has at most 64 letters, digits, _ and -, begins with a letter or a digit, and is not a number"


def new_campaign() -> str:
    """Return the name of a campaign that was not given one: the local time."""
    return time.strftime("%Y%m%d-%H%M%S")


def is_campaign(name: str) -> bool:
    """Return True if a campaign may have the name."""
    return re.fullmatch(_NAME, name) is not None


def repair_campaign(name: str) -> str:
    """Return the nearest name that a campaign may have, empty if nothing is left of it."""
    repaired = re.sub("[^A-Za-z0-9_-]+", "-", name).strip("-_")[:64]
    return f"c{repaired}"[:64] if repaired.isdigit() else repaired


def campaign_of(job_name: str) -> str:
    """Return the campaign that a jobName names, ``CAMPAIGN.UUID``, also of a sibling and a later try; or nothing."""
    found = re.fullmatch(_JOB, job_name)
    return found[1] if found else ""


def common_campaign(names: Iterable[str]) -> str:
    """Return the campaign that all have, each of which may have none; or nothing."""
    found = set(names)
    return found.pop() if len(found) == 1 else ""


def job_label(panda_id: int, campaign: str, phase: str) -> str:
    """Return the label of a job's transfer task: it begins with the PandaID, and its last word is the phase."""
    return " ".join(filter(None, ("goclient", str(panda_id), campaign, phase)))
