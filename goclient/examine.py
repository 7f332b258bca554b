"""Examination: everything that can be known of a job's transfers before it is submitted, as findings."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goclient.errors import ExitCode, GoclientError, Several
from goclient.model.block import decode_with_doubts
from goclient.model.finding import Finding
from goclient.model.unlikely import find_unlikely_words
from goclient.understand import on_node, spec_mistakes

if TYPE_CHECKING:
    from goclient.check import Looker
    from goclient.model.lists import ReadLines
    from goclient.submit import Request


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found; it is good if no finding is an error."""

    findings: tuple[Finding, ...]

    @property
    def errors(self) -> list[GoclientError]:
        """The errors among the findings."""
        return [finding.error for finding in self.findings if finding.error is not None]

    @property
    def exit_code(self) -> int:
        """The exit code of the worst finding."""
        return Several(self.errors).exit_code if self.errors else ExitCode.DONE

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
    found = [] if mistakes else looker.look(spec, request.count)[1]
    return _examination(mistakes, [*doubts, *found])


def examine_text(text: str, looker: Looker) -> Examination:
    """What is found in the jobParameters of one job, a record's or as typed."""
    try:
        (spec, payload), doubts = decode_with_doubts(text)
    except GoclientError as error:
        return _examination([error], [])
    with suppress(GoclientError):  # what is wrong with the catalogue is told by the look
        spec = spec.with_endpoints({where: name for name, where in looker.catalogue().items()})
    mistakes = list(spec_mistakes(spec, 1))
    found = [] if mistakes else looker.look(spec, 1)[1]
    return _examination(mistakes, [*doubts, *find_unlikely_words(payload), *on_node(spec), *found])


def _examination(mistakes: Sequence[GoclientError], findings: Sequence[Finding]) -> Examination:
    parts = [part for error in mistakes for part in error.parts]
    return Examination((*map(Finding.failed, parts), *findings))
