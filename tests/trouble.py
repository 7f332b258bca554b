"""Where a command can meet trouble: the calls of a run that went well, each at its first, middle and last time.

A test runs its command once, reads :func:`call_points`, and runs it again for each of them, with each of the faults::

    for point in call_points(sandbox):
        for skip in point.positions:
            with point.trouble(sandbox, "503", skip=skip):
                ...
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from goclient.sandbox.faults import NAMED
from tests.sandboxes import Sandbox

FAULTS = (*NAMED, "reset", "hang")
BOUND = 60.0  # seconds
_OF_ONE_RUN = re.compile(r"(?<=/)([0-9a-f]{8}-[0-9a-f-]{27}|[0-9]+)(?=/|$)")  # an id or a number in a path


@dataclass(frozen=True)
class CallPoint:
    """A call of a run: its route, without what is another one in each run, and how often it was made."""

    route: str
    times: int

    @property
    def positions(self) -> tuple[int, ...]:
        """How many calls go before the first, the middle and the last one."""
        return tuple(sorted({0, self.times // 2, self.times - 1}))

    @contextmanager
    def trouble(self, sandbox: Sandbox, kind: str, *, skip: int = 0, **more: Any) -> Iterator[None]:
        """While the body runs, let one call meet a fault, after so many have passed."""
        sandbox.trouble(self.route, kind, skip=skip, times=1, **more)
        try:
            yield
        finally:
            sandbox.clear_trouble()


def forget_calls(sandbox: Sandbox) -> None:
    """Begin a new list of calls."""
    assert requests.delete(f"{sandbox.url}/sandbox/requests", timeout=BOUND).ok


def call_points(sandbox: Sandbox) -> list[CallPoint]:
    """The calls to a sandbox since they were last forgotten, in the order in which each was made first."""
    asked = requests.get(f"{sandbox.url}/sandbox/requests", timeout=BOUND).json()["requests"]
    counted = Counter(f"{one['method']} {_OF_ONE_RUN.sub('*', one['path'])}" for one in asked)
    return [CallPoint(route, times) for route, times in counted.items()]
