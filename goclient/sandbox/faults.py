"""Trouble on demand: answers that fail, come late, break off or do not come, for tests and for a look.

``POST /sandbox/trouble`` makes one, of any service of the sandbox::

    {"route": "GET /v0.10/operation/endpoint/*/ls", "kind": "error", "status": 503, "times": 2}

``route``: a method (or ``*``) and a path, in which ``*`` stands for anything, slashes included.  A command of MyProxy
is a method with the path ``/myproxy/USER``; its errors are a ``document`` that is a text.
``kind``: ``error``: the answer is ``status`` (503 without one), ``document`` (an object or a text) and ``headers``;
``delay``: the answer comes ``seconds`` later; ``reset``: the connection is reset instead; ``truncate``: the answer
breaks off in the middle.
``times``: so many requests meet it (without it, all), once ``skip`` (0) others have passed.
``after``: true does the work of the request first; without it nothing is done, except before a truncated answer.

Several delays of one request add up; of other kinds the oldest counts.  ``GET /sandbox/trouble`` lists them all, with
how often each was met, ``DELETE`` clears them.
"""

from __future__ import annotations

import fnmatch
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from goclient.sandbox.http import ServiceError, answer, transfer_error

KINDS = ("error", "delay", "reset", "truncate")


class Reset(ConnectionResetError):
    """The connection of a request is to be reset: no answer, no orderly end."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One trouble as it was asked for, and how many requests it has ``seen`` and was ``used`` for."""

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

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is on the route."""
        wanted, _, pattern = self.route.partition(" ")
        return wanted in ("*", method) and fnmatch.fnmatchcase(path, pattern.strip())

    @property
    def is_due(self) -> bool:
        """Whether the next request on the route meets it."""
        return self.seen >= self.skip and (self.times is None or self.used < self.times)


class Troubles:
    """The troubles of a sandbox that runs, in memory, and the routes that make, list and clear them."""

    def __init__(self) -> None:
        self._known: list[Trouble] = []
        self._lock = threading.Lock()

    def rules(self) -> list[Rule]:
        """The routes and their handlers."""
        handlers = {"POST": self.add, "GET": self.listed, "DELETE": self.clear}
        return [Rule("/sandbox/trouble", endpoint=handler, methods=[method]) for method, handler in handlers.items()]

    def add(self, request: Request) -> Response:
        """Makes one trouble; raises a 400 that says what is wrong with it."""
        trouble = _parsed(request)
        with self._lock:
            self._known.append(trouble)
        return answer(asdict(trouble), 201)

    def listed(self, request: Request) -> Response:
        """All troubles, oldest first."""
        return answer({"trouble": [asdict(one) for one in self._known]})

    def clear(self, request: Request) -> Response:
        """Ends all trouble."""
        with self._lock:
            self._known.clear()
        return answer({"trouble": []})

    def met(self, method: str, path: str) -> tuple[Trouble, ...]:
        """The troubles that a request meets: all delays, and the oldest of the others; each counts it."""
        if not self._known:
            return ()
        found: list[Trouble] = []
        with self._lock:
            for place, one in enumerate(self._known):
                if not one.matches(method, path):
                    continue
                due = one.is_due and (one.kind == "delay" or all(other.kind == "delay" for other in found))
                self._known[place] = replace(one, seen=one.seen + 1, used=one.used + due)
                if due:
                    found.append(one)
        return tuple(found)


def troubled(met: tuple[Trouble, ...], request: Request, work: Callable[[], Response]) -> Response:
    """What is answered to a request that meets these troubles; raises Reset."""
    before = [one for one in met if not one.after]
    _wait(before)
    for one in before:
        if one.kind in ("error", "reset"):
            return _instead(one, request)
    response = work()
    after = [one for one in met if one.after or one.kind == "truncate"]
    _wait(after)
    for one in after:
        if one.kind != "delay":
            return _truncated(response) if one.kind == "truncate" else _instead(one, request)
    return response


def _wait(troubles: list[Trouble]) -> None:
    seconds = sum(one.seconds for one in troubles if one.kind == "delay")
    if seconds:
        time.sleep(seconds)


def _instead(trouble: Trouble, request: Request) -> Response:
    if trouble.kind == "reset":
        raise Reset(104, "reset on demand")
    document = trouble.document
    if document is None:
        error = transfer_error(trouble.status, "ServiceUnavailable", "Trouble on demand", request.path)
    else:
        error = ServiceError(trouble.status, document)
    response = error.response()
    response.headers.update(trouble.headers or {})
    return response


def _truncated(response: Response) -> Response:
    """The first half of a response, which says that it is whole."""
    response.direct_passthrough = False  # of a file
    content = response.get_data()
    response.set_data(content[: len(content) // 2])
    response.headers["Content-Length"] = str(max(len(content), 1))
    return response


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


def _parsed(request: Request) -> Trouble:
    """The trouble that a request asks for; raises a ServiceError with everything that is wrong with it."""
    try:
        given = json.loads(request.get_data())
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise ServiceError(400, {"errors": ["the body is no JSON object"]})
    wrong = [f"there is no field {name!r}" for name in given if name not in _FIELDS]
    wrong += [
        f"{n} is a {type(v).__name__}" for n, v in given.items() if n in _FIELDS and not isinstance(v, _FIELDS[n])
    ]
    if given.get("kind") not in KINDS:
        wrong.append(f"kind is one of {', '.join(KINDS)}")
    if not re.fullmatch(r"[A-Z*]+ /.*", str(given.get("route"))):
        wrong.append("route is a method and a path: GET /v0.10/endpoint/*")
    if wrong:
        raise ServiceError(400, {"errors": wrong})
    return Trouble(**given)
