"""Transformation of a PanDA job: the program that is its payload, downloaded if it is a URL."""

from __future__ import annotations

import os
from pathlib import Path

import requests

from goclient.errors.wording import cite, quote
from goclient.files.private import private
from goclient.model.payload import hide_login
from goclient.node.payload import PayloadError
from goclient.pilot.rungen import server_program
from goclient.secrets import register_url
from goclient.services.exchange import download, explain_error

FETCH_WITHIN = 120.0  # seconds
MAX_SIZE = 1 << 30  # bytes
SCRIPT = "run.sh"  # its name, as in 2012


def fetch(transformation: str, scratch: Path, directory: Path) -> Path:
    """Return the file to run: the download if it is a URL, else the path itself; raise PayloadError.

    One of the server's own programs is put into the job's directory, and its path is relative to that.
    """
    if not transformation.startswith(("http://", "https://")):
        path = Path(transformation)
        if not path.is_absolute() or not os.access(path, os.X_OK) or path.is_dir():
            raise PayloadError(
                f"the transformation {quote(transformation)} is neither a URL nor an absolute path of a program here",
                hint="give its URL, or its path on the worker node",
            )
        return path
    register_url(transformation)
    name = server_program(transformation)
    target = directory / name if name else scratch / SCRIPT
    try:
        with open(target, "wb", opener=private) as file:
            download(transformation, file, seconds=FETCH_WITHIN, size=MAX_SIZE)
    except (requests.exceptions.RequestException, OSError) as error:
        why = cite(explain_error(error))
        raise PayloadError(
            f"the transformation {quote(hide_login(transformation))} could not be fetched: {why}",
            hint="look at the URL, and whether the node can reach it",
        ) from error
    target.chmod(0o700)
    return Path(name) if name else target
