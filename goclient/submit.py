"""Submission: check, encode, journal, send.

:func:`prepare` decides everything and sends nothing; :func:`send` sends, once.  Between the two, whatever is
wrong has been reported.
"""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goclient.check import preflight, resolve_offline
from goclient.errors import (
    Collector,
    GoclientError,
    Interrupted,
    RequestError,
    ServerError,
    Several,
    UsageError,
    quoted,
    raise_all,
)
from goclient.journal import Entry, Journal
from goclient.model.block import attach, decode
from goclient.model.finding import Finding
from goclient.model.grammar import Items, needs_serial, read_payload, read_spec
from goclient.model.plan import Task, plan
from goclient.model.record import JobCommon, JobRecord, encode_jobs, job_records
from goclient.model.spec import TASK_PLACEHOLDERS, TransferSpec

if TYPE_CHECKING:
    from goclient.services.globus import Globus
    from goclient.services.panda import PandaServer

JOBS_A_CALL = 1000  # the server cuts a list of more than 5000 without a word


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asks for: the job's common values, how many jobs, its own words, and its transfers' items."""

    common: JobCommon
    name: str
    count: int
    parameters: str
    items: Items
    lenient: bool = False


@dataclass(frozen=True, slots=True)
class Submission:
    """A submission that is ready to be sent: nothing in it is unchecked, unless the user said so."""

    spec: TransferSpec
    tasks: tuple[Task, ...]
    records: tuple[JobRecord, ...]
    findings: tuple[Finding, ...]

    def plan_document(self) -> list[dict[str, Any]]:
        """The contract's ``plan``: an object a task, in order."""
        return [task.document(self.spec.working) for task in self.tasks]


def new_job_common(**values: Any) -> tuple[JobCommon, str]:
    """The common values of a new submission and the unique name of its jobs; ``values`` as in JobCommon.

    As the 2012 sendJob did: the name is a UUID, the destination block is named after one unless given, and the
    definition id is the time in seconds modulo 10000 (never 0: the server takes it for none).
    """
    if not values.get("destinationDBlock"):
        values["destinationDBlock"] = f"panda.destDB.{uuid.uuid4()}"
    return JobCommon(**values, jobDefinitionID=int(time.time()) % 10_000 or 1), str(uuid.uuid4())


def prepare(
    request: Request,
    *,
    catalogue: Callable[[], dict[str, str]],
    globus: Callable[[], Globus] | None,
    make_folders: bool,
    errors: Sequence[GoclientError] = (),
) -> Submission:
    """The submission that a request asks for; sends nothing to the PanDA server.

    ``globus`` gives the service for the preflight; None skips it.  ``make_folders``: the preflight makes folders that
    are missing at a destination.  Raises every mistake in the request together with the ``errors`` found before; if
    there are none, the errors that the preflight finds.
    """
    collected = Collector(errors)
    with collected:
        request.common.check()
    spec, payload = _spec_of(request, collected)
    collected.errors += _spec_mistakes(spec, request.count)
    raise_all(_without_consequences(collected.errors))
    findings: list[Finding] = []
    if spec.endpoints and globus is None:
        spec, findings = resolve_offline(spec, catalogue())
    elif spec.endpoints and globus is not None:
        spec, findings = _checked(spec, request.count, catalogue(), globus, make_folders)
    findings = [*_doubts(request.common), *findings]
    if any(finding.error is not None for finding in findings):
        raise PreflightFailed(findings)
    text = attach(payload, spec, lenient=request.lenient)
    records = job_records(request.common, name=request.name, parameters=text, count=request.count)
    if request.count == 1 and spec:
        spec = decode(records[0].jobParameters).spec  # the serial number filled in
    return Submission(spec, plan(spec), tuple(records), tuple(findings))


def _doubts(common: JobCommon) -> Iterator[Finding]:
    """A warning for what our pilot would refuse, though another site's may not."""
    if not common.transformation.startswith(("http://", "https://", "/")):
        yield Finding(
            "warning",
            "transformation",
            common.transformation,
            f"--transformation={quoted(common.transformation)} is neither a URL nor an absolute path",
            "goclient's pilot runs http:// and https:// URLs, and programs at an absolute path on the node",
        )


