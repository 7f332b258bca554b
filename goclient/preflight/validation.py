"""What a request for jobs means, and everything that is wrong with it; nobody is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from goclient.errors import Collector, Finding, GoclientError, RequestError, quoted
from goclient.model.endpoint import JOB
from goclient.model.location import JOB_OUT
from goclient.model.names import TASK_PLACEHOLDERS
from goclient.model.overlaps import find_nested_targets, find_output_in_input, find_output_over_input
from goclient.model.payload import mistakes as payload_mistakes
from goclient.model.payload import warnings as payload_warnings
from goclient.model.planner import plan
from goclient.model.records.base import MAX_BLOCK, MAX_TASK_BLOCK
from goclient.model.records.registry import attach
from goclient.model.request import Request
from goclient.model.serial import find_sibling_reads, insert_serial, needs_serial, shared_targets
from goclient.model.spec import TransferSpec
from goclient.model.syntax.lists import ReadLines
from goclient.model.syntax.options import Items
from goclient.model.syntax.parameters import Typed, read_typed, without_consequences
from goclient.model.syntax.shell import shell_word
from goclient.preflight.unlikely import SHOWN, find_unlikely_mistakes, find_unlikely_names, find_unlikely_words


class Validation(NamedTuple):
    """The transfers of a request, its payload's words, every mistake, and warnings; what is wrong is left out."""

    spec: TransferSpec
    payload: str
    errors: list[GoclientError]
    warnings: list[Finding]


def validate(
    text: str,
    *,
    items: Items,
    count: int,
    lenient: bool,
    read_lines: ReadLines,
    errors: Sequence[GoclientError] = (),
    task: bool = False,
) -> Validation:
    """Return what job parameters, and the items of the options beside them, mean for so many jobs.

    ``errors`` were found before, and are reported with the others.  ``task``: JEDI makes the jobs, as many as it likes.
    """
    collected = Collector(errors)
    spec, payload, mistakes, warnings = _typed(text, items, collected, read_lines)
    collected.errors += mistakes
    collected.errors += spec_mistakes(spec, count, task=task)
    with collected:
        limit = MAX_TASK_BLOCK if task else MAX_BLOCK
        attach(payload, spec, lenient=lenient, limit=limit)  # names that are resolved may only be longer
    warnings = [*warnings, *find_unlikely_words(payload), *on_node(spec)]
    warnings += _find_sibling_doubts(spec, count) if count > 1 else ()
    return Validation(spec, payload, without_consequences(collected.errors), warnings)


def validate_request(request: Request, read_lines: ReadLines, errors: Sequence[GoclientError] = ()) -> Validation:
    """Return what a request means, and everything that is wrong with it, the ``errors`` found before included."""
    collected = Collector(errors)
    with collected:
        request.common.check()
    told = {part.subject for error in collected.errors for part in error.parts}
    collected.errors += [one for one in payload_mistakes(request.common) if one.subject not in told]
    found = validate(
        request.parameters,
        items=request.items,
        count=request.count,
        lenient=request.lenient,
        read_lines=read_lines,
        errors=collected.errors,
    )
    return found._replace(warnings=[*payload_warnings(request.common), *found.warnings])


def _typed(text: str, items: Items, collected: Collector, read_lines: ReadLines) -> Typed:
    """What the options of a request and its job parameters say."""
    if any(0xD800 <= ord(c) < 0xE000 or c == "\0" for c in text):
        message = f"--jobParameters={quoted(text)} has a NUL or is not valid UTF-8"
        collected.errors.append(RequestError(message, hint="retype it", code="not-text", subject="--jobParameters"))
        text = ""
    return read_typed(text, options=items, read_lines=read_lines)


def on_node(spec: TransferSpec) -> Iterator[Finding]:
    """A warning for what only the node can see: files that are copied there, a server that must see its directory."""
    for phase, mode, transfers in spec.phases:
        if mode == "local" and transfers:
            location = transfers[0].source if phase == "stage-in" else transfers[0].target
            message = f"{phase}: {len(transfers)} item(s) such as {quoted(location)} are copied on the worker node"
            yield Finding("warning", "unchecked", str(location), message, "nothing there can be checked from here")
    if spec.local_endpoint is not None and any(transfers for _, mode, transfers in spec.phases if mode == "server"):
        message = f"files pass through the server {quoted(spec.local_endpoint)}, which must see the job's directory"
        hint = "only the node can tell: ask the site whether it does (goclient pilot --sharedFolder)"
        yield Finding("warning", "unchecked", spec.local_endpoint.text, message, hint)
    yield from find_unlikely_names(spec)
    yield from _find_overlaps(spec)


