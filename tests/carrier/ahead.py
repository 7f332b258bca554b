"""Run a carrier on a node whose clock is ahead by so many seconds: ``ahead.py SECONDS CARRIER WORD ...``."""

from __future__ import annotations

import runpy
import sys
import time

_real = time.time
_seconds = int(sys.argv[1])


def ahead() -> float:
    """Return what the node's clock shows."""
    return _real() + _seconds


if __name__ == "__main__":
    time.time = ahead
    del sys.argv[:2]
    sys.path.insert(0, sys.argv[0])
    runpy.run_path(sys.argv[0], run_name="__main__")
