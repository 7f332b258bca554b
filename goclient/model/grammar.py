"""The one grammar of transfers: from the options that users type to a TransferSpec.

The options (``--StageinGOsrc=SITE1:/data/a,SITE1:/data/b``) stand on the command line of ``sendJob`` or among the
words of ``--jobParameters``, as in 2012.  ``model/block.py`` writes the same words into a job record and reads them.

Everything that is wrong with a text is reported at once.  No function here raises anything but
:class:`goclient.errors.GoclientError`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from goclient.errors import GoclientError, RequestError, quoted, raise_all
from goclient.model.location import is_uuid, parse_location, parse_name
from goclient.model.spec import (
    JOB_DIRECTORY,
    SERIAL_NUMBERS,
    Move,
    Place,
    TransferSpec,
    endpoint_problem,
)
from goclient.model.words import Word, words

# The words of a record, in the order in which they are written.
KEYS = ("StageinGOsrc", "StageinGOdest", "StageoutGOsrc", "StageoutGOdest", "OutputGO", "WorkingendpointGO", "Data")

# The word that allows files to be overwritten; users type --goOverwrite.
OVERWRITE = "OverwriteGO"

# The name that a job's Globus Connect endpoint begins with if the user gave none.
DEFAULT_WORKING = "goclient"

Items = Mapping[str, Sequence[str]]


def split_items(key: str, values: Iterable[str], read_lines: Callable[[str], list[str]] | None = None) -> list[str]:
    """The items of a list option: its values split at commas; a value ``@FILE`` is one item a line of that file.

    In a file, blank lines and lines that begin with ``#`` do not count, and commas are part of a name.
    Raises RequestError for an empty item, and what ``read_lines`` raises.
    """
    items: list[str] = []
    for value in values:
        if value.startswith("@") and read_lines is not None:
            lines = (line.strip(" \t\r") for line in _lines_of(key, value, read_lines))
            found = [line for line in lines if line and not line.startswith("#")]
            problem, hint = "" if found else "lists nothing", "write one item a line into the file"
        else:
            found = value.split(",")
            problem = "has an empty item" if "" in found else ""
            hint = "separate items with one comma, without a comma at either end"
        if problem:
            raise RequestError(f"--{key}={quoted(value)} {problem}", hint=hint, code="empty-item", subject=f"--{key}")
        items += found
    return items


def _lines_of(key: str, value: str, read_lines: Callable[[str], list[str]]) -> list[str]:
    try:
        return read_lines(value[1:])
    except RequestError as error:
        error.subject = f"--{key}"
        raise


# --- from items to a spec -----------------------------------------------------------------------------------


class _Builder:
    """Builds a spec from items, keeping every mistake for one report."""

    def __init__(self, items: Items) -> None:
        self.items = items
        self.errors: list[GoclientError] = []
        self.working = self._working()

    def get(self, key: str) -> Sequence[str]:
        return self.items.get(key, ())

    def wrong(self, key: str, message: str, hint: str, code: str) -> None:
        self.errors.append(RequestError(message, hint=hint, code=code, subject=f"--{key}"))

    def _working(self) -> str:
        names = self.get("WorkingendpointGO")
        if len(names) > 1:
            given = ", ".join(map(quoted, names))
            self.wrong(
                "WorkingendpointGO",
                f"--WorkingendpointGO takes one name, not {len(names)}: {given}",
                "a job has one working endpoint",
                "working-endpoint",
            )
        for name in names:
            problem = endpoint_problem(name)
            if not problem and (":" in name or "/" in name or "$" in name or len(name) > 64):
                problem = "a name has no colon, slash or $, and at most 64 characters"
            if is_uuid(name):
                problem = "it is the id of a collection, but the job makes an endpoint of its own"
            if problem:
                self.wrong(
                    "WorkingendpointGO",
                    f"--WorkingendpointGO={quoted(name)}: {problem}",
                    "give a name only: the path on the node is the job's directory",
                    "working-endpoint",
                )
        return DEFAULT_WORKING if self.errors or not names else names[0]

    def places(self, key: str, *, local_names: bool = False) -> list[Place | None]:
        """The places of one list, None for one that is wrong; on the working endpoint they are the job's own."""
        found: list[Place | None] = []
        for text in self.get(key):
            try:
                local = key == "Data" or (local_names and ":" not in text)
                place = parse_name(text) if local else parse_location(text)
            except RequestError as error:
                self.wrong(key, f"--{key}={error.message}", error.hint, error.code)
                found.append(None)
            else:
                found.append(Place(endpoint=None, path=place.path) if place.endpoint == self.working else place)
        return found

    def pair(self, sources_key: str, destinations_key: str, *, into: bool, default: Place | None) -> tuple[Move, ...]:
        """One move a source; ``into``: destinations are directories; ``default``: where a source without one goes.

        Moves of which an end is wrong are left out: their mistakes are reported.
        """
        sources = self.places(sources_key, local_names=sources_key == "StageoutGOsrc")
        destinations = self.places(destinations_key)
        allowed = {0, 1, len(sources)} if sources and default else {min(1, len(sources)), len(sources)}
        if len(destinations) not in allowed:
            self._wrong_count(sources_key, destinations_key, default is not None)
            return ()
        if not destinations:
            destinations = [default]
        if into or (len(destinations) == 1 and len(sources) > 1):
            destinations = [place and _as_directory(place) for place in destinations]
        if len(destinations) == 1:
            destinations *= len(sources)
        pairs = zip(sources, destinations, strict=True)
        return tuple(Move(source=source, destination=target) for source, target in pairs if source and target)

    def _wrong_count(self, sources_key: str, destinations_key: str, optional: bool) -> None:
        sources, destinations = self.get(sources_key), self.get(destinations_key)
        if not destinations:
            message, hint = f"--{sources_key} without --{destinations_key}", f"say where {_listed(sources)} goes"
        elif not sources:
            message, hint = f"--{destinations_key} without --{sources_key}", f"say what goes to {_listed(destinations)}"
        else:
            message = (
                f"--{destinations_key} has {len(destinations)} destinations ({_listed(destinations)}) "
                f"for the {len(sources)} of --{sources_key} ({_listed(sources)})"
            )
            hint = "give one directory for all, or one destination for each, in the same order"
            if optional:
                hint += ", or none: the job's directory"
        self.wrong(destinations_key if destinations else sources_key, message, hint, "list-rule")

    def spec(self) -> TransferSpec:
        """The spec of all that is right; what is wrong is in ``errors`` then."""
        stage_in = self.pair("StageinGOsrc", "StageinGOdest", into=False, default=JOB_DIRECTORY)
        stage_out = self.pair("StageoutGOsrc", "StageoutGOdest", into=False, default=None)
        output = self.pair("Data", "OutputGO", into=True, default=None)
        self._own_directory("StageinGOsrc", [move.source for move in stage_in], "empty before the job")
        for key, moves in (("StageoutGOdest", stage_out), ("OutputGO", output)):
            self._own_directory(key, [move.destination for move in moves], "removed after the job")
        if list(self.get(OVERWRITE)) not in ([], ["yes"]):
            self.wrong(
                OVERWRITE, f"--{OVERWRITE}={_listed(self.get(OVERWRITE))}", "it is yes, or not there", "overwrite"
            )
        moved = stage_in or stage_out or output or self.get("WorkingendpointGO")
        return TransferSpec(
            stage_in=stage_in,
            stage_out=stage_out,
            output=output,
            working=self.working if moved else None,
            overwrite=bool(moved) and self.get(OVERWRITE) == ["yes"],
        )

    def _own_directory(self, key: str, places: Sequence[Place], why: str) -> None:
        """A mistake for each place that is in the job's own directory and cannot be."""
        for place in dict.fromkeys(places):
            if place.endpoint is None:
                self.wrong(
                    key,
                    f"--{key}={quoted(f'{self.working}:{place.path}')} is in the job's own directory, which is {why}",
                    "name another endpoint, or call the job's own something else with --WorkingendpointGO",
                    "own-directory",
                )


