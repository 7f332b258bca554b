"""Jobs of batches that may be sent again: not once nothing would bring their inputs, or deliver what they make."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cached_property
from pathlib import Path, PurePosixPath

from goclient.campaigns.batch import KeptBatch, load_batches
from goclient.campaigns.state import CLEAN, MISSING, TRANSFER, Slot
from goclient.errors import GoclientError
from goclient.model.names import first_name

_NUMBER = re.compile(r"_[0-9]+\Z")  # of a job among those of one submission


class KeptJobs:
    """Jobs of the batches that are kept beside a journal; a batch's journal is read once."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._over: dict[KeptBatch, bool] = {}
        self._nodes: dict[KeptBatch, PurePosixPath | None] = {}

    @cached_property
    def _batches(self) -> dict[str, KeptBatch]:
        return {".".join(one.path.name.split(".")[:2]): one for one in load_batches(self._state)}

    def batch_of(self, name: str) -> KeptBatch | None:
        """Return the batch of a job, whichever try of it has the name; None if it is of none."""
        own = first_name(name)
        return self._batches.get(own) or self._batches.get(_NUMBER.sub("", own))

    def is_over(self, batch: KeptBatch) -> bool:
        """Return True if what was staged is removed, or may be at any moment."""
        if batch not in self._over:
            cleans = (Slot.read(one.key).what == CLEAN for one in batch.journal.latest(TRANSFER))
            self._over[batch] = not batch.is_open or any(cleans)
        return self._over[batch]

    def node_of(self, batch: KeptBatch) -> PurePosixPath | None:
        """Return where its jobs look for the site's directory on the nodes; None if its file cannot be read."""
        if batch not in self._nodes:
            self._nodes[batch] = None
            with suppress(GoclientError):
                self._nodes[batch] = PurePosixPath(batch.read().area.node).parent
        return self._nodes[batch]

    def is_missing(self, batch: KeptBatch, name: str) -> bool:
        """Return True if an output of a job's try was not at the site when it was last looked for."""
        return any(name in entry.subjects for entry in batch.journal.latest(MISSING))
