"""Versions of the record side by side: the one that is written, and all that are read.

A text without a record is read as what it is: words as they were typed in 2012, or a payload alone.  Whatever it is
fed, nothing here raises anything but :class:`goclient.errors.GoclientError`.
"""

from __future__ import annotations

from typing import NamedTuple

from goclient.errors import raise_all
from goclient.errors.conditions import UnbalancedQuote
from goclient.errors.findings import Finding
from goclient.model.records.base import MAX_BLOCK, Decoded, RecordCodec, find_marker, refuse_record
from goclient.model.records.v1 import V1
from goclient.model.spec import TransferSpec
from goclient.model.syntax.parameters import Typed, read_typed, without_consequences


class DecodedText(NamedTuple):
    """Hold what a text says, and warnings about words of 2012 that have no effect."""

    decoded: Decoded
    warnings: list[Finding]


class RecordCodecs:
    """Write records with one codec, and read those of each."""

    def __init__(self, writer: RecordCodec, *readers: RecordCodec) -> None:
        self._writer = writer
        self._codecs = {codec.version: codec for codec in (*readers, writer)}

    @property
    def all(self) -> tuple[RecordCodec, ...]:
        """Return the codecs, oldest first."""
        return tuple(codec for _, codec in sorted(self._codecs.items()))

    def attach(self, payload: str, spec: TransferSpec, *, lenient: bool = False, limit: int = MAX_BLOCK) -> str:
        """Return the text of jobParameters, as :meth:`RecordCodec.encode` does."""
        return self._writer.encode(spec, payload, lenient=lenient, limit=limit)

    def attach_carried(self, payload: str, spec: TransferSpec, carried: str) -> str:
        """Return the text of a carried job's jobParameters, as :meth:`RecordCodec.encode_carried` does."""
        return self._writer.encode_carried(spec, payload, carried)

    def decode(self, text: str) -> Decoded:
        """Return the spec and the payload of a jobParameters text: a record, as typed in 2012, or a payload alone.

        Raises RequestError, and nothing else, for a record that is damaged, unknown or of a newer version.
        """
        return self.decode_with_warnings(text).decoded

    def decode_with_warnings(self, text: str) -> DecodedText:
        """Return the same, and warnings about words of 2012 that have no effect."""
        if (record := self._read_record(text)) is not None:
            return DecodedText(record, [])
        spec, payload, errors, warnings = self.read_text(text)
        raise_all(errors)
        return DecodedText(Decoded(spec, payload), warnings)

    def _read_record(self, text: str) -> Decoded | None:
        """Return what a record says, None for a text without one; raise RequestError as :meth:`read_text`."""
        marker = find_marker(text)
        if marker is None:
            return None
        codec = self._codecs.get(marker.version)
        if codec is None:
            known = " and ".join(str(one.version) for one in self.all)
            raise refuse_record(
                f"the transfer words are of version {marker.version}, this goclient reads version {known}"
            )
        return codec.decode(text)

    def read_text(self, text: str) -> Typed:
        """Return what a jobParameters text says, every mistake in what a user typed, and warnings.

        Raises RequestError for a record that is damaged, unknown or of a newer version.
        """
        if (record := self._read_record(text)) is not None:
            return Typed(record.spec, record.payload, [], [])
        typed = read_typed(text)
        if [type(error) for error in typed.errors] == [UnbalancedQuote]:
            return Typed(TransferSpec(), text, [], [])  # nobody checked it before: it is the payload's
        return typed._replace(errors=without_consequences(typed.errors))


RECORDS = RecordCodecs(V1())  # the first one writes
attach, attach_carried, decode, decode_with_warnings, read_text = (
    RECORDS.attach,
    RECORDS.attach_carried,
    RECORDS.decode,
    RECORDS.decode_with_warnings,
    RECORDS.read_text,
)
