"""The block of words with which a spec rides in a job's parameters.

``<the payload's words> --goclient=v1:<n> --Name=value …``: the marker, then n words, percent-encoded where needed,
so that an ordinary value reads as it did in 2012.  A job record without a block is read as what it is: words as
they were typed in 2012, or a payload alone.  Whatever it is fed, nothing here raises anything but
:class:`goclient.errors.GoclientError`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from goclient.errors import Finding, RequestError, quoted, raise_all
from goclient.model.names import PLACEHOLDERS
from goclient.model.spec import JOB_DIRECTORY, NODE_FILES, Location, Transfer, TransferSpec
from goclient.model.syntax.options import IN_MODE, LOCAL_ENDPOINT, MYPROXY, OUT_MODE, OVERWRITE, USER, WORDS, spec_from
from goclient.model.syntax.parameters import Typed, read_typed, without_consequences

VERSION = 1
MAX_BLOCK = 1 << 20  # bytes of our words in one job of sendJob, which only the pilot reads
MAX_TASK_BLOCK = 1 << 16  # in a job of a task, whose words all pass through one argument of a shell (131,071 bytes)

_LITERAL = r"A-Za-z0-9@+:./\-_#~"
_PLACEHOLDER = "|".join(map(re.escape, PLACEHOLDERS))
_TO_ENCODE = re.compile(f"({_PLACEHOLDER})|[^{_LITERAL}]")
_ALL_LITERAL = re.compile(f"[{_LITERAL}]*")
_ENCODED = re.compile(r"%(?:([0-9A-Fa-f]{2})|)")
_MARKER = re.compile(r"(?<![^ \t\r\n])(?:--goclient=|goclient=(?=v\d))([^ \t\r\n]*)")
_MARKER_VALUE = re.compile(r"v([0-9]{1,9}):([0-9]{1,9})")


def _encoded_item(text: str) -> str:
    if _ALL_LITERAL.fullmatch(text):
        return text
    return _TO_ENCODE.sub(lambda m: m[1] or "".join(f"%{byte:02X}" for byte in m[0].encode()), text)


def _decoded_item(text: str) -> str:
    if "%" not in text:
        return text
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes((int(m[1], 16),)), text.encode("utf-8", "surrogatepass"))
    if any(m[1] is None for m in _ENCODED.finditer(text)):
        raise RequestError(f"{quoted(text)} is not percent-encoded", code="damaged-block")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise RequestError(f"{quoted(text)} is not UTF-8", code="damaged-block") from error


def encode(spec: TransferSpec) -> list[str]:
    """The words ``--Name=value`` of a spec, in the order of WORDS; none for a spec that moves nothing."""

    def written(location: Location) -> str:
        if location.endpoint is None:
            return f"{spec.working}:{location.path}"
        return location.path if location.endpoint == NODE_FILES else str(location)

    def named(location: Location) -> str:
        plain = location.endpoint is None and ":" not in location.path and not location.path.startswith(("//", "/~"))
        return location.path[1:] if plain and location.path != "/" else written(location)

    here = all(
        transfer.destination is JOB_DIRECTORY or transfer.destination == JOB_DIRECTORY for transfer in spec.stage_in
    )
    lists: dict[str, list[str]] = {
        "StageinGOsrc": [written(transfer.source) for transfer in spec.stage_in],
        "StageinGOdest": [] if here else _destinations(spec.stage_in, written),
        "StageoutGOsrc": [named(transfer.source) for transfer in spec.stage_out],
        "StageoutGOdest": _destinations(spec.stage_out, written),
        "OutputGO": _destinations(spec.output, written),
        "WorkingendpointGO": [spec.working] if spec.working else [],
        "Data": [_relative(transfer.source.path) for transfer in spec.output],
        IN_MODE: [spec.in_mode] if spec.in_mode != "gc" else [],
        OUT_MODE: [spec.out_mode] if spec.out_mode != "gc" else [],
        LOCAL_ENDPOINT: [spec.local_endpoint] if spec.local_endpoint else [],
        USER: [spec.user] if spec.user else [],
        MYPROXY: [str(spec.myproxy)] if spec.myproxy else [],
        OVERWRITE: ["yes"] if spec.overwrite else [],
    }
    return [f"--{key}={','.join(map(_encoded_item, lists[key]))}" for key in WORDS if lists[key]]


def _relative(path: str) -> str:
    """The name in the job's directory that reads back as this path."""
    return f".{path}" if path.startswith(("//", "/~")) else path[1:]


