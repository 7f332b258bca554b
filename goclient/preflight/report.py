"""Checks of what a user typed, or of a job's text: validation, then the preflight, with all findings in one report."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from goclient.errors import GoclientError
from goclient.errors.findings import SHOWN, Finding
from goclient.errors.wording import pluralize
from goclient.model.location import Location
from goclient.model.overlaps import find_nested_targets
from goclient.model.records.registry import decode, read_text
from goclient.model.request import Job, Request
from goclient.model.spec import TransferSpec
from goclient.model.syntax.parse import parse_location
from goclient.preflight.base import Report
from goclient.preflight.mistakes import find_mistakes
from goclient.preflight.offline import check_offline
from goclient.preflight.validation import validate_request

if TYPE_CHECKING:
    from goclient.model.syntax.lists import ReadLines
    from goclient.preflight.run import Preflight


def check_request(
    request: Request, preflight: Preflight, *, read_lines: ReadLines, errors: Sequence[GoclientError] = ()
) -> Report:
    """Validate a request and, if it has no mistakes, run the preflight; report all findings, sending nothing.

    ``errors`` were found before, and are findings like the others.
    """
    valid = validate_request(request, read_lines, errors)
    report = Report(valid.spec, ())
    if not valid.errors:
        report = preflight.run(valid.spec, request.count, request.job, deal=valid.deal)
    return _report(report, valid.errors, valid.warnings, text=request.parameters)


def check_text(text: str, preflight: Preflight, job: Job) -> Report:
    """Check the jobParameters of one job, a record's or as typed, and the ``job`` around it."""
    try:
        spec, payload, mistakes, warnings = read_text(text)
        counts = decode(text).counts if not mistakes else None
    except GoclientError as error:
        return Report(TransferSpec(), error.findings)
    if counts is not None:
        message = f"the plan in the job's archive alone names its transfers: {pluralize(counts.items, 'item')}"
        return Report(spec, (Finding("warning", "nothing-to-check", text, message),))
    with suppress(GoclientError):  # the preflight reports what is wrong with the catalogue
        spec = spec.show_names(preflight.catalogue())
    nested = list(islice(find_nested_targets(spec), SHOWN))
    mistakes = [*mistakes, *find_mistakes(spec, 1, nested)]
    report = Report(spec, ()) if mistakes else preflight.run(spec, 1, job)
    return _report(report, mistakes, [*warnings, *check_offline(spec, payload, nested)], text=text)


def _report(report: Report, mistakes: Sequence[GoclientError], warnings: Sequence[Finding], *, text: str) -> Report:
    """Add what was found before the preflight; ``text`` is what was typed, where no transfer may be named."""
    wrong = [finding for error in mistakes for finding in error.findings]
    found = report._replace(findings=(*wrong, *warnings, *report.findings))
    if found.spec or not found.ok:
        return found
    hint = "give what sendJob.py takes, such as --StageinGOsrc=ENDPOINT:/PATH, a text, or --pandaid N"
    if text.strip():
        hint = "it is all the payload's own; transfers are words such as --StageinGOsrc=ENDPOINT:/PATH"
    hint, message = hint_for_words(text.split()) or hint, "there is nothing to check: no transfer is named"
    return found._replace(findings=(*found.findings, Finding("warning", "nothing-to-check", text, message, hint)))


def hint_for_words(words: Sequence[str]) -> str:
    """Return the hint for words that are the number of a job, or locations, and nothing else; "" for any other."""
    if words and all(word.isascii() and word.isdigit() for word in words):
        return f"did you mean --pandaid {words[0]}?" + (" One job at a time" if len(words) > 1 else "")
    locations: list[Location] = []
    with suppress(GoclientError):
        locations = [parse_location(word) for word in words if not word.startswith(("http://", "https://"))]
    if locations and len(locations) == len(words):
        bring, put = shlex.quote(",".join(words)), shlex.quote(words[0])
        return (
            f"goclient check --StageinGOsrc={bring} checks bringing it to a job, "
            f"goclient check --Data=NAME --OutputGO={put} checks putting a file there"
        )
    return ""