def _without_consequences(errors: Sequence[GoclientError]) -> list[GoclientError]:
    """The errors without the list rules that are broken only because one of the two lists could not be read."""
    parts = [part for error in errors for part in error.parts]
    unread = {part.subject for part in parts if isinstance(part, UsageError) or part.code in _UNREAD}
    unread |= {partner for pair in LISTS for partner in pair if not unread.isdisjoint(pair)}
    return [part for part in parts if part.code != "list-rule" or part.subject not in unread]


_UNREAD = {"list-file", "empty-item", "no-value"}
LISTS = [("--StageinGOsrc", "--StageinGOdest"), ("--StageoutGOsrc", "--StageoutGOdest"), ("--Data", "--OutputGO")]


def _checked(
    spec: TransferSpec, count: int, catalogue: dict[str, str], globus: Callable[[], Globus], make_folders: bool
) -> tuple[TransferSpec, list[Finding]]:
    """The resolved spec and the findings of the preflight; one finding if there is no login."""
    try:
        service = globus()
    except GoclientError as error:
        return spec, [Finding.failed(error)]
    return preflight(spec, catalogue=catalogue, globus=service, make_folders=make_folders, serials=range(1, count + 1))


def _spec_of(request: Request, collected: Collector) -> tuple[TransferSpec, str]:
    """The spec of a request's options and of those among its job parameters, and the payload's own words.

    What is wrong is collected, and left out of the spec.
    """
    text = request.parameters
    if any(0xD800 <= ord(c) < 0xE000 or c == "\0" for c in text):
        message = f"--jobParameters={quoted(text)} has a NUL or is not valid UTF-8"
        collected.errors.append(RequestError(message, hint="retype it", code="not-text", subject="--jobParameters"))
        text = ""
    (inside, payload), errors = read_payload(text)
    collected.errors += errors
    for name in inside:
        if name in request.items:
            message = (
                f"--{name} is given as an option ({quoted(','.join(request.items[name]))}) and inside --jobParameters "
                f"({quoted(','.join(inside[name]))})"
            )
            hint = "give it once; if the payload needs this word itself, put it after a bare -- in --jobParameters"
            collected.errors.append(RequestError(message, hint=hint, code="twice", subject=f"--{name}"))
    spec, errors = read_spec({**inside, **request.items})
    collected.errors += errors
    return spec, payload


def _spec_mistakes(spec: TransferSpec, count: int) -> Iterator[GoclientError]:
    """What is wrong with a spec for ``count`` jobs that sendJob makes, which JEDI never sees."""
    try:
        plan(spec)
    except GoclientError as error:
        yield error
    for move in spec.moves:
        for place in (move.source, move.destination):
            for placeholder in TASK_PLACEHOLDERS:
                if placeholder in place.path:
                    yield RequestError(
                        f"{quoted(place)}: only tasks fill {placeholder}, a job of sendJob keeps it as it stands",
                        hint="use ${SN} or ${SN/P}, which sendJob fills, or submit with prun",
                        code="task-placeholder",
                        subject=str(place),
                    )
    for move in needs_serial(spec) if count > 1 else ():
        yield RequestError(
            f"{count} jobs would all write {quoted(move.target)}",
            hint="put ${SN} or ${SN/P} (the job's number) in the destination or the name",
            code="shared-target",
            subject=str(move.target),
        )


class PreflightFailed(Several):
    """The preflight found what would fail; ``findings`` are all that it found."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(finding.error for finding in findings if finding.error is not None)
        self.findings = tuple(findings)
        self.extra = {"findings": [finding.document() for finding in findings]}


# --- sending ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Accepted:
    """A job that the server has taken."""

    panda_id: int
    name: str

    def document(self) -> dict[str, Any]:
        """The contract's JSON object of a submitted job."""
        return {"PandaID": self.panda_id, "jobName": self.name}


