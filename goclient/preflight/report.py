"""Examination: everything that can be known of a job's transfers before it is submitted, as findings."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goclient.errors import Finding, GoclientError, exit_code
from goclient.model.records.v1 import read_text
from goclient.model.syntax.location import parse_location
from goclient.preflight.unlikely import find_unlikely_words
from goclient.preflight.validation import on_node, spec_mistakes

if TYPE_CHECKING:
    from goclient.model.syntax.lists import ReadLines
    from goclient.preflight.run import Job, Looker
    from goclient.submission import Request

NOTHING = "nothing-to-check"


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found; it is good if no finding is an error."""

    findings: tuple[Finding, ...]

    @property
    def errors(self) -> list[Finding]:
        """The errors among the findings."""
        return [finding for finding in self.findings if finding.is_error]

    @property
    def exit_code(self) -> int:
        """The exit code of the worst finding."""
        return exit_code(self.findings)

    def document(self) -> dict[str, Any]:
        """The contract's JSON object: ok, findings."""
        return {"ok": not self.errors, "findings": [finding.document() for finding in self.findings]}


def examine_request(
    request: Request, looker: Looker, *, read_lines: ReadLines, errors: Sequence[GoclientError] = ()
) -> Examination:
    """What is found in a request; Globus is asked only about one that has no mistakes.

    ``errors`` were found before, and are findings like the others.
    """
    spec, _, mistakes, doubts = request.understood(read_lines, errors)
    found = [] if mistakes else looker.look(spec, request.count, request.job)[1]
    return _examination(mistakes, [*doubts, *found], text=None if spec else request.parameters)


def examine_text(text: str, looker: Looker, job: Job) -> Examination:
    """Return what is found in the jobParameters of one job, a record's or as typed, and of the ``job`` around it."""
    try:
        spec, payload, mistakes, doubts = read_text(text)
    except GoclientError as error:
        return _examination([error], [])
    with suppress(GoclientError):  # what is wrong with the catalogue is told by the look
        spec = spec.with_endpoints({where: name for name, where in looker.catalogue().items()})
    mistakes = [*mistakes, *spec_mistakes(spec, 1)]
    found = [] if mistakes else looker.look(spec, 1, job)[1]
    warned = [*doubts, *find_unlikely_words(payload), *on_node(spec), *found]
    return _examination(mistakes, warned, text=None if spec else text)


def nothing_to_check(text: str) -> Finding:
    """Return the warning that a text names no transfers, with what its user may have meant to type."""
    hint = "give what sendJob.py takes, such as --StageinGOsrc=ENDPOINT:/PATH, a text, or --pandaid N"
    if text.strip():
        hint = "it is all the payload's own; transfers are words such as --StageinGOsrc=ENDPOINT:/PATH"
    meant = numbers_or_places(text.split()) or hint
    return Finding("warning", NOTHING, text, "there is nothing to check: no transfer is named", meant)


def numbers_or_places(words: Sequence[str]) -> str:
    """Return the hint for words that are the number of a job, or locations, and nothing else; "" for any other."""
    import shlex  # only a mistake pays for it

    if words and all(word.isascii() and word.isdigit() for word in words):
        return f"did you mean --pandaid {words[0]}?" + (" One job at a time" if len(words) > 1 else "")
    if words and all(map(_is_location, words)):
        bring, put = shlex.quote(",".join(words)), shlex.quote(words[0])
        return (
            f"goclient check --StageinGOsrc={bring} looks at bringing it to a job, "
            f"goclient check --Data=NAME --OutputGO={put} at putting a file there"
        )
    return ""


def _is_location(word: str) -> bool:
    try:
        return bool(parse_location(word)) and not word.startswith(("http://", "https://"))
    except GoclientError:
        return False


def _examination(
    mistakes: Sequence[GoclientError], findings: Sequence[Finding], *, text: str | None = None
) -> Examination:
    """Return what was found; ``text`` is the one that names no transfers, None if it names some."""
    parts = [part for error in mistakes for part in error.parts]
    if text is not None and not parts and all(not finding.is_error for finding in findings):
        findings = [*findings, nothing_to_check(text)]
    return Examination((*(part.finding for part in parts), *findings))
