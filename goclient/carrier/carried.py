"""Carried jobs at submission: from a request and its resolved transfers to an archive, a credential and a record."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from goclient.carrier.archive import Contents, pack, read_contents
from goclient.carrier.plan import CarrierPlan
from goclient.carrier.rungen import Start
from goclient.carrier.secret import Secret, access_of
from goclient.errors import RequestError
from goclient.model.deal import Deal, plan_dealt
from goclient.model.plan import TransferTask, needs_token
from goclient.model.planner import plan
from goclient.model.records.panda_job import WITH_SECRETS, JobTemplate
from goclient.model.records.registry import attach_carried
from goclient.model.request import NO_RIGHTS, Carriage, Request, Rights, Who
from goclient.model.spec import TransferSpec
from goclient.model.syntax.shell import words

MAX_PARAMETERS = 120_000  # bytes: the pilot's one argument of a shell has at most 131,071, quotes and all
TRANSFER_SCOPE = "urn:globus:auth:scope:transfer.api.globus.org:all"


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
    """Hold what carried jobs have in common: values, and what goes before them; and the texts of their jobParameters.

    There is one text for all, or one for each if files are dealt to them.
    """

    common: JobTemplate
    parameters: list[str]
    luggage: Luggage


@dataclass(frozen=True)
class Made:
    """A plan that was made, and the secret that it names, if the jobs need one."""

    plan: CarrierPlan
    secret: Secret | None


def make_plan(bare: CarrierPlan, carriage: Carriage, rights: Rights = NO_RIGHTS) -> Made:
    """Return the plan of carried jobs, whose endpoints are resolved, with all that they need to act, and a secret."""
    tasks = bare.tasks
    secret = _make_secret(tasks, carriage, rights) if needs_token(tasks) else None
    is_service = secret is not None and secret.who is Who.SERVICE
    collections = secret.collections if secret is not None else ()
    made = replace(
        bare,
        auth=carriage.auth if is_service else "",
        transfer=carriage.transfer if is_service else "",
        scopes=scopes_of(tasks) if is_service else (),
        credential=secret.file if secret is not None else "",
        needs=carriage.needs,
        servers=tuple((one, rights.servers[one]) for one in collections),
        connect=carriage.connect if any(task.makes_endpoint for task in tasks) else "",
    )
    return Made(made, secret)


def _make_secret(tasks: Sequence[TransferTask], carriage: Carriage, rights: Rights) -> Secret | None:
    """Return the secret with which somebody acts for the jobs; None if nobody is set."""
    if carriage.who is Who.TOKEN:
        secret = Secret.for_tokens(https_collections(tasks))
    elif carriage.credential is not None:
        secret = Secret.of(carriage.credential, carriage.place)
        secret = replace(secret, until=rights.until, grants=rights.grants)
    else:
        return None
    return replace(secret, access=access_of(tasks), shares=carriage.shares_secrets)


def prepare_carried(
    request: Request, spec: TransferSpec, payload: str, *, rights: Rights = NO_RIGHTS, deal: Deal | None = None
) -> CarriedJobs:
    """Return the jobs of a request with a carriage, whose endpoints are resolved; ``payload`` are the payload's words.

    Raises RequestError if the archive, or the text of jobParameters, is larger than PanDA takes.
    """
    carriage = request.carriage
    assert carriage is not None, "the caller has looked"
    contents = contents_of(request)
    bare = CarrierPlan(
        name=request.name,
        tasks=plan(spec) if deal is None else plan_dealt(spec),
        overwrite=spec.overwrite,
        working=spec.working or "",
        program=contents.program,
        dealt=() if deal is None else tuple(deal.serials_in(spec)),
    )
    made = make_plan(bare, carriage, rights)
    area = "" if request.area is None else request.area.node
    luggage = pack_luggage(contents, made, file_server=carriage.file_server, new=area)
    own = tuple(word.value for word in words(payload))
    start = Start(luggage.file_server, luggage.archive, made.plan.sha256, own)
    specs = [spec] if deal is None else deal.specs(spec)
    texts = [attach_carried(start.parameters(), one, made.plan.sha256) for one in specs]
    if (size := max(map(len, texts))) > MAX_PARAMETERS:
        message = f"the job's parameters take {size} bytes, more than the {MAX_PARAMETERS} that a site's shell takes"
        hint = "put the payload's own words into a file, and name that with --goFiles"
        raise RequestError(message, hint=hint, code="too-long", subject="--jobParameters")
    handling = WITH_SECRETS if made.secret else None
    common = replace(request.common, transformation=carriage.run_gen, specialHandling=handling)
    common.check()
    return CarriedJobs(common, texts, luggage)


def contents_of(request: Request) -> Contents:
    """Return what of the user's travels with the jobs; raises every mistake in it."""
    assert request.carriage is not None, "the caller has looked"
    program, packs = request.common.transformation, request.packs_payload
    return read_contents(program, request.carriage.files, packs_program=packs)


def scopes_of(tasks: Sequence[TransferTask]) -> tuple[str, ...]:
    """Return the scopes that a carrier's token needs: Transfer's, and that of each collection's HTTPS server."""
    return (TRANSFER_SCOPE, *(f"https://auth.globus.org/scopes/{one}/https" for one in https_collections(tasks)))


def https_collections(tasks: Sequence[TransferTask]) -> tuple[str, ...]:
    """Return the ids of the collections whose HTTPS servers are used, each once."""
    return tuple(dict.fromkeys(task.far.text for task in tasks if task.asks_https))


def pack_luggage(contents: Contents, made: Made, *, file_server: str, new: str = "") -> Luggage:
    """Return all that goes to PanDA before jobs with this plan do; raise RequestError if the archive is too large.

    ``new`` is what else no other submission has in its plan.
    """

    from goclient.carrier.build import build  # reads all of the carrier

    packed = pack(contents, carrier=build(), plan=made.plan.encode())
    bare = replace(made.plan, name="", credential="").encode().replace(new.encode(), b"")
    same = hashlib.sha256(packed.content.encode() + bare).hexdigest()
    archive = f"jobO.{uuid.uuid4()}.tar.gz"  # PanDA's file server has one name space, in which nothing is replaced
    return Luggage(made.plan, archive, packed.data, file_server, made.secret, same)
