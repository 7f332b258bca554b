"""Submission: decide everything, then send it once.

:func:`prepare` checks and encodes and sends nothing: it has reported whatever is wrong when it returns.
:func:`send` makes each call once, and writes it into the journal before and after.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from goclient.errors import GoclientError, Interrupted, PreflightFailed, ServerError, raise_all
from goclient.errors.findings import Finding
from goclient.errors.sent import ReplyLost
from goclient.errors.wording import pluralize
from goclient.model.frozen import Frozen
from goclient.model.options import TransferOptions
from goclient.model.plan import TransferTask
from goclient.model.planner import find_collisions, group_tasks
from goclient.model.records.panda_job import NEW_BLOCK, JobRecord, JobTemplate, encode_jobs, records_of
from goclient.model.records.registry import attach, decode
from goclient.model.request import Request as Request  # callers make it with new_job_template()
from goclient.model.spec import TransferSpec
from goclient.model.syntax.lists import ReadLines
from goclient.preflight.validation import validate_request
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.carrier.carried import Luggage
    from goclient.journal import Entry, Journal
    from goclient.model.deal import Deal
    from goclient.model.staging import Staged
    from goclient.preflight.run import Preflight
    from goclient.services.panda.client import PandaServer


class SubmittedJob(NamedTuple):
    """A job that the server has accepted; ``serial`` is its number among its siblings, from 1."""

    panda_id: int
    name: str
    serial: int

    def document(self) -> dict[str, Any]:
        """Return the contract's JSON object of a submitted job."""
        return {"PandaID": self.panda_id, "jobName": self.name}


class Submission(Frozen):
    """A submission, checked unless the user said otherwise; it has ``jobs`` once it is sent."""

    spec: TransferSpec
    records: tuple[JobRecord, ...]
    findings: tuple[Finding, ...]
    jobs: tuple[SubmittedJob, ...] = ()
    again: bool = False  # it may be sent although the same request is open in the journal
    deposit_due: bool = False  # a proxy has to be deposited before it is sent
    options: TransferOptions = field(default=TransferOptions(), repr=False)  # of that deposit
    luggage: Luggage | None = None  # what goes to PanDA before carried jobs do
    campaign: str = ""  # under which it is sent
    key: str = ""  # of its request in the journal; a new one unless it was begun before
    staged: Staged | None = None  # what is brought before it is sent, and delivered after its jobs
    detaches: bool = False  # nobody waits until that is there
    deal: Deal | None = None  # each job has files of its own, and the spec and the plan are those of all jobs

    @cached_property
    def plan(self) -> tuple[TransferTask, ...]:
        """Transfer tasks of the spec; few who submit look at them, and there may be a hundred thousand items."""
        return group_tasks(self.spec)

    def document(self) -> dict[str, Any]:
        """Return the contract's JSON object, with the jobs if it was sent."""
        entries = [task.document(self.spec.working) for task in self.plan]
        findings = [finding.document() for finding in self.findings]
        document = {"spec": self.spec.model_dump(), "plan": entries, "findings": findings}
        if self.luggage is not None:
            document["carried"] = self.luggage.document()
        if self.staged is not None:
            document["staged"] = self.staged.document()
        if self.deal is not None:
            document["deal"] = self.deal.table(self.spec).document()
        return {**document, "jobs": [job.document() for job in self.jobs]} if self.jobs else document


class NewJobs(NamedTuple):
    """Hold what the jobs of a new submission share, and their unique name."""

    template: JobTemplate
    name: str


def new_job_template(**values: Any) -> NewJobs:
    """Make what the jobs of a new submission share, and their unique name; ``values`` as in JobTemplate.

    As the 2012 sendJob did: the name is a UUID, the destination block is named after one unless given, and the
    definition id is the time in seconds modulo 10000 (never 0: the server takes it for unset).
    """
    if not values.get("destinationDBlock"):
        values["destinationDBlock"] = f"{NEW_BLOCK}{uuid.uuid4()}"
    template = JobTemplate(**values, jobDefinitionID=int(time.time()) % 10_000 or 1)
    return NewJobs(template, str(uuid.uuid4()))


