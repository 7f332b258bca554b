"""Version 1 of the record: ``<the payload's words> --goclient=v1:<n> --Name=value …``.

The n words after the marker are percent-encoded where needed, so that an ordinary value reads as it did in 2012.
Those of a carried job end with ``--CarriedGO=<the checksum of its plan>``; if there is no room for the others,
``--CountsGO=<transfer tasks>,<items>`` stands for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from goclient.errors import RequestError
from goclient.errors.wording import quote
from goclient.model.location import JOB_DIRECTORY, Location, Transfer
from goclient.model.mode import DEFAULT_MODE
from goclient.model.names import PLACEHOLDERS
from goclient.model.planner import plan
from goclient.model.records.base import (
    MAX_BLOCK,
    MAX_TASK_BLOCK,
    Block,
    Counts,
    Decoded,
    RecordCodec,
    read_block,
    refuse_record,
    write_block,
)
from goclient.model.spec import TransferSpec
from goclient.model.syntax.options import IN_MODE, LOCAL_ENDPOINT, MYPROXY, OUT_MODE, OVERWRITE, USER, WORDS, spec_from

CARRIED, COUNTS = "CarriedGO", "CountsGO"
_CARRIED = r"[0-9a-f]{64}"
_COUNTS = r"([0-9]{1,9}),([0-9]{1,9})"
_LITERAL = r"A-Za-z0-9@+:./\-_#~"
_PLACEHOLDER = "|".join(map(re.escape, PLACEHOLDERS))
_TO_ENCODE = re.compile(f"({_PLACEHOLDER})|[^{_LITERAL}]")
_ALL_LITERAL = re.compile(f"[{_LITERAL}]*")
_ENCODED = r"%(?:([0-9A-Fa-f]{2})|)"


class V1(RecordCodec):
    """Write and read version 1: a word for each option, in the order of WORDS."""

    version = 1

    def encode(self, spec: TransferSpec, payload: str, *, lenient: bool = False, limit: int = MAX_BLOCK) -> str:
        """Return the payload's words, then the marker and our words, if any."""
        block = block_words(spec)
        size = len(" ".join(block))
        if size > limit:
            files = sum(1 for _ in spec.transfers)
            fit = f"about {files * limit // size} such names fit"
            raise RequestError(
                f"the names of {files} files take {size} bytes, more than the {limit} of a job",
                hint=f"{fit}: move a whole directory (a final /) instead of its files",
                code="too-many-files",
            )
        return write_block(Block(block, payload), version=self.version, lenient=lenient)

    def encode_carried(self, spec: TransferSpec, payload: str, carried: str) -> str:
        """Return the payload's words, then a bare marker and our words, or their counts, and the checksum of the plan.

        All of it passes through one argument of a shell at the site.
        """
        block = block_words(spec)
        if len(" ".join(block)) > MAX_TASK_BLOCK:
            tasks = plan(spec)
            block = [f"--{COUNTS}={len(tasks)},{sum(len(task.items) for task in tasks)}"]
        words = [*block, f"--{CARRIED}={carried}"]
        return write_block(Block(words, payload), version=self.version, lenient=True)

    def decode(self, text: str) -> Decoded:
        """Return the spec of the words behind the marker, and the payload."""
        block = read_block(text)
        values: dict[str, str] = {}
        for word in block.words:
            name, equals, value = word.removeprefix("--").partition("=")
            if name not in (*WORDS, COUNTS, CARRIED) or not equals or not word.startswith("--"):
                raise refuse_record(f"{quote(word)} is not a word of version {self.version}")
            if name in values:
                raise refuse_record(f"--{name} is there twice")
            values[name] = value
        carried, counts = _pop_carried(values)
        items = {name: [_decode_item(item) for item in value.split(",")] for name, value in values.items()}
        return Decoded(spec_from(items), block.payload, carried, counts)


