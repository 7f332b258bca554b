"""How the tests of the sandbox wait: with a short sleep, until a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

WITHIN = 60.0  # seconds


def until(condition: Callable[[], Any]) -> Any:
    """Return what the condition gives once it is true; fail if it does not become true in time."""
    end = time.monotonic() + WITHIN
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
    return found
