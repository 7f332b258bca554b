"""Checks that ask no service, and are made even without a preflight.

They are about what only a node can tell, about overlaps, and about names and words that are right in their form, and
most probably not what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from urllib.parse import unquote

from goclient.errors.findings import SHOWN, Finding
from goclient.errors.wording import quote
from goclient.files.text import credential_in
from goclient.model.confusable import skeleton, with_code_points
from goclient.model.location import Location
from goclient.model.names import CURLY_QUOTES, find_nearly_serial
from goclient.model.overlaps import Overlap, find_output_in_input, find_output_over_input
from goclient.model.serial import find_sibling_reads
from goclient.model.spec import TransferSpec
from goclient.model.syntax.shell import shell_word
from goclient.model.wildcards import alternatives, has_wildcards
from goclient.preflight.base import Check, Context
from goclient.preflight.mistakes import LONGEST_NAME
from goclient.secrets import hide

ELSEWHERE = "name another place for it"
_CODE = "%[0-9A-Fa-f]{2}"


class PayloadWords(Check):
    """Warn of a credential among a payload's words, and of words that are nearly the job's number."""

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield a warning for the credential, and one for each such word."""
        words = context.words
        if kind := credential_in(words) or ("a credential" if hide(words) != words else ""):
            message = f"--jobParameters has {kind} in it, which everybody can read in a job"
            hint = "have the payload get it where it runs"
            yield Finding("warning", "credential", "--jobParameters", message, hint)
        for typed, right in islice(find_nearly_serial(words).items(), SHOWN):
            message = f"--jobParameters: {quote(typed)} is not the job's number, and stays as it is"
            hint = f"write {right}, with single quotes around all of it, or leave it if it is the payload's own"
            yield Finding("warning", "placeholder", typed, message, hint)


class NodeOnly(Check):
    """Warn of what only the node can see: files that are copied there, a server that must see its directory."""

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield a warning for each phase that copies files, and one for the server."""
        spec = context.spec
        for phase, mode, transfers in spec.phases:
            if mode.copies_on_node and transfers:
                location = (transfers[0].source if phase == "stage-in" else transfers[0].target).display
                message = f"{phase}: {quote(location)} is copied on the worker node"
                if len(transfers) > 1:
                    message = f"{phase}: {len(transfers)} items such as {quote(location)} are copied on the worker node"
                yield Finding("warning", "unchecked", location, message, "nothing there can be checked from here")
        server = spec.local_endpoint
        if server is not None and any(transfers for _, mode, transfers in spec.phases if mode.needs_server):
            message = f"files pass through the server {quote(server.display)}, which must see the job's directory"
            hint = "only the node can tell: ask the site whether it does (goclient pilot --sharedFolder)"
            yield Finding("warning", "unchecked", server.display, message, hint)


class Overlaps(Check):
    """Warn of each output that is where input comes from, or where other output goes."""

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield a few warnings of each kind."""
        spec = context.spec
        for brought, written in islice(find_output_in_input(spec), SHOWN):
            source, target = quote(brought.source.display), quote(written.target.display)
            if brought.source.path.rstrip("/") != written.target.path.rstrip("/") or brought.source.is_directory:
                message = f"{target} would be in {source}, which is brought as input: the next job brings it, too"
                yield Finding("warning", "output-in-input", written.target.display, message, ELSEWHERE)
            elif spec.overwrite:
                message = f"{target} would replace the input {source} (--goOverwrite)"
                yield Finding("warning", "output-over-input", written.target.display, message, ELSEWHERE)
        for written, brought in islice(find_output_over_input(spec), SHOWN) if spec.overwrite else ():
            source, target = quote(brought.source.display), quote(written.target.display)
            message = f"{target} would be written over the input {source} (--goOverwrite)"
            yield Finding("warning", "output-over-input", written.target.display, message, ELSEWHERE)
        for outer, inner in context.nested:
            if not outer.source.in_job:
                message = f"{quote(outer.target.display)} must be a directory"
                message += f", because {quote(inner.target.display)} will be in it"
                hint = f"if {quote(outer.source.display)} is a file, name another place"
                yield Finding("warning", "file-and-directory", inner.target.display, message, hint)


class SiblingReads(Check):
    """Warn of each source that another one of several jobs writes."""

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield a few warnings."""
        reads = find_sibling_reads(context.spec, context.count) if context.count > 1 else ()
        for source, target in islice(reads, SHOWN):
            message = f"{quote(source.display)} of one job is {quote(target.display)} of another"
            message += ": nothing says which comes first"
            yield Finding("warning", "sibling", source.display, message, "name another place for the output")


class UnlikelyNames(Check):
    """Warn of names that a payload hardly writes: a pattern, several names, a blank, a quote."""

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield a few warnings of each kind."""
        spec = context.spec
        own = [one.source for one in (*spec.stage_out, *spec.output) if one.source.in_job]
        odd = [one for one in spec.locations if not _is_plain(one)]
        brought = [
            one.target
            for one in (spec.stage_in if odd else ())
            if one.destination.in_job and not (_is_plain(one.source) and _is_plain(one.destination))
        ]
        for found in (
            _find_patterns(own),
            _find_joined(own),
            _find_padded(dict.fromkeys((*own, *brought))),
            _find_wild_targets(dict.fromkeys(one.destination for one in spec.outward)),
            _find_encoded(odd),
            _find_alike(spec, odd),
        ):
            yield from islice(found, SHOWN)