def _pop_carried(values: dict[str, str]) -> tuple[str, Counts | None]:
    """Return what the words of a carried job say, which are taken out; raise RequestError if they cannot be so."""
    counted = values.pop(COUNTS, None)
    if counted is None and CARRIED not in values:
        return "", None
    is_last = list(values)[-1:] == [CARRIED]
    carried = values.pop(CARRIED, "")
    numbers = re.fullmatch(_COUNTS, counted) if counted is not None else None
    if not (is_last and re.fullmatch(_CARRIED, carried)):
        raise refuse_record(f"--{CARRIED} is not the checksum of a plan at the end of the words")
    if counted is not None and (numbers is None or values):
        raise refuse_record(f"--{COUNTS}={quote(counted)} does not stand for the words of transfers")
    return carried, None if numbers is None else Counts(int(numbers[1]), int(numbers[2]))


def block_words(spec: TransferSpec) -> list[str]:
    """Return the words ``--Name=value`` of a spec, in the order of WORDS; none for a spec that moves nothing."""

    def write(location: Location) -> str:
        endpoint = location.endpoint
        if endpoint.is_remote:
            return endpoint.write(location.path)
        return f"{spec.working}:{location.path}" if location.in_job else location.path

    def write_name(location: Location) -> str:
        plain = location.in_job and ":" not in location.path and not location.path.startswith(("//", "/~"))
        return location.path[1:] if plain and location.path != "/" else write(location)

    here = all(
        transfer.destination is JOB_DIRECTORY or transfer.destination == JOB_DIRECTORY for transfer in spec.stage_in
    )
    lists: dict[str, list[str]] = {
        "StageinGOsrc": [write(transfer.source) for transfer in spec.stage_in],
        "StageinGOdest": [] if here else _destinations(spec.stage_in, write),
        "StageoutGOsrc": [write_name(transfer.source) for transfer in spec.stage_out],
        "StageoutGOdest": _destinations(spec.stage_out, write),
        "OutputGO": _destinations(spec.output, write),
        "WorkingendpointGO": [spec.working] if spec.working else [],
        "Data": [_relative(transfer.source.path) for transfer in spec.output],
        IN_MODE: [spec.in_mode.value] if spec.in_mode != DEFAULT_MODE else [],
        OUT_MODE: [spec.out_mode.value] if spec.out_mode != DEFAULT_MODE else [],
        LOCAL_ENDPOINT: [spec.local_endpoint.text] if spec.local_endpoint else [],
        USER: [spec.user] if spec.user else [],
        MYPROXY: [str(spec.myproxy)] if spec.myproxy else [],
        OVERWRITE: ["yes"] if spec.overwrite else [],
    }
    return [f"--{key}={','.join(_encode_items(lists[key]))}" for key in WORDS if lists[key]]


def _relative(path: str) -> str:
    """Return the name in the job's directory that reads back as this path."""
    return f".{path}" if path.startswith(("//", "/~")) else path[1:]


def _destinations(transfers: Sequence[Transfer], written: Callable[[Location], str]) -> list[str]:
    """Return one directory if all transfers have the same, else one destination a transfer."""
    if not transfers:
        return []
    first = transfers[0].destination
    if first.is_directory and all(
        transfer.destination is first or transfer.destination == first for transfer in transfers
    ):
        return [written(first)]
    return [written(transfer.destination) for transfer in transfers]


def _encode_items(items: Sequence[str]) -> Sequence[str]:
    if _ALL_LITERAL.fullmatch("".join(items)):  # nearly always: one look at thousands of names
        return items
    return [_TO_ENCODE.sub(lambda m: m[1] or "".join(f"%{byte:02X}" for byte in m[0].encode()), one) for one in items]


def _decode_item(text: str) -> str:
    if "%" not in text:
        return text
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes((int(m[1], 16),)), text.encode("utf-8", "surrogatepass"))
    if any(m[1] is None for m in re.finditer(_ENCODED, text)):
        raise RequestError(f"{quote(text)} is not percent-encoded", code="damaged-block")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise RequestError(f"{quote(text)} is not UTF-8", code="damaged-block") from error
