"""Deal: which of a submission's jobs brings which of its files, where each job has files of its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from goclient.errors import GoclientError, RequestError, raise_all
from goclient.errors.conditions import ListRuleError
from goclient.errors.findings import SHOWN, Finding
from goclient.errors.wording import pluralize, quote
from goclient.model.location import Location, Transfer
from goclient.model.names import fill_serial
from goclient.model.options import FILES_PER_JOB as OPTION
from goclient.model.options import MAX_JOBS
from goclient.model.plan import TransferTask, same_location
from goclient.model.planner import find_collisions, group_tasks
from goclient.model.spec import TransferSpec


class DealOrder(NamedTuple):
    """Wish of a user: so many files for each job, in at most so many jobs, if that is said."""

    per_job: int
    most: int | None = None

    def deal(self, spec: TransferSpec) -> Dealt:
        """Deal the sources of stage-in without a job's number in them, in their order; each job has the others.

        Where a dealt file goes has its job's number filled in, because no other job has the file.
        """
        serials, files = [], 0
        for transfer in spec.stage_in:
            is_own = "${SN" not in transfer.source.path
            serials.append(files // self.per_job + 1 if is_own else 0)
            files += is_own
        if not files:
            numbered = " without ${SN}" if spec.stage_in else ""
            message = f"{OPTION} {self.per_job}: there is no file of --StageinGOsrc{numbered} to be dealt"
            hint = "name all of them, such as --StageinGOsrc=@LIST, or leave it out"
            return Dealt(spec, None, [ListRuleError(message, hint=hint, code="no-files", subject="--StageinGOsrc")])
        deal, errors = Deal(self.per_job, files, tuple(serials)), list[GoclientError]()
        if deal.jobs > (most := self.most or MAX_JOBS):
            errors.append(_too_few(deal, self, most))
        if any("${SN" in path for path in {one.destination.path for one in spec.stage_in}):
            spec = spec.model_copy(update={"stage_in": tuple(map(_with_number, spec.stage_in, serials))})
        return Dealt(spec, deal, errors)

    def warnings(self, deal: Deal) -> Iterator[Finding]:
        """Yield a warning if there are fewer jobs than were asked for, because there are not as many files."""
        if self.most is not None and deal.jobs < self.most:
            message = f"--njobs {self.most}, but {deal.summary}: {pluralize(deal.jobs, 'job')} will be submitted"
            hint = f"leave out --njobs, or type a smaller {OPTION}" if deal.per_job > 1 else "leave out --njobs"
            yield Finding("warning", "fewer-jobs", "--njobs", message, hint)


class DealRow(NamedTuple):
    """Share of one job, by its number: how many files it has of its own, the first and the last of them."""

    serial: int
    files: int
    first: Location
    last: Location

    def document(self) -> dict[str, Any]:
        """Return the JSON object of it."""
        return {**self._asdict(), "first": str(self.first), "last": str(self.last)}


class DealTable(NamedTuple):
    """A deal as it is shown: its totals in words, and the share of each job."""

    per_job: int
    summary: str
    rows: tuple[DealRow, ...]

    def document(self) -> dict[str, Any]:
        """Return the JSON object of it."""
        files, rows = sum(row.files for row in self.rows), [row.document() for row in self.rows]
        return {"nFilesPerJob": self.per_job, "jobs": len(rows), "files": files, "rows": rows}


class Deal(NamedTuple):
    """Deal of so many files, so many to a job, in the spec of all jobs together.

    ``serials`` has the number of the job that alone has each transfer of the spec's stage-in; 0: every job has it.
    Jobs that were sent before may share a file, for each has its own transfer of it.
    """

    per_job: int
    files: int
    serials: tuple[int, ...]
    may_share: bool = False

    @property
    def jobs(self) -> int:
        """Number of the jobs."""
        return -(-self.files // self.per_job)

    @property
    def summary(self) -> str:
        """Say in words how many files go to how many jobs."""
        text, last = f"{pluralize(self.files, 'file')} for {pluralize(self.jobs, 'job')}", self._files_of(self.jobs)
        if self.jobs == 1:
            return text
        return f"{text}, {self.per_job} for each" + (f", {last} for the last" if last != self.per_job else "")

    def specs(self, spec: TransferSpec) -> Iterator[TransferSpec]:
        """Yield the spec of each job, in order."""
        own: list[list[Transfer]] = [[] for _ in range(self.jobs + 1)]
        shared = 0 in self.serials
        for serial, transfer in zip(self.serials, spec.stage_in, strict=True):
            for transfers in own[1:] if shared and not serial else (own[serial],):
                transfers.append(transfer)
        for transfers in own[1:]:
            yield spec.model_copy(update={"stage_in": tuple(transfers)})

    def largest(self, spec: TransferSpec) -> TransferSpec:
        """Return the spec of the job whose own transfers have the longest paths together."""
        sizes = [0] * (self.jobs + 1)
        for serial, one in zip(self.serials, spec.stage_in, strict=True):
            sizes[serial] += len(one.source.path) + len(one.destination.path)
        whose = 0, sizes.index(max(sizes[1:]), 1)
        own = (one for serial, one in zip(self.serials, spec.stage_in, strict=True) if serial in whose)
        return spec.model_copy(update={"stage_in": tuple(own)})

    def find_shared(self, spec: TransferSpec) -> TransferSpec:
        """Return what every job has of a spec."""
        shared = (one for serial, one in zip(self.serials, spec.stage_in, strict=True) if not serial)
        return spec.model_copy(update={"stage_in": tuple(shared)})

    def serials_in(self, spec: TransferSpec) -> list[tuple[int, ...]]:
        """Return the jobs' numbers of the items of each task of the spec's stage-in, as ``group_tasks`` makes them."""
        grouped: dict[tuple[str, str], list[int]] = {}
        for serial, one in zip(self.serials, spec.stage_in, strict=True):
            grouped.setdefault((one.source.endpoint.text, one.destination.endpoint.text), []).append(serial)
        return list(map(tuple, grouped.values()))

    def find_collisions(self, spec: TransferSpec) -> Iterator[RequestError]:
        """Yield an error for each file that two jobs would have, and each two that would be written to one place."""
        yield from () if self.may_share else _find_twice(spec)
        yield from find_collisions(spec.outward)
        keys = spec.target_keys[: len(self.serials)]
        is_apart = len(set(keys)) == len(keys) or len(set(zip(self.serials, keys, strict=True))) == len(keys)
        if is_apart and 0 not in self.serials:
            return
        for own in self.specs(spec):
            brought = [one for one in own.stage_in if one.destination.in_job]
            if any(find_collisions(brought)):
                for one in find_collisions(dict.fromkeys(brought)):  # what is there twice is told
                    yield one.replace(hint="have them in different jobs: by their order, or by another --nFilesPerJob")

    def table(self, spec: TransferSpec) -> DealTable:
        """Return what is shown of it: the share of each job."""
        first: dict[int, Location] = {}
        last: dict[int, Location] = {}
        for serial, transfer in zip(self.serials, spec.stage_in, strict=True):
            first.setdefault(serial, transfer.source)
            last[serial] = transfer.source
        every = range(1, self.jobs + 1)
        rows = (DealRow(one, self._files_of(one), first[one], last[one]) for one in every)
        return DealTable(self.per_job, self.summary, tuple(rows))

    def _files_of(self, serial: int) -> int:
        return min(self.per_job, self.files - self.per_job * (serial - 1))


class Dealt(NamedTuple):
    """A spec whose stage-in is dealt to jobs, the deal, None without files, and every mistake."""

    spec: TransferSpec
    deal: Deal | None
    errors: list[GoclientError]


def plan_dealt(spec: TransferSpec) -> tuple[TransferTask, ...]:
    """Return the tasks of all jobs of a dealt spec together; raise RequestError for each two items with one target."""
    raise_all(list(find_collisions(spec.outward)))
    return group_tasks(spec)


def _with_number(transfer: Transfer, serial: int) -> Transfer:
    destination = transfer.destination
    if not serial or "${SN" not in destination.path:
        return transfer
    return Transfer(transfer.source, destination.with_path(fill_serial(destination.path, serial)))


def _find_twice(spec: TransferSpec) -> Iterator[RequestError]:
    """Yield an error if files are named twice: two jobs would work on each."""
    keys = [(one.source.endpoint.text, same_location(one.source.path)) for one in spec.stage_in]
    if len(set(keys)) == len(keys):
        return  # there may be a hundred thousand
    seen: dict[tuple[str, str], Location] = {}
    twice: dict[tuple[str, str], tuple[Location, Location]] = {}
    for key, source in zip(keys, (one.source for one in spec.stage_in), strict=True):
        if key in seen:
            twice[key] = seen[key], source
        seen.setdefault(key, source)
    shown = ", ".join(_show_twice(*pair) for pair in islice(twice.values(), SHOWN))
    if len(twice) > 1:
        message, hint = f"{len(twice)} files are named twice, such as {shown}", "leave one of each out"
    else:
        message, hint = f"{shown} is named twice", "leave one of them out"
    subject = next(source for _, source in twice.values()).display
    yield RequestError(f"{message}: {OPTION} deals each file to one job", hint=hint, code="twice", subject=subject)


def _show_twice(first: Location, second: Location) -> str:
    also = "" if first.endpoint.display == second.endpoint.display else f" (also as {quote(first.display)})"
    return f"{quote(second.display)}{also}"


def _too_few(deal: Deal, order: DealOrder, most: int) -> RequestError:
    """Return the error of files that need more jobs than there may be: none is left out."""
    message = f"{pluralize(deal.files, 'file')}, {order.per_job} for each job, need {deal.jobs} jobs, more than "
    message += f"--njobs {most}" if order.most else f"the {most} of one submission"
    hint = f"{OPTION} {-(-deal.files // most)}" + (f", or --njobs {deal.jobs}" if deal.jobs <= MAX_JOBS else "")
    return RequestError(message, hint=f"type {hint}", code="too-few-jobs", subject=OPTION)
