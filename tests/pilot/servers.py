"""A PanDA server in memory, as pilots see it, and the settings of a pilot that needs nothing else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from goclient.config.grid import Accounts
from goclient.errors import GoclientError, LoginNeeded
from goclient.errors.sent import UnreadableJob
from goclient.model.mode import Mode
from goclient.model.records.answers import AssignedJob, JobState
from goclient.model.remote import NewEndpoint
from goclient.node.engines.base import TransferService
from goclient.node.engines.globus_task import Patience
from goclient.pilot.pilot import Pilot
from goclient.pilot.settings import Services, Settings
from goclient.reporter.recording import RecordingReporter
from goclient.services.globus.tokens import CollectionTokens
from goclient.services.panda.client import Command, PandaServer, Rights
from tests.node.transfers import Service

SITE = "TEST1"


def job(panda_id: int = 17, *, attempt: int = 1, transformation: str = "/bin/true", task_id: int = 0) -> AssignedJob:
    """A job without transfers."""
    return AssignedJob(
        panda_id=panda_id,
        name="j",
        transformation=transformation,
        parameters="",
        attempt=attempt,
        task_id=task_id,
        log_file=f"{panda_id}.{attempt}.job.log.tgz",
        log_guid="g",
        dispatch_block="",
        destination_block="",
    )


@dataclass
class Server(PandaServer):
    """A server with these jobs; ``away`` is raised by its calls, ``commands`` are its next answers to reports."""

    jobs: list[AssignedJob] = field(default_factory=list)
    states: dict[int, JobState] = field(default_factory=dict)
    reports: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    described: dict[int, JobState | None] = field(default_factory=dict)  # whatever it was told
    away: GoclientError | None = None
    granted: Rights = field(default_factory=lambda: Rights("/CN=pilot", is_pilot=True, clock=0.0))

    @property
    def name(self) -> str:
        return "the server"

    def acquire(self, site: str, *, node: str) -> AssignedJob | None:
        self._check()
        if not self.jobs:
            return None
        taken = self.jobs.pop(0)
        self.states[taken.panda_id] = JobState(taken.panda_id, taken.attempt, taken.task_id, "sent", "", "")
        return taken

    def update(self, panda_id: int, state: str, **details: Any) -> Command:
        self._check()
        self.reports.append((panda_id, state, details))
        known = self.states[panda_id]
        if details["attempt_nr"] == known.attempt and not known.is_over:
            self.states[panda_id] = JobState(panda_id, known.attempt, known.task_id, state, "", "")
        return self.commands.pop(0) if self.commands else Command.GO_ON

    def describe(self, panda_ids: Sequence[int], *, archived: bool = False) -> list[JobState | UnreadableJob | None]:
        self._check()
        return [self.described.get(one, self.states.get(one)) for one in panda_ids]

    def rights(self) -> Rights:
        self._check()
        return self.granted

    @property
    def ends(self) -> list[tuple[int, str]]:
        """The jobs whose end it was told."""
        return [(panda_id, state) for panda_id, state, _ in self.reports if state in ("finished", "failed")]

    def _check(self) -> None:
        if self.away is not None:
            raise self.away


@dataclass
class Endpoints(Service):
    """A transfer service that has endpoints of its own, by their names."""

    made: dict[str, str] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)

    def create_personal(self, name: str) -> NewEndpoint:
        self.made[name] = f"id-of-{name}"
        return NewEndpoint(self.made[name], "key")

    def personal_called(self, name: str) -> list[str]:
        return [self.made[name]] if name in self.made else []

    def delete(self, collection_id: str) -> None:
        self.deleted.append(collection_id)


def settings(folder: Path, **more: Any) -> Settings:
    """The settings of a pilot that works, and keeps its state, below this directory."""
    work = folder / "work"
    work.mkdir(exist_ok=True)
    given: dict[str, Any] = {
        "site": SITE,
        "work": work,
        "state": folder / "state",
        "patience": Patience(deadline=60.0, faults=5.0),
        "heartbeat": 1800.0,
        "connect": "globusconnectpersonal",
        "env": os.environ,
        "own": (),
        "modes": frozenset({Mode.LOCAL}),
        "report_within": 0.0,
    }
    return Settings(**{**given, **more})


def no_tokens() -> CollectionTokens:
    """Raise what a pilot without a Globus client meets."""
    raise LoginNeeded("no Globus client is set")


def pilot(folder: Path, server: Server, service: TransferService | None = None, **more: Any) -> Pilot:
    """A pilot of that server."""
    services = Services(lambda: service or Endpoints(), lambda: Accounts(os.environ), no_tokens)
    return Pilot(settings(folder, **more), server, services, RecordingReporter())
