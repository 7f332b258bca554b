"""Fault injection: answers that fail, come late, break off or do not come, for tests and to look at.

``POST /sandbox/trouble`` injects a fault into any service of the sandbox::

    {"route": "GET /v0.10/operation/endpoint/*/ls", "kind": "error", "status": 503, "times": 2}

``route``: a method (or ``*``) and a path, in which ``*`` stands for anything, slashes included.  A command of MyProxy
is a method with the path ``/myproxy/USER``; its errors have a ``document`` that is a text.
``kind``: ``error``: the answer is ``status`` (503 by default), ``document`` (an object or a text) and ``headers``;
``delay``: the answer comes ``seconds`` later; ``reset``: the connection is reset instead; ``truncate``: the answer
breaks off in the middle; ``hang``: no answer comes until the client gives up; ``refuse``: the connection is reset, and
for ``seconds`` new connections are refused; ``break``: the connection is reset after ``bytes`` bytes of the body of a
PUT, which are kept, or of another request's answer.  Or one of the names in :data:`NAMED`, for a fault of that name:
``500``, ``502``, ``503`` and ``429`` (with ``Retry-After``), ``401``, ``403``, ``507`` (no space), ``html``,
``elsewhere`` (a redirect), ``slow``, ``lost`` (the work is done, its answer is lost), ``cut``, ``refused``; any field
that is given counts before the named one's.
``times``: the number of requests that meet it (by default all), after ``skip`` (0) others have passed.
``after``: true does the work of the request first; by default nothing is done, except before a truncated answer.

Several delays of one request add up; of other kinds the oldest counts.  ``GET /sandbox/trouble`` lists all faults, with
how often each was met, and how many requests were left ``hanging``, after their work if so; ``DELETE`` clears them.
"""

from __future__ import annotations

import fnmatch
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

KINDS = ("error", "delay", "reset", "truncate", "hang", "refuse", "break")
# Faults by the names that tests know them by: with reset and hang, what can become of a call.
NAMED: dict[str, dict[str, Any]] = {
    **{str(status): {"kind": "error", "status": status} for status in (401, 403, 500, 502, 507)},
    **{str(status): {"kind": "error", "status": status, "headers": {"Retry-After": "1"}} for status in (429, 503)},
    "html": {"kind": "error", "status": 200, "document": "<html>Down for maintenance</html>"},
    "elsewhere": {"kind": "error", "status": 302, "document": "", "headers": {"Location": "http://127.0.0.1:9/"}},
    "slow": {"kind": "delay", "seconds": 1.0},
    "lost": {"kind": "reset", "after": True},
    "cut": {"kind": "truncate"},
    "refused": {"kind": "refuse", "seconds": 0.5},
}
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
    "bytes": (int,),
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
    bytes: int = 0
    seen: int = 0
    used: int = 0


class Faults:
    """Faults of a sandbox that runs, in memory."""

    def __init__(self) -> None:
        self._known: list[Fault] = []
        self._hanging = 0
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Inject one more fault."""
        with self._lock:
            self._known.append(fault)

    def document(self) -> dict[str, Any]:
        """Return all faults, oldest first."""
        return {"trouble": [asdict(one) for one in self._known], "hanging": self._hanging}

    def clear(self) -> None:
        """End all faults."""
        with self._lock:
            self._known.clear()
            self._hanging = 0

    def hang(self) -> None:
        """Count a request that gets no answer from now on."""
        with self._lock:
            self._hanging += 1

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
    now = [one for one in met if one.kind != "break" and (one.after or one.kind == "truncate") == after]
    time.sleep(sum(one.seconds for one in now if one.kind == "delay"))
    return next((one for one in now if one.kind != "delay"), None)


def read(given: dict[str, Any]) -> Fault:
    """Return the fault that a document without mistakes asks for."""
    named = NAMED.get(given["kind"])
    return Fault(**(given if named is None else {**named, **given, "kind": named["kind"]}))


def find_mistakes(given: Any) -> list[str]:
    """Return everything that is wrong with the document of a fault."""
    if not isinstance(given, dict):
        return ["the body is not a JSON object"]
    wrong = [f"there is no field {name!r}" for name in given if name not in _FIELDS]
    wrong += [
        f"{n} is a {type(v).__name__}" for n, v in given.items() if n in _FIELDS and not isinstance(v, _FIELDS[n])
    ]
    if given.get("kind") not in (*KINDS, *NAMED):
        wrong.append(f"kind must be one of {', '.join((*KINDS, *NAMED))}")
    if not re.fullmatch(r"[A-Z*]+ /.*", str(given.get("route"))):
        wrong.append("route must be a method and a path: GET /v0.10/endpoint/*")
    return wrong
