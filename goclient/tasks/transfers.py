"""The transfers of one task: what was typed, with PanDA's names of its outputs, and those of ``--useGOForOutput``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from goclient.errors import GoclientError, RequestError, quoted
from goclient.model.endpoint import GLOBUS_SCHEME, JOB, SCHEMES, Endpoint
from goclient.model.location import Location, Transfer
from goclient.model.names import SERIAL_NUMBERS
from goclient.model.serial import needs_serial, shared_targets
from goclient.model.spec import TransferSpec
from goclient.model.syntax.location import parse_destination, parse_endpoint
from goclient.model.syntax.options import DEFAULT_WORKING
from goclient.model.syntax.shell import shell_word
from goclient.tasks.outputs import PATTERN, Outputs

HOME = "/~/"
COUNT = 1000  # jobs of a task among which targets are looked for that become one file; how many it has, JEDI decides
TASK = "$JEDITASKID"


@dataclass(frozen=True, slots=True)
class Server:
    """What ``--useGOForOutput`` names: an endpoint, and a directory on it; None is the endpoint's default one."""

    endpoint: Endpoint
    directory: str | None = None

    @classmethod
    def read(cls, text: str) -> Server:
        """Return the server that ``ENDPOINT[:/DIR/]`` names; raises RequestError with the reason."""
        first, comma, rest = text.partition(",")
        if comma and ":/" in rest:
            message = f"--useGOForOutput={quoted(text)} is a list, and all outputs go to one place"
            hint = shell_word(f"--useGOForOutput={first}")
            raise RequestError(message, hint=hint, code="location", subject="--useGOForOutput")
        scheme = text.startswith((GLOBUS_SCHEME, *SCHEMES))
        alone = text.count("/") == 2 if scheme else not {"/", ":"} & set(text.removesuffix(":"))
        try:
            if alone:
                return cls(parse_endpoint(text.removesuffix(":")))
            place = parse_destination(text)
        except RequestError as error:
            general = "write ENDPOINT:/DIR/, or ENDPOINT for its default directory"
            hint = general if error.hint.startswith(("write ENDPOINT:/path", "give the endpoint")) else error.hint
            message = f"--useGOForOutput={error.message}"
            raise RequestError(message, hint=hint, code=error.code, subject="--useGOForOutput") from None
        return cls(place.endpoint, place.path)

    def top(self) -> Location:
        """Return the directory that was typed, or the default one."""
        return Location(self.endpoint, f"{(self.directory or HOME).rstrip('/')}/")

    def folder(self, nickname: str, dataset: str) -> Location:
        """Return the directory for all that a task writes: below the server's own, the user's and the dataset's."""
        path = f"{(self.directory or HOME).rstrip('/')}/{nickname}/{dataset.rstrip('/')}/"
        try:
            return Location(self.endpoint, path)
        except ValueError as error:
            message = f"--useGOForOutput: the files would go to {quoted(f'{self.endpoint}:{path}')}: {error}"
            raise RequestError(message, hint="choose another --outDS", code="location") from error


def renamed(typed: TransferSpec, names: Mapping[str, str], found: TransferSpec | None = None) -> TransferSpec:
    """Return the spec in which each output of the task has its name in PanDA.

    ``found`` is the same spec as the preflight gave it back, whose endpoints and destinations are taken.
    """
    found = found or typed

    def transfers(old: tuple[Transfer, ...], new: tuple[Transfer, ...]) -> tuple[Transfer, ...]:
        pairs = zip(old, new, strict=True)
        return tuple(
            Transfer(_renamed(one.source, names) if one.source.in_job else two.source, two.destination)
            for one, two in pairs
        )

    stage_out, output = transfers(typed.stage_out, found.stage_out), transfers(typed.output, found.output)
    return found.model_copy(update={"stage_out": stage_out, "output": output})


def _renamed(source: Location, names: Mapping[str, str]) -> Location:
    lfn = names.get(source.path[1:])
    return _written(lfn) if lfn is not None else source


def _written(lfn: str) -> Location:
    """Return the file of that name in PanDA, in the job's directory; raises RequestError if it is not known before."""
    try:
        if lfn.startswith(PATTERN):
            raise ValueError("its name is a pattern")
        return Location(JOB, f"/{lfn}")
    except ValueError as error:
        raise RequestError(
            f"the output {quoted(lfn)} cannot be taken away: {error}",
            hint="declare outputs by their names, without --addNthFieldOf…ToLFN, for Globus to take them",
            code="outputs",
        ) from error


def to_server(spec: TransferSpec, folder: Location, outputs: Outputs) -> TransferSpec:
    """Return the spec that takes every output and the log to that folder, too; raises RequestError without any."""
    lfns = [*dict.fromkeys(outputs.names.values()), *([outputs.log] if outputs.log else [])]
    if not lfns:
        message = "--useGOForOutput has nothing to take: the task has no outputs, and no log"
        hint = "declare them with --outputs, or leave out --noSeparateLog"
        raise RequestError(message, hint=hint, code="outputs", subject="--useGOForOutput")
    more = tuple(Transfer(_written(lfn), folder) for lfn in lfns)
    return spec.model_copy(update={"output": (*spec.output, *more), "working": spec.working or DEFAULT_WORKING})


def shared(spec: TransferSpec, *, several: bool) -> Iterator[GoclientError]:
    """Yield an error for each file that two jobs would write; ``several``: there are several such tasks."""
    for transfer in needs_serial(spec):
        hint = "put ${SN/P} (the job's number) in the destination or the name, or declare the file as an output"
        if any(number in transfer.source.path for number in SERIAL_NUMBERS):
            hint = f"if that is a directory, write a final slash: {shell_word(f'{transfer.destination}/')}"
        yield RequestError(
            f"all jobs of the task would write {quoted(transfer.target)}",
            hint=hint,
            code="shared-target",
            subject=str(transfer.target),
        )
    for transfer in spec.transfers if several else ():
        if not transfer.destination.in_job and TASK not in transfer.target_path:
            yield RequestError(
                f"each task of --inOutDsJson would write {quoted(transfer.target)}",
                hint=f"put {TASK} in the destination or the name, beside ${{SN/P}}",
                code="shared-target",
                subject=str(transfer.target),
            )
    for first, second in shared_targets(spec, COUNT):
        yield RequestError(
            f"{quoted(first)} and {quoted(second)} are one file in two jobs",
            hint="use ${SN/P}, which always has six digits, or names that differ in more than numbers",
            code="shared-target",
            subject=str(second),
        )