def _is_plain(location: Location) -> bool:
    """Return True if a path has no blanks, no other letters and no %: nearly all of a hundred thousand are so."""
    path = location.path
    return path.isascii() and " " not in path and "%" not in path


def _find_patterns(own: Iterable[Location]) -> Iterator[Finding]:
    """Yield a warning for each name with wildcards, also if a list was split at the commas of its braces."""
    started = ""
    for location in dict.fromkeys(own):
        name = str(location)
        started = f"{started},{name}" if started else name if "{" in name.replace("${", "") and "}" not in name else ""
        whole = started if started and "}" in name else "" if started else name
        if whole and ("{" in whole or "*" in whole or "?" in whole or "[" in whole) and has_wildcards(whole):
            choices = alternatives(whole)
            names = shell_word(",".join(choices)) if 1 < len(choices) <= SHOWN else "each name, or a directory"
            message = f"{quote(whole)} is a name in the job's directory as it stands: there are no wildcards"
            yield Finding("warning", "wildcard", whole, message, f"write {names}; or @FILE with one name a line")
        started = "" if "}" in name or len(started) > LONGEST_NAME else started


def _find_wild_targets(targets: Iterable[Location]) -> Iterator[Finding]:
    for location in targets:
        if any(c in location.path for c in "*?[{") and has_wildcards(location.path):
            message = f"{quote(location.display)} is a path as it stands: there are no wildcards"
            yield Finding("warning", "wildcard", location.display, message, "write the directory that you mean")


def _find_encoded(locations: Iterable[Location]) -> Iterator[Finding]:
    """Yield a warning for each path on a server that has a code as URLs have it: a % is part of a name here."""
    for location in locations:
        code = re.search(_CODE, location.path) if "%" in location.path and location.endpoint.needs_proxy else None
        if code:
            right = location.endpoint.show(unquote(location.path, errors="replace"))
            message = f"{quote(location.display)} is a name with {code[0]} in it: paths are not percent-encoded"
            hint = f"write {shell_word(right)}, if that is meant"
            yield Finding("warning", "percent", location.display, message, hint)


def _find_joined(own: Iterable[Location]) -> Iterator[Finding]:
    """Yield a warning for each name that is several with something else than a comma between them."""
    for location in dict.fromkeys(own):
        name = str(location)
        parts = [part for part in re.split(r"\s*;\s*", name) if part] if ";" in name else name.split()
        if len(parts) > 1 and (";" in name or all("." in part.strip(".") for part in parts)):
            message = f"{quote(name)} in the job's directory is one name"
            hint = f"a list is separated by commas: write {shell_word(','.join(parts))}"
            yield Finding("warning", "joined", name, message, hint)


def _find_padded(locations: Iterable[Location]) -> Iterator[Finding]:
    for location in locations:
        if _is_plain(location):
            continue
        if any(part != part.strip() for part in location.path.split("/")):
            message = f"{quote(location)} in the job's directory has a blank at one of its ends"
            yield Finding("warning", "blank", str(location), message, "separate the items of a list with a comma alone")
        elif location.name.strip(CURLY_QUOTES) != location.name:
            message = f"{quote(location)} in the job's directory has a curly quote, which a shell leaves in the name"
            right = location.path[1:].strip(CURLY_QUOTES)
            hint = f"write {shell_word(right)}" if right else "retype it"
            yield Finding("warning", "quote", str(location), message, hint)


def _find_alike(spec: TransferSpec, odd: Iterable[Location]) -> Iterator[Finding]:
    """Yield a warning for each two sources of a job that look the same and are not; ``odd`` is what is not plain."""
    if all(one.path.isascii() for one in odd) and all(one.display.isascii() for one in spec.endpoints):
        return
    seen: dict[str, str] = {}
    for name in dict.fromkeys(one.source.display for one in spec.transfers):
        first = seen.setdefault(skeleton(name), name)
        if first != name:
            message = f"{with_code_points(first)} and {with_code_points(name)} look the same, and are two names"
            yield Finding("warning", "look-alike", name, message, "if one is meant, copy it from the other")


OFFLINE: tuple[type[Check], ...] = (PayloadWords, NodeOnly, UnlikelyNames, Overlaps, SiblingReads)


def check_offline(spec: TransferSpec, words: str, nested: Sequence[Overlap], *, count: int = 1) -> list[Finding]:
    """Return what the checks find that ask no service; ``words`` are the payload's own.

    ``nested`` are the first of what ``find_nested_targets`` finds.
    """
    context = Context(spec, count=count, words=words, nested=nested)
    return [finding for check in OFFLINE for finding in check().findings(context)]
