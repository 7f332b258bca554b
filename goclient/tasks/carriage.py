"""Carriage of the tasks of one run: plans, made before the archive is uploaded, and what goes before each task."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from goclient.carrier.build import build
from goclient.carrier.carried import Made, make_plan
from goclient.carrier.plan import CarrierPlan
from goclient.carrier.secret import Secret
from goclient.carrier.sending import confirm_secret, hand_out
from goclient.config.connections import Connections
from goclient.config.environment import journal_path
from goclient.errors import GoclientError, RequestError, ServerError
from goclient.errors.wording import quote
from goclient.jobs.credentials import Credentials
from goclient.jobs.grants import make_ready
from goclient.journal import Journal
from goclient.model.planner import plan
from goclient.model.records.registry import attach_carried
from goclient.model.request import Carriage, Rights
from goclient.model.spec import TransferSpec
from goclient.tasks.archive import add_carrier
from goclient.tasks.carried import find_refused, start_carrier
from goclient.tasks.outputs import ExpectedTask, Outputs, TaskMap
from goclient.tasks.transfers import keep_names

_UPLOADED = "True"  # what Client.putFile says of a file that was stored


@dataclass(frozen=True, slots=True)
class Carrying:
    """Way in which the jobs of tasks bring their own transfers, and the services that their credential needs."""

    carriage: Carriage
    connections: Connections

    @property
    def journal(self) -> Journal:
        """Return the journal in which it is written down who has a credential."""
        return Journal(journal_path(self.connections.env))


class Started(NamedTuple):
    """Our words in a task whose jobs start a carrier, its transfers, and the outputs that are left to PanDA."""

    words: list[str]
    spec: TransferSpec
    outputs: Outputs


class Upload(Protocol):
    """Call panda-client's own upload of one file, with other arguments if they are given."""

    def __call__(self, **changed: Any) -> Any:
        """Return a code, and the text ``True`` or what is wrong."""


class _Expected(NamedTuple):
    """Transfers of a task, and the plan and the secret that were made of them."""

    spec: TransferSpec
    made: Made


class TaskCarriage:
    """Make the plans of tasks, add them to the archive, start the carrier in each task, and hand out its credential."""

    def __init__(self, carrying: Carrying, tool: str) -> None:
        self._carrying, self._tool = carrying, tool
        self._plans: dict[str, _Expected] = {}  # by the datasets of the tasks, in their order
        self._handed_out: dict[
            str, tuple[str, Secret]
        ] = {}  # to the tasks of datasets: the key in the journal, and what
        self._is_uploaded = False
        self._waiting: Callable[[], None] | None = None  # an upload, for the plans

    @property
    def is_ready(self) -> bool:
        """Return True once the plans of all tasks are made."""
        return bool(self._plans)

    def expect(self, task: ExpectedTask, spec: TransferSpec, rights: Rights) -> None:
        """Make the plan of a task, whose outputs are known before its archive is uploaded."""
        own = keep_names(spec, task.outputs)
        bare = CarrierPlan(task.dataset, plan(own), overwrite=own.overwrite, working=own.working or "", program="")
        made = make_plan(bare, self._carrying.carriage, rights)
        self._plans[task.dataset] = _Expected(own, made)

    def find_refused(self, spec: TransferSpec, options: Any) -> Iterator[GoclientError]:
        """Yield an error for each of panda-client's options with which the jobs cannot bring these transfers."""
        yield from find_refused(spec, options, tool=self._tool)

    def upload(self, name: str, upload: Upload) -> Any:
        """Upload the first archive with the carrier and the plans, once these are made; return panda-client's answer.

        What is uploaded later is not an archive of the jobs.
        """
        if self._is_uploaded:
            return upload()
        self._is_uploaded = True
        if self.is_ready:
            self._pack(name)
            return upload()
        self._waiting = partial(self._upload_late, name, upload)
        return 0, _UPLOADED

    def _pack(self, name: str) -> None:
        plans = [one.made.plan.encode() for one in self._plans.values()]
        add_carrier(Path(os.path.abspath(name)), carrier=build(), plans=plans)

    def _upload_late(self, name: str, upload: Upload) -> None:
        """Upload the archive when its task is there, which has its name; raise ServerError."""
        self._pack(name)
        _, said = upload(reuseSandbox=False)
        if said != _UPLOADED:
            message = f"the archive of the task could not be uploaded: {quote(said)}; nothing was submitted"
            raise ServerError(message, hint="type the command again", code="upload", transient=True)

    def start(self, task: TaskMap, spec: TransferSpec, ready: ExpectedTask) -> Started:
        """Change a task so that its jobs start the carrier with the plan of these transfers, which is in the archive.

        Raises RequestError if that is another one than was expected before the upload.
        """
        own, expected = keep_names(spec, ready.outputs), self._plans.get(ready.dataset)
        if expected is None or expected.spec != own:
            message = f"the outputs of the task {quote(ready.dataset)} are not those that the plan in its archive has"
            raise RequestError(message, hint="declare all of them with --outputs or --extOutFile", code="outputs")
        made = expected.made
        if self._waiting is not None:
            self._waiting()
            self._waiting = None
        sources = {one.source.path[1:] for one in (*own.stage_out, *own.output) if one.source.in_job}
        taken = {name: lfn for name, lfn in ready.outputs.names.items() if name in sources}
        left = {name: lfn for name, lfn in ready.outputs.names.items() if name not in taken}
        start_carrier(task, self._tool, checksum=made.plan.sha256, taken=taken, secret=made.secret is not None)
        words = attach_carried("", own, made.plan.sha256).split()
        return Started(words, own, ready.outputs._replace(names=left))

    def hand_out(self, dataset: str) -> str:
        """Hand out the credential that the jobs of a task need, before it is sent; return its key in the journal.

        Without a credential that is empty.  Raises GoclientError.
        """
        secret, key = self._plans[dataset].made.secret, ""
        if secret is not None:
            connections, journal, key = self._carrying.connections, self._carrying.journal, str(uuid.uuid4())
            server = connections.panda()
            try:
                secret = make_ready(secret, connections, self._carrying.carriage.needs, server=server.name)
                hand_out(secret, key, server=server, journal=journal, note=journal.append)
            except GoclientError:
                self._give_up(secret)
                raise
            self._handed_out[dataset] = key, secret
        return key

    def settle(self, dataset: str, state: str) -> None:
        """Take the credential of a task back if it was refused; if it was accepted, confirm that its jobs have it."""
        if dataset not in self._handed_out:
            return
        (key, secret), connections = self._handed_out[dataset], self._carrying.connections
        if state == "refused":
            self._give_up(secret)
        elif state == "accepted":
            warn = connections.reporter.warning
            confirm_secret(secret, key, server=connections.panda(), journal=self._carrying.journal, warn=warn)

    def _give_up(self, secret: Secret) -> None:
        connections = self._carrying.connections
        Credentials(self._carrying.journal, connections).give_up(secret, connections.reporter)
