"""Batch: one submission through a site's collection, as it is kept in a file that is written once.

What is intended is in that file; what came of it is in the batch's own journal beside it, and of its jobs in the main
journal.  A batch that is done has another name.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from goclient.carrier.carried import Luggage
from goclient.carrier.plan import CarrierPlan
from goclient.errors import GoclientError, RequestError
from goclient.errors.wording import cite, quote
from goclient.files.private import make_directory, private, replace
from goclient.journal import CAMPAIGNS, KEPT, Journal
from goclient.model.endpoint import Endpoint, read_endpoint
from goclient.model.location import Location
from goclient.model.plan import TransferItem
from goclient.model.records.panda_job import JobRecord, JobTemplate
from goclient.model.staging import Bring, Output, StagingArea

_OPEN, _DONE, _JOURNAL, _ARCHIVE = ".json", ".done.json", ".jsonl", ".tar.gz"
_VERSION = 1


@dataclass(frozen=True)
class Batch:
    """All that is done for the jobs of one submission; ``key`` is that of its request in the main journal.

    ``server`` is the PanDA server, and ``identity`` the Globus identity, with which it was begun.
    """

    key: str
    campaign: str
    server: str
    identity: str
    area: StagingArea
    overwrite: bool
    brings: tuple[Bring, ...]
    outputs: tuple[Output, ...]
    records: tuple[JobRecord, ...]
    luggage: Luggage | None = None

    @property
    def destinations(self) -> tuple[Endpoint, ...]:
        """Return the endpoints to which outputs are delivered, each once."""
        return tuple(dict.fromkeys(one.destination for one in self.outputs))

    @property
    def targets(self) -> tuple[Location, ...]:
        """Return the places where the outputs of a job will be."""
        return tuple(Location(one.destination, one.path) for one in self.outputs)

    @property
    def serials(self) -> Mapping[str, int]:
        """Return the number of each job by its name."""
        return {record.jobName: serial for serial, record in enumerate(self.records, 1)}

    def encode(self) -> bytes:
        """Return the document of the batch, without the archive of carried jobs, which has a file of its own."""
        luggage = None
        if self.luggage is not None:
            own = ("archive", "file_server", "content")
            luggage = {name: getattr(self.luggage, name) for name in own}
            luggage["plan"] = self.luggage.plan.encode().decode()
        document = {
            "version": _VERSION,
            **{name: getattr(self, name) for name in ("key", "campaign", "server", "identity", "overwrite")},
            "area": {**self.area._asdict(), "collection": _endpoint_document(self.area.collection)},
            "brings": [{"source": _endpoint_document(one.source), "items": one.items} for one in self.brings],
            "outputs": [{**o._asdict(), "destination": _endpoint_document(o.destination)} for o in self.outputs],
            "common": asdict(self.records[0].common),
            "jobs": [(one.jobName, one.jobParameters) for one in self.records],
            "luggage": luggage,
        }
        return _encode({**document, "digest": _digest(document, b"" if self.luggage is None else self.luggage.data)})

    @classmethod
    def decode(cls, data: bytes, archive: bytes = b"") -> Batch:
        """Return the batch of a document; raise RequestError unless all of it is as it was written."""
        try:
            found = json.loads(data)
            if found["version"] != _VERSION:
                raise ValueError(f"its version is {found['version']}, this goclient reads {_VERSION}")
            if found.pop("digest") != _digest(found, archive):
                raise ValueError("it is not as it was written")
            common, area, luggage = JobTemplate(**found["common"]), found["area"], found["luggage"]
            if luggage is not None:
                plan = CarrierPlan.decode(luggage.pop("plan").encode())
                luggage = Luggage(plan, data=archive, secret=None, **luggage)
            return cls(
                **{name: found[name] for name in ("key", "campaign", "server", "identity", "overwrite")},
                area=StagingArea(**{**area, "collection": read_endpoint(*area["collection"])}),
                brings=tuple(
                    Bring(read_endpoint(*one["source"]), tuple(TransferItem(*item) for item in one["items"]))
                    for one in found["brings"]
                ),
                outputs=tuple(
                    Output(**{**one, "destination": read_endpoint(*one["destination"])}) for one in found["outputs"]
                ),
                records=tuple(JobRecord(common, name, parameters) for name, parameters in found["jobs"]),
                luggage=luggage,
            )
        except KeyError as error:
            raise RequestError(f"it is not a batch: {quote(error.args[0])} is missing", code="bad-batch") from error
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise RequestError(f"it is not a batch: {cite(error)}", code="bad-batch") from error


def _encode(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _digest(document: object, archive: bytes) -> str:
    """Return what changes with anything in a batch: files are brought, and removed, as it says."""
    return hashlib.sha256(_encode(document) + archive).hexdigest()


def _endpoint_document(endpoint: Endpoint) -> tuple[str, str]:
    return endpoint.text, endpoint.typed


@dataclass(frozen=True)
class KeptBatch:
    """A file of a batch; its name begins with the campaign."""

    path: Path

    @property
    def campaign(self) -> str:
        """Return the campaign of the batch."""
        return self.path.name.partition(".")[0]

    @property
    def key(self) -> str:
        """Return the key of the batch."""
        return self._stem.partition(".")[2]

    @property
    def is_open(self) -> bool:
        """Return True unless all of it was done."""
        return not self.path.name.endswith(_DONE)

    @property
    def started(self) -> float:
        """Return when an open batch was written; raise OSError if it was just closed."""
        return self.path.stat().st_mtime

    @property
    def journal(self) -> Journal:
        """Return the batch's own journal, read anew."""
        return Journal(self._beside(_JOURNAL))

    def _beside(self, ending: str) -> Path:
        return self.path.with_name(self._stem + ending)

    @property
    def _stem(self) -> str:
        return self.path.name.removesuffix(_DONE).removesuffix(_OPEN)

    def read(self) -> Batch:
        """Return the batch; raise GoclientError if it cannot be read."""
        try:
            archive = self._beside(_ARCHIVE)
            found = Batch.decode(self.path.read_bytes(), archive.read_bytes() if archive.exists() else b"")
            if self._stem != (own := f"{found.campaign}.{found.key}"):
                raise RequestError(f"it is {quote(own)} by another name", code="bad-batch")
            return found
        except (OSError, RequestError) as error:
            reason = error.strerror if isinstance(error, OSError) else error.message
            raise GoclientError(
                f"the campaign's file {quote(self.path)} cannot be read: {reason}",
                hint=f"put it back as goclient has written it; if you remove it, remove what is left at the site, too: "
                f"{self.campaign}.{self.key[:8]} in the directory of [site.QUEUE]",
                code="campaign-file",
            ) from error

    @contextmanager
    def lock(self, *, batch: Batch | None = None) -> Iterator[bool]:
        """Run the body while no other process does anything for the batch; give False if one does.

        What the journals say must be read in the body: a process before may have done what was due.  A new ``batch``
        is written first, but after the lock is taken: as soon as it has a name, other processes see it.
        """
        descriptor = private(self._beside(_JOURNAL + ".lock"), os.O_RDWR | os.O_CREAT)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            if batch is not None:
                self._write(batch)
            yield self.path.exists()  # another process may just have closed it
        finally:
            os.close(descriptor)

    def _write(self, batch: Batch) -> None:
        if batch.luggage is not None:
            replace(self._beside(_ARCHIVE), batch.luggage.data)
        replace(self.path, batch.encode())

    def close(self) -> None:
        """Note that all is done: the file gets another name, and is kept for a while, with the jobs' archive."""
        closed = self._beside(_DONE)
        self.path.rename(closed)
        os.utime(closed)  # from now on
        self._remove(_JOURNAL + ".lock")

    def remove(self) -> None:
        """Remove the file, and what is beside it."""
        self._remove(_DONE, _JOURNAL, _ARCHIVE)

    def _remove(self, *endings: str) -> None:
        for ending in endings:
            self._beside(ending).unlink(missing_ok=True)


