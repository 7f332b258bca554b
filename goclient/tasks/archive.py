"""Archive of a task, as panda-client has packed it: the carrier and the plans of the jobs are added to it."""

from __future__ import annotations

import gzip
import io
import os
import posixpath
import shlex
import shutil
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from goclient.carrier.archive import FORM, LIMIT, is_taken
from goclient.carrier.plan import CARRY, PLAN
from goclient.errors import RequestError
from goclient.errors.wording import quote

SOURCES, SOURCES_LIMIT = "sources.", 768 << 20  # of a task with a build: Client.putFile of panda-client, and the server
_GZIP = b"\x1f\x8b"
_MB = 1 << 20
_SHOWN = 3


def add_carrier(path: Path, *, carrier: bytes, plans: Sequence[bytes]) -> None:
    """Add the carrier and its plans to an archive; it is one gzip member again, whose checksum panda-client reads.

    Raises RequestError if a name in it is one of ours, if it cannot be read, or if it becomes larger than PanDA takes.
    """
    plain, packed = path.with_name(f"{path.name}.plain"), path.with_name(f"{path.name}.packed")
    try:
        with _open(path) as old, open(plain, "wb") as file:
            shutil.copyfileobj(old, file)
        with tarfile.open(plain, "a", format=tarfile.GNU_FORMAT) as archive:
            members = tuple(archive.getmembers())
            _check_names(members)
            _add(archive, CARRY, carrier, mode=0o755)
            for number, plan in enumerate(plans, 1):
                _add(archive, PLAN if number == 1 else PLAN.replace(".", f"-{number}."), plan, mode=0o644)
        with (
            open(plain, "rb") as file,
            open(packed, "wb") as new,
            gzip.GzipFile(filename="", mode="wb", fileobj=new, compresslevel=6, mtime=0) as zipped,
        ):
            shutil.copyfileobj(file, zipped)
        _check_size(path.name, packed.stat().st_size, members)
        os.replace(packed, path)
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"the carrier cannot be added to the task's archive {quote(path.name)}: {reason}"
        hint = "--inTarBall takes a tar file, packed with gzip or not; --tmpDir names a directory with room"
        raise RequestError(message, hint=hint, code="archive-file", subject="--goCarry") from error
    finally:
        for one in (plain, packed):
            one.unlink(missing_ok=True)


def _open(path: Path) -> IO[bytes]:
    """Open an archive for reading, unpacked."""
    with open(path, "rb") as file:
        is_packed = file.read(len(_GZIP)) == _GZIP
    return io.BufferedReader(gzip.GzipFile(path)) if is_packed else open(path, "rb")


def _add(archive: tarfile.TarFile, name: str, content: bytes, *, mode: int) -> None:
    header = tarfile.TarInfo(name)
    header.mode, header.size = mode, len(content)
    archive.addfile(header, io.BytesIO(content))


def _check_names(members: Sequence[tarfile.TarInfo]) -> None:
    """Raise RequestError for a file of the user's whose name is one that the carrier has."""
    for member in members:
        name = posixpath.normpath(member.name)
        if is_taken(name):
            message = f"{quote(name)} of the archive is a name that goclient, or PanDA, uses in a job's directory"
            hint = f"give it another name, or leave it out: --excludeFile={shlex.quote(name)}"
            raise RequestError(message, hint=hint, code="archive-name", subject="--goCarry")


def _check_size(name: str, size: int, members: Sequence[tarfile.TarInfo]) -> None:
    """Raise RequestError if an archive is larger than PanDA takes, with what is largest in it."""
    limit = SOURCES_LIMIT if name.startswith(SOURCES) else LIMIT
    if size > limit - FORM:
        largest = sorted(members, key=lambda one: -one.size)[:_SHOWN]
        named = ", ".join(f"{quote(one.name)} ({one.size / _MB:.1f} MB)" for one in largest)
        message = (
            f"the task's archive has {size / _MB:.1f} MB, packed, more than the {limit // _MB} MB that PanDA takes"
        )
        hint = "leave it out with --excludeFile, and bring it with --StageinGOsrc=ENDPOINT:/PATH"
        raise RequestError(f"{message}; the largest: {named}", hint=hint, code="archive-size", subject="--goCarry")
