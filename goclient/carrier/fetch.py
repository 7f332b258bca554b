"""Fetch the user's program, and Globus Connect, if they are at a URL; else they are on the node already.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path
from typing import IO, TYPE_CHECKING

from goclient.errors import EndpointError, GoclientError
from goclient.errors.wording import cite, innermost, quote
from goclient.files.private import private
from goclient.node.globus_connect import PROGRAM
from goclient.node.payload import PayloadError
from goclient.node.signals import check
from goclient.secrets import register_url
from goclient.services.deadline import Deadline

if TYPE_CHECKING:
    from tarfile import TarFile, TarInfo

FETCH_WITHIN = 120.0  # seconds
MAX_SIZE = 1 << 30  # bytes
_SCRIPT = "run.sh"
_URL = ("http://", "https://")
_CHECKSUM = "#sha256="  # at the end of a URL, as pip has it


def check_program(program: str, directory: Path) -> None:
    """Check that a program that is a file of the archive is there; raise PayloadError."""
    if not program.startswith(_URL):
        file = directory / program
        if not file.resolve().is_relative_to(directory.resolve()) or not file.is_file() or not os.access(file, os.X_OK):
            raise PayloadError(
                f"the program {quote(program)} is not in the job's archive, or is not executable",
                hint="submit the job again",
            )


def prepare_command(words: Sequence[str], directory: Path) -> Path:
    """Return the program of a command ``/bin/sh -c TEXT``; raise PayloadError if it is not a program's path.

    A file of the job that TEXT begins with is made executable, as runGen does it with a command of its own.
    """
    if not words or not os.path.isabs(words[0]):
        raise PayloadError("the job has no command to run", hint="submit the job again")
    first = (words[-1].split() or [""])[0]
    with suppress(OSError, ValueError):
        file = (directory / first).resolve()
        if file.is_relative_to(directory.resolve()) and file.is_file():
            file.chmod(file.stat().st_mode | 0o111)
    return Path(words[0])


def fetch(program: str, directory: Path, scratch: Path) -> Path:
    """Return the file to run: one of the archive, or the download, in ``scratch``; raise PayloadError."""
    if not program.startswith(_URL):
        return directory / program
    target = scratch / _SCRIPT
    _fetch(program, target, title="the program", kind=PayloadError)
    target.chmod(stat.S_IRWXU)
    return target


def fetch_connect(where: str, directory: Path, scratch: Path) -> str:
    """Return the path of Globus Connect Personal; raise EndpointError.

    ``where`` is a program, a directory, or an archive as Globus gives it, which is unpacked in ``scratch``: a path on
    the node, or below ``directory``, or a URL, which may end with ``#sha256=`` and the checksum.
    """
    found, unpacked = directory / where, scratch / "globus-connect"
    if where.startswith(_URL):
        found = scratch / "globus-connect.tgz"
        url, _, checksum = where.partition(_CHECKSUM)
        _fetch(url, found, title="Globus Connect", kind=EndpointError)
        if checksum and (its := sha256(found.read_bytes()).hexdigest()) != checksum.lower():
            raise _no_connect(url, f"its sha256 is {its[:16]}…, not {checksum[:16]}…")
    if found.is_file() and _unpack(found, unpacked):
        found = unpacked
    programs = [found / PROGRAM, *sorted(found.glob(f"*/{PROGRAM}"))] if found.is_dir() else [found]
    for one in programs:
        if one.is_file() and os.access(one, os.X_OK):
            return str(one)
    raise _no_connect(where, f"no program {PROGRAM} is there")


def _unpack(archive: Path, into: Path) -> bool:
    """Unpack an archive; return False if it is not one; raise EndpointError."""
    import tarfile  # which only such a job pays for

    try:
        if not tarfile.is_tarfile(archive):
            return False
        with tarfile.open(archive) as opened:
            opened.extraction_filter = getattr(tarfile, "data_filter", None)
            opened.extractall(into, _check_members(opened, into))  # noqa: S202  # each is checked
    except (OSError, EOFError, ValueError, tarfile.TarError) as error:
        raise _no_connect(archive.name, f"it cannot be unpacked: {cite(error)}") from error
    return True


def _check_members(archive: TarFile, into: Path) -> Iterator[TarInfo]:
    """Return the members of an archive, each as it is unpacked; raise ValueError for one that leads out or is a device.

    tarfile's own filter does that, too, but Python has it since 3.9.17, 3.10.12 and 3.11.4 only.
    """
    top = os.path.realpath(into)
    for member in archive:
        place = os.path.realpath(os.path.join(top, member.name))
        target = os.path.join(os.path.dirname(place) if member.issym() else top, member.linkname)
        for one in (place, os.path.realpath(target)):
            if os.path.commonpath((top, one)) != top or member.isdev():
                raise ValueError(f"{quote(member.name)} leads out of it")
        yield member


def _no_connect(where: str, why: str) -> EndpointError:
    message = f"Globus Connect cannot be used from {quote(where.partition('?')[0])}: {why}"
    return EndpointError(message, hint="look at --goConnect", code="node-endpoint")


def _fetch(url: str, target: Path, *, title: str, kind: type[GoclientError]) -> None:
    """Write what is at a URL into a new file; raise an error of a kind."""
    register_url(url)
    try:
        with open(target, "wb", opener=private) as file:
            _download(url, file)
    except (OSError, HTTPException, ValueError) as error:  # OSError has urllib's own
        getattr(error, "close", bool)()  # urllib's HTTPError is an answer, too
        shown = url.partition("?")[0]
        raise kind(
            f"{title} {quote(shown)} could not be fetched: {cite(innermost(error))}",
            hint="look at the URL, and whether the node can reach it",
        ) from error


def _download(url: str, into: IO[bytes]) -> None:
    """Write what is at a URL into a file; raise OSError, HTTPException or ValueError."""
    from urllib.request import urlopen  # 40 ms, which only a program that is fetched pays

    end, size = Deadline(FETCH_WITHIN), 0
    with urlopen(url, timeout=end.remaining()) as answer:  # noqa: S310  # the scheme is one of two
        while piece := answer.read1(1 << 18):
            check()
            end.remaining()
            size += into.write(piece)
            if size > MAX_SIZE:
                raise ValueError(f"it has more than {MAX_SIZE >> 20} MiB")
        if answer.length:
            raise ValueError("the answer breaks off")
