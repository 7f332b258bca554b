"""Validation: what a request for jobs means, and everything that is wrong with it; no service is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from goclient.errors import Collector, GoclientError, RequestError, UsageError
from goclient.errors.findings import SHOWN, Finding
from goclient.errors.wording import quote
from goclient.model.campaign import RULE as CAMPAIGN_RULE
from goclient.model.campaign import is_campaign, repair_campaign
from goclient.model.frozen import Frozen
from goclient.model.options import FILES_PER_JOB
from goclient.model.overlaps import find_nested_targets
from goclient.model.payload import mistakes as payload_mistakes
from goclient.model.payload import warnings as payload_warnings
from goclient.model.records.base import MAX_BLOCK, MAX_TASK_BLOCK
from goclient.model.records.registry import attach
from goclient.model.request import Request
from goclient.model.spec import TransferSpec
from goclient.model.syntax.lists import ReadLines
from goclient.model.syntax.parameters import read_typed, without_consequences
from goclient.model.syntax.shell import JOB_PARAMETERS, Source
from goclient.model.syntax.word_reader import Items
from goclient.preflight.mistakes import find_mistakes
from goclient.preflight.offline import check_offline

if TYPE_CHECKING:
    from goclient.model.deal import Deal, DealOrder


class Validation(NamedTuple):
    """Transfers of a request, its payload's words, every mistake, and warnings; what is wrong is left out.

    With a ``deal`` the transfers are those of all jobs together.
    """

    spec: TransferSpec
    payload: str
    errors: list[GoclientError]
    warnings: list[Finding]
    deal: Deal | None = None


class TypedWords(Frozen):
    """Transfers as typed: a text of the option ``source``, and items of the options beside it, for so many jobs.

    ``task``: JEDI makes the jobs, as many as it likes.  ``order``: there are as many as a deal makes.
    """

    text: str
    items: Items
    count: int = 1
    lenient: bool = False
    source: Source = JOB_PARAMETERS
    task: bool = False
    order: DealOrder | None = None
    staged: bool = False  # the files are left at a site


def validate(typed: TypedWords, read_lines: ReadLines, errors: Sequence[GoclientError] = ()) -> Validation:
    """Return what words of transfers mean; the ``errors`` that were found before are reported with the others."""
    collected, text = Collector(errors), typed.text
    if any(0xD800 <= ord(c) < 0xE000 or c == "\0" for c in text):
        option = typed.source.option
        message = f"{option}={quote(text)} has a NUL or is not valid UTF-8"
        collected.errors.append(RequestError(message, hint="retype it", code="not-text", subject=option))
        text = ""
    spec, payload, mistakes, warnings = read_typed(
        text, options=typed.items, read_lines=read_lines, source=typed.source
    )
    collected.errors += mistakes
    deal, largest, count = None, spec, typed.count
    if typed.order is not None and (spec.stage_in or not mistakes):
        spec, deal, wrong = typed.order.deal(spec)
        collected.errors += wrong
    if deal is not None and typed.order is not None:
        largest, count = deal.largest(spec), deal.jobs
        warnings = [*warnings, *typed.order.warnings(deal)]
    elif typed.order is None and not typed.task:
        warnings = [*warnings, *_warn_of_undealt(spec, count)]
    nested = list(islice(find_nested_targets(spec), SHOWN))
    collected.errors += find_mistakes(spec, count, nested, task=typed.task, deal=deal)
    with collected:
        limit = MAX_TASK_BLOCK if typed.task else MAX_BLOCK
        attach(payload, largest, lenient=typed.lenient, limit=limit)  # names that are resolved may only be longer
    # What is left at a site passes through its own directory, and no server has to see that of a job.
    seen = spec if not typed.staged else spec.model_copy(update={"local_endpoint": None})
    warnings = [*warnings, *check_offline(seen, payload, nested, count=count)]
    return Validation(spec, payload, without_consequences(collected.errors), warnings, deal)


def _warn_of_undealt(spec: TransferSpec, count: int) -> Iterator[Finding]:
    """Yield a warning if each of several jobs brings all of several files, none of which has a job's number."""
    files = len(spec.stage_in)
    own = any("${SN" in one.source.path or one.source.is_directory for one in spec.stage_in)
    if count > 1 and files > 1 and not own:
        message = f"each of the {count} jobs brings all {files} files"
        hint = f"to deal them to the jobs, add {FILES_PER_JOB} {-(-files // count)}"
        yield Finding("warning", "undealt", "--njobs", message, hint)


def validate_request(request: Request, read_lines: ReadLines, errors: Sequence[GoclientError] = ()) -> Validation:
    """Return what a request means, and everything that is wrong with it, the ``errors`` found before included."""
    collected = Collector(errors)
    if request.campaign and not is_campaign(request.campaign):
        instead = repair_campaign(request.campaign)
        hint = f"write --campaign {instead}" if instead else "such as --campaign scan2026"
        message = f"--campaign {quote(request.campaign, 80)}: {CAMPAIGN_RULE}"
        collected.errors.append(UsageError(message, hint=hint, code="campaign", subject="--campaign"))
    with collected:
        request.common.check()
    reported = {part.subject for error in collected.errors for part in error.parts}
    packed = request.packs_payload
    mistakes = [] if packed else list(payload_mistakes(request.common))
    if request.carriage is not None:
        hint = "give its URL (https://HOST/run.sh), or a file here (./run.sh)"
        mistakes = [one.replace(hint=hint) for one in mistakes]
    collected.errors += [one for one in mistakes if one.subject not in reported]
    typed = TypedWords(
        *(request.parameters, request.items, request.count, request.lenient),
        order=request.order,
        staged=request.area is not None,
    )
    found = validate(typed, read_lines, collected.errors)
    warnings, spec = [] if packed else list(payload_warnings(request.common)), found.spec
    if request.area is not None:
        from goclient.model.staging import stage  # other jobs need none of it

        staged = Collector(found.errors)
        with staged:
            spec = stage(spec, request.area, 1).spec
        found = found._replace(errors=staged.errors)
    if request.carriage is not None:
        from goclient.preflight.carried import find_carried_mistakes, warn_of_packed  # other jobs need no archive

        found.errors.extend(find_carried_mistakes(spec, request))
        warnings += warn_of_packed(request)
    return found._replace(warnings=[*warnings, *found.warnings])
