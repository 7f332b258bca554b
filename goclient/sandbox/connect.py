"""A stand-in for ``globusconnectpersonal``, with the interface of the real one as far as pilots use it.

``[-dir D] -setup --setup-key KEY``, ``-start [-restrict-paths rw/DIR]`` (in the foreground), ``-status``,
``-stop``.  Unlike the real one it does not refuse to run as root.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from goclient.private import make_folder, replace
from goclient.sandbox import lock

CONFIG = "client.json"
LOCK = "lock"
STOP_WITHIN = 10.0  # seconds


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of one command line, whose first argument is the URL of the sandbox."""
    url, *words = sys.argv[1:] if argv is None else argv
    folder = Path.home() / ".globusonline" / "lta"
    if words[:1] == ["-dir"] and len(words) > 1:
        folder, words = Path(words[1]), words[2:]
    if words[:2] == ["-setup", "--setup-key"] and len(words) == 3:
        return _setup(url, folder, words[2])
    if words[:1] == ["-start"] and len(words) in (1, 3):
        return _start(url, folder, words[2] if words[1:2] == ["-restrict-paths"] else f"rw{Path.home()}")
    if words == ["-status"]:
        return _status(folder)
    if words == ["-stop"]:
        return _stop(folder)
    print(
        "usage: globusconnectpersonal [-dir D] -setup --setup-key KEY | -start [-restrict-paths P] | -status | -stop",
        file=sys.stderr,
    )
    return 1


def _call(url: str, document: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(document).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        found: dict[str, Any] = json.load(response)
    return found


def _setup(url: str, folder: Path, key: str) -> int:
    try:
        answer = _call(f"{url}/connect/setup", {"setup_key": key})
        make_folder(folder)
        replace(folder / CONFIG, json.dumps(answer).encode())
    except OSError as error:  # urllib's errors are, too
        print(f"Error: setup failed: {error}", file=sys.stderr)
        return 1
    print("Setup completed successfully")
    return 0


def _start(url: str, folder: Path, shared: str) -> int:
    """Runs until it is stopped, holding the lock that says so."""
    try:
        config = json.loads((folder / CONFIG).read_text())
    except (OSError, ValueError):
        print("Error: not set up", file=sys.stderr)
        return 1
    if not lock.take(folder / LOCK):
        print("Error: another instance is running", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    allowed = [one.removeprefix("rw").removeprefix("r") for one in shared.split(",")]
    try:
        _call(f"{url}/connect/start", {**config, "lock_file": str(folder / LOCK), "allowed": allowed})
    except urllib.error.URLError as error:
        print(f"Error: cannot connect: {error}", file=sys.stderr)
        return 1
    while True:
        signal.pause()


def _status(folder: Path) -> int:
    if not lock.holder(folder / LOCK):
        print("No Globus Connect Personal connected to Globus Service found")
        return 1
    print("Globus Online:   connected\nTransfer Status: idle")
    return 0


def _stop(folder: Path) -> int:
    process = lock.holder(folder / LOCK)
    if not process:
        print("No Globus Connect Personal connected to Globus Service found")
        return 1
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGTERM)
    end = time.monotonic() + STOP_WITHIN
    while lock.is_held(folder / LOCK):
        if time.monotonic() > end:
            print("Error: it does not stop", file=sys.stderr)
            return 1
        time.sleep(0.01)
    return 0


if __name__ == "__main__":
    sys.exit(main())
