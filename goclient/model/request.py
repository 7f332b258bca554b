"""A request for jobs, as a user makes it: what the jobs have in common, their payload, their transfers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from goclient.model.records.panda_job import JobTemplate
from goclient.model.syntax.options import Items


@dataclass(frozen=True, slots=True)
class Job:
    """Parts of a job that a preflight checks beside its transfers: the queues that it names, its payload, its label."""

    queues: Sequence[str] = ()
    payload: str = ""
    label: str = "user"


@dataclass(frozen=True, slots=True)
class Request:
    """Values that all jobs have, their name, how many they are, the payload's words, and the transfers' items."""

    common: JobTemplate
    name: str
    count: int
    parameters: str
    items: Items
    lenient: bool = False

    @property
    def job(self) -> Job:
        """Parts that are checked beside the transfers."""
        queues = [self.common.computingSite] if self.common.computingSite else []
        return Job(queues, self.common.transformation, self.common.prodSourceLabel)
