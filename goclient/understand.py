"""What a request for jobs means, and everything that is wrong with it; nobody is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from goclient.errors import Collector, GoclientError, RequestError, UsageError, quoted
from goclient.model.block import MAX_BLOCK, MAX_TASK_BLOCK, attach
from goclient.model.finding import Finding
from goclient.model.grammar import LISTS, Items
from goclient.model.lists import ReadLines
from goclient.model.names import TASK_PLACEHOLDERS
from goclient.model.plan import plan
from goclient.model.serial import needs_serial, shared_targets
from goclient.model.spec import TransferSpec
from goclient.model.typed import Typed, read_typed


class Understood(NamedTuple):
    """The transfers of a request, its payload's words, every mistake, and warnings; what is wrong is left out."""

    spec: TransferSpec
    payload: str
    errors: list[GoclientError]
    doubts: list[Finding]


def understood(
    text: str,
    *,
    items: Items,
    count: int,
    lenient: bool,
    read_lines: ReadLines,
    errors: Sequence[GoclientError] = (),
    task: bool = False,
) -> Understood:
    """What job parameters, and the items of the options beside them, mean for so many jobs.

    ``errors`` were found before, and are reported with the others.  ``task``: JEDI makes the jobs, as many as it likes.
    """
    collected = Collector(errors)
    spec, payload, mistakes, doubts = _typed(text, items, collected, read_lines)
    collected.errors += mistakes
    collected.errors += spec_mistakes(spec, count, task=task)
    with collected:
        limit = MAX_TASK_BLOCK if task else MAX_BLOCK
        attach(payload, spec, lenient=lenient, limit=limit)  # names that are resolved may only be longer
    return Understood(spec, payload, _without_consequences(collected.errors), [*doubts, *on_node(spec)])


def _typed(text: str, items: Items, collected: Collector, read_lines: ReadLines) -> Typed:
    """What the options of a request and its job parameters say."""
    if any(0xD800 <= ord(c) < 0xE000 or c == "\0" for c in text):
        message = f"--jobParameters={quoted(text)} has a NUL or is not valid UTF-8"
        collected.errors.append(RequestError(message, hint="retype it", code="not-text", subject="--jobParameters"))
        text = ""
    return read_typed(text, options=items, read_lines=read_lines)


def on_node(spec: TransferSpec) -> Iterator[Finding]:
    """A warning for what only the node can see: files that are copied there, a server that must see its directory."""
    for phase, mode, moves in spec.phases:
        if mode == "local" and moves:
            place = moves[0].source if phase == "stage-in" else moves[0].target
            message = f"{phase}: {len(moves)} item(s) such as {quoted(place)} are copied on the worker node"
            yield Finding("warning", "unchecked", str(place), message, "nothing there can be checked from here")
    if spec.local_endpoint is not None and any(moves for _, mode, moves in spec.phases if mode == "server"):
        message = f"files pass through the server {quoted(spec.local_endpoint)}, which must see the job's directory"
        hint = "only the node can tell: ask the site whether it does (goclient pilot --sharedFolder)"
        yield Finding("warning", "unchecked", spec.local_endpoint, message, hint)
    own = (place for move in spec.moves for place in (move.source, move.target) if place.endpoint is None)
    own = (place for place in own if " " in place.path)  # they may be a hundred thousand
    padded = dict.fromkeys(place for place in own if any(part != part.strip() for part in place.path.split("/")))
    for place in list(padded)[:SHOWN]:
        message = f"{quoted(place)} in the job's directory has a blank at one of its ends"
        yield Finding("warning", "blank", str(place), message, "separate the items of a list with a comma alone")


SHOWN = 5  # warnings of one kind, of thousands of files maybe
JOB_OUT = "job.out"  # the pilot has the payload's output in it, in the job's directory


def spec_mistakes(spec: TransferSpec, count: int, *, task: bool = False) -> Iterator[GoclientError]:
    """What is wrong with a spec for ``count`` jobs that sendJob makes, which JEDI never sees, or for a task."""
    try:
        plan(spec)
    except GoclientError as error:
        yield error
    for move in spec.stage_in:
        if move.target.endpoint is None and move.target.path.split("/")[1] == JOB_OUT:
            message = f"{quoted(move.source)} would be {quoted(move.target)} in the job's directory"
            yield RequestError(
                f"{message}, like the payload's output",
                hint=f"give it another name there, such as --StageinGOdest={spec.working}:/NAME",
                code="own-file",
                subject=str(move.source),
            )
    for move in spec.moves if not task else ():
        for place in (move.source, move.destination):
            for placeholder in TASK_PLACEHOLDERS:
                if placeholder in place.path:
                    yield RequestError(
                        f"{quoted(place)}: only tasks fill {placeholder}, a job of sendJob keeps it as it stands",
                        hint="use ${SN} or ${SN/P}, which sendJob fills, or submit with prun",
                        code="task-placeholder",
                        subject=str(place),
                    )
    yield from _onto_themselves(spec)
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


def _onto_themselves(spec: TransferSpec) -> Iterator[GoclientError]:
    """An error for each move whose source and target are one place."""
    for move in spec.moves:
        source, endpoint = move.source, move.destination.endpoint
        if endpoint is None or source.endpoint != endpoint:
            continue
        if source.path.rstrip("/") == move.target_path.rstrip("/"):
            hint = "leave the destination out to bring it into the job's directory, or name another place"
            message = f"{quoted(move.source)} would be written onto itself"
            yield RequestError(message, hint=hint, code="onto-itself", subject=str(move.source))


def _without_consequences(errors: Sequence[GoclientError]) -> list[GoclientError]:
    """The errors without the list rules that are broken only because one of the two lists could not be read."""
    parts = [part for error in errors for part in error.parts]
    unread = {part.subject for part in parts if isinstance(part, UsageError) or part.code in _UNREAD}
    pairs = [(f"--{one}", f"--{other}") for one, other in LISTS]
    unread |= {partner for pair in pairs for partner in pair if not unread.isdisjoint(pair)}
    return [part for part in parts if part.code != "list-rule" or part.subject not in unread]


_UNREAD = {"list-file", "empty-item", "no-value", "misspelt"}
