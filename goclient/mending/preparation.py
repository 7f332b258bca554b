"""Preparation of another try of jobs: what each is sent with, checked, in groups that are one request each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from goclient.assembly import new_preflight, read_transfers
from goclient.carrier.carried import Luggage, make_plan, pack_luggage
from goclient.carrier.plan import CarrierPlan
from goclient.carrier.rungen import Start, read_start
from goclient.config.connections import Connections
from goclient.errors import GoclientError, PreflightFailed, RequestError, raise_all
from goclient.errors.findings import Finding
from goclient.errors.wording import pluralize
from goclient.files.temporary import temporary_directory
from goclient.jobs.panda_ids import as_ranges
from goclient.mending.delivered import find_delivered, without_delivered
from goclient.mending.repacking import fetch_archive, with_archive
from goclient.model.campaign import new_campaign
from goclient.model.deal import Deal
from goclient.model.location import Transfer
from goclient.model.names import try_number
from goclient.model.options import SubmitOptions
from goclient.model.plan import TransferItem, TransferTask
from goclient.model.planner import group_tasks
from goclient.model.records.answers import JobState
from goclient.model.records.base import Decoded, find_marker
from goclient.model.records.panda_job import WIDTHS, JobRecord
from goclient.model.records.registry import attach, attach_carried, decode
from goclient.model.request import Carriage, Job
from goclient.model.retry_options import RetryOptions
from goclient.model.spec import TransferSpec
from goclient.model.staging import for_try
from goclient.model.typed import read_keywords
from goclient.preflight.base import Report
from goclient.submission import Submission


class Again(NamedTuple):
    """A job that is sent again: its number and state, and the record of its next try, with the parameters as before.

    ``campaign`` is the one under which it was sent, empty if that is not known.  ``is_staged``: its files go through
    a site.
    """

    panda_id: int
    state: JobState
    record: JobRecord
    campaign: str
    is_staged: bool = False


class Left(NamedTuple):
    """A job that needs no other try, and why."""

    panda_id: int
    why: str

    def document(self) -> dict[str, Any]:
        """Return the JSON object of it."""
        return {"PandaID": self.panda_id, "why": self.why}


class Group(NamedTuple):
    """Jobs that are sent again in one request."""

    jobs: tuple[Again, ...]
    submission: Submission


class Prepared(NamedTuple):
    """Groups of jobs that can be sent again, jobs that need not be or cannot be, and what the checks have found."""

    groups: tuple[Group, ...]
    left: tuple[Left, ...]
    refused: tuple[GoclientError, ...]
    findings: tuple[Finding, ...]


class _Part(NamedTuple):
    """A job, what its record says, and the transfers of its next try."""

    job: Again
    decoded: Decoded
    spec: TransferSpec
    start: Start | None  # of its carrier

    @property
    def serial(self) -> int:
        """Return the number of a carried job in its plan."""
        return int(self.start.serial) if self.start is not None else 0

    @property
    def kind(self) -> tuple[object, ...]:
        """Return what the jobs of one request have in common."""
        common = self.job.record.common
        shape = self.spec.model_copy(update={"stage_in": (), "stage_out": (), "output": ()})
        start = self.start and (self.start.archive, self.start.plan)
        return self.job.campaign, common.transformation, common.prodSourceLabel, start, shape

    @property
    def parameters(self) -> str:
        """Return the parameters of the next try of a job that is not carried: as before, if its transfers are."""
        old = self.job.record.jobParameters
        if self.spec == self.decoded.spec:
            return old
        marker = find_marker(old)
        lenient = marker is not None and not old.startswith("--", marker.start)
        return attach(self.decoded.payload, self.spec, lenient=lenient)


def prepare_again(jobs: Sequence[Again], options: RetryOptions, connections: Connections) -> Prepared:
    """Prepare jobs to be sent again; one whose record cannot be read holds up no other.  Raises PreflightFailed.

    What a job has delivered before is left out, if that is certain.
    """
    parts, left = [], []
    read, refused = _read(jobs)
    delivered = {} if options.goOverwrite else find_delivered((one.job.state for one in read), connections)
    for one in read:
        spec = without_delivered(one.spec, files) if (files := delivered.get(one.job.panda_id)) else one.spec
        if count := len(list(one.spec.transfers)) - len(list(spec.transfers)):
            told = f"PandaID {one.job.panda_id}: {pluralize(count, 'output')} of it arrived before, as Globus reports"
            if not (spec.stage_out or spec.output):
                left.append(Left(one.job.panda_id, "all its outputs have arrived; --goOverwrite brings them again"))
                continue
            connections.reporter.progress(f"{told}, and stay as they are")
        parts.append(one._replace(spec=spec.model_copy(update={"overwrite": spec.overwrite or options.goOverwrite})))
    grouped: dict[tuple[object, ...], list[_Part]] = {}
    for one in parts:
        grouped.setdefault(one.kind, []).append(one)
    groups = tuple(_prepare(tuple(group), options, connections) for group in grouped.values())
    findings = tuple(dict.fromkeys(finding for group in groups for finding in group.submission.findings))
    return Prepared(groups, tuple(left), refused, findings)


def _read(jobs: Sequence[Again]) -> tuple[list[_Part], tuple[GoclientError, ...]]:
    """Return what the record of each job says, and why others cannot be sent again."""
    found: list[_Part] = []
    refused: dict[Finding, tuple[GoclientError, list[int]]] = {}
    for job in jobs:
        try:
            decoded = decode(job.record.jobParameters)
            job.record.common.check()
            if len(job.record.jobName) > WIDTHS["jobName"]:
                message = "the name of another try is longer than the server stores"
                raise RequestError(message, hint="submit it again with sendJob", code="too-wide")
            start = read_start(decoded.payload) if decoded.carried else None
            if start is not None and not re.fullmatch("[0-9]{1,9}", start.serial):
                start = None  # nobody knows which of its plan's items are its own
            if decoded.counts is not None or (decoded.carried and start is None):
                message = "its transfers are in its archive alone, and cannot be checked again"
                raise RequestError(message, hint="submit it again with sendJob", code="counts")
            spec = for_try(decoded.spec, try_number(job.record.jobName)) if job.is_staged else decoded.spec
            found.append(_Part(job, decoded, spec, start))
        except GoclientError as error:
            for one in error.parts:
                refused.setdefault(one.finding, (one, []))[1].append(job.panda_id)
    named = ((error, as_ranges(ids)) for error, ids in refused.values())
    return found, tuple(one.replace(message=f"PandaID {ids}: {one.message}", subject=ids) for one, ids in named)


def _prepare(parts: tuple[_Part, ...], options: RetryOptions, connections: Connections) -> Group:
    """Return jobs of one kind, checked, with all that goes with them; raise PreflightFailed."""
    start = parts[0].start
    jobs = tuple(one.job for one in parts)
    if start is None:
        checked = _check(parts, options, connections, {})
        texts = [one.parameters for one in parts]
    else:
        checked, texts = _repack(parts, start, options, connections)
    pairs = zip(jobs, texts, strict=True)
    submission = Submission(
        checked.report.spec,
        tuple(job.record._replace(jobParameters=text) for job, text in pairs),
        checked.report.findings,
        again=options.again,
        deposit_due=checked.report.deposit_due,
        options=checked.options,
        luggage=checked.luggage,
        campaign=jobs[0].campaign or new_campaign(),
    )
    return Group(jobs, submission)


class _Checked(NamedTuple):
    """Report of the checks, the options that they had, and how the jobs are carried, if they are."""

    report: Report
    options: SubmitOptions
    carriage: Carriage | None
    luggage: Luggage | None = None


def _check(parts: Sequence[_Part], options: RetryOptions, connections: Connections, carry: dict[str, Any]) -> _Checked:
    """Check the transfers of all jobs together; raise PreflightFailed if one would fail."""
    given = {"noCheck": options.noCheck, "goMkdir": options.goMkdir, **carry}
    typed = read_keywords(SubmitOptions, given, lambda: connections.settings.job, requires=False)
    transfers = read_transfers(typed, connections)
    raise_all(transfers.errors)
    preflight = new_preflight(typed.options, connections, transfers=transfers, checks=not options.noCheck)
    common = parts[0].job.record.common
    queues = list(dict.fromkeys(one.job.record.common.computingSite for one in parts))
    job = Job(queues, "" if carry else common.transformation, common.prodSourceLabel)
    spec, serials = _together(parts)
    with suppress(GoclientError):  # a catalogue that cannot be read is a finding of the checks
        spec = spec.show_names(connections.catalogue())
    deal = Deal(1, len(parts), serials, may_share=True) if len(parts) > 1 else None
    report = preflight.run(spec, 1, job, deal=deal)
    if not report.ok:
        raise PreflightFailed(_name_jobs(report.findings, spec, [one.job.panda_id for one in parts], serials))
    return _Checked(report, typed.options, transfers.carriage)


def _name_jobs(
    findings: Sequence[Finding], spec: TransferSpec, panda_ids: Sequence[int], serials: Sequence[int]
) -> list[Finding]:
    """Return the findings; an error about a source of single jobs says which ones."""
    ids: dict[str, list[int]] = {}
    for transfer, serial in zip(spec.stage_in, serials, strict=True):
        ids.setdefault(transfer.source.display, []).append(panda_ids[serial - 1])
    return [
        one._replace(message=f"PandaID {as_ranges(ids[one.subject])}: {one.message}")
        if one.is_error and one.subject in ids and len(panda_ids) > 1
        else one
        for one in findings
    ]


def _together(parts: Sequence[_Part]) -> tuple[TransferSpec, tuple[int, ...]]:
    """Return the transfers of all jobs as those of one spec, and the number of the job that has each of stage-in."""
    specs = [one.spec for one in parts]
    phases: dict[str, list[Transfer]] = {"stage_in": [], "stage_out": [], "output": []}
    for name, transfers in phases.items():
        for spec in specs:
            transfers += getattr(spec, name)
    serials = tuple(serial for serial, spec in enumerate(specs, 1) for _ in spec.stage_in)
    return specs[0].model_copy(update={name: tuple(found) for name, found in phases.items()}), serials


def _plan_again(parts: Sequence[_Part], plan: CarrierPlan) -> CarrierPlan:
    """Return the plan of the next tries: the same transfers, unless those of one job are others now."""
    plan = replace(plan, overwrite=parts[0].spec.overwrite)
    own = {one.serial: group_tasks(one.spec) for one in parts}
    if all(plan.for_job(serial).tasks == tasks for serial, tasks in own.items()):
        return plan
    dealt: dict[TransferTask, list[tuple[TransferItem, int]]] = {}
    for serial, tasks in own.items():
        for task in tasks:
            dealt.setdefault(task._replace(items=()), []).extend((item, serial) for item in task.items)
    together = (task._replace(items=tuple(item for item, _ in items)) for task, items in dealt.items())
    serials = (tuple(serial for _, serial in items) for items in dealt.values())
    return replace(plan, tasks=tuple(together), dealt=tuple(serials))


def _repack(
    parts: Sequence[_Part], start: Start, options: RetryOptions, connections: Connections
) -> tuple[_Checked, list[str]]:
    """Return carried jobs, checked, with a fresh archive and credential, and the parameters of each."""
    with TemporaryDirectory(prefix="goclient-", dir=temporary_directory()) as directory:
        contents, plan = fetch_archive(start, Path(directory))
        who = "service" if plan.auth else "token" if plan.credential else None
        carry = {"goCarry": True, "goCredential": who, "goNeeds": plan.needs or None, "goConnect": plan.connect or None}
        carry["campaign"] = parts[0].job.campaign or None
        carry |= {"goGrant": options.goGrant, "goShareSecrets": options.goShareSecrets}
        checked = _check(parts, options, connections, carry)
        assert checked.carriage is not None, "its options say so"
        made = make_plan(_plan_again(parts, plan), checked.carriage, checked.report.rights)
        luggage = pack_luggage(contents, made, file_server=checked.carriage.file_server)
    new = Start(luggage.file_server, luggage.archive, made.plan.sha256, start.words)
    texts = [attach_carried(with_archive(one.decoded.payload, start, new), one.spec, made.plan.sha256) for one in parts]
    return checked._replace(luggage=luggage), texts
