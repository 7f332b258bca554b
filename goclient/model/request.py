"""A request for jobs, as a user makes it: what the jobs have in common, their payload, their transfers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from goclient.model.frozen import Frozen
from goclient.model.payload import is_url
from goclient.model.records.panda_job import JobTemplate
from goclient.model.syntax.word_reader import Items

if TYPE_CHECKING:
    from goclient.model.deal import DealOrder
    from goclient.model.staging import StagingArea


class Job(NamedTuple):
    """Parts of a job that a preflight checks beside its transfers: the queues that it names, its payload, its label."""

    queues: Sequence[str] = ()
    payload: str = ""
    label: str = "user"


class Who(Enum):
    """Rights that a carried job has: a service client's, or the user's own, for single collections."""

    SERVICE = "service"
    TOKEN = "token"  # noqa: S105  # a kind, no token


class Credential(Frozen):
    """Id and secret of the service client that acts for carried jobs."""

    client_id: str
    secret: str = field(repr=False)


class Carriage(NamedTuple):
    """Way in which jobs bring their own transfers.

    ``run_gen`` is the transformation that starts their carrier, ``file_server`` the URL of the host that keeps their
    archive, ``files`` what is named beside the payload to travel in it.  ``auth`` and ``transfer`` are the base URLs of
    Globus; ``who`` acts there, a service client with its ``credential``, if one is set.  ``needs`` is in hours.
    ``place`` names the journal by which the credential is taken back.  ``shares_secrets``: other secrets of the user's
    at PanDA may go to the jobs, too.
    ``connect`` is where a node finds Globus Connect, if it may be used.
    """

    run_gen: str
    file_server: str
    auth: str
    transfer: str
    files: Sequence[str] = ()
    who: Who = Who.SERVICE
    credential: Credential | None = None
    needs: int = 0
    connect: str = ""
    place: str = ""
    shares_secrets: bool = False


class Grant(NamedTuple):
    """Permission of a principal to a directory of a collection, with its end.

    ``rule`` is the id of the one that it has by now, if it has one for the directory, which ends too early.
    """

    collection: str
    path: str
    permissions: str
    principal: str
    until: str
    rule: str = ""


class Rights(NamedTuple):
    """Rights of who acts for carried jobs, as the checks found them.

    ``until`` is when they end, empty if that is not known; ``servers`` are the URLs of the HTTPS servers of
    collections, by the ids of these; ``grants`` are what is missing, and is given before the jobs are sent.
    """

    until: str = ""
    servers: Mapping[str, str] = MappingProxyType({})
    grants: tuple[Grant, ...] = ()


NO_RIGHTS = Rights()


class Request(Frozen):
    """Values that all jobs have, their name, how many they are, the payload's words, and the transfers' items.

    ``carriage``: they bring their own transfers.  ``campaign`` is the one under which they are sent.  ``area``: their
    files are brought to this directory of the site before, and what they leave there is delivered after them.
    With an ``order`` each job has files of its own, and there are as many jobs as these need; ``count`` is not used.
    """

    common: JobTemplate
    name: str
    count: int
    parameters: str
    items: Items
    lenient: bool = False
    order: DealOrder | None = None
    carriage: Carriage | None = None
    campaign: str = ""
    area: StagingArea | None = None

    @property
    def job(self) -> Job:
        """Parts that are checked beside the transfers."""
        queues = [self.common.computingSite] if self.common.computingSite else []
        payload = "" if self.packs_payload else self.common.transformation
        return Job(queues, payload, self.common.prodSourceLabel)

    @property
    def packs_payload(self) -> bool:
        """True if the payload is a file here, which travels with the jobs."""
        payload = self.common.transformation
        return self.carriage is not None and not (is_url(payload) or "://" in payload)