def prepare(
    request: Request,
    preflight: Preflight,
    *,
    read_lines: ReadLines,
    errors: Sequence[GoclientError] = (),
) -> Submission:
    """Return the submission that a request asks for; send nothing to the PanDA server.

    Raises every mistake in the request together with the ``errors`` found before; if there are none, PreflightFailed
    with all that ``preflight`` finds if there are errors among it.
    """
    valid = validate_request(request, read_lines, errors)
    raise_all(valid.errors)
    deal, payload = valid.deal, valid.payload
    report = preflight.run(valid.spec, request.count, request.job, deal=deal)
    findings = (*valid.warnings, *report.findings)
    if not report.ok:
        raise PreflightFailed(findings)
    spec, common, luggage, staged = report.spec, request.common, None, None
    if request.area is not None:
        from goclient.model.staging import stage  # other jobs need none of it

        area = request.area
        if report.staging is not None:
            area = area._replace(collection=report.staging.endpoint)
        staged = stage(spec, area, request.count if deal is None else deal.jobs)
        spec = staged.spec
    specs = [spec] if deal is None else list(deal.specs(spec))
    if request.carriage is None:
        texts = [attach(payload, one, lenient=request.lenient) for one in specs]
    else:
        from goclient.carrier.carried import prepare_carried  # archives, which other jobs do not need

        carried = prepare_carried(request, spec, payload, rights=report.rights, deal=deal)
        common, texts, luggage = carried.common, carried.parameters, carried.luggage
    records = records_of(common, name=request.name, texts=texts * (request.count if deal is None else 1))
    if spec:
        first = decode(records[0].jobParameters)  # as a pilot will read it, the serial number filled in
        if len(records) == 1 and first.counts is None:
            spec = first.spec.show_names({one.display: one for one in spec.endpoints})
    raise_all(list(find_collisions(spec.transfers if deal is None else spec.outward)))
    return Submission(
        *(spec, tuple(records), findings),
        deposit_due=report.deposit_due,
        luggage=luggage,
        campaign=request.campaign,
        staged=staged,
        deal=deal,
    )


def send(
    submission: Submission,
    *,
    server: PandaServer,
    journal: Journal,
    reporter: Reporter,
    show: Callable[[Submission], None] = lambda _: None,
) -> Submission:
    """Send a submission, and return it with its jobs; each call is in the journal before and after it is made.

    ``show`` tells the user of the jobs, or raises an error that does; until then the request is open in the journal.
    Calls that were accepted under its ``key`` before are not made again.  Raises ServerError if any job was not
    accepted, or if that is not known; nothing is ever sent twice.  The jobs that were accepted before are in the
    error's message and in its document.
    """
    from goclient.jobs.sent import JOBS_A_CALL, Subjects, new_request, same_requests  # as in send_typed

    records, luggage, note = submission.records, submission.luggage, partial(_note, journal, reporter)
    key = submission.key or str(uuid.uuid4())
    request = new_request(records, server.name, key, campaign=submission.campaign, luggage=luggage)
    jobs: list[SubmittedJob] = []
    earlier = [one for one in same_requests(journal, Subjects(*request.subjects).digest) if one.entry.key != key]
    journal.append(request)
    try:
        for one in earlier:
            note(one.entry.then("done", detail=f"submitted again: {request.key}"))
        if luggage is not None:
            from goclient.carrier.sending import confirm_secret, send_luggage  # as in prepare

            send_luggage(luggage, request.key, server=server, journal=journal, note=note)
        for start in range(0, len(records), JOBS_A_CALL):
            batch = records[start : start + JOBS_A_CALL]
            key = f"{request.key}.{start // JOBS_A_CALL}"
            ids = _send_batch(batch, key=key, server=server, journal=journal, note=note)
            jobs += [
                SubmittedJob(panda_id, job.jobName, serial)
                for serial, (job, panda_id) in enumerate(zip(batch, ids, strict=True), start + 1)
                if panda_id is not None
            ]
            if None in ids:
                raise _row_error(ids, batch)
        if luggage is not None and luggage.secret is not None:
            confirm_secret(luggage.secret, request.key, server=server, journal=journal, warn=reporter.warning)
    except GoclientError as error:
        is_lost = isinstance(error, ReplyLost | Interrupted)
        state = "unknown" if is_lost else "accepted" if jobs else "refused"
        note(request.then(state, detail=error.message))
        raise _with_jobs(error, jobs, len(records)) from error
    except KeyboardInterrupt as stop:
        note(request.then("accepted" if jobs else "refused", detail="interrupted"))
        interrupted = Interrupted("interrupted", hint=f"to see what was sent, type: {_SHOW} {request.key}")
        raise _with_jobs(interrupted, jobs, len(records)) from stop
    sent = replace(submission, jobs=tuple(jobs))
    try:
        show(sent)
    except GoclientError as error:  # it names the jobs that could not be printed
        note(request.then("done", detail=error.message))
        raise
    note(request.then("done"))
    return sent


