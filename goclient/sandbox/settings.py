"""Settings of a sandbox that runs: limits and times of its services, which are the real ones' unless a test sets them.

``GET /sandbox/settings`` shows them, ``PUT`` changes those that its document names, ``DELETE`` sets all back,
and forgets the requests that were counted.  They last until the sandbox stops.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from dataclasses import dataclass
from typing import Any

CLOCK = 10 * 365 * 86_400  # seconds that a clock may be wrong
METERED = 10.0  # seconds: "Metering is done over 10 second periods to allow for bursts", Globus's FAQ on its limits


@dataclass(frozen=True, slots=True)
class Settings:
    """Numbers that can be set; the limits of Transfer are those of Globus's FAQ, "limits on using the … service"."""

    running_tasks: float = 3  # of an identity, and as many deletions: docs.globus.org, Transfer API, Task Behavior, 2
    pending_tasks: float = 100  # of an identity
    endpoints: float = 1_000  # of an identity
    requests_per_second: float = 20  # of an identity
    access_rules: float = 100  # for one user at one collection
    all_access_rules: float = 1_000  # at one collection
    bytes_per_second: float = 0  # of a transfer; 0: as fast as the disk
    plain_retries: float = 2  # as retryJob of server 1.0.4 has it, which 1.0.4 calls for merge jobs only; 0: none
    task_attempts: float = 3  # of an input record of a task: TaskRefinerBase of JEDI 1.0.4
    sent_seconds: float = 1_800  # after which the server ends jobs of which nothing is heard: copyArchive of 1.0.4
    heartbeat_seconds: float = 7_200
    holding_seconds: float = 10_800
    secret_seconds: float = 0  # between reading and writing the secrets of a user, for which there is no lock
    clock_seconds: float = 0  # by which the Date of all answers is wrong, before the time or behind it
    adder_seconds: float = 0  # until a final report is worked on; 0: at once, where the server needs a minute or so


class Tuning:
    """Settings of one sandbox, which may change while it runs."""

    def __init__(self) -> None:
        self.now = Settings()

    def change(self, given: dict[str, Any]) -> None:
        """Set what a document of :func:`find_mistakes` without mistakes names."""
        self.now = dataclasses.replace(self.now, **given)

    def reset(self) -> None:
        """Set everything back."""
        self.now = Settings()


class Meter:
    """Times at which each identity may send its next request."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._lock = threading.Lock()

    def wait(self, identity: str, rate: float) -> float:
        """Count a request of an identity that may send ``rate`` a second; return 0, or the seconds until it may."""
        now = time.monotonic()
        with self._lock:
            due = max(self._due.get(identity, now), now) + 1 / rate
            if due > now + METERED:
                return due - now - METERED
            self._due[identity] = due
        return 0.0

    def clear(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._due.clear()


def find_mistakes(given: Any) -> list[str]:
    """Return everything that is wrong with a document of settings."""
    if not isinstance(given, dict):
        return ["the body is not a JSON object"]
    known = {field.name for field in dataclasses.fields(Settings)}
    wrong = [f"there is no setting {name!r}" for name in given if name not in known]
    for name in known & given.keys():
        value, low = given[name], -CLOCK if name == "clock_seconds" else 0
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= low:
            wrong.append(f"{name} must be a number{'' if low else ' that is not negative'}")
        elif name == "requests_per_second" and not value:
            wrong.append(f"{name} must be more than 0")
    return wrong
