"""Mistakes in a spec, as far as they are known without asking a service."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from goclient.errors import GoclientError, RequestError
from goclient.errors.findings import SHOWN
from goclient.errors.wording import quote
from goclient.model.confusable import with_code_points
from goclient.model.endpoint import is_uuid
from goclient.model.location import JOB_OUT, Location
from goclient.model.names import TASK_PLACEHOLDERS
from goclient.model.overlaps import Overlap
from goclient.model.planner import find_collisions
from goclient.model.serial import find_shared_targets, insert_serial, needs_serial
from goclient.model.spec import TransferSpec
from goclient.model.syntax.shell import shell_word

if TYPE_CHECKING:
    from goclient.model.deal import Deal

LONGEST_NAME = 255  # bytes; NAME_MAX of Linux, and no file system has more

_INVISIBLE = "\ufeff\u200b\u200e\u200f\u2060"
_WRAPPED = re.compile(r"[{(<\[\"']+([0-9a-fA-F-]{36})[})>\]\"']+")


def find_mistakes(
    spec: TransferSpec, count: int, nested: Iterable[Overlap], *, task: bool = False, deal: Deal | None = None
) -> Iterator[GoclientError]:
    """Yield what is wrong with a spec for ``count`` jobs that sendJob makes, which JEDI never sees, or for a task.

    ``nested`` are the first of what ``find_nested_targets`` finds.
    """
    yield from find_conflicts(spec, deal)
    copied = (transfer for _, mode, transfers in spec.phases if mode.copies_on_node for transfer in transfers)
    forbidden = (end for transfer in copied for end in (transfer.source, transfer.target) if end.no_files_of)
    for location in islice(forbidden, SHOWN):
        message = f"{quote(location.display)}: what is below {location.no_files_of} is not copied"
        yield RequestError(message, hint="name a file of the node's disks", code="forbidden", subject=location.display)
    own = f"\n/{JOB_OUT}/"
    for transfer, key in zip(spec.stage_in, spec.target_keys, strict=False):
        if key.startswith(own) and transfer.destination.in_job:
            message = (
                f"{quote(transfer.source.display)} would be {quote(transfer.target.display)} in the job's directory"
            )
            yield RequestError(
                f"{message}, like the payload's output",
                hint=f"give it another name there, such as --StageinGOdest={spec.working}:/NAME",
                code="own-file",
                subject=transfer.source.display,
            )
    locations = spec.locations
    for location in (one for one in locations if "$" in one.path and not task):
        for placeholder in TASK_PLACEHOLDERS:
            if placeholder in location.path:
                message = f"{quote(location.display)}: only tasks fill {placeholder}, a job of sendJob keeps it"
                yield RequestError(
                    f"{message} as it stands",
                    hint="use '${SN}' or '${SN/P}', which sendJob fills, or submit with prun",
                    code="task-placeholder",
                    subject=location.display,
                )
    yield from find_unlikely_mistakes(spec, locations, count=count)
    for outer, inner in nested:
        if outer.source.in_job:
            message = (
                f"{quote(outer.target.display)} would be a file, and the directory of {quote(inner.target.display)}"
            )
            hint = f"name another place, or write {shell_word(f'{outer.source.display}/')} if it is a directory"
            yield RequestError(message, hint=hint, code="file-and-directory", subject=inner.target.display)
    if count > 1:
        yield from _find_shared(spec, count, deal)


def find_conflicts(spec: TransferSpec, deal: Deal | None) -> Iterator[RequestError]:
    """Yield an error for each two files in one place, each file of two jobs, and each that is written onto itself."""
    yield from find_collisions(spec.transfers) if deal is None else deal.find_collisions(spec)
    for transfer in spec.outward:
        source = transfer.source
        if source.endpoint == transfer.destination.endpoint and transfer.target.is_in(source):
            hint = "leave the destination out to bring it into the job's directory, or name another place"
            message = f"{quote(source.display)} would be written onto or into itself"
            yield RequestError(message, hint=hint, code="onto-itself", subject=source.display)


def _find_shared(spec: TransferSpec, count: int, deal: Deal | None) -> Iterator[RequestError]:
    """Yield an error for each target that several jobs would write; what was dealt, one job alone writes."""
    for transfer in needs_serial(spec if deal is None else deal.find_shared(spec)):
        yield RequestError(
            f"{count} jobs would all write {quote(transfer.target.display)}",
            hint=f"write {shell_word(insert_serial(transfer))}, in single quotes: a shell puts nothing for ${{SN}}",
            code="shared-target",
            subject=transfer.target.display,
        )
    for first, second in find_shared_targets(spec, count):
        yield RequestError(
            f"{quote(first.display)} and {quote(second.display)} are one file in two of the {count} jobs",
            hint="use '${SN/P}', which always has six digits, or names that differ in more than numbers",
            code="shared-target",
            subject=second.display,
        )


def find_unlikely_mistakes(spec: TransferSpec, locations: Sequence[Location], *, count: int) -> Iterator[GoclientError]:
    """Yield an error for each location that joins several, has a quote or an invisible sign, or is too long."""
    too_long: set[str] = set()
    for location in locations:
        if ":/" in location.path and not location.in_job:
            from goclient.model.syntax.misread import split_locations  # hardly any path has a colon and a slash

            if parts := split_locations(location.display):
                hint = f"write {shell_word(','.join(parts))}"
                message = f"{quote(location.display)} is {len(parts)} locations, and a list is separated by commas"
                yield RequestError(message, hint=hint, code="location", subject=location.display)
        name = _longest_name(location.path, count) if len(location.path) * 4 > LONGEST_NAME else None
        if name is not None and name not in too_long:
            too_long.add(name)
            size = len(name.encode(errors="surrogatepass"))
            message = f"{quote(location.display, 80)}: {quote(name, 40)} has {size} bytes"
            yield RequestError(
                f"{message}, and a name has at most {LONGEST_NAME}",
                hint="give it a shorter name",
                code="name-too-long",
                subject=location.display,
            )
    endpoints = [one.text for one in spec.endpoints]
    first: dict[str, str] = {}  # path of each endpoint's first location
    for location in locations:
        if len(first) == len(endpoints):
            break  # there may be thousands more
        first.setdefault(location.endpoint.text, location.path)
    for endpoint in endpoints:
        path = first.get(endpoint, "/")
        if (right := _unwrap(endpoint, path)) != endpoint:
            shown, typed = "" if endpoint.isascii() else f", {with_code_points(endpoint)},", f"{endpoint}:{path}"
            message = f"{quote(typed)} has signs around the endpoint's name{shown} that do not belong to it"
            hint = f"write {shell_word(f'{right}:{path.removesuffix(endpoint[0])}')}"
            yield RequestError(message, hint=hint, code="location", subject=endpoint)


def _longest_name(path: str, count: int) -> str | None:
    """Return the first name of a path that is too long once the job's number is filled in, if any."""
    filled = path.replace("${SN/P}", "0" * 6).replace("${SN}", str(count))
    return next((name for name in filled.split("/") if len(name.encode(errors="surrogatepass")) > LONGEST_NAME), None)


def _unwrap(endpoint: str, path: str) -> str:
    """Return an endpoint's name without quotes, brackets and invisible signs around it."""
    plain = endpoint.strip(_INVISIBLE)
    wrapped = _WRAPPED.fullmatch(plain)
    if wrapped and is_uuid(wrapped[1]):
        return wrapped[1]
    if plain[:1] in ("'", '"') and path.endswith(plain[0]):
        return plain[1:]
    return plain or endpoint
