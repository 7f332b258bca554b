"""Services of this machine: which those are, and the hint about one that does not run, most likely a sandbox's."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

LOOPBACK = ("127.0.0.1", "localhost", "::1")  # the names of this machine
WITHIN = 0.5  # seconds; this machine answers at once


def is_https(url: str) -> bool:
    """Return True for the URL of a server that a token may be sent to: https, or that of a sandbox on this machine."""
    from urllib.parse import urlsplit  # as in remedy

    try:
        parts = urlsplit(url)
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        return safe and bool(parts.hostname) and url.isprintable()
    except ValueError:
        return False


def remedy(url: str, otherwise: str) -> str:
    """Return the hint of an error about a service that cannot be reached.

    It is the command that starts the sandbox to which the environment points, if the port is one of the sandbox's and
    nothing listens there.  ``url``: the service's; of MyProxy it is ``myproxy://HOST:PORT``.
    """
    directory = os.environ.get("SANDBOX_DIR", "")  # set by a sandbox's env.sh
    if not (directory or os.environ.get("SANDBOX_URL")):
        return otherwise
    import re  # only a mistake pays for these
    import shlex
    from ipaddress import ip_address
    from urllib.parse import urlsplit

    ports = os.environ.get("SANDBOX_URL", "")
    with suppress(OSError, ValueError), open(os.path.join(directory or "/", "env.sh"), encoding="utf-8") as exports:
        ports += exports.read()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
        if not re.search(rf"(:|PORT=){port}\b", ports):
            return otherwise
        if host == "localhost" or ip_address(host).is_loopback:
            socket.create_connection((host, port), WITHIN).close()
        return otherwise
    except ConnectionRefusedError:  # nothing listens there
        pass
    except (OSError, ValueError):
        return otherwise
    command = ["goclient", "sandbox", "start", *(["--dir", directory] if directory else [])]
    return f"the sandbox is stopped: {shlex.join(command)}"
