"""A proxy on disk: a file that only its owner can read, whole at any time."""

from __future__ import annotations

import os

from goclient import secrets
from goclient.errors import MyproxyError, quoted
from goclient.files.private import replace


def write_proxy(path: str | os.PathLike[str], pem: bytes) -> None:
    """None, once the file is there with the mode 0600, in place of a former one; raises MyproxyError.

    A link in its place is replaced, not followed.
    """
    secrets.register_keys(pem)
    path = os.fspath(path)
    try:
        if os.path.isdir(path):
            raise IsADirectoryError(21, "it is a folder")
        replace(path, pem)
    except (OSError, ValueError) as error:
        raise MyproxyError(
            f"the proxy {quoted(path)} cannot be written: {getattr(error, 'strerror', None) or error}",
            hint="name another file: --out FILE", code="proxy-file", subject=path,
        ) from error  # fmt: skip