def spec_mistakes(spec: TransferSpec, count: int, *, task: bool = False) -> Iterator[GoclientError]:
    """What is wrong with a spec for ``count`` jobs that sendJob makes, which JEDI never sees, or for a task."""
    try:
        plan(spec)
    except GoclientError as error:
        yield error
    copied = (transfer for _, mode, transfers in spec.phases if mode == "local" for transfer in transfers)
    for location in islice(
        (end for transfer in copied for end in (transfer.source, transfer.target) if end.no_files_of), SHOWN
    ):
        message = f"{quoted(location)}: what is below {location.no_files_of} is not copied"
        yield RequestError(message, hint="name a file of the node's disks", code="forbidden", subject=str(location))
    for transfer in spec.stage_in:
        if transfer.target.in_job and transfer.target.path.split("/")[1] == JOB_OUT:
            message = f"{quoted(transfer.source)} would be {quoted(transfer.target)} in the job's directory"
            yield RequestError(
                f"{message}, like the payload's output",
                hint=f"give it another name there, such as --StageinGOdest={spec.working}:/NAME",
                code="own-file",
                subject=str(transfer.source),
            )
    for transfer in spec.transfers if not task else ():
        for location in (transfer.source, transfer.destination):
            for placeholder in TASK_PLACEHOLDERS:
                if placeholder in location.path:
                    yield RequestError(
                        f"{quoted(location)}: only tasks fill {placeholder}, a job of sendJob keeps it as it stands",
                        hint="use ${SN} or ${SN/P}, which sendJob fills, or submit with prun",
                        code="task-placeholder",
                        subject=str(location),
                    )
    yield from _onto_themselves(spec)
    yield from find_unlikely_mistakes(spec, count)
    yield from _find_files_as_directories(spec)
    for transfer in needs_serial(spec) if count > 1 else ():
        yield RequestError(
            f"{count} jobs would all write {quoted(transfer.target)}",
            hint=f"write {shell_word(insert_serial(transfer))}, in single quotes: a shell puts nothing for ${{SN}}",
            code="shared-target",
            subject=str(transfer.target),
        )
    for first, second in shared_targets(spec, count) if count > 1 else ():
        yield RequestError(
            f"{quoted(first)} and {quoted(second)} are one file in two of the {count} jobs",
            hint="use ${SN/P}, which always has six digits, or names that differ in more than numbers",
            code="shared-target",
            subject=str(second),
        )


def _onto_themselves(spec: TransferSpec) -> Iterator[GoclientError]:
    """An error for each move whose source and target are one place."""
    for transfer in spec.transfers:
        source, endpoint = transfer.source, transfer.destination.endpoint
        if endpoint == JOB or source.endpoint != endpoint:
            continue
        if source.path.rstrip("/") == transfer.target_path.rstrip("/"):
            hint = "leave the destination out to bring it into the job's directory, or name another place"
            message = f"{quoted(transfer.source)} would be written onto itself"
            yield RequestError(message, hint=hint, code="onto-itself", subject=str(transfer.source))


def _find_files_as_directories(spec: TransferSpec) -> Iterator[GoclientError]:
    """Yield an error for each name in the job's directory that would be written as a file and as a directory."""
    for outer, inner in islice(find_nested_targets(spec), SHOWN):
        if outer.source.in_job:
            message = f"{quoted(outer.target)} would be a file, and the directory of {quoted(inner.target)}"
            hint = f"name another place, or write {shell_word(f'{outer.source}/')} if it is a directory"
            yield RequestError(message, hint=hint, code="file-and-directory", subject=str(inner.target))


def _find_overlaps(spec: TransferSpec) -> Iterator[Finding]:
    """Yield a warning for each output that is where input comes from."""
    for brought, written in islice(find_output_in_input(spec), SHOWN):
        source, target = quoted(brought.source), quoted(written.target)
        if brought.source.path.rstrip("/") != written.target.path.rstrip("/") or brought.source.is_directory:
            message = f"{target} would be in {source}, which is brought as input: the next job brings it, too"
            yield Finding("warning", "output-in-input", str(written.target), message, "name another place for it")
        elif spec.overwrite:
            message = f"{target} would replace the input {source} (--goOverwrite)"
            yield Finding("warning", "output-over-input", str(written.target), message, "name another place for it")
    for written, brought in islice(find_output_over_input(spec), SHOWN) if spec.overwrite else ():
        message = f"{quoted(written.target)} would be written over the input {quoted(brought.source)} (--goOverwrite)"
        yield Finding("warning", "output-over-input", str(written.target), message, "name another place for it")
    for outer, inner in islice(find_nested_targets(spec), SHOWN):
        if not outer.source.in_job:
            message = f"{quoted(outer.target)} must be a directory, because {quoted(inner.target)} will be in it"
            hint = f"if {quoted(outer.source)} is a file, name another place"
            yield Finding("warning", "file-and-directory", str(inner.target), message, hint)


def _find_sibling_doubts(spec: TransferSpec, count: int) -> Iterator[Finding]:
    """Yield a warning for each source that another one of so many jobs writes."""
    for source, target in islice(find_sibling_reads(spec, count), SHOWN):
        message = f"{quoted(source)} of one job is {quoted(target)} of another: nothing says which comes first"
        yield Finding("warning", "sibling", str(source), message, "name another place for what is written")
