"""Staging at a site: what is brought for all jobs before they are sent, and what is delivered after they have ended.

The jobs themselves only copy on the node: their spec has the node's paths in place of the endpoints'.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from goclient.errors import GoclientError, RequestError, raise_all
from goclient.errors.wording import quote
from goclient.model.endpoint import NODE, Catalogue, Endpoint
from goclient.model.location import Location, Transfer
from goclient.model.mode import Mode
from goclient.model.names import fill_serial
from goclient.model.plan import TransferItem
from goclient.model.spec import TransferSpec

IN, OUT = "in", "out"  # the directories of a staging area
MAX_ITEMS = 20_000  # of a transfer task: a document of some megabytes


class StagingArea(NamedTuple):
    """Directory of one submission at a site: its path on the site's collection, and its path on the nodes."""

    collection: Endpoint
    directory: str
    node: str

    def show_name(self, names: Catalogue) -> StagingArea:
        """Return it with its collection as the catalogue calls it; nobody knows yet what ends the directory's name."""
        known = next((one for one in names.values() if one == self.collection), self.collection)
        directory, node = (f"{path.rpartition('.')[0]}.XXXXXXXX" for path in (self.directory, self.node))
        return StagingArea(known, directory, node)

    def below(self, path: str) -> str:
        """Return the path on the collection of a path in the directory."""
        return f"{self.directory}/{path}"

    def on_node(self, path: str) -> Location:
        """Return the location on the nodes of a path in the directory."""
        return Location(NODE, f"{self.node}/{path}")


class Output(NamedTuple):
    """Output of each job: how it is called in the staging area, and its final path, both with the job's number.

    ``renames``: if a directory of that final name exists, it goes into it under its own ``name``.
    """

    staged: str
    destination: Endpoint
    path: str
    name: str
    renames: bool
    is_directory: bool


class Bring(NamedTuple):
    """All that is brought from one endpoint: each file once, with paths relative to the staging area."""

    source: Endpoint
    items: tuple[TransferItem, ...]


def in_tasks(brings: Iterable[Bring]) -> list[Bring]:
    """Return what each transfer task brings: one an endpoint, unless it has too many files."""
    return [
        Bring(one.source, one.items[start : start + MAX_ITEMS])
        for one in brings
        for start in range(0, len(one.items), MAX_ITEMS)
    ]


@dataclass(frozen=True)
class Staged:
    """Hold the spec of the jobs, which copy on the node, and what is done for them before and after."""

    area: StagingArea
    spec: TransferSpec
    brings: tuple[Bring, ...]
    outputs: tuple[Output, ...]
    overwrite: bool  # what exists at the outputs' places

    @property
    def targets(self) -> list[Location]:
        """Places where the outputs of a job will be."""
        return [Location(one.destination, one.path) for one in self.outputs]

    def document(self) -> dict[str, Any]:
        """Return the JSON object of it."""
        brings = [{"source": one.source.text, "items": len(one.items)} for one in self.brings]
        deliveries = [{"destination": one.destination.text, "path": one.path} for one in self.outputs]
        area = {"collection": self.area.collection.text, "directory": self.area.directory, "node": self.area.node}
        return {**area, "bring": brings, "deliver": deliveries}


def stage(spec: TransferSpec, area: StagingArea, count: int) -> Staged:
    """Return what becomes of the transfers of so many jobs, whose endpoints are resolved, at a site.

    Raises RequestError for each that does not pass through the jobs' directories.
    """
    raise_all(_find_past_jobs(spec))
    numbers = {end: str(n) for n, end in enumerate(dict.fromkeys(one.source.endpoint for one in spec.stage_in))}
    staged_in = tuple(Transfer(area.on_node(_locate(one.source, numbers)), one.destination) for one in spec.stage_in)
    outputs = tuple(_outputs((*spec.stage_out, *spec.output)))
    copies = tuple(
        Transfer(one.source, area.on_node(f"{OUT}/{output.staged}"))
        for one, output in zip((*spec.stage_out, *spec.output), outputs, strict=True)
    )
    update = {
        "stage_in": staged_in,
        "stage_out": copies,  # each has a name of its own: what was output is a copy like the others
        "output": (),
        "in_mode": Mode.LOCAL,
        "out_mode": Mode.LOCAL,
        "local_endpoint": None,
        "overwrite": True,  # of what an earlier try of the same job has left there
    }
    brings = tuple(_brings(spec.stage_in, numbers, range(1, count + 1)))
    return Staged(area, spec.model_copy(update=update), brings, outputs, spec.overwrite)