def _destinations(transfers: Sequence[Transfer], written: Callable[[Location], str]) -> list[str]:
    """One directory if all moves have the same, else one destination a move."""
    if not transfers:
        return []
    first = transfers[0].destination
    if first.is_directory and all(
        transfer.destination is first or transfer.destination == first for transfer in transfers
    ):
        return [written(first)]
    return [written(transfer.destination) for transfer in transfers]


def attach(payload: str, spec: TransferSpec, *, lenient: bool = False, limit: int = MAX_BLOCK) -> str:
    """The text of jobParameters: the payload's words as they are, then the marker and our words, if any.

    ``lenient``: a bare marker, which lets a site that does not know us run the payload.  ``limit``: how many bytes
    our words may take, MAX_BLOCK or MAX_TASK_BLOCK.  Raises RequestError if they take more.
    """
    block = encode(spec)
    if not block and "goclient=" not in payload:
        return payload
    text = " ".join(block)
    if len(text) > limit:
        raise _too_many(sum(1 for _ in spec.transfers), len(text), limit)
    marker = f"{'' if lenient else '--'}goclient=v{VERSION}:{len(block)}"
    return " ".join(part for part in (payload, marker, text) if part)


def _too_many(files: int, size: int, limit: int) -> RequestError:
    return RequestError(
        f"the names of {files} files take {size} bytes, more than the {limit} of a job",
        hint=f"about {files * limit // size} such names fit: move a whole directory (a final /) instead of its files",
        code="too-many-files",
    )


class Decoded(NamedTuple):
    """What a job record says: what to move, and the payload's own words as they stood."""

    spec: TransferSpec
    payload: str


def decode(text: str) -> Decoded:
    """The spec and the payload of a jobParameters text: with our block, as typed in 2012, or a payload alone.

    Raises RequestError, and nothing else, for a block that is damaged, unknown or of a newer version.
    """
    return decode_with_doubts(text)[0]


def decode_with_doubts(text: str) -> tuple[Decoded, list[Finding]]:
    """As :func:`decode`, and warnings about words of 2012 that have no effect."""
    spec, payload, errors, doubts = read_text(text)
    raise_all(errors)
    return Decoded(spec, payload), doubts


def read_text(text: str) -> Typed:
    """Return what a jobParameters text says, every mistake in what a user typed, and warnings.

    Raises RequestError for a block that is damaged, unknown or of a newer version.
    """
    markers = list(_MARKER.finditer(text))
    if not markers:
        return _decode_typed(text)
    marker = markers[-1]
    version = _MARKER_VALUE.fullmatch(marker[1])
    block = re.findall(r"[^ \t\r\n]+", text[marker.end() :])
    if version is None:
        raise _damaged(f"the marker {quoted(marker[0])} is not goclient=v<version>:<count>")
    if int(version[1]) != VERSION:
        raise _damaged(f"the transfer words are of version {version[1]}, this goclient reads version {VERSION}")
    if int(version[2]) != len(block):
        raise _damaged(f"{version[2]} transfer words were written, {len(block)} are left")
    payload = text[: marker.start()]
    return Typed(spec_from(_block_items(block)), payload[:-1] if payload else payload, [], [])


def _block_items(block: Sequence[str]) -> dict[str, list[str]]:
    items: dict[str, list[str]] = {}
    for word in block:
        name, equals, value = word.removeprefix("--").partition("=")
        if name not in WORDS or not equals or not word.startswith("--"):
            raise _damaged(f"{quoted(word)} is not a word of version {VERSION}")
        if name in items:
            raise _damaged(f"--{name} is there twice")
        items[name] = [_decoded_item(item) for item in value.split(",")]
    return items


def _decode_typed(text: str) -> Typed:
    typed = read_typed(text)
    if [error.code for error in typed.errors] == ["unbalanced-quote"]:
        return Typed(TransferSpec(), text, [], [])  # nobody checked it before: it is the payload's
    return typed._replace(errors=without_consequences(typed.errors))


def _damaged(message: str) -> RequestError:
    hint = "the text was changed on its way, or made by a newer goclient: submit again, or update goclient"
    return RequestError(f"jobParameters: {message}", hint=hint, code="damaged-block")
