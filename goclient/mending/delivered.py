"""Find what earlier tries of jobs have delivered: their own report names it, and it is there as reported.

The report is that of Globus, whose tasks check the checksums of both ends: what it names without a checksum does not
count.  Nothing else tells for certain what a job that failed has delivered: the server drops the metadata that come
with that state (addMetadata of 1.0.4), and its jobMetrics have room for counts alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from goclient.errors import GoclientError
from goclient.jobs.results import MovedFile, deliveries
from goclient.model.location import Transfer
from goclient.model.records.answers import JobState
from goclient.model.spec import TransferSpec

if TYPE_CHECKING:
    from goclient.config.connections import Connections
    from goclient.services.globus.sdk import Globus


def find_delivered(jobs: Iterable[JobState], connections: Connections) -> dict[int, tuple[MovedFile, ...]]:
    """Return what jobs have delivered by Globus that is still there with the size of the report, by their numbers.

    What cannot be asked is left out: a preflight finds what is in the way of another try.
    """
    found: dict[int, tuple[MovedFile, ...]] = {}
    for panda_id, delivery in deliveries(jobs, connections).items():
        with suppress(GoclientError):
            found[panda_id] = tuple(one for one in delivery.files() if is_there(delivery.globus(), one))
    return {panda_id: files for panda_id, files in found.items() if files}


def is_there(globus: Globus, file: MovedFile) -> bool:
    """Return True if a file that was reported with its checksum is at its destination with the same size."""
    if file.checksum is None or file.size is None:
        return False
    try:
        entry = globus.entry(file.endpoint, file.path)
    except GoclientError:
        return False
    return not entry.is_directory and entry.size == file.size


def without_delivered(spec: TransferSpec, files: Sequence[MovedFile]) -> TransferSpec:
    """Return a spec without the transfers after the payload whose file is delivered already."""
    there = {(one.endpoint.text, one.path) for one in files}
    phases: Mapping[str, tuple[Transfer, ...]] = {"stage_out": spec.stage_out, "output": spec.output}
    kept = {
        name: tuple(one for one in transfers if not any(place in there for place in _places(one)))
        for name, transfers in phases.items()
    }
    return spec.model_copy(update=kept)


def _places(transfer: Transfer) -> Iterator[tuple[str, str]]:
    """Yield where the file of a transfer may be: what was typed as a new name may be a directory that it went into."""
    end = transfer.destination.endpoint
    if not transfer.source.is_directory:
        yield end.text, transfer.target_path
        yield end.text, f"{transfer.target_path.rstrip('/')}/{transfer.source.name}"
