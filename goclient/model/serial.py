"""The serial number of a job among its siblings, which keeps two jobs from writing one file."""

from __future__ import annotations

from collections.abc import Iterator

from goclient.model.spec import SERIAL_NUMBERS, Move, TransferSpec


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