@contextmanager
def keep(batch: Batch, state: Path) -> Iterator[KeptBatch]:
    """Write a new batch to its file, and run the body, which alone may do anything for it.

    ``state`` is the directory of the main journal.
    """
    kept = KeptBatch(state / CAMPAIGNS / f"{batch.campaign}.{batch.key}{_OPEN}")
    with ExitStack() as stack:
        try:
            make_directory(kept.path.parent)
            is_ours = stack.enter_context(kept.lock(batch=batch))
        except OSError as error:
            raise GoclientError(
                f"{quote(kept.path.parent)} cannot be written: {error.strerror}; nothing was brought, and no job "
                "was sent",
                hint="make room or set GOCLIENT_STATE to another directory, then type the command again",
                code="campaign-file",
            ) from error
        if not is_ours:
            message = f"the campaign {quote(batch.campaign)} is being sent by another process"
            raise RequestError(message, hint="leave it to that one", code="being-sent", subject=batch.campaign)
        yield kept


def prune(state: Path, *, now: float) -> None:
    """Remove the files of batches that were closed long ago."""
    for one in load_batches(state):
        with suppress(OSError):
            if not one.is_open and one.path.stat().st_mtime < now - KEPT:
                one.remove()


def load_batches(state: Path) -> list[KeptBatch]:
    """Return all batches, the oldest first, also those that are done."""
    found = [KeptBatch(path) for path in (state / CAMPAIGNS).glob(f"*.*{_OPEN}")]
    times = {}
    for one in found:
        with suppress(OSError):
            times[one] = one.path.stat().st_mtime
    return sorted(times, key=lambda one: (times[one], one.path))
