"""Run goclient, and send its process a signal at an exact point: ``dying.py POINT WORD ...``.

A point is a moment before or after a step: a line of a job's journal, or an exchange with a service.  They are counted
from 1, odd ones before a step and even ones after it.  If the process ends by itself, their number is in the file that
DYING_COUNT names.  The signal is KILL, or the number in DYING_SIGNAL.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from requests.adapters import HTTPAdapter

from goclient.job_journal import JobJournal

COMES = "the signal comes at point"  # as the process tells it just before
_lock = threading.Lock()
_passed = 0


def pass_point(last: int, what: str) -> None:
    """Count a point, and get the signal at the last."""
    global _passed
    with _lock:
        _passed += 1
        if _passed == last:
            os.write(2, f"{COMES} {last}: {what}\n".encode())
            os.kill(os.getpid(), int(os.environ.get("DYING_SIGNAL", signal.SIGKILL)))


def dying(step: Callable[..., Any], last: int, name: Callable[..., str]) -> Callable[..., Any]:
    """Return a step with a point before and after it."""

    def run(*args: Any, **more: Any) -> Any:
        pass_point(last, f"before {name(*args)}")
        done = step(*args, **more)
        pass_point(last, f"after {name(*args)}")
        return done

    return run


def main() -> None:
    """Run the command line."""
    last = int(sys.argv[1])
    sys.argv[:2] = ["goclient"]
    JobJournal.append = dying(JobJournal.append, last, lambda _, entry: f"{entry.what} {entry.key} {entry.state}")  # type: ignore[method-assign]
    HTTPAdapter.send = dying(HTTPAdapter.send, last, lambda _, request: f"{request.method} {request.url}")  # type: ignore[method-assign]
    try:
        runpy.run_module("goclient", run_name="__main__")
    finally:
        Path(os.environ["DYING_COUNT"]).write_text(str(_passed))


if __name__ == "__main__":
    main()
