"""Directory for temporary files of a command: that of TMPDIR, or else one where all programs look."""

from __future__ import annotations

import os
import tempfile

from goclient.errors import RequestError
from goclient.errors.wording import quote


def temporary_directory() -> str:
    """Return the directory; raise RequestError if nothing can be written to any."""
    try:
        return tempfile.gettempdir()
    except FileNotFoundError as error:
        named = os.environ.get("TMPDIR")
        where = ", ".join((*([f"TMPDIR={quote(named)}"] if named else ()), "/tmp", "/var/tmp"))  # noqa: S108
        raise RequestError(
            f"no temporary file can be written: not in {where} or {quote(os.getcwd())}",
            hint="name a directory that you can write to: export TMPDIR=~",
            code="no-temporary",
            subject="TMPDIR",
        ) from error