def _as_directory(place: Place) -> Place:
    return place if place.is_directory else Place(endpoint=place.endpoint, path=place.path + "/")


def _listed(items: Sequence[str]) -> str:
    shown = ", ".join(quoted(item) for item in items[:5])
    return shown if len(items) <= 5 else f"{shown}, and {len(items) - 5} more"


def read_spec(items: Items) -> tuple[TransferSpec, list[GoclientError]]:
    """The spec that the items of each key mean as far as they are right, and every mistake, the words quoted."""
    builder = _Builder(items)
    return builder.spec(), builder.errors


def spec_from(items: Items) -> TransferSpec:
    """The spec that the items of each key mean; raises every mistake in them."""
    spec, errors = read_spec(items)
    raise_all(errors)
    return spec


# --- options among a payload's words --------------------------------------------------------------------------


class Parsed(NamedTuple):
    """What a text holds: the items of each key, and the payload's own words as they stood."""

    items: dict[str, list[str]]
    payload: str


def read_payload(text: str) -> tuple[Parsed, list[GoclientError]]:
    """The transfer options among the words of a text as typed, the rest of the text byte for byte, and every mistake.

    Only whole words ``--Name=value`` with one of our names count, and none after a bare ``--``.  Mistakes are an
    unbalanced quote and an option without a value.
    """
    try:
        all_words = words(text)
    except RequestError as error:
        return Parsed({}, text), [error]
    errors: list[GoclientError] = []
    items: dict[str, list[str]] = {}
    ours: list[Word] = []
    for word in all_words:
        if word.value == "--":
            break
        name, _, value = word.value.removeprefix("--").partition("=")
        if name not in KEYS or not word.value.startswith("--"):
            continue
        ours.append(word)
        try:
            items.setdefault(name, []).extend(_word_items(name, value, word))
        except RequestError as error:
            errors.append(error)
    return Parsed(items, _without(text, all_words, ours)), errors


