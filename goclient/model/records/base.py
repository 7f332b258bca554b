"""Interface of a record: how a spec rides in a job's parameters, beside the payload's own words.

``<the payload's words> --goclient=v<version>:<n> <n words>``: the last marker of a text tells which
:class:`RecordCodec` reads it.  ``registry.py`` holds the codecs, and says which one writes.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from goclient.errors import RequestError
from goclient.errors.wording import quote
from goclient.model.spec import TransferSpec

MAX_BLOCK = 1 << 20  # bytes of our words in one job of sendJob, which only the pilot reads
MAX_TASK_BLOCK = 1 << 16  # in a job of a task, whose words all pass through one argument of a shell (131,071 bytes)

_NAME = "goclient="
_MARKER = re.compile(rf"(?<![^ \t\r\n])(?:--{_NAME}|{_NAME}(?=v\d))([^ \t\r\n]*)")
_MARKER_VALUE = re.compile(r"v([0-9]{1,9}):([0-9]{1,9})")


class Counts(NamedTuple):
    """Hold how many transfer tasks and items a carried job has, where its record has no room for them."""

    tasks: int
    items: int


class Decoded(NamedTuple):
    """Hold what a job record says: what to move, and the payload's own words as they stood.

    ``carried`` is the checksum of the plan that travels with the job, which brings its own transfers then; empty for
    other jobs.  With ``counts`` the spec is empty: it is in that plan alone.
    """

    spec: TransferSpec
    payload: str
    carried: str = ""
    counts: Counts | None = None


class RecordCodec(Protocol):
    """Write a spec into the text of jobParameters, and read it back: one version of the record."""

    version: int

    @abstractmethod
    def encode(self, spec: TransferSpec, payload: str, *, lenient: bool = False, limit: int = MAX_BLOCK) -> str:
        """Return the text of jobParameters: the payload's words as they are, then the spec's, if it has any.

        ``lenient``: a bare marker, which lets a site that does not know us run the payload.  ``limit``: how many bytes
        our words may take.  Raises RequestError if they take more.
        """

    @abstractmethod
    def encode_carried(self, spec: TransferSpec, payload: str, carried: str) -> str:
        """Return the text of a job whose plan, with the checksum ``carried``, travels with it.

        The payload's words start the carrier.  Of a spec that has no room the text has the counts alone.
        """

    @abstractmethod
    def decode(self, text: str) -> Decoded:
        """Return what a text of this version says; raise RequestError, and nothing else, for a damaged one."""


class Marker(NamedTuple):
    """Hold the last marker of a text: its version, how many words follow it, and where it stands."""

    version: int
    length: int
    start: int
    end: int


class Block(NamedTuple):
    """Hold the two parts of a text: our words behind its last marker, and the payload before it."""

    words: Sequence[str]
    payload: str


def find_marker(text: str) -> Marker | None:
    """Return the last marker of a text, None if it has none; raise RequestError for a damaged one."""
    at = len(text)
    while (at := text.rfind(_NAME, 0, at)) >= 0:  # a record may have a mebibyte: it is not searched from its beginning
        for start in (max(at - 2, 0), at):
            if found := _MARKER.match(text, start):
                value = _MARKER_VALUE.fullmatch(found[1])
                if value is None:
                    raise refuse_record(f"the marker {quote(found[0])} is not goclient=v<version>:<count>")
                return Marker(int(value[1]), int(value[2]), start, found.end())
    return None


def read_block(text: str) -> Block:
    """Return the two parts of a text that has a marker; raise RequestError if words are missing, or too many."""
    marker = find_marker(text)
    assert marker is not None, "the registry gives a codec texts with a marker"
    words = re.findall(r"[^ \t\r\n]+", text[marker.end :])
    if marker.length != len(words):
        raise refuse_record(f"{marker.length} transfer words were written, {len(words)} are left")
    return Block(words, text[: max(marker.start - 1, 0)])


def write_block(block: Block, *, version: int, lenient: bool) -> str:
    """Return the text of a payload and our words; without a marker if there are no words, and none is needed."""
    if not block.words and _NAME not in block.payload:
        return block.payload
    marker = f"{'' if lenient else '--'}{_NAME}v{version}:{len(block.words)}"
    return " ".join(part for part in (block.payload, marker, *block.words) if part)


def refuse_record(message: str) -> RequestError:
    """Make the error of a record that was changed on its way, or that a newer goclient made."""
    hint = "the text was changed on its way, or made by a newer goclient: submit again, or update goclient"
    return RequestError(f"jobParameters: {message}", hint=hint, code="damaged-block")
