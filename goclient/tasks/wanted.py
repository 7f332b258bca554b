"""What our options on a command line of prun or pathena ask for, and everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from goclient.errors import Collector, Finding, GoclientError, RequestError, quoted, raise_all
from goclient.model.spec import MyproxyAccount, TransferSpec
from goclient.model.syntax.keywords import NAMES
from goclient.model.syntax.lists import ReadLines
from goclient.model.syntax.options import Items
from goclient.preflight.run import Preflight
from goclient.preflight.validation import validate
from goclient.tasks.transfers import Server


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed: items of the transfer options, the bare words of 2012, a server for all output, and how to look.

    ``errors`` are the mistakes in single options.  ``remarks`` are for the user, whatever is found.  ``deposit`` makes
    the deposit that the look at an account may find due.
    """

    items: Items
    words: str
    server: str | None
    lenient: bool
    looker: Preflight
    deposit: Callable[[MyproxyAccount], None]
    errors: tuple[GoclientError, ...] = ()
    remarks: tuple[Finding, ...] = ()


class Meant(NamedTuple):
    """What it means: the transfers as typed, the same in each task, and the server; and warnings.

    ``bare``: they were typed as bare words of 2012.
    """

    spec: TransferSpec
    server: Server | None
    doubts: list[Finding]
    bare: bool = False

    def __bool__(self) -> bool:
        return self.server is not None or self.spec != TransferSpec()


def meant(wanted: Wanted, read_lines: ReadLines, *, merging: bool) -> Meant:
    """Return what is wanted of each task; raises every mistake.  ``merging``: other jobs make the task's outputs."""
    collected = Collector(wanted.errors)
    server = None
    if wanted.server is not None:
        with collected:
            server = Server.read(wanted.server)
    spec, payload, errors, doubts = validate(
        wanted.words, items=wanted.items, count=1, lenient=wanted.lenient, read_lines=read_lines, task=True
    )
    collected.errors += [_of_task(part, wanted) for error in errors for part in error.parts]
    collected.errors += _together(wanted, spec, payload, merging=merging, misread=bool(errors))
    raise_all(collected.errors)
    return Meant(spec, server, [*wanted.remarks, *doubts], bare=bool(wanted.words.strip()))


def _together(
    wanted: Wanted, spec: TransferSpec, payload: str, *, merging: bool, misread: bool
) -> Iterator[GoclientError]:
    """Yield what is wrong with options together."""
    if payload.strip() and not misread:
        message = f"--globusWords: {quoted(payload)} is not about transfers"
        hint = f"the words are {', '.join(NAMES)}; the payload's own words are in --exec or --trf"
        yield RequestError(message, hint=hint, code="not-a-word", subject="--globusWords")
    if merging and (wanted.server is not None or spec.stage_out or spec.output):
        yield RequestError(
            "--mergeOutput and files that Globus takes away do not go together: merge jobs make the outputs, later, "
            "and no transfers are theirs",
            hint="leave out --mergeOutput, or --useGOForOutput, --OutputGO and --StageoutGOdest",
            code="merge",
            subject="--mergeOutput",
        )
    if wanted.server is not None and spec.out_mode == "local":
        message = "--useGOForOutput takes the outputs to an endpoint, and out-mode=local asks none"
        yield RequestError(message, hint="use one of them", code="mode", subject="--useGOForOutput")


def _of_task(error: GoclientError, wanted: Wanted) -> GoclientError:
    """Return the error of a job's words for a task, whose users type bare words as ``--globusWords``."""
    message, hint, subject = (
        text.replace("--jobParameters", "--globusWords") for text in (error.message, error.hint, error.subject)
    )
    hint = re.sub("[;.] [Ii]f it is the payload's own word, put it in quotes", "", hint)
    if error.code == "list-rule" and subject == "--OutputGO" and not wanted.items.get("Data"):
        alone = (
            "leave out --OutputGO, or" if wanted.server else "for all outputs and the log use --useGOForOutput, else"
        )
        hint = f"{alone} add --Data=NAME, an output of the task"
    return error.replace(message=message, hint=hint, subject=subject)


def without_folders(looker: Preflight, specs: Sequence[TransferSpec]) -> tuple[Preflight, list[Finding]]:
    """Return the look that makes no folder whose name is known only when the jobs are, and a warning of it."""
    targets = (transfer.target for spec in specs for transfer in spec.transfers if not transfer.destination.in_job)
    numbered = next((target for target in targets if "$" in target.directory), None)
    if numbered is None or not looker.options.make_directories:
        return looker, []
    message = f"--goMkdir makes no folder for {quoted(numbered)}: it has its name only when the job is made"
    warning = Finding("warning", "no-folder", str(numbered), message, "Globus makes folders when files come")
    return replace(looker, options=replace(looker.options, make_numbered=False)), [warning]
