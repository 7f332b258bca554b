"""Names that are right in their form and most probably not what was meant; nobody is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from goclient.errors import Finding, GoclientError, RequestError, quoted
from goclient.files.text import credential_in
from goclient.model.confusable import skeleton, with_code_points
from goclient.model.endpoint import is_uuid
from goclient.model.location import Location
from goclient.model.names import find_nearly_serial
from goclient.model.spec import TransferSpec
from goclient.model.syntax.shell import shell_word
from goclient.model.wildcards import alternatives, has_wildcards
from goclient.secrets import hidden

SHOWN = 5  # warnings of one kind, of thousands of files maybe
LONGEST_NAME = 255  # bytes; NAME_MAX of Linux, and no file system has more

_INVISIBLE = "\ufeff\u200b\u200e\u200f\u2060"
_CURLY = ("\u201c", "\u201d", "\u201e", "\u2018", "\u2019", "\u201a")
_WRAPPED = re.compile(r"[{(<\[\"']+([0-9a-fA-F-]{36})[})>\]\"']+")


def find_unlikely_mistakes(spec: TransferSpec, count: int) -> Iterator[GoclientError]:
    """Yield an error for each location that joins several, has a quote or an invisible sign, or is too long."""
    locations = list(
        dict.fromkeys(place for transfer in spec.transfers for place in (transfer.source, transfer.destination))
    )
    too_long: set[str] = set()
    for place in locations:
        if not place.in_job and ":/" in place.path and (parts := _joined(place)):
            items = shell_word(",".join(parts))
            message = f"{quoted(place)} is {len(parts)} locations, and a list is separated by commas"
            yield RequestError(message, hint=f"write {items}", code="location", subject=str(place))
        name = _longest_name(place.path, count)
        if name is not None and name not in too_long:
            too_long.add(name)
            size = len(name.encode(errors="surrogatepass"))
            yield RequestError(
                f"{quoted(place, 80)}: {quoted(name, 40)} has {size} bytes, and a name has at most {LONGEST_NAME}",
                hint="give it a shorter name",
                code="name-too-long",
                subject=str(place),
            )
    first = {place.endpoint.text: place.path for place in reversed(locations)}
    for endpoint in (one.text for one in spec.endpoints):
        path = first.get(endpoint, "/")
        if (right := _unwrap(endpoint, path)) != endpoint:
            shown = "" if endpoint.isascii() else f", {with_code_points(endpoint)},"
            message = (
                f"{quoted(f'{endpoint}:{path}')} has signs around the endpoint's name{shown} that do not belong to it"
            )
            meant = shell_word(f"{right}:{path.removesuffix(endpoint[0])}")
            yield RequestError(message, hint=f"write {meant}", code="location", subject=endpoint)


def _joined(place: Location) -> list[str]:
    from goclient.model.syntax.misread import split_locations  # hardly any path has a colon and a slash

    return split_locations(str(place))


def _longest_name(path: str, count: int) -> str | None:
    """Return the first name of a path that is too long once the job's number is filled in, if any."""
    if len(path) * 4 <= LONGEST_NAME:
        return None
    filled = path.replace("${SN/P}", "0" * 6).replace("${SN}", str(count))
    return next((name for name in filled.split("/") if len(name.encode(errors="surrogatepass")) > LONGEST_NAME), None)


def _unwrap(endpoint: str, path: str) -> str:
    """Return an endpoint's name without quotes, brackets and invisible signs around it."""
    plain = endpoint.strip(_INVISIBLE)
    wrapped = _WRAPPED.fullmatch(plain)
    if wrapped and is_uuid(wrapped[1]):
        return wrapped[1]
    if plain[:1] in ("'", '"') and path.endswith(plain[0]):
        return plain[1:]
    return plain or endpoint


def find_unlikely_names(spec: TransferSpec) -> Iterator[Finding]:
    """Yield a warning for each name that a payload hardly writes: a pattern, several names, a blank, a quote."""
    own = [transfer.source for transfer in (*spec.stage_out, *spec.output) if transfer.source.in_job]
    yield from _shown(_patterns(own))
    yield from _shown(_several(own))
    brought = (transfer for transfer in spec.stage_in if transfer.destination.in_job)
    brought = (
        transfer for transfer in brought if not _is_plain(transfer.source) or not _is_plain(transfer.destination)
    )
    yield from _shown(_padded(dict.fromkeys((*own, *(transfer.target for transfer in brought)))))
    targets = dict.fromkeys(transfer.destination for transfer in spec.transfers)
    yield from _shown(_wild_targets(targets))
    yield from _shown(_alike(spec))


