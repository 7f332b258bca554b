"""A proxy on disk: a file that only its owner can read, whole at any time."""

from __future__ import annotations

import os
from contextlib import suppress

from goclient import secrets
from goclient.errors import MyproxyError, quoted


def write_proxy(path: str | os.PathLike[str], pem: bytes) -> None:
    """None, once the file is there with the mode 0600, in place of a former one; raises MyproxyError.

    A link in its place is replaced, not followed.
    """
    secrets.register_keys(pem)
    path = os.fspath(path)
    part = f"{path}.{os.getpid()}.{os.urandom(4).hex()}.part"
    try:
        if os.path.isdir(path):
            raise IsADirectoryError(21, "it is a folder")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with open(descriptor, "wb") as file:
                os.fchmod(descriptor, 0o600)  # whatever the umask is
                file.write(pem)
                file.flush()
                os.fsync(descriptor)
            os.rename(part, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(part)
            raise
    except (OSError, ValueError) as error:
        raise MyproxyError(
            f"the proxy {quoted(path)} cannot be written: {getattr(error, 'strerror', None) or error}",
            hint="name another file: --out FILE", code="proxy-file", subject=path,
        ) from error  # fmt: skip
