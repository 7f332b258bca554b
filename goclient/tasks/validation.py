"""Transfers that our options of prun or pathena ask for, and everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from goclient.errors import Collector, GoclientError, RequestError, raise_all
from goclient.errors.conditions import OutputNotNamed
from goclient.errors.findings import Finding
from goclient.errors.wording import quote
from goclient.model.spec import MyproxyAccount, TransferSpec
from goclient.model.syntax.keywords import NAMES
from goclient.model.syntax.lists import ReadLines
from goclient.model.syntax.shell import Source
from goclient.model.syntax.word_reader import Items
from goclient.preflight.run import Preflight
from goclient.preflight.validation import TypedWords, validate
from goclient.tasks.output_server import OutputServer

if TYPE_CHECKING:
    from goclient.tasks.carriage import Carrying

WORDS = Source("--globusWords", has_payload=False)


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """Hold what was typed: items of the transfer options, the bare words of 2012, and a server for all output.

    ``errors`` are the mistakes in single options.  ``warnings`` are for the user, whatever is found.  ``deposit`` makes
    the deposit that the preflight of an account may find due.  ``carrying``: the jobs bring their own transfers.
    """

    items: Items
    words: str
    server: str | None
    lenient: bool
    preflight: Preflight
    deposit: Callable[[MyproxyAccount], None]
    errors: tuple[GoclientError, ...] = ()
    warnings: tuple[Finding, ...] = ()
    carrying: Carrying | None = None


@dataclass(frozen=True, slots=True)
class ValidTask:
    """Hold what a request means: the transfers as typed, the same in each task, and the server; and warnings."""

    request: TaskRequest
    spec: TransferSpec
    server: OutputServer | None
    warnings: tuple[Finding, ...]

    def __bool__(self) -> bool:
        return self.server is not None or self.spec != TransferSpec() or self.request.carrying is not None


def validate_task(request: TaskRequest, read_lines: ReadLines, *, merging: bool) -> ValidTask:
    """Return what a request means for each task; raise every mistake.  ``merging``: other jobs make the outputs."""
    collected = Collector(request.errors)
    server = None
    if request.server is not None:
        with collected:
            server = OutputServer.read(request.server)
    typed = TypedWords(request.words, request.items, lenient=request.lenient, source=WORDS, task=True)
    spec, payload, errors, warnings, _ = validate(typed, read_lines)
    collected.errors += [_for_task(part, request) for error in errors for part in error.parts]
    if payload.strip() and not errors:
        message = f"{WORDS.option}: {quote(payload)} is not about transfers"
        hint = f"the words are {', '.join(NAMES)}; the payload's own words are in --exec or --trf"
        collected.errors.append(RequestError(message, hint=hint, code="not-a-word", subject=WORDS.option))
    collected.errors += _find_conflicts(request, spec, merging=merging)
    if request.carrying is not None:
        from goclient.tasks.carried import find_carried_mistakes  # archives, which other tasks do not need

        collected.errors += find_carried_mistakes(spec, server, request.carrying.carriage)
        if not collected.errors and server is None and spec == TransferSpec():
            message = "--goCarry is about files to be brought or taken away, and none is named"
            hint = "add --StageinGOsrc, --OutputGO or --useGOForOutput, or leave out --goCarry"
            collected.errors.append(RequestError(message, hint=hint, code="combination", subject="--goCarry"))
    raise_all(collected.errors)
    return ValidTask(request, spec, server, (*request.warnings, *warnings))


def _find_conflicts(request: TaskRequest, spec: TransferSpec, *, merging: bool) -> Iterator[GoclientError]:
    """Yield an error for options that do not go together."""
    if merging and (request.server is not None or spec.stage_out or spec.output):
        yield RequestError(
            "--mergeOutput and files that Globus takes away do not go together: merge jobs make the outputs, later, "
            "and have no transfers",
            hint="leave out --mergeOutput, or --useGOForOutput, --OutputGO and --StageoutGOdest",
            code="merge",
            subject="--mergeOutput",
        )
    if request.server is not None and spec.out_mode.copies_on_node:
        message = f"--useGOForOutput takes the outputs to an endpoint, and out-mode={spec.out_mode} asks none"
        yield RequestError(message, hint="use one of them", code="mode", subject="--useGOForOutput")


def _for_task(error: GoclientError, request: TaskRequest) -> GoclientError:
    """Return the error with the hint of a task for a directory of outputs that are not named."""
    if not isinstance(error, OutputNotNamed):
        return error
    alone = "leave out --OutputGO, or" if request.server else "for all outputs and the log use --useGOForOutput, else"
    return error.replace(hint=f"{alone} add --Data=NAME, an output of the task")
