"""How long something may take that waits: so many seconds, and more on a machine that is slow or busy just then."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

STARTS = 20  # of Python, which cost what the work beside the waits costs at most


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Run the body; fail if it took longer than a wait of so many seconds and as many starts of Python as it may cost.

    What a start costs now is measured only if it matters.
    """
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    if took >= seconds:
        allowed = seconds + STARTS * max(_start() for _ in range(3))
        assert took < allowed, f"it took {took:.1f} s, and {allowed:.1f} s at most are allowed"


def _start() -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], check=True)
    return time.monotonic() - began
