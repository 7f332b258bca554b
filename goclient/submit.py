"""Submission: check and encode; ``send.py`` sends, once.

:func:`prepare` decides everything and sends nothing: whatever is wrong has been reported when it is done.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goclient.errors import Collector, GoclientError, Several, raise_all
from goclient.model.block import attach, decode
from goclient.model.finding import TO_DEPOSIT, Finding
from goclient.model.grammar import Items
from goclient.model.lists import ReadLines
from goclient.model.payload import doubts, mistakes
from goclient.model.plan import Task, plan
from goclient.model.record import JobCommon, JobRecord, job_records
from goclient.model.spec import TransferSpec
from goclient.understand import Understood, understood

if TYPE_CHECKING:
    from goclient.check import Job, Looker


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
        from goclient.check import Job

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
    tasks: tuple[Task, ...]
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
    if any(finding.error is not None for finding in findings):
        raise PreflightFailed(findings)
    text = attach(payload, spec, lenient=request.lenient)
    records = job_records(request.common, name=request.name, parameters=text, count=request.count)
    if spec:
        first = decode(records[0].jobParameters).spec  # as a pilot will read it, the serial number filled in
        spec = first if request.count == 1 else spec
    return Submission(spec, plan(spec), tuple(records), tuple(findings))


class PreflightFailed(Several):
    """The preflight found what would fail; ``findings`` are all that it found."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(finding.error for finding in findings if finding.error is not None)
        self.findings = tuple(findings)
        self.extra = {"findings": [finding.document() for finding in findings]}