def name_staged(name: str, attempt: int) -> str:
    """Return the name in the staging area of an output of a job's try: none finds there what another one has left."""
    return name if attempt == 1 else f"{name}.try{attempt}"


def for_try(spec: TransferSpec, attempt: int) -> TransferSpec:
    """Return the spec of another try of a job whose files go through a site, from that of an earlier one."""
    copies = []
    for one in spec.stage_out:
        directory, name = posixpath.split(one.destination.path)
        own = ".".join(name.split(".")[:2])  # of the first try
        copies.append(Transfer(one.source, Location(NODE, f"{directory}/{name_staged(own, attempt)}")))
    return spec.model_copy(update={"stage_out": tuple(copies)})


def _find_past_jobs(spec: TransferSpec) -> Iterator[GoclientError]:
    if not any(spec.transfers):
        message = "--goVia site: nothing is to be brought or delivered"
        hint = "name files, such as --StageinGOsrc=ENDPOINT:/PATH, or leave out --goVia"
        yield RequestError(message, hint=hint, code="combination", subject="--goVia")
    for endpoint in spec.endpoints:
        if not endpoint.is_globus:
            message = f"{quote(endpoint.display)} is {endpoint.title}, and with --goVia site Globus transfers all files"
            hint = "name a collection of that storage, or leave out --goVia"
            yield RequestError(message, hint=hint, code="combination", subject=endpoint.display)
    for transfer in spec.stage_in:
        shown = transfer.source.display
        if not transfer.destination.in_job:
            message = f"{quote(shown)} does not go to the jobs' directories, and --goVia site brings files there"
            hint = "leave out its --StageinGOdest"
            yield RequestError(message, hint=hint, code="combination", subject="--goVia")
        elif not transfer.source.name:
            message = f"{quote(shown)} is all of an endpoint, which is not copied to a site"
            yield RequestError(message, hint="name directories in it", code="combination", subject="--goVia")
    for transfer in (*spec.stage_out, *spec.output):
        if not transfer.source.in_job:
            message = f"{quote(transfer.source.display)} is not in the jobs' directories, and --goVia site delivers "
            message += "what is there"
            hint = "leave it out, and transfer it by itself"
            yield RequestError(message, hint=hint, code="combination", subject="--goVia")


def _locate(source: Location, numbers: Mapping[Endpoint, str]) -> str:
    """Return the path of a source in the staging area: below its endpoint's number, and as it is there."""
    number, path = numbers[source.endpoint], source.path
    if path.startswith("/~/"):
        number, path = f"{number}-home", path[2:]
    return f"{IN}/{number}{path}"


def _brings(transfers: Iterable[Transfer], numbers: Mapping[Endpoint, str], serials: range) -> Iterator[Bring]:
    """Yield what is brought from each endpoint, without what is in a directory that is brought, too."""
    paths: dict[Endpoint, dict[str, str]] = {end: {} for end in numbers}
    for one in transfers:
        staged = _locate(one.source, numbers)
        filled = paths[one.source.endpoint]
        for serial in serials if "${SN" in one.source.path else serials[:1]:
            filled[fill_serial(one.source.path, serial)] = fill_serial(staged, serial)
    for end, found in paths.items():
        directories = {path for path in found if path.endswith("/")}
        yield Bring(
            end,
            tuple(
                TransferItem(path, staged, path.endswith("/"))
                for path, staged in found.items()
                if directories.isdisjoint(_above(path)) and (path.endswith("/") or f"{path}/" not in directories)
            ),
        )


def _above(path: str) -> Iterator[str]:
    """Yield the directories above a path, each with its final slash."""
    directory = posixpath.dirname(path.rstrip("/"))
    while directory.strip("/"):
        yield f"{directory}/"
        directory = posixpath.dirname(directory)


def _outputs(transfers: Iterable[Transfer]) -> Iterator[Output]:
    for number, one in enumerate(transfers, 1):
        target = one.target
        yield Output(
            f"${{SN/P}}.{number}",
            target.endpoint,
            target.path,
            one.source.name,
            renames=not one.destination.is_directory,
            is_directory=one.source.is_directory,
        )
