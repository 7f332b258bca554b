"""What to do about a service of this machine that does not run: most likely it is that of a stopped sandbox."""

from __future__ import annotations

import os
import socket

LOOPBACK = ("127.0.0.1", "localhost", "::1")  # the names of this machine
WITHIN = 0.5  # seconds; this machine answers at once


def remedy(url: str, otherwise: str) -> str:
    """Return the hint of an error about a service that cannot be reached.

    It is the command that starts the sandbox to which the environment points, if nothing listens at its place.
    ``url``: the service's; of MyProxy it is ``myproxy://HOST:PORT``.
    """
    folder = os.environ.get("SANDBOX_DIR", "")  # set by a sandbox's env.sh
    if not (folder or os.environ.get("SANDBOX_URL")) or not _is_dead(url):
        return otherwise
    import shlex  # only a mistake pays for it

    command = ["goclient", "sandbox", "start", *(["--dir", folder] if folder else [])]
    return f"the sandbox is stopped: {shlex.join(command)}"


def _is_dead(url: str) -> bool:
    """Return True if nothing listens at a place of this machine's loopback."""
    from ipaddress import ip_address
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
        if host != "localhost" and not ip_address(host).is_loopback:
            return False
        socket.create_connection((host, port), WITHIN).close()
    except ConnectionRefusedError:
        return True
    except (OSError, ValueError):
        return False
    return False
