"""Serial number of a job among its siblings, which keeps two jobs from writing one file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from posixpath import commonprefix

from goclient.model.endpoint import Endpoint
from goclient.model.location import Location, Transfer
from goclient.model.names import SERIAL_NUMBERS, fill_serial
from goclient.model.spec import TransferSpec


def needs_serial(spec: TransferSpec) -> Iterator[Transfer]:
    """Yield the transfers whose target is written outside the job's directory and is the same for all jobs."""
    for transfer in spec.outward:
        if not any(number in transfer.target_path for number in SERIAL_NUMBERS):
            yield transfer


def insert_serial(transfer: Transfer) -> str:
    """Return the name, or the destination, of a move with the job's number where a shell has left a gap for it.

    In ``out_.root`` and ``run7//`` a shell has put nothing for ``${SN}``.  A file that has no gap keeps its name, in a
    directory of the job's; in the name of a destination the number stands before the ending.
    """
    destination, name = transfer.destination, transfer.source.name
    if "//" in destination.path and not destination.path.startswith("//"):
        return str(destination.with_path(destination.path.replace("//", "/${SN}/", 1)))
    typed = transfer.source.path[1:] if transfer.source.in_job else ""
    if not destination.is_directory or not typed:  # the destination has the name
        return str(destination.with_path(_add_number(destination.path)))
    if not re.search(_GAP, name):  # so the payload calls it, whatever its number is
        return str(destination.with_path(f"{destination.path.rstrip('/')}/${{SN}}/"))
    return typed.rstrip("/").removesuffix(name) + _add_number(name) + ("/" if typed.endswith("/") else "")


def _add_number(path: str) -> str:
    directory, slash, name = path.rstrip("/").rpartition("/")
    if path.endswith("/"):
        return f"{path}${{SN}}/"
    gap = re.search(_GAP, name)
    if gap:
        return f"{directory}{slash}{name[: gap.end()]}${{SN}}{name[gap.end() :]}"
    stem, dot, ending = name.partition(".")
    return f"{directory}{slash}{stem}.${{SN}}{dot}{ending}"


_GAP = r"[_.-](?=[_.-])|[_-]$|^(?=[_.-]\w)"


def find_sibling_reads(spec: TransferSpec, count: int) -> Iterator[tuple[Location, Location]]:
    """Yield each source that is brought to one of so many jobs and is written by another, with that target."""
    written = (transfer.target for transfer in (*spec.stage_out, *spec.output) if not transfer.destination.in_job)
    targets = list(dict.fromkeys(written))
    head = commonprefix([target.path.partition("${SN")[0] for target in targets])
    read = (transfer.source for transfer in spec.stage_in) if targets else ()
    sources = list(dict.fromkeys(one for one in read if one.path.startswith(head) or "${SN" in one.path))
    locations = sources + targets
    heads = _alike({number: one.path.partition("${SN")[0] for number, one in enumerate(locations)})
    paths = {number: locations[number].path for number in heads}
    near = _alike(
        {number: (path.rpartition("}")[2] if "${SN" in path else path)[::-1] for number, path in paths.items()}
    )
    by_path: dict[tuple[Endpoint, str], tuple[int, Location]] = {}
    for location in (locations[number] for number in near if number >= len(sources)):
        for serial in range(1, count + 1) if "${SN" in location.path else ():
            by_path[location.endpoint, fill_serial(location.path, serial)] = serial, location
    for location in (locations[number] for number in near if number < len(sources) and by_path):
        for serial in range(1, count + 1) if "${SN" in location.path else (0,):
            found = by_path.get((location.endpoint, fill_serial(location.path, serial)))
            if found is not None and found[0] != serial:
                yield location, found[1]
                break


def find_shared_targets(spec: TransferSpec, count: int) -> Iterator[tuple[Location, Location]]:
    """Yield the pairs of targets that differ as typed, but are one location in two of so many jobs, or in one.

    ``x1${SN}`` of job 1 and ``x${SN}`` of job 11 are both ``x11``.
    """
    targets = list(dict.fromkeys(transfer.target for transfer in spec.outward))
    heads = _alike({number: target.path.partition("${SN")[0] for number, target in enumerate(targets)})
    alike = _alike({number: targets[number].path.rpartition("}")[2][::-1] for number in heads})
    seen: dict[tuple[Endpoint, str], Location] = {}
    told: set[Location] = set()
    for serial in range(1, count + 1) if len(alike) > 1 else ():
        for number in alike:
            target = targets[number]
            first = seen.setdefault((target.endpoint, fill_serial(target.path, serial)), target)
            if first != target and target not in told:
                told.add(target)
                yield first, target


def _alike(texts: Mapping[int, str]) -> set[int]:
    """Return the numbers of the texts of which one begins with the other: only these can be equal once filled in."""
    found: set[int] = set()
    shortest: int | None = None
    for number in sorted(texts, key=texts.__getitem__):
        if shortest is not None and texts[number].startswith(texts[shortest]):
            found |= {number, shortest}
        else:
            shortest = number
    return found