def send(submission: Submission, *, server: PandaServer, journal: Journal) -> list[Accepted]:
    """The accepted jobs, all of them; each call is in the journal before and after it is made.

    Raises ServerError if any job was not accepted or that is not known; nothing is ever sent twice.  The jobs
    that were accepted before are in the error's message and in its document.
    """
    accepted: list[Accepted] = []
    records = submission.records
    for start in range(0, len(records), JOBS_A_CALL):
        batch = records[start : start + JOBS_A_CALL]
        try:
            accepted += _send_batch(batch, server=server, journal=journal)
        except _NotAll as error:
            raise _report(error.failure, [*accepted, *error.accepted], len(records)) from error.__cause__
        except GoclientError as error:
            raise _report(error, accepted, len(records)) from error
    return accepted


class _NotAll(Exception):
    """Some jobs of one call were refused."""

    def __init__(self, accepted: list[Accepted], failure: ServerError) -> None:
        super().__init__(failure.message)
        self.accepted = accepted
        self.failure = failure


def _send_batch(batch: Sequence[JobRecord], *, server: PandaServer, journal: Journal) -> list[Accepted]:
    names = tuple(dict.fromkeys((batch[0].jobName, batch[-1].jobName)))
    intent = Entry("submission", str(uuid.uuid4()), "intended", names, f"{len(batch)} jobs to {server.name}")
    journal.append(intent)
    try:
        ids = server.submit(encode_jobs(batch), len(batch))
    except GoclientError as error:
        lost = error.code == "reply-lost"
        _note(journal, intent.then("unknown" if lost else "refused", detail=error.message))
        raise _unknown(error, names, journal) if lost else error from error
    except BaseException as stop:  # a signal: the request may have arrived
        _note(journal, intent.then("unknown", detail=type(stop).__name__))
        if isinstance(stop, KeyboardInterrupt):
            raise _unknown(Interrupted("interrupted while the jobs were being sent"), names, journal) from stop
        raise
    taken = [Accepted(panda_id, job.jobName) for panda_id, job in zip(ids, batch, strict=True) if panda_id is not None]
    _note(journal, intent.then("accepted" if taken else "refused", *(str(one.panda_id) for one in taken)))
    if len(taken) < len(batch):
        raise _NotAll(taken, _refused_rows(ids, batch))
    return taken


def _note(journal: Journal, entry: Entry) -> None:
    """Appends what came of a call; a journal that cannot be written now must not hide it."""
    try:
        journal.append(entry)
    except GoclientError as error:
        sys.stderr.write(f"warning: {error.message}\n")


def _refused_rows(ids: Sequence[int | None], batch: Sequence[JobRecord]) -> ServerError:
    refused = [job.jobName for panda_id, job in zip(ids, batch, strict=True) if panda_id is None]
    shown = ", ".join(refused[:5]) + (f", and {len(refused) - 5} more" if len(refused) > 5 else "")
    return ServerError(
        f"the server's database refused {len(refused)} of {len(batch)} jobs: {shown}",
        hint="a value is longer than its column, or of another type: look at the options, submit those jobs again",
        code="row-refused",
    )


def _unknown(error: GoclientError, names: Sequence[str], journal: Journal) -> GoclientError:
    """The error, with what is known of the jobs and how to find out."""
    error.hint = (
        f"it is not known whether the jobs were accepted: do not submit again before you have looked. Their jobName is "
        f"{' to '.join(names)}: search the PanDA monitor for it (/jobs/?jobname=…); the call is in {journal.path}"
    )
    return error


def _report(error: GoclientError, accepted: Sequence[Accepted], total: int) -> GoclientError:
    error.extra = {"jobs": [one.document() for one in accepted]}
    if accepted:
        ids = f"{accepted[0].panda_id}" + (f" to {accepted[-1].panda_id}" if len(accepted) > 1 else "")
        error.message += f"; {len(accepted)} of {total} jobs were accepted before: PandaID {ids}"
        error.args = (error.message,)
    return error
