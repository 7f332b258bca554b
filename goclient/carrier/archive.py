"""Archive of a carried job: the carrier, its plan, the user's program, and the files that go with it."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from goclient.carrier.plan import CARRY, PLAN
from goclient.errors import GoclientError, RequestError, raise_all
from goclient.errors.wording import quote
from goclient.model.location import JOB_OUT
from goclient.model.names import is_text
from goclient.model.payload import PAYLOAD

FILES = "--goFiles"
LIMIT = 10 << 20  # bytes: file_server_api.py of server 1.0.4, for a file whose name does not begin with "sources."
FORM = 1 << 10  # bytes that the form takes in which it goes there: they count
_MB = 1 << 20
_SHOWN = 3
_OURS = ("goclient-", ".goclient")  # begin the names of what the carrier has beside the user's files
# What runGen (00-00-02) writes into the directory of the archive, and what the carrier does.
_TAKEN = frozenset({"panda_secrets.json", "panda_secrets.sh", "userJobMetadata.json", JOB_OUT})


@dataclass(frozen=True)
class Member:
    """A file, a link or a directory of the user's: its name in the archive, where it is here, and what it is."""

    name: str
    path: str
    mode: int
    size: int = 0
    target: str = ""  # of a link


@dataclass(frozen=True)
class Contents:
    """All of the user's that travels; ``program`` is what the plan calls the program: a URL, or its name."""

    program: str
    members: tuple[Member, ...]


def read_contents(program: str, files: Sequence[str], *, packs_program: bool) -> Contents:
    """Return what travels with a job: the files and directories that are named, and the program, if it is one of them.

    Raises every mistake: a name that is not there, is ours, or is outside this directory, a link that leads out of the
    archive, and what is neither a file, a directory nor a link.
    """
    found: dict[str, Member] = {}
    errors: list[GoclientError] = []
    for typed in files:
        try:
            _check_typed(typed)
            found.update((one.name, one) for one in _walk(os.path.normpath(typed)))
        except GoclientError as error:
            errors += error.parts
    name = program
    if packs_program and program:
        try:
            own = _read_program(program)
            name = f"./{own.name}"
            if own.name in found and os.path.realpath(found[own.name].path) != os.path.realpath(own.path):
                raise _same_name(own.name, program)
            found[own.name] = own
        except GoclientError as error:
            errors += error.parts
    errors += _find_wrong_names(found)
    raise_all(errors)
    return Contents(name, tuple(found[key] for key in sorted(found)))


@dataclass(frozen=True)
class Packed:
    """An archive, and the checksum of all in it but the plan."""

    data: bytes
    content: str


class _Summed:
    """A file that is written, and the checksum of what was written so far."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self.sum = hashlib.sha256()
        self._file = file
        self._written = 0

    def write(self, data: bytes) -> int:
        self.sum.update(data)
        self._written += len(data)
        return self._file.write(data)

    def tell(self) -> int:
        return self._written


def pack(contents: Contents, *, carrier: bytes, plan: bytes) -> Packed:
    """Return the archive of the user's files, the carrier and its plan; the same bytes for the same content.

    Raises RequestError if it is larger than PanDA takes, or a file cannot be read.
    """
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, compresslevel=6, mtime=0) as zipped:
        summed = _Summed(zipped)
        # It is asked to write, and where it is.
        with tarfile.open(fileobj=summed, mode="w", format=tarfile.GNU_FORMAT) as archive:  # type: ignore[call-overload]
            for member in contents.members:
                _add(archive, member)
                if packed.tell() > LIMIT - FORM:
                    raise _too_large(contents)
            archive.addfile(_header(CARRY, 0o755, len(carrier)), io.BytesIO(carrier))
            content = summed.sum.hexdigest()
            archive.addfile(_header(PLAN, 0o644, len(plan)), io.BytesIO(plan))
    if packed.tell() > LIMIT - FORM:
        raise _too_large(contents)
    return Packed(packed.getvalue(), content)


def check_members(members: Sequence[Member]) -> None:
    """Raise every mistake in what travels: a name that is ours, or that cannot travel, a link that leads out of it."""
    raise_all(_find_wrong_names({one.name: one for one in members}))


def check_size(contents: Contents) -> None:
    """Raise RequestError if the user's files alone are larger than PanDA takes; small ones are not packed for it."""
    if sum(one.size for one in contents.members) > LIMIT:
        pack(contents, carrier=b"", plan=b"")


def _add(archive: tarfile.TarFile, member: Member) -> None:
    header = _header(member.name, member.mode, member.size)
    if member.target:
        header.type, header.linkname = tarfile.SYMTYPE, member.target
    elif member.name.endswith("/"):
        header.type = tarfile.DIRTYPE
    try:
        if header.type == tarfile.REGTYPE:
            with open(member.path, "rb") as file:
                archive.addfile(header, file)
        else:
            archive.addfile(header)
    except (OSError, tarfile.TarError) as error:
        raise _read_error(member.path, error) from error


