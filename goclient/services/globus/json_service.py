"""Ask a web service of Globus: what may pass is asked again, every call has one end, and every answer a size.

No redirect is followed: a token and a secret go where they are sent, and nowhere else.
Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPResponse
from random import uniform
from typing import Any
from urllib.parse import quote as quote_url
from urllib.parse import urlencode, urlsplit

from goclient.errors import EndpointError, GoclientError, RequestError
from goclient.errors.wording import quote
from goclient.reporter.base import SILENT, Reporter
from goclient.reporter.waiting import GLOBUS
from goclient.services.clock import clock_ahead
from goclient.services.deadline import Deadline, get_left, one_end
from goclient.services.globus.calls import Answer, Call, Subject
from goclient.services.globus.documents import MAX_RUN, parse
from goclient.services.globus.refusals import (
    is_later,
    may_pass,
    refusal,
    refuse_redirect,
    refuse_undocumented,
    unreachable,
)
from goclient.services.gsi.server import WEBDAV, Server
from goclient.services.https.connection import Body, Connection, Limits, Request, Tls
from goclient.services.https.proxies import ProxiedTls
from goclient.services.loopback import is_https
from goclient.services.retry import TOO_MANY, pauses, retry_after

RETRIES = 3
SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 60.0  # seconds between tries; a service may ask for another time
TURN = 1.0  # seconds at most between two calls of ``meanwhile``
CONNECT_WITHIN = 10.0  # seconds
MAX_ERROR = 64 << 10  # bytes of an answer that is an error: the rest is left, because its status says enough
_KIND = WEBDAV._replace(title="server", code="globus", untrusted="globus-name", services=())
_PIECE = 1 << 16  # bytes
_GZIP = 31  # wbits of zlib: a header of gzip is expected


@dataclass(frozen=True)
class Manner:
    """Access to a service; times in seconds.

    A call, all its tries included, ends after ``timeout``; but a service that says that it is too busy is asked again
    when it wants to be, for ``patience``.  ``reporter`` is told of waits.
    """

    timeout: float = 60.0
    patience: float = 60.0
    reporter: Reporter = SILENT
    tls: Callable[[], Tls] = ProxiedTls


class JsonService:
    """One service of Globus at a URL; threads may share it.

    ``clock``: the seconds by which its clock is ahead of this node's, None until it has said what time it is.
    ``meanwhile`` is called each second while the service wants to be left alone; what it raises ends no wait.  Once it
    returns True, nobody waits for the service any more: it is not asked again.
    """

    def __init__(self, name: str, url: str, manner: Manner) -> None:
        if not is_https(url):
            hint = "use its https URL: a token is not sent unencrypted"
            raise RequestError(f"{name} cannot be at {quote(url)}", hint=hint, code="config")
        self.name, self._url, self._manner = name, url, manner
        self.clock: float | None = None
        self.meanwhile: Callable[[], object] = bool
        parts = urlsplit(url)
        plain = parts.scheme == "http"
        self._server = Server(parts.hostname or "", parts.port or (80 if plain else 443), _KIND)
        self._above = parts.path.rstrip("/")
        self._tls = None if plain else manner.tls()
        self._idle: list[Connection] = []

    def ask(self, call: Call, authorization: Callable[[], str]) -> Answer:
        """Return the answer to a call, whatever its status; raise GoclientError if there is none.

        ``authorization`` gives the header that says who asks, in the time of the call.
        """
        started = time.monotonic()
        for pause in pauses(SHORTEST_PAUSE, LONGEST_PAUSE, factor=2.0):
            answer = self._answer(call, authorization)
            is_refused = answer.status == TOO_MANY  # nothing was done, so that every call may be made again
            if not is_refused and not (call.repeats and is_later(answer)):
                break
            # Not all at the same time: many pilots of a site are one identity, with one limit.
            wait = (retry_after(answer.headers) or pause) * uniform(1.0, 2.0)  # noqa: S311  # no secret
            if time.monotonic() + wait > started + self._manner.patience or wait >= get_left():
                break
            with self._manner.reporter.waiting(GLOBUS, wait):
                if not self._wait(wait):
                    break
        if 300 <= answer.status < 400:
            raise refuse_redirect(answer.headers.get("Location", ""), call.subject)
        return answer

    def _wait(self, seconds: float) -> bool:
        """Wait so long; return False if nobody waits for the service any more."""
        end = Deadline(seconds)
        while (rest := end.left) > 0:
            with suppress(GoclientError):
                if self.meanwhile() is True:
                    return False
            time.sleep(min(rest, TURN))
        return True

    def _answer(self, call: Call, authorization: Callable[[], str]) -> Answer:
        """Return the answer to a call; what may pass soon is tried again; raise GoclientError if there is none."""
        manner = self._manner
        with one_end(manner.timeout) as end, manner.reporter.waiting(GLOBUS, end.seconds):
            header = authorization()
            if not (header.isascii() and header.isprintable()):
                raise refuse_undocumented("a token that has more than letters and signs", call.subject)
            for attempt, pause in enumerate(pauses(SHORTEST_PAUSE, LONGEST_PAUSE, factor=2.0)):
                answer, failure = None, None
                try:
                    answer = self._exchange(call, header, end)
                except _BadAnswer as error:
                    raise refuse_undocumented(str(error), call.subject) from error
                except EndpointError as error:
                    failure = error
                is_passing = answer is None or (may_pass(answer) and not is_later(answer))
                if not is_passing or not call.repeats or attempt == RETRIES or pause >= end.left:
                    break
                time.sleep(pause)
        if answer is not None:
            return answer
        assert failure is not None, "there is one or the other"
        hint = "" if failure.transient else failure.hint
        raise unreachable(f"{self.name}: {failure.message}", call.subject, url=self._url, hint=hint) from failure

    def _exchange(self, call: Call, authorization: str, end: Deadline) -> Answer:
        """Return the answer to one request; raise EndpointError if the server gives none, or _BadAnswer."""
        request, response = self._request(call, authorization), None
        limits = Limits(CONNECT_WITHIN, end.seconds, end.seconds, end)
        connection = self._connection(limits)
        try:
            response = connection.ask(request)
            most = call.most if response.status < 400 else MAX_ERROR
            read = bytearray()
            connection.read(lambda response, _: _read(response, read, most + 1))
        finally:
            if response is not None and response.isclosed() and not response.will_close:
                self._idle.append(connection)
            else:
                connection.close()
        headers = {name.title(): value for name, value in response.headers.items()}
        self.clock = clock_ahead(headers)
        is_good = response.status < 400
        if response.length and len(read) <= most:
            raise _break_error()
        content = _unpack(bytes(read), headers.get("Content-Encoding", ""), most=most, whole=is_good)
        if is_good and len(content) > most:
            raise _BadAnswer(f"its answer is larger than {most >> 20} MiB")
        return Answer(self.name, response.status, headers, content[:most])

    def _request(self, call: Call, authorization: str) -> Request:
        """Return the request of a call."""
        query = f"?{urlencode(call.query, errors='surrogateescape')}" if call.query else ""
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "Authorization": authorization}
        payload = None
        if call.form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            payload = _Payload(urlencode(call.form).encode())
        elif call.method == "POST":
            headers["Content-Type"] = "application/json"
            payload = _Payload(b"" if call.body is None else json.dumps(call.body).encode())
        return Request(call.method, f"{self._above}{quote_url(call.path)}{query}", headers, payload)

    def _connection(self, limits: Limits) -> Connection:
        """Return a connection: a new one, if there is none that can be used again."""
        while self._idle:
            try:
                found = self._idle.pop()
            except IndexError:  # another thread has taken the last one
                break
            if found.is_reusable:
                found.limits = limits
                return found
            found.close()
        return Connection(self._server, self._tls, limits)


def _read(response: HTTPResponse, into: bytearray, most: int) -> None:
    """Read an answer in pieces, no more of it than may be: Python 3.9 makes room for all that it is asked for."""
    while len(into) < most and (piece := response.read(min(most - len(into), _PIECE))):
        into += piece


def value_of(answer: Answer, subject: Subject) -> Any:
    """Return the JSON value of a good answer; raise GoclientError for any other."""
    if answer.status >= 400:
        raise refusal(answer, subject)
    try:
        return parse(answer.content, longest=MAX_RUN)
    except ValueError as error:
        raise refuse_undocumented(f"its answer is not JSON: {error}", subject) from error


class _Payload(Body):
    """Body of a request, in memory."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size = len(content)

    def send(self, write: Callable[[bytes | memoryview], None]) -> None:
        if self._content:
            write(self._content)


class _BadAnswer(Exception):
    """An answer that no service sends."""


def _break_error() -> EndpointError:
    return EndpointError("it closed the connection in the middle of an answer", code="broken", transient=True)


def _unpack(content: bytes, packing: str, *, most: int, whole: bool) -> bytes:
    """Return a body as it was before it was packed, at most one byte more than it may have; raise _BadAnswer.

    ``whole``: it must not break off.
    """
    packing = packing.strip().lower()
    if packing in ("identity", ""):
        return content
    if packing not in ("gzip", "x-gzip"):
        raise _BadAnswer("its answer is packed in a way that was not asked for")
    unpacker = zlib.decompressobj(_GZIP)
    try:
        found = unpacker.decompress(content, most + 1)
    except zlib.error as error:
        raise _BadAnswer(f"its answer cannot be unpacked: {error}") from error
    if whole and not unpacker.eof and len(found) <= most:
        raise _break_error()
    return found
