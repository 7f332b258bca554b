"""Storage of a collection: where its paths are on this machine, what is there, and how Transfer writes it."""

from __future__ import annotations

import errno
import grp
import json
import os
import pwd
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from goclient.sandbox import lock
from goclient.sandbox.state import Row

MAPPED = "GCSv5_mapped_collection"
GUEST = "GCSv5_guest_collection"
PERSONAL = "GCP_mapped_collection"
BARE = "GCSv5_endpoint"  # a server without its collections: it holds no data
HOME = "home"  # where /~/ is, below the root of a mapped collection
NOT_UTF8 = "\ufffd"  # before a name that is not UTF-8, whose bytes follow as Latin-1; Transfer API, File Operations, 2

# The kinds of what can be wrong with a path.
Kind = Literal[
    "NotFound", "NotDirectory", "IsDirectory", "NotFile", "Exists", "RenameExists", "PermissionDenied", "InvalidPath",
    "InvalidSymlink", "NoSpace", "Quota", "Changed", "Checksum", "GCDisconnected", "Other",
]  # fmt: skip
# The kind by the number of the system's error.
_KINDS: dict[int, Kind] = {
    errno.ENOENT: "NotFound",
    errno.ENOTDIR: "NotDirectory",
    errno.EISDIR: "IsDirectory",
    errno.EEXIST: "Exists",
    errno.EACCES: "PermissionDenied",
    errno.EPERM: "PermissionDenied",
    errno.EROFS: "PermissionDenied",
    errno.ENAMETOOLONG: "InvalidPath",
    errno.EINVAL: "InvalidPath",
    errno.EILSEQ: "InvalidPath",
    errno.ELOOP: "InvalidSymlink",
    errno.ENOSPC: "NoSpace",
    errno.EDQUOT: "Quota",
}
# The types of the service's file document.
_TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFIFO: "pipe", stat.S_IFCHR: "chr", stat.S_IFBLK: "blk"}
BROKEN = "invalid_symlink"  # the type of a link that leads nowhere, or out of the collection


class StorageError(Exception):
    """A path cannot be used."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@contextmanager
def system_errors() -> Iterator[None]:
    """Turn an error of the system in the body into a StorageError."""
    try:
        yield
    except OSError as error:
        raise StorageError(_KINDS.get(error.errno or 0, "Other"), str(error.strerror or error)) from error


def is_connected(collection: Row) -> bool:
    """Return True if a Globus Connect Personal runs for a collection: it then holds a lock, whatever kills it."""
    return bool(collection["lock_file"]) and lock.is_held(collection["lock_file"])


def check_connected(collection: Row) -> None:
    """Raise StorageError for a Globus Connect Personal that does not run."""
    if collection["entity_type"] == PERSONAL and not is_connected(collection):
        raise StorageError("GCDisconnected", "The Globus Connect Personal endpoint is not connected to Globus")


def local_path(collection: Row, path: str, *, follow: bool = True) -> Path:
    """Return the real path of a collection's path; raise StorageError if it leads out of the shared directories.

    ``follow`` False: if the last name is that of a symbolic link, return the path of the link itself.
    """
    tops = _tops(collection)
    if "\0" in path or "\r\n" in path or any("\ud800" <= sign <= "\udfff" for sign in path):
        raise StorageError("InvalidPath", "Invalid path")
    text = "/".join(decode_name(name) for name in path.split("/"))
    if text.startswith("/~/"):
        home = tops[0] / HOME if collection["entity_type"] == MAPPED else tops[0]
        real = home / text[3:]
    else:
        real = (Path("/") if collection["entity_type"] == PERSONAL else tops[0]) / text.lstrip("/")
    if follow or text.endswith("/") or real.name in ("", ".."):
        found = Path(os.path.realpath(real))
    else:
        found = Path(os.path.realpath(real.parent)) / real.name
    above = next((one for one in tops if found.is_relative_to(one)), None)
    if above is None:
        raise StorageError("PermissionDenied", f"Path not allowed: {path}")
    for parent in found.parents:
        if parent.is_relative_to(above) and parent.is_dir():
            check_mode(parent, stat.S_IXUSR)
    return found


def _tops(collection: Row) -> tuple[Path, ...]:
    """Return the real directories that a collection shares; raise StorageError."""
    check_connected(collection)
    if collection["entity_type"] == PERSONAL:
        shared = json.loads(collection["allowed"])
    elif not collection["root"]:
        raise StorageError("NotFound", "The collection that holds the data is gone")
    else:
        shared = [collection["root"]]
    return tuple(Path(os.path.realpath(one)) for one in shared)


def check_mode(path: Path, bits: int) -> None:
    """Raise StorageError if the owner of a path that exists has none of the ``bits``: the kernel lets root pass."""
    try:
        denied = not path.stat().st_mode & bits
    except OSError:
        return
    if denied:
        raise StorageError("PermissionDenied", "Permission denied")


# --- names ---


def encode_name(name: str) -> str:
    """Return a file's name as Transfer writes it: one that is not UTF-8 is Latin-1 behind a mark."""
    raw = os.fsencode(name)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return NOT_UTF8 + raw.decode("latin-1")


def decode_name(name: str) -> str:
    """Return the file's name that Transfer writes so; a name that is UTF-8 after all stays as it is."""
    try:
        found = os.fsdecode(name.removeprefix(NOT_UTF8).encode("latin-1"))
    except UnicodeEncodeError:
        return name
    return found if name.startswith(NOT_UTF8) and encode_name(found) == name else name


# --- what is there ---


def entries(collection: Row, directory: Path) -> list[dict[str, Any]]:
    """Return the entries of a directory as Transfer lists them; raise StorageError or OSError."""
    check_mode(directory, stat.S_IRUSR)
    return [describe(collection, directory / name) for name in sorted(os.listdir(directory))]


def describe(collection: Row, path: Path) -> dict[str, Any]:
    """Return one entry as Transfer describes it; raise OSError if it does not exist.

    A symbolic link has the type and the size of its target; its own have names that begin with ``link_``.
    """
    own = path.lstat()
    linked = stat.S_ISLNK(own.st_mode)
    found = _target(path, _tops(collection)) if linked else own
    shown = found or own
    return {
        "DATA_TYPE": "file",
        "name": encode_name(path.name),
        "type": _TYPES.get(stat.S_IFMT(shown.st_mode), "other") if found else BROKEN,
        "permissions": f"{stat.S_IMODE(shown.st_mode):04o}",
        "link_target": encode_name(os.readlink(path)) if linked else None,
        **_describe_inode(shown),
        **{f"link_{name}": value if linked else None for name, value in _describe_inode(own).items()},
    }


def _target(link: Path, tops: tuple[Path, ...]) -> os.stat_result | None:
    """Return the status of a symbolic link's target, None if it does not exist or is not shared."""
    real = Path(os.path.realpath(link))
    try:
        return real.lstat() if any(real.is_relative_to(one) for one in tops) and not real.is_symlink() else None
    except OSError:
        return None


def _describe_inode(found: os.stat_result) -> dict[str, Any]:
    """Return the size, time and owners of a file; a user or a group without a name is its number."""
    names = {"user": str(found.st_uid), "group": str(found.st_gid)}
    with suppress(KeyError):
        names["user"] = pwd.getpwuid(found.st_uid).pw_name
    with suppress(KeyError):
        names["group"] = grp.getgrgid(found.st_gid).gr_name
    modified = time.strftime("%Y-%m-%d %H:%M:%S+00:00", time.gmtime(found.st_mtime))
    return {"size": found.st_size, "last_modified": modified, **names}