def _header(name: str, mode: int, size: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.mode, header.size = mode, size
    return header


def _too_large(contents: Contents) -> RequestError:
    largest = sorted(contents.members, key=lambda one: -one.size)[:_SHOWN]
    named = ", ".join(f"{quote(one.name)} ({one.size / _MB:.1f} MB)" for one in largest)
    message = f"what travels with the job is larger than the {LIMIT // _MB} MB that PanDA takes, packed; the largest: "
    hint = f"leave it out of {FILES}, and bring it with --StageinGOsrc=ENDPOINT:/PATH"
    return RequestError(message + named, hint=hint, code="archive-size", subject=FILES)


def _read_error(path: str, error: Exception, option: str = FILES) -> RequestError:
    reason = getattr(error, "strerror", None) or str(error)
    message = f"{option}={quote(path)} cannot be read: {reason}"
    return RequestError(message, hint="name a file that is here", code="archive-file", subject=option)


# --- what may be in it ----------------------------------------------------------------------------------------


def _read_program(typed: str) -> Member:
    """Return the user's program, which a node may run whatever its mode is here; below here it keeps its path."""
    path = os.path.normpath(typed)
    try:
        found = os.stat(path)
    except (OSError, ValueError) as error:
        hint = "with --goCarry it is a URL (https://HOST/run.sh), or a file here (./run.sh)"
        raise _read_error(typed, error, PAYLOAD).replace(hint=hint) from error
    if not stat.S_ISREG(found.st_mode):
        message = f"{PAYLOAD}={quote(typed)} is not a file"
        raise RequestError(message, hint="name the program in it", code="archive-file", subject=PAYLOAD)
    name = os.path.basename(path) if os.path.isabs(path) or path.startswith("..") else path
    return Member(name, path, stat.S_IMODE(found.st_mode) & 0o777 | 0o700, found.st_size)


def _same_name(name: str, program: str) -> RequestError:
    message = f"{PAYLOAD}={quote(program)} and {FILES}={quote(name)} are two files that would have one name"
    return RequestError(message, hint="give one of them another name", code="archive-name", subject=FILES)


def _check_typed(typed: str) -> None:
    """Check that a file is named by its path below this directory, which it keeps in the archive."""
    outside = os.path.isabs(typed) or ".." in typed.split("/")
    if outside or typed.startswith("~") or os.path.normpath(typed) == ".":
        message = f"{FILES}={quote(typed)} is not a path below this directory"
        hint = "type the command in the directory that has the files, and name them from there: a.py,lib/"
        raise RequestError(message, hint=hint, code="archive-name", subject=FILES)


def _walk(path: str) -> Iterator[Member]:
    """Yield a file, a link, or a directory and all below it; raise RequestError for anything else."""
    try:
        found = os.lstat(path)
        mode = stat.S_IMODE(found.st_mode) & 0o777
        if stat.S_ISLNK(found.st_mode):
            yield Member(path, path, 0o777, target=os.readlink(path))
        elif stat.S_ISREG(found.st_mode):
            yield Member(path, path, mode, found.st_size)
        elif stat.S_ISDIR(found.st_mode):
            yield Member(f"{path}/", path, mode | 0o700)
            for name in sorted(os.listdir(path)):
                yield from _walk(os.path.join(path, name))
        else:
            message = f"{FILES}={quote(path)} is neither a file, a directory nor a link"
            raise RequestError(message, hint="leave it out", code="archive-file", subject=FILES)
    except (OSError, ValueError) as error:
        raise _read_error(path, error) from error


def is_taken(path: str) -> bool:
    """Return True for a path in the job's directory where something of the carrier's or of PanDA's is."""
    first = path.strip("/").partition("/")[0]
    return first.startswith(_OURS) or first in _TAKEN


def _find_wrong_names(found: Mapping[str, Member]) -> Iterator[RequestError]:
    """Yield a mistake for each name that is ours or cannot travel, and each link that leads out of the archive."""
    for name, member in found.items():
        if is_taken(name):
            message = f"{quote(name)} is a name that goclient, or PanDA, uses in a job's directory"
            yield RequestError(message, hint="give it another name", code="archive-name", subject=FILES)
        elif not is_text(name):
            message = f"the name {quote(ascii(name))} has a control character, or is not UTF-8"
            yield RequestError(message, hint="rename it", code="archive-name", subject=FILES)
        elif member.target and not _leads_inside(member, found):
            message = f"{FILES}={quote(name)} is a link to {quote(member.target)}, which does not travel"
            hint = "name what it leads to, too, by a relative link; or put a copy in its place"
            yield RequestError(message, hint=hint, code="archive-link", subject=FILES)


def _leads_inside(link: Member, found: Mapping[str, Member]) -> bool:
    target = os.path.normpath(os.path.join(os.path.dirname(link.name), link.target))
    return not os.path.isabs(link.target) and (target in found or f"{target}/" in found)