def _note(journal: Journal, reporter: Reporter, entry: Entry) -> None:
    """Append what came of a call; a journal that cannot be written now must not hide it."""
    try:
        journal.append(entry)
    except GoclientError as error:
        reporter.warning(error.message)


def _send_batch(
    batch: Sequence[JobRecord], *, key: str, server: PandaServer, journal: Journal, note: Callable[[Entry], None]
) -> list[int | None]:
    """Send jobs in one call, and return the PandaID of each, None for one that was refused."""
    from goclient.jobs.sent import CALL, REFUSED_ROW  # as in send
    from goclient.journal import Entry

    names = tuple(dict.fromkeys((batch[0].jobName, batch[-1].jobName)))
    known = journal.last(CALL, key)
    if known is not None and known.state == "accepted":
        if refused := len(batch) - sum(one.isdigit() for one in known.subjects):
            message = f"the server's database has refused {refused} of {len(batch)} jobs"
            hint = f"look which jobs there are: {_SHOW} {key}; send the others under another name"
            raise ServerError(message, hint=hint, code="row-refused")
        return [int(panda_id) for panda_id in known.subjects]
    intent = Entry(CALL, key, "intended", names, f"{pluralize(len(batch), 'job')} to {server.name}")
    journal.append(intent)
    try:
        ids = server.submit(encode_jobs(batch), len(batch))
        rows = [REFUSED_ROW if panda_id is None else str(panda_id) for panda_id in ids]
        note(intent.then("accepted", *rows) if any(rows) else intent.then("refused"))
    except ReplyLost as error:
        note(intent.then("unknown", detail=error.message))
        raise _add_hint(error, names, key) from error
    except GoclientError as error:
        note(intent.then("refused", detail=error.message))
        raise
    except BaseException as stop:  # a signal: the request may have arrived
        note(intent.then("unknown", detail=type(stop).__name__))
        if isinstance(stop, KeyboardInterrupt):
            raise _add_hint(Interrupted("interrupted while the jobs were being sent"), names, key) from stop
        raise
    return ids


def _row_error(ids: Sequence[int | None], batch: Sequence[JobRecord]) -> ServerError:
    refused = [job.jobName for panda_id, job in zip(ids, batch, strict=True) if panda_id is None]
    shown = ", ".join(refused[:5]) + (f", and {len(refused) - 5} more" if len(refused) > 5 else "")
    return ServerError(
        f"the server's database refused {len(refused)} of {len(batch)} jobs: {shown}",
        hint="a value is longer than its column, or of another type: look at the options, submit those jobs again",
        code="row-refused",
    )


_SHOW = "goclient journal show"


def _add_hint(error: GoclientError, names: Sequence[str], key: str) -> GoclientError:
    """Return the error, with what is known of the jobs and how to find out."""
    hint = (
        f"it is not known whether the jobs were accepted: do not submit again before you have checked. Their jobName "
        f"is {' to '.join(names)}: search the PanDA monitor for it (/jobs/?jobname=…); "
        f"to see what was sent, type: {_SHOW} {key}"
    )
    return error.replace(hint=hint)


def _with_jobs(error: GoclientError, jobs: Sequence[SubmittedJob], total: int) -> GoclientError:
    """Return the error, with the jobs that were accepted before in its message and in its document."""
    message = error.message
    if jobs:
        ids = f"{jobs[0].panda_id}" + (f" to {jobs[-1].panda_id}" if len(jobs) > 1 else "")
        message += f"; {len(jobs)} of {total} jobs were accepted before: PandaID {ids}"
    return error.replace(message=message, extra={"jobs": [job.document() for job in jobs]})
