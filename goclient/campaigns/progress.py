"""Progress of a batch, in words and as a document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from goclient.campaigns.state import Sent, Standing
from goclient.errors import GoclientError
from goclient.errors.wording import pluralize
from goclient.jobs.panda_ids import as_ranges
from goclient.model.location import Location
from goclient.submission import SubmittedJob


@dataclass(frozen=True)
class Progress:
    """Progress of a batch: its jobs by how they stand, those whose outputs are delivered, and what is in the way.

    One that was not looked at has no jobs: it was closed before, or that is a problem.  ``submitted`` are the jobs that
    were sent meanwhile, further tries included; ``targets`` are the places where the outputs of a job will be.
    ``is_plain``: its jobs bring their own files, and deliver what they make.  ``clears``: what it has at its site is
    being removed.  ``panda_ids`` are its jobs' latest tries; where others have its campaign's name, these tell it
    apart, or else the time ``started``.
    """

    campaign: str
    key: str
    jobs: int = 0
    sent: Sent = Sent.UNKNOWN
    brought: bool = False
    standing: Mapping[Standing, int] = field(default_factory=dict)
    delivered: int = 0
    closed: bool = False
    problems: tuple[GoclientError, ...] = ()
    submitted: tuple[SubmittedJob, ...] = ()
    targets: tuple[Location, ...] = ()
    is_plain: bool = False
    clears: bool = False
    panda_ids: tuple[int, ...] = ()
    started: str = ""

    @property
    def name(self) -> str:
        """Return what it is called in words."""
        if not self.started:
            return self.campaign
        return f"{self.campaign}, {f'PandaID {as_ranges(self.panda_ids)}' if self.panda_ids else self.started}"

    @property
    def text(self) -> str:
        """Return it in words, none if it was not looked at."""
        if not self.jobs:
            return ""
        if self.closed and self.sent is not Sent.YES and not self.is_plain:
            return f"{self.name}: given up: its jobs were not sent"
        if self.closed:
            done = f"{'has' if self.jobs == 1 else 'have'} {'finished' if self.is_plain else 'delivered'}"
            return f"{self.name}: all is done: {self.delivered} of {pluralize(self.jobs, 'job')} {done}"
        if self.is_plain:
            return self._standings
        if self.clears and self.sent is Sent.NO:
            return f"{self.name}: given up: its jobs were not sent; what was brought is being removed"
        if self.sent is not Sent.YES:
            where = "there" if self.brought else "on their way"
            known = (
                "it is not known whether its jobs are sent" if self.sent is Sent.UNKNOWN else "its jobs are not sent"
            )
            return f"{self.name}: its inputs are {where}, {known}"
        have = "has" if self.delivered == 1 else "have"
        removes = "; what was staged is being removed" if self.clears else ""
        return f"{self._standings}; {self.delivered} {have} delivered{removes}"

    @property
    def _standings(self) -> str:
        words = {Standing.RUNNING: "waiting or running"}
        counts = ", ".join(f"{number} {words.get(one, one.value)}" for one, number in self.standing.items())
        return f"{self.name}: {pluralize(self.jobs, 'job')}: {counts}"

    def document(self) -> dict[str, Any]:
        """Return the JSON object of it; of one that was not looked at, without its jobs."""
        known = {
            "jobs": self.jobs,
            "brought": self.brought,
            "sent": self.sent.value,
            **{one.value: self.standing.get(one, 0) for one in Standing},
            "delivered": self.delivered,
            "viaSite": not self.is_plain,
            "deliver": [{"destination": one.endpoint.text, "path": one.path} for one in self.targets],
        }
        return {
            "campaign": self.campaign,
            "key": self.key,
            **(known if self.jobs else {}),
            **({"submitted": [one.document() for one in self.submitted]} if self.jobs or self.submitted else {}),
            "done": self.closed,
            "problems": [one.document() for error in self.problems for one in error.findings],
        }