def find_unlikely_words(payload: str) -> Iterator[Finding]:
    """Yield a warning for each word of a payload that is nearly the job's number, and for a credential in it."""
    if kind := credential_in(payload) or ("a credential" if hidden(payload) != payload else ""):
        message = f"--jobParameters has {kind} in it, which everybody can read in a job"
        hint = "have the payload get it where it runs"
        yield Finding("warning", "credential", "--jobParameters", message, hint)
    for typed, right in islice(find_nearly_serial(payload).items(), SHOWN):
        message = f"--jobParameters: {quoted(typed)} is not the job's number, and stays as it is"
        hint = f"write {right}, or leave it if it is the payload's own"
        yield Finding("warning", "placeholder", typed, message, hint)


def _is_plain(place: Location) -> bool:
    """Return True if a path has neither blanks nor other letters: nearly all of a hundred thousand are so."""
    return place.path.isascii() and " " not in place.path


def _shown(findings: Iterator[Finding]) -> Iterator[Finding]:
    return islice(findings, SHOWN)


def _patterns(own: Iterable[Location]) -> Iterator[Finding]:
    """Yield a warning for each name with wildcards, also if a list was split at the commas of its braces."""
    begun = ""
    for place in dict.fromkeys(own):
        name = str(place)
        begun = f"{begun},{name}" if begun else name if "{" in name.replace("${", "") and "}" not in name else ""
        whole = begun if begun and "}" in name else "" if begun else name
        if whole and ("{" in whole or "*" in whole or "?" in whole or "[" in whole) and has_wildcards(whole):
            choices = alternatives(whole)
            names = shell_word(",".join(choices)) if 1 < len(choices) <= SHOWN else "each name, or a directory"
            message = f"{quoted(whole)} is a name in the job's directory as it stands: there are no wildcards"
            yield Finding("warning", "wildcard", whole, message, f"write {names}; or @FILE with one name a line")
        begun = "" if "}" in name or len(begun) > LONGEST_NAME else begun


def _wild_targets(targets: Iterable[Location]) -> Iterator[Finding]:
    for place in targets:
        if not place.in_job and any(c in place.path for c in "*?[{") and has_wildcards(place.path):
            message = f"{quoted(place)} is a path as it stands: there are no wildcards"
            yield Finding("warning", "wildcard", str(place), message, "write the directory that you mean")


def _several(own: Iterable[Location]) -> Iterator[Finding]:
    """Yield a warning for each name that is several with something else than a comma between them."""
    for place in dict.fromkeys(own):
        name = str(place)
        parts = [part for part in re.split(r"\s*;\s*", name) if part] if ";" in name else name.split()
        if len(parts) > 1 and (";" in name or all("." in part.strip(".") for part in parts)):
            message = f"{quoted(name)} in the job's directory is one name"
            hint = f"a list is separated by commas: write {shell_word(','.join(parts))}"
            yield Finding("warning", "joined", name, message, hint)


def _padded(locations: Iterable[Location]) -> Iterator[Finding]:
    for place in locations:
        if _is_plain(place):
            continue
        if any(part != part.strip() for part in place.path.split("/")):
            message = f"{quoted(place)} in the job's directory has a blank at one of its ends"
            yield Finding("warning", "blank", str(place), message, "separate the items of a list with a comma alone")
        elif place.name.startswith(_CURLY) or place.name.endswith(_CURLY):
            message = f"{quoted(place)} in the job's directory has a curly quote, which a shell leaves in the name"
            right = place.path[1:].strip("".join(_CURLY))
            yield Finding(
                "warning", "quote", str(place), message, f"write {shell_word(right)}" if right else "retype it"
            )


def _alike(spec: TransferSpec) -> Iterator[Finding]:
    """Yield a warning for each two sources of a job that look the same and are not."""
    names = dict.fromkeys(str(transfer.source) for transfer in spec.transfers)
    if all(name.isascii() for name in names):
        return
    seen: dict[str, str] = {}
    for name in names:
        first = seen.setdefault(skeleton(name), name)
        if first != name:
            message = f"{with_code_points(first)} and {with_code_points(name)} look the same, and are two names"
            yield Finding("warning", "look-alike", name, message, "if one is meant, copy it from the other")
