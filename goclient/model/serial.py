"""The serial number of a job among its siblings, which keeps two jobs from writing one file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from goclient.model.names import SERIAL_NUMBERS
from goclient.model.spec import Move, Place, TransferSpec


def fill_serial(text: str, serial: int) -> str:
    """The text with ``${SN}`` and ``${SN/P}`` replaced, as JEDI does: plain, and padded to six digits."""
    if "${SN" not in text:
        return text
    return text.replace("${SN}", str(serial)).replace("${SN/P}", f"{serial:06d}")


def needs_serial(spec: TransferSpec) -> Iterator[Move]:
    """The moves whose target is written outside the job's directory and is the same for all jobs."""
    for move in spec.moves:
        if move.destination.endpoint is not None and not any(number in move.target_path for number in SERIAL_NUMBERS):
            yield move


def shared_targets(spec: TransferSpec, count: int) -> Iterator[tuple[Place, Place]]:
    """The pairs of targets that differ as typed, but would be one place in two of so many jobs, or in one of them.

    ``x1${SN}`` of job 1 and ``x${SN}`` of job 11 are both ``x11``.
    """
    targets = list(dict.fromkeys(move.target for move in spec.moves if move.destination.endpoint is not None))
    alike = _alike([target.path.partition("${SN")[0] for target in targets])
    alike &= _alike([target.path.rpartition("}")[2][::-1] for target in targets])
    seen: dict[tuple[str | None, str], Place] = {}
    told: set[Place] = set()
    for serial in range(1, count + 1) if len(alike) > 1 else ():
        for number in alike:
            target = targets[number]
            first = seen.setdefault((target.endpoint, fill_serial(target.path, serial)), target)
            if first != target and target not in told:
                told.add(target)
                yield first, target


def _alike(texts: Sequence[str]) -> set[int]:
    """The numbers of the texts of which one begins with the other: only these can be equal once filled in."""
    found: set[int] = set()
    shortest: int | None = None
    for number in sorted(range(len(texts)), key=texts.__getitem__):
        if shortest is not None and texts[number].startswith(texts[shortest]):
            found |= {number, shortest}
        else:
            shortest = number
    return found
