"""Carried jobs at submission: from a request and its resolved transfers to an archive, a credential and a record."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from goclient.carrier.archive import Contents, pack, read_contents
from goclient.carrier.plan import CarrierPlan
from goclient.carrier.rungen import Start
from goclient.errors import RequestError
from goclient.model.plan import TransferTask
from goclient.model.planner import plan
from goclient.model.records.panda_job import WITH_SECRETS, JobTemplate
from goclient.model.records.registry import attach_carried
from goclient.model.request import Credential, Request
from goclient.model.spec import TransferSpec
from goclient.model.syntax.shell import words

MAX_PARAMETERS = 120_000  # bytes: the pilot's one argument of a shell has at most 131,071, quotes and all
TRANSFER_SCOPE = "urn:globus:auth:scope:transfer.api.globus.org:all"
_FILE_KEY = "___file___:"  # begins the key of a secret that becomes a file (pandaclient, PBookCore.set_secret)


@dataclass(frozen=True)
class Secret:
    """A secret of PanDA's that jobs find as a file, the same for all that one service client acts for."""

    file: str
    value: str = field(repr=False)

    @classmethod
    def of(cls, credential: Credential) -> Secret:
        """Return the secret that holds the credential of a service client."""
        digest = hashlib.sha256(credential.client_id.encode()).hexdigest()[:16]
        document = json.dumps({"client_id": credential.client_id, "client_secret": credential.secret})
        return cls(f"goclient-{digest}.json", base64.b64encode(document.encode()).decode())

    @property
    def key(self) -> str:
        """Return the key under which PanDA keeps it."""
        return _FILE_KEY + self.file


@dataclass(frozen=True)
class Luggage:
    """All that goes to PanDA before carried jobs do: one archive, and one secret at most, for all of them.

    ``names`` are new in each submission; ``content`` is the checksum of the rest of the archive: of two requests with
    one content that differ in these names alone, nobody wants both.
    """

    plan: CarrierPlan
    archive: str  # its name
    data: bytes = field(repr=False)
    file_server: str
    secret: Secret | None
    content: str

    @property
    def names(self) -> tuple[str, ...]:
        """Return what two submissions of one request do not have in common, in their jobs' parameters."""
        return self.archive, self.plan.sha256, self.file_server

    def document(self) -> dict[str, Any]:
        """Return the JSON object of it."""
        secret = self.secret.file if self.secret is not None else None
        return {"archive": self.archive, "bytes": len(self.data), "plan": self.plan.sha256, "secret": secret}


@dataclass(frozen=True)
class CarriedJobs:
    """Hold what carried jobs have in common: values, the text of their jobParameters, and what goes before them."""

    common: JobTemplate
    parameters: str
    luggage: Luggage


def needs_token(tasks: Sequence[TransferTask]) -> bool:
    """Return True if Globus, or the HTTPS server of a collection, has to be shown a token."""
    return any(task.asks_https or task.is_globus for task in tasks)


def prepare_carried(request: Request, spec: TransferSpec, payload: str) -> CarriedJobs:
    """Return the jobs of a request with a carriage, whose endpoints are resolved; ``payload`` are the payload's words.

    Raises RequestError if the archive, or the text of jobParameters, is larger than PanDA takes.
    """
    carriage, tasks = request.carriage, plan(spec)
    assert carriage is not None, "the caller has looked"
    contents = contents_of(request)
    credential = carriage.credential if needs_token(tasks) else None
    secret = Secret.of(credential) if credential is not None else None
    made = CarrierPlan(
        name=request.name,
        tasks=tasks,
        overwrite=spec.overwrite,
        working=spec.working or "",
        program=contents.program,
        auth=carriage.auth if secret else "",
        transfer=carriage.transfer if secret else "",
        scopes=scopes_of(tasks) if secret else (),
        credential=secret.file if secret else "",
        needs=carriage.needs,
        connect=carriage.connect if any(task.makes_endpoint for task in tasks) else "",
    )
    luggage = _pack(contents, made, file_server=carriage.file_server, secret=secret)
    own = tuple(word.value for word in words(payload))
    start = Start(luggage.file_server, luggage.archive, made.sha256, own)
    text = attach_carried(start.parameters(), spec, made.sha256)
    if len(text) > MAX_PARAMETERS:
        message = (
            f"the job's parameters take {len(text)} bytes, more than the {MAX_PARAMETERS} that a site's shell takes"
        )
        hint = "put the payload's own words into a file, and name that with --goFiles"
        raise RequestError(message, hint=hint, code="too-long", subject="--jobParameters")
    handling = WITH_SECRETS if secret else None
    common = replace(request.common, transformation=carriage.run_gen, specialHandling=handling)
    common.check()
    return CarriedJobs(common, text, luggage)


def contents_of(request: Request) -> Contents:
    """Return what of the user's travels with the jobs; raises every mistake in it."""
    assert request.carriage is not None, "the caller has looked"
    program, packs = request.common.transformation, request.packs_payload
    return read_contents(program, request.carriage.files, packs_program=packs)


def scopes_of(tasks: Sequence[TransferTask]) -> tuple[str, ...]:
    """Return the scopes that a carrier's token needs: Transfer's, and that of each collection's HTTPS server."""
    collections = dict.fromkeys(task.far.text for task in tasks if task.asks_https)
    return (TRANSFER_SCOPE, *(f"https://auth.globus.org/scopes/{one}/https" for one in collections))


def _pack(contents: Contents, made: CarrierPlan, *, file_server: str, secret: Secret | None) -> Luggage:
    from goclient.carrier.build import build  # reads all of the carrier

    packed = pack(contents, carrier=build(), plan=made.encode())
    same = hashlib.sha256(packed.content.encode() + replace(made, name="").encode()).hexdigest()
    archive = f"jobO.{uuid.uuid4()}.tar.gz"  # PanDA's file server has one name space, in which nothing is replaced
    return Luggage(made, archive, packed.data, file_server, secret, same)