def split_payload(text: str) -> Parsed:
    """As :func:`read_payload`; raises every mistake."""
    parsed, errors = read_payload(text)
    raise_all(errors)
    return parsed


def _word_items(name: str, value: str, word: Word) -> list[str]:
    if value:
        return split_items(name, [value])
    raise RequestError(
        f"--jobParameters: {quoted(word.value)} at column {word.start + 1} has no value",
        hint=f"write --{name}=VALUE; if the payload needs this word itself, put it after a bare --",
        code="no-value",
        subject=f"--{name}",
    )


def _without(text: str, all_words: list[Word], ours: list[Word]) -> str:
    """The text without some of its words, each cut with the blanks after it, or before it at the end."""
    removed = set(ours)
    kept = [word for word in all_words if word not in removed]
    if not ours or not kept:
        return "" if ours else text
    pieces, position = [], 0
    for word, following in pairwise(all_words):
        if word in removed and word.start < kept[-1].start:
            pieces.append(text[position : word.start])
            position = following.start
    end = kept[-1].end if all_words[-1] in removed else len(text)
    return "".join(pieces) + text[position:end]


def fill_serial(text: str, serial: int) -> str:
    """The text with ``${SN}`` and ``${SN/P}`` replaced, as JEDI does: plain, and padded to six digits."""
    if "${SN" not in text:
        return text
    return text.replace("${SN}", str(serial)).replace("${SN/P}", f"{serial:06d}")


def needs_serial(spec: TransferSpec) -> Iterator[Move]:
    """The moves whose target is written outside the job's directory and is the same for all jobs."""
    for move in spec.moves:
        target = move.target
        if target.endpoint is not None and not any(number in target.path for number in SERIAL_NUMBERS):
            yield move
