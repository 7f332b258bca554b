"""Submission: decide everything, then send it once.

:func:`prepare` checks and encodes and sends nothing: whatever is wrong has been reported when it is done.
:func:`send` sends; each call is in the journal before and after it is made, and is made once.
"""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goclient.errors import (
    TO_DEPOSIT,
    Collector,
    Finding,
    GoclientError,
    Interrupted,
    PreflightFailed,
    ServerError,
    raise_all,
)
from goclient.journal import Entry, Journal
from goclient.model.payload import doubts, mistakes
from goclient.model.plan import TransferTask, plan
from goclient.model.records.panda_job import JobCommon, JobRecord, encode_jobs, job_records
from goclient.model.records.v1 import attach, decode
from goclient.model.spec import TransferSpec
from goclient.model.syntax.lists import ReadLines
from goclient.model.syntax.options import Items
from goclient.preflight.validation import Understood, understood

if TYPE_CHECKING:
    from goclient.preflight.run import Job, Looker
    from goclient.services.panda.client import PandaServer

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

    @property
    def job(self) -> Job:
        """What is looked at beside the transfers."""
        from goclient.preflight.run import Job

        queues = [self.common.computingSite] if self.common.computingSite else []
        return Job(queues, self.common.transformation, self.common.prodSourceLabel)

    def understood(self, read_lines: ReadLines, errors: Sequence[GoclientError] = ()) -> Understood:
        """What it means, and everything that is wrong with it, the ``errors`` found before included."""
        collected = Collector(errors)
        with collected:
            self.common.check()
        told = {part.subject for error in collected.errors for part in error.parts}
        collected.errors += [one for one in mistakes(self.common) if one.subject not in told]
        found = understood(
            self.parameters,
            items=self.items,
            count=self.count,
            lenient=self.lenient,
            read_lines=read_lines,
            errors=collected.errors,
        )
        return found._replace(doubts=[*doubts(self.common), *found.doubts])


@dataclass(frozen=True, slots=True)
class Submission:
    """A submission that is ready to be sent: nothing in it is unchecked, unless the user said so."""

    spec: TransferSpec
    tasks: tuple[TransferTask, ...]
    records: tuple[JobRecord, ...]
    findings: tuple[Finding, ...]

    @property
    def deposit_due(self) -> bool:
        """Whether a proxy has to be deposited before it is sent."""
        return any(finding.code == TO_DEPOSIT for finding in self.findings)

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
    looker: Looker,
    *,
    read_lines: ReadLines,
    errors: Sequence[GoclientError] = (),
) -> Submission:
    """The submission that a request asks for; sends nothing to the PanDA server.

    Raises every mistake in the request together with the ``errors`` found before; if there are none, the errors that
    ``looker`` finds.
    """
    spec, payload, wrong, warnings = request.understood(read_lines, errors)
    raise_all(wrong)
    spec, findings = looker.look(spec, request.count, request.job)
    findings = [*warnings, *findings]
    if any(finding.is_error for finding in findings):
        raise PreflightFailed(findings)
    text = attach(payload, spec, lenient=request.lenient)
    records = job_records(request.common, name=request.name, parameters=text, count=request.count)
    if spec:
        first = decode(records[0].jobParameters).spec  # as a pilot will read it, the serial number filled in
        spec = first if request.count == 1 else spec
    return Submission(spec, plan(spec), tuple(records), tuple(findings))


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
        except KeyboardInterrupt as stop:
            interrupted = Interrupted("interrupted", hint="the journal says what was sent")
            raise _report(interrupted, accepted, len(records)) from stop
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
        taken = [
            Accepted(panda_id, job.jobName) for panda_id, job in zip(ids, batch, strict=True) if panda_id is not None
        ]
        _note(journal, intent.then("accepted" if taken else "refused", *(str(one.panda_id) for one in taken)))
    except GoclientError as error:
        lost = error.code == "reply-lost"
        _note(journal, intent.then("unknown" if lost else "refused", detail=error.message))
        raise _unknown(error, names, journal) if lost else error from error
    except BaseException as stop:  # a signal: the request may have arrived
        _note(journal, intent.then("unknown", detail=type(stop).__name__))
        if isinstance(stop, KeyboardInterrupt):
            raise _unknown(Interrupted("interrupted while the jobs were being sent"), names, journal) from stop
        raise
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
    hint = (
        f"it is not known whether the jobs were accepted: do not submit again before you have looked. Their jobName is "
        f"{' to '.join(names)}: search the PanDA monitor for it (/jobs/?jobname=…); the call is in {journal.path}"
    )
    return error.replace(hint=hint)


def _report(error: GoclientError, accepted: Sequence[Accepted], total: int) -> GoclientError:
    message = error.message
    if accepted:
        ids = f"{accepted[0].panda_id}" + (f" to {accepted[-1].panda_id}" if len(accepted) > 1 else "")
        message += f"; {len(accepted)} of {total} jobs were accepted before: PandaID {ids}"
    return error.replace(message=message, extra={"jobs": [one.document() for one in accepted]})
