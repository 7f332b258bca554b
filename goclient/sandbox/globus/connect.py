"""A stand-in for ``globusconnectpersonal``, with the interface of the real one as far as pilots use it.

``[-dir D] -setup --setup-key KEY``, ``-start [-restrict-paths rw/DIR]`` (in the foreground), ``-status``,
``-stop``.  Unlike the real one it does not refuse to run as root, and it shares no more than the directory that ``D``
is in, or a hidden one around it, where the real one shares all of one's home.  The real one has one control socket for
all instances of a user, ``/tmp/globusconnect_UID.sock``, which version 3.2.8 takes from one that runs; here each ``D``
has its own.  A job starts it twice: what would take it longer to load than all else, such as urllib, is not used.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

from goclient.files.private import make_directory, replace
from goclient.sandbox import lock

TYPE_CHECKING = False  # as type checkers have it
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

CONFIG = "client.json"
LOCK = "lock"
TOLD = "told"  # the process of which the service knows
STOP_WITHIN = 10.0  # seconds
USAGE = "usage: globusconnectpersonal [-dir D] -setup --setup-key KEY | -start [-restrict-paths P] | -status | -stop"
# What version 3.2.8 says, and one before it of a second instance.
NOT_CONNECTED = "No Globus Connect Personal connected to Globus Online Service"
RUNS_ALREADY = "Another Globus Connect Personal is currently running"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line, which begins with the sandbox's URL and the file of its secret; return its exit code."""
    url, secret, *words = sys.argv[1:] if argv is None else argv
    sandbox = Sandbox(url, Path(secret))
    os.umask(0o077)
    directory = Path.home() / ".globusonline" / "lta"
    if words[:1] == ["-dir"] and len(words) > 1:
        directory, words = Path(words[1]), words[2:]
    directory = directory.resolve()  # a relative one is below the caller's directory
    if words[:2] == ["-setup", "--setup-key"] and len(words) == 3:
        return _set_up(sandbox, directory, words[2])
    if words[:1] == ["-start"] and len(words) in (1, 3):
        return _start(sandbox, directory, words[2] if words[1:2] == ["-restrict-paths"] else f"rw{directory.parent}")
    if words == ["-status"]:
        told = directory / TOLD  # a process runs, and the service knows of it
        connected = told.exists() and told.read_text() == str(lock.holder(directory / LOCK))
        print("Globus Online:   connected\nTransfer Status: idle" if connected else NOT_CONNECTED)
        return 0 if connected else 1
    if words == ["-stop"]:
        return _stop(directory)
    print(USAGE, file=sys.stderr)
    return 1


class Sandbox:
    """Place of a sandbox, and the file with its secret: on a command line others could read it."""

    def __init__(self, url: str, secret: Path) -> None:
        self._host, _, self._port = url.removeprefix("http://").partition(":")
        self._secret = secret

    def call(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        """Send a document; return what the sandbox answers; raise OSError, which says why, if that is an error."""
        body = json.dumps(document).encode()
        head = f"POST {path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        head += f"Host: {self._host}:{self._port}\r\n{self._secret.read_text().strip()}\r\n\r\n"
        with socket.create_connection((self._host, int(self._port)), timeout=10) as connection:
            connection.sendall(head.encode() + body)
            with connection.makefile("rb") as answer:
                status = answer.readline().decode(errors="replace").partition(" ")[2].strip()
                content = answer.read().partition(b"\r\n\r\n")[2]
        if not status.startswith("2"):
            raise OSError(f"HTTP Error {status}: {content[:500].decode(errors='replace')}")
        found: dict[str, Any] = json.loads(content)
        return found


def _set_up(sandbox: Sandbox, directory: Path, key: str) -> int:
    try:
        make_directory(directory)
        answer = sandbox.call("/connect/setup", {"setup_key": key, "directory": str(directory)})
        replace(directory / CONFIG, json.dumps(answer).encode())
    except OSError as error:
        print(f"Error: setup failed: {error}", file=sys.stderr)
        return 1
    print("Setup completed successfully")
    return 0


def _start(sandbox: Sandbox, directory: Path, shared: str) -> int:
    """Run until it is stopped, holding the lock that says so."""
    try:
        config = json.loads((directory / CONFIG).read_text())
    except (OSError, ValueError):
        print("Error: not set up", file=sys.stderr)
        return 1
    if not lock.take(directory / LOCK):
        print(RUNS_ALREADY, file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    allowed = [str(Path(one.removeprefix("rw").removeprefix("r")).absolute()) for one in shared.split(",")]
    try:
        sandbox.call("/connect/start", {**config, "lock_file": str(directory / LOCK), "allowed": allowed})
    except OSError as error:
        print(f"Error: cannot connect: {error}", file=sys.stderr)
        return 1
    replace(directory / TOLD, str(os.getpid()).encode())
    while True:
        signal.pause()


def _stop(directory: Path) -> int:
    process = lock.holder(directory / LOCK)
    if not process:
        print(NOT_CONNECTED)
        return 1
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGTERM)
    end = time.monotonic() + STOP_WITHIN
    while lock.is_held(directory / LOCK):
        if time.monotonic() > end:
            print("Error: it does not stop", file=sys.stderr)
            return 1
        time.sleep(0.01)
    return 0


if __name__ == "__main__":
    sys.exit(main())
