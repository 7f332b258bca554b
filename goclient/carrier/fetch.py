"""Fetch the user's program, if it is at a URL; else it is a file of the job's archive.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import IO

from goclient.errors.wording import innermost, quoted, said
from goclient.files.private import private
from goclient.node.payload import PayloadError
from goclient.node.signals import check
from goclient.secrets import register_url
from goclient.services.deadline import Deadline

FETCH_WITHIN = 120.0  # seconds
MAX_SIZE = 1 << 30  # bytes
_SCRIPT = "run.sh"
_URL = ("http://", "https://")


def check_program(program: str, directory: Path) -> None:
    """Check that a program that is a file of the archive is there; raise PayloadError."""
    if not program.startswith(_URL):
        file = directory / program
        if not file.resolve().is_relative_to(directory.resolve()) or not file.is_file() or not os.access(file, os.X_OK):
            raise PayloadError(
                f"the program {quoted(program)} is not in the job's archive, or is not executable",
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
    register_url(program)
    target = scratch / _SCRIPT
    try:
        with open(target, "wb", opener=private) as file:
            _download(program, file)
    except (OSError, HTTPException, ValueError) as error:  # OSError has urllib's own
        getattr(error, "close", bool)()  # urllib's HTTPError is an answer, too
        shown = program.partition("?")[0]
        raise PayloadError(
            f"the program {quoted(shown)} could not be fetched: {said(innermost(error))}",
            hint="look at the URL, and whether the node can reach it",
        ) from error
    target.chmod(stat.S_IRWXU)
    return target


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
