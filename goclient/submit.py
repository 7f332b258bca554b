"""Submission: check and encode; ``send.py`` sends, once.

:func:`prepare` decides everything and sends nothing: whatever is wrong has been reported when it is done.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goclient.check import preflight, resolve_offline
from goclient.errors import (
    Collector,
    GoclientError,
    RequestError,
    Several,
    UsageError,
    quoted,
    raise_all,
)
from goclient.model.block import attach, decode
from goclient.model.finding import Finding
from goclient.model.grammar import LISTS, Items
from goclient.model.lists import ReadLines
from goclient.model.plan import Task, plan
from goclient.model.record import JobCommon, JobRecord, job_records
from goclient.model.serial import needs_serial, shared_targets
from goclient.model.spec import TASK_PLACEHOLDERS, TransferSpec
from goclient.model.typed import Typed, read_typed

if TYPE_CHECKING:
    from goclient.services.globus import Globus


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
    read_lines: ReadLines,
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
    spec, payload, mistakes, doubts = _typed(request, collected, read_lines)
    collected.errors += mistakes
    collected.errors += _spec_mistakes(spec, request.count)
    with collected:
        attach(payload, spec, lenient=request.lenient)  # names that are resolved may only be longer
    raise_all(_without_consequences(collected.errors))
    findings: list[Finding] = []
    if spec.endpoints and globus is None:
        spec, findings = resolve_offline(spec, catalogue())
    elif spec.endpoints and globus is not None:
        spec, findings = _checked(spec, request.count, catalogue(), globus, make_folders)
    findings = [*_doubts(request.common), *doubts, *_on_node(spec), *findings]
    if any(finding.error is not None for finding in findings):
        raise PreflightFailed(findings)
    text = attach(payload, spec, lenient=request.lenient)
    records = job_records(request.common, name=request.name, parameters=text, count=request.count)
    if spec:
        first = decode(records[0].jobParameters).spec  # as a pilot will read it, the serial number filled in
        spec = first if request.count == 1 else spec
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
    pairs = [(f"--{one}", f"--{other}") for one, other in LISTS]
    unread |= {partner for pair in pairs for partner in pair if not unread.isdisjoint(pair)}
    return [part for part in parts if part.code != "list-rule" or part.subject not in unread]


_UNREAD = {"list-file", "empty-item", "no-value"}


def _checked(
    spec: TransferSpec, count: int, catalogue: dict[str, str], globus: Callable[[], Globus], make_folders: bool
) -> tuple[TransferSpec, list[Finding]]:
    """The resolved spec and the findings of the preflight; one finding if there is no login."""
    try:
        service = globus()
    except GoclientError as error:
        return spec, [Finding.failed(error)]
    return preflight(spec, catalogue=catalogue, globus=service, make_folders=make_folders, serials=range(1, count + 1))


def _typed(request: Request, collected: Collector, read_lines: ReadLines) -> Typed:
    """What the options of a request and its job parameters say."""
    text = request.parameters
    if any(0xD800 <= ord(c) < 0xE000 or c == "\0" for c in text):
        message = f"--jobParameters={quoted(text)} has a NUL or is not valid UTF-8"
        collected.errors.append(RequestError(message, hint="retype it", code="not-text", subject="--jobParameters"))
        text = ""
    return read_typed(text, options=request.items, read_lines=read_lines)


def _on_node(spec: TransferSpec) -> Iterator[Finding]:
    """A warning for each phase whose files are copied on the node, where nobody can look before."""
    for phase, mode, moves in spec.phases:
        if mode == "local" and moves:
            place = moves[0].source if phase == "stage-in" else moves[0].target
            message = f"{phase}: {len(moves)} item(s) such as {quoted(place)} are copied on the worker node"
            yield Finding("warning", "unchecked", str(place), message, "nothing there can be checked from here")


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
    for first, second in shared_targets(spec, count) if count > 1 else ():
        yield RequestError(
            f"{quoted(first)} and {quoted(second)} are one file in two of the {count} jobs",
            hint="use ${SN/P}, which always has six digits, or names that differ in more than numbers",
            code="shared-target",
            subject=str(second),
        )


class PreflightFailed(Several):
    """The preflight found what would fail; ``findings`` are all that it found."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(finding.error for finding in findings if finding.error is not None)
        self.findings = tuple(findings)
        self.extra = {"findings": [finding.document() for finding in findings]}
