"""Archive of a carried job, taken apart and packed anew for another try: with a fresh carrier, plan and credential.

The file server gives the archive to anybody who knows its name, and may give another: nothing of it is unpacked to a
path that it names.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import requests

from goclient.carrier.archive import LIMIT, Contents, Member, check_members
from goclient.carrier.plan import CARRY, PLANS, CarrierPlan
from goclient.carrier.rungen import Start
from goclient.errors import EndpointError, RequestError
from goclient.errors.wording import cite, quote
from goclient.services.exchange import download, explain_error

SECONDS = 120.0
MOST_UNPACKED = 1 << 30  # bytes
MOST_MEMBERS = 100_000
_AGAIN = "submit the job again with sendJob"


class Unpacked(NamedTuple):
    """All that an archive has: the user's own, and the plan."""

    contents: Contents
    plan: CarrierPlan


def fetch_archive(start: Start, directory: Path) -> Unpacked:
    """Return what the archive of a job has, whose files are put below an empty directory, under names of ours.

    Raises EndpointError if it is not there any more, and RequestError if it is not the one of the job.
    """
    data = io.BytesIO()
    try:
        download(start.url, data, seconds=SECONDS, size=LIMIT)
    except (requests.exceptions.RequestException, OSError) as error:
        message = f"the archive {quote(start.url)} of the job could not be fetched: {cite(explain_error(error))}"
        hint = f"if PanDA has removed it, {_AGAIN}"
        raise EndpointError(message, hint=hint, code="archive", subject=start.url) from error
    data.seek(0)
    try:
        with gzip.open(data) as unzipped, tarfile.open(fileobj=unzipped, mode="r:") as archive:
            plans: dict[str, bytes] = {}
            members = tuple(_read(archive, directory, plans))
            unzipped.seek(archive.offset)
            _read_to_end(unzipped)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise _damage_error(start, cite(error)) from error
    check_members(members)
    for data_of_plan in plans.values():
        plan = CarrierPlan.decode(data_of_plan)
        if plan.sha256 == start.plan:
            return Unpacked(Contents(plan.program, members), plan)
    raise _damage_error(start, "it does not have the job's plan")


def _read(archive: tarfile.TarFile, directory: Path, plans: dict[str, bytes]) -> Iterator[Member]:
    """Yield the user's members of an archive, and put the plans apart; raise ValueError for what ours never has."""
    size = 0
    for number, one in enumerate(archive):
        if one.name.startswith("/") or ".." in one.name.split("/"):
            raise ValueError(f"{quote(one.name)} is not a path below it")
        size += one.size
        if number >= MOST_MEMBERS or size > MOST_UNPACKED:
            raise ValueError("it has more than an archive of goclient's")
        file = archive.extractfile(one) if one.isreg() else None
        if one.name == CARRY:
            continue
        if fnmatchcase(one.name, PLANS):
            plans[one.name] = file.read() if file is not None else b""
        elif file is not None:
            path = directory / str(number)
            with path.open("xb") as kept:
                while piece := file.read(1 << 20):
                    kept.write(piece)
            yield Member(one.name, str(path), one.mode & 0o777, one.size)
        elif one.issym():
            yield Member(one.name, "", 0o777, target=one.linkname)
        elif one.isdir():
            yield Member(f"{one.name.rstrip('/')}/", "", one.mode & 0o777 | 0o700)
        else:
            raise ValueError(f"{quote(one.name)} is neither a file, a directory nor a link")


def _read_to_end(unzipped: gzip.GzipFile) -> None:
    """Read what follows the last member: only at its end the checksum of all of it is compared."""
    for _ in range(MOST_UNPACKED >> 20):
        if not unzipped.read(1 << 20):
            return
    raise ValueError("it has more than an archive of goclient's")


def _damage_error(start: Start, why: str) -> RequestError:
    message = f"the archive {quote(start.url)} is not the one that the job was sent with: {why}"
    return RequestError(message, hint=_AGAIN, code="archive", subject=start.url)


def with_archive(parameters: str, old: Start, new: Start) -> str:
    """Return the parameters of a job with another archive, its server, and another plan."""
    for was, now in (
        (f"--sourceURL {old.server} ", f"--sourceURL {new.server} "),
        (f"-a {old.archive} ", f"-a {new.archive} "),
        (old.plan, new.plan),
    ):
        parameters = parameters.replace(was, now)
    return parameters
