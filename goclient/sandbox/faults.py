"""Fault injection: answers that fail, come late, break off or do not come, for tests and to look at.

``POST /sandbox/trouble`` injects a fault into any service of the sandbox::

    {"route": "GET /v0.10/operation/endpoint/*/ls", "kind": "error", "status": 503, "times": 2}

``route``: a method (or ``*``) and a path, in which ``*`` stands for anything, slashes included.  A command of MyProxy
is a method with the path ``/myproxy/USER``; its errors have a ``document`` that is a text.
``kind``: ``error``: the answer is ``status`` (503 by default), ``document`` (an object or a text) and ``headers``;
``delay``: the answer comes ``seconds`` later; ``reset``: the connection is reset instead; ``truncate``: the answer
breaks off in the middle.
``times``: the number of requests that meet it (by default all), after ``skip`` (0) others have passed.
``after``: true does the work of the request first; by default nothing is done, except before a truncated answer.

Several delays of one request add up; of other kinds the oldest counts.  ``GET /sandbox/trouble`` lists all faults, with
how often each was met, ``DELETE`` clears them.
"""

from __future__ import annotations

import fnmatch
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

KINDS = ("error", "delay", "reset", "truncate")
_FIELDS: dict[str, tuple[type, ...]] = {
    "route": (str,),
    "kind": (str,),
    "status": (int,),
    "document": (dict, list, str),
    "headers": (dict,),
    "seconds": (int, float),
    "times": (int,),
    "skip": (int,),
    "after": (bool,),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault as it was asked for, and how many requests it has ``seen`` and was ``used`` for."""

    route: str
    kind: str
    status: int = 503
    document: Any = None  # JSON as it was sent
    headers: dict[str, str] | None = None
    seconds: float = 0.0
    times: int | None = None
    skip: int = 0
    after: bool = False
    seen: int = 0
    used: int = 0


class Faults:
    """Faults of a sandbox that runs, in memory."""

    def __init__(self) -> None:
        self._known: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Inject one more fault."""
        with self._lock:
            self._known.append(fault)

    def document(self) -> dict[str, Any]:
        """Return all faults, oldest first."""
        return {"trouble": [asdict(one) for one in self._known]}

    def clear(self) -> None:
        """End all faults."""
        with self._lock:
            self._known.clear()

    def meet(self, method: str, path: str) -> tuple[Fault, ...]:
        """Return the faults that a request meets: all delays, and the oldest of the others; count it in each."""
        if not self._known:
            return ()
        found: list[Fault] = []
        with self._lock:
            for index, one in enumerate(self._known):
                wanted, _, pattern = one.route.partition(" ")
                if wanted not in ("*", method) or not fnmatch.fnmatchcase(path, pattern.strip()):
                    continue
                due = one.seen >= one.skip and (one.times is None or one.used < one.times)
                due &= one.kind == "delay" or all(other.kind == "delay" for other in found)
                self._known[index] = replace(one, seen=one.seen + 1, used=one.used + due)
                if due:
                    found.append(one)
        return tuple(found)


def wait(met: Sequence[Fault], *, after: bool) -> Fault | None:
    """Wait for the delays before a request is carried out, or after; return the fault that comes then, if any."""
    now = [one for one in met if (one.after or one.kind == "truncate") == after]
    time.sleep(sum(one.seconds for one in now if one.kind == "delay"))
    return next((one for one in now if one.kind != "delay"), None)


def find_mistakes(given: Any) -> list[str]:
    """Return everything that is wrong with the document of a fault."""
    if not isinstance(given, dict):
        return ["the body is not a JSON object"]
    wrong = [f"there is no field {name!r}" for name in given if name not in _FIELDS]
    wrong += [
        f"{n} is a {type(v).__name__}" for n, v in given.items() if n in _FIELDS and not isinstance(v, _FIELDS[n])
    ]
    if given.get("kind") not in KINDS:
        wrong.append(f"kind must be one of {', '.join(KINDS)}")
    if not re.fullmatch(r"[A-Z*]+ /.*", str(given.get("route"))):
        wrong.append("route must be a method and a path: GET /v0.10/endpoint/*")
    return wrong
