"""Run a carrier as ``python3 -I`` runs it, and end its job from outside at an exact point: ``dying.py FILE WORD ...``.

It stands for python3 on a site's PATH (tests/carrier/node.py), so the site and the carrier are the real ones.  A point
is a moment before or after a step: a message on a socket, a process, a name made, changed or removed.  At the point
NODE_POINT the job is ended as NODE_HOW says: ``monitor`` as by a pilot for a user, who kills the first process of the
session and tells the others nothing; ``batch`` as by a batch system, with SIGTERM to the group.  If nothing is ended,
the number of points is in the file that NODE_COUNT names.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

FILES = {"unlink", "remove", "rename", "replace", "mkdir", "rmdir", "chmod", "link", "fsync", "kill", "killpg"}
SOCKETS = {"connect", "send", "sendall", "recv", "recv_into", "close"}
LAST, HOW, COUNT = int(os.environ["NODE_POINT"]), os.environ["NODE_HOW"], os.environ["NODE_COUNT"]

_lock = threading.Lock()
_passed = 0


def watch(frame: FrameType, event: str, function: Any) -> None:
    """Count a point, and end the job at the last; as sys.setprofile calls it."""
    global _passed
    if event not in ("c_call", "c_return"):
        return
    name = getattr(function, "__qualname__", "") or ""
    last, module = name.rpartition(".")[2], getattr(function, "__module__", None)
    is_file = module == "posix" and last in FILES
    if not (is_file or last == "fork_exec" or (name.startswith("socket.") and last in SOCKETS)):
        return
    with _lock:
        _passed += 1
        if _passed != LAST:
            return
    if HOW == "monitor":
        os.kill(os.getsid(0), signal.SIGKILL)
    else:
        os.killpg(os.getsid(0), signal.SIGTERM)


def main() -> None:
    """Run the carrier."""
    carrier = sys.argv[1]
    sys.argv[:2] = [carrier]
    threading.setprofile(watch)
    sys.setprofile(watch)
    try:
        runpy.run_path(carrier, run_name="__main__")
    finally:
        sys.setprofile(None)
        if not 0 < LAST <= _passed:
            Path(COUNT).write_text(str(_passed))


if __name__ == "__main__":
    main()
