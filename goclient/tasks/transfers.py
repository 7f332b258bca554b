"""Transfers of one task: those that were typed, with PanDA's names of its outputs, and ``--useGOForOutput``'s."""

from __future__ import annotations

from collections.abc import Iterator

from goclient.errors import GoclientError, RequestError
from goclient.errors.wording import quote
from goclient.model.endpoint import JOB
from goclient.model.location import Location, Transfer
from goclient.model.names import SERIAL_NUMBERS, TASK_NUMBER
from goclient.model.planner import plan
from goclient.model.records.base import MAX_TASK_BLOCK
from goclient.model.records.registry import attach
from goclient.model.serial import find_shared_targets, needs_serial
from goclient.model.spec import TransferSpec, make_transfer
from goclient.model.syntax.options import DEFAULT_WORKING
from goclient.model.syntax.shell import shell_word
from goclient.tasks.output_server import OutputServer
from goclient.tasks.outputs import PATTERN, ExpectedTask, Outputs

COUNT = 1000  # jobs of a task that are searched for targets which become one file; JEDI decides how many it has


def transfers_of(spec: TransferSpec, server: OutputServer | None, *, task: ExpectedTask, nickname: str) -> TransferSpec:
    """Return all transfers of one task: each output has its name in PanDA, and the server gets all of them."""

    def rename(one: Transfer) -> Transfer:
        lfn = task.outputs.names.get(one.source.path[1:]) if one.source.in_job else None
        return one if lfn is None else make_transfer(_in_job(lfn), one.destination)

    renamed = spec.model_copy(
        update={"stage_out": tuple(map(rename, spec.stage_out)), "output": tuple(map(rename, spec.output))}
    )
    if server is None:
        return renamed
    return add_outputs(renamed, server.directory_of(nickname, task.dataset), task.outputs)


def _in_job(lfn: str) -> Location:
    """Return the file of that name in PanDA, in the job's directory; raise RequestError if it is not known before."""
    try:
        if lfn.startswith(PATTERN):
            raise ValueError("its name is a pattern")
        return Location(JOB, f"/{lfn}")
    except ValueError as error:
        raise RequestError(
            f"the output {quote(lfn)} cannot be taken away: {error}",
            hint="declare outputs by their names, without --addNthFieldOf…ToLFN, for Globus to take them",
            code="outputs",
        ) from error


def add_outputs(spec: TransferSpec, directory: Location, outputs: Outputs) -> TransferSpec:
    """Return the spec that takes every output and the log to that directory, too; raise RequestError without any."""
    lfns = [*dict.fromkeys(outputs.names.values()), *([outputs.log] if outputs.log else [])]
    if not lfns:
        message = "--useGOForOutput has nothing to take: the task has no outputs, and no log for goclient"
        hint = "declare outputs with --outputs; the log stays PanDA's with --noSeparateLog and with --goCarry"
        raise RequestError(message, hint=hint, code="outputs", subject="--useGOForOutput")
    more = tuple(make_transfer(_in_job(lfn), directory) for lfn in lfns)
    return spec.model_copy(update={"output": (*spec.output, *more), "working": spec.working or DEFAULT_WORKING})


def find_shared(spec: TransferSpec, *, several: bool) -> Iterator[GoclientError]:
    """Yield an error for each file that two jobs would write; ``several``: there are several such tasks."""

    def refuse(message: str, hint: str, target: Location) -> GoclientError:
        return RequestError(message, hint=hint, code="shared-target", subject=target.display)

    for transfer in needs_serial(spec):
        hint = "put ${SN/P} (the job's number) in the destination or the name, or declare the file as an output"
        if any(number in transfer.source.path for number in SERIAL_NUMBERS):
            hint = f"if that is a directory, write a final slash: {shell_word(f'{transfer.destination.display}/')}"
        yield refuse(f"all jobs of the task would write {quote(transfer.target.display)}", hint, transfer.target)
    for transfer in spec.transfers if several else ():
        if not transfer.destination.in_job and TASK_NUMBER not in transfer.target_path:
            message = f"each task of --inOutDsJson would write {quote(transfer.target.display)}"
            yield refuse(
                message, f"put {TASK_NUMBER} in the destination or the name, beside ${{SN/P}}", transfer.target
            )
    for first, second in find_shared_targets(spec, COUNT):
        message = f"{quote(first.display)} and {quote(second.display)} are one file in two jobs"
        hint = "use ${SN/P}, which always has six digits, or names that differ in more than numbers"
        yield refuse(message, hint, second)


def keep_names(spec: TransferSpec, outputs: Outputs) -> TransferSpec:
    """Return the transfers of a carried job: its files have the names that the payload gives them, until they arrive.

    Raises RequestError for an output of several files, which are packed after the carrier has ended.
    """
    own = {lfn: name for name, lfn in outputs.names.items()}

    def keep(one: Transfer) -> Transfer:
        name = own.get(one.source.path[1:], "") if one.source.in_job else ""
        if "*" in name:
            message = f"the files of the output {quote(name)} are packed into one when the carrier has ended"
            hint = "name each of them with --Data, or leave the output to PanDA"
            raise RequestError(message, hint=hint, code="outputs", subject=name)
        return Transfer(_in_job(name), one.target) if name else one

    return spec.model_copy(
        update={"stage_out": tuple(map(keep, spec.stage_out)), "output": tuple(map(keep, spec.output))}
    )


def write_words(spec: TransferSpec, *, lenient: bool) -> list[str]:
    """Return the words of a task's transfers, the marker first; raise RequestError for too many, or a conflict."""
    plan(spec)
    return attach("", spec, lenient=lenient, limit=MAX_TASK_BLOCK).split()


def list_final_names(spec: TransferSpec, outputs: Outputs) -> list[str]:
    """Return a line for each file that a job gives away, and for each output that stays in PanDA alone.

    There are no lines if nothing is taken away.
    """
    labels = {f"/{lfn}": name for name, lfn in outputs.names.items()} | {f"/{outputs.log}": "the log"}
    taken = [(transfer.source, transfer.target.display) for transfer in (*spec.stage_out, *spec.output)]
    lines = [(labels.get(source.path, source.display), target) for source, target in taken]
    sources = {source.path for source, _ in taken}
    lines += [(name, f"{lfn}, in PanDA alone") for name, lfn in outputs.names.items() if f"/{lfn}" not in sources]
    width = max((len(label) for label, _ in lines), default=0)
    return [f"{label:<{width}}  {target}" for label, target in lines] if taken else []
