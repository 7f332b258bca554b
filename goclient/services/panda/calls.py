"""Calls to the PanDA server, API v1, through requests.

Read from the server 1.0.4: every call is ``/api/v1/<module>/<method>``; an answer is JSON ``{"success",
"message", "data"}``, or plain text that begins with ``ERROR :``.
"""

from __future__ import annotations

import json
import time
from dataclasses import field
from typing import Any
from urllib.parse import urlsplit

import requests

from goclient import secrets
from goclient.errors import LoginNeeded, ServerError
from goclient.errors.sent import NotSent, ReplyLost
from goclient.errors.wording import cite, innermost, quote
from goclient.files.text import decode
from goclient.model.frozen import Frozen
from goclient.services import loopback
from goclient.services.clock import clock_ahead
from goclient.services.deadline import one_end
from goclient.services.exchange import MAX_ANSWER, Outgoing, allow
from goclient.services.globus.documents import parse
from goclient.services.panda.access import PandaAccess
from goclient.services.panda.token import MAX_FILE, login_hint
from goclient.services.retry import AWAY, TOO_MANY, explain_limit, retry_after
from goclient.services.trust import session_for

A_JOB = 64 << 10  # bytes that an answer may have for each job that it is about, beside MAX_ANSWER for the largest
MOST_ANSWER = 128 << 20  # bytes, however many jobs it is about
DESCRIPTION, ARCHIVED = "job/get_description", "job/get_description_incl_archive"
# When it is sent again; nothing else ever is.
SAYS_THE_SAME = (DESCRIPTION, ARCHIVED, "pilot/update_job", "creds/get_user_secrets")
PRIVATE = "creds/"  # begins the methods whose answers hold what nobody may see
_SHOWN = 4096  # bytes of an answer that are read for a message
_JSON = "application/json"  # the server does not see JSON with a charset in the content type


class Refused(ServerError):
    """A refusal of the server: ``success`` is false, or the HTTP status is an error."""

    code = "refused"


class Body(Frozen):
    """Content of a request, and its type."""

    content: bytes = field(default=b"", repr=False)
    kind: str = _JSON


class PandaCalls:
    """A PanDA server that is called, each call once."""

    def __init__(self, access: PandaAccess) -> None:
        self._access = access
        self._clock: float | None = None
        self._session = session_for(urlsplit(access.url).hostname, access.bundles)
        self._session.auth = self._authorise  # of our own, so that no .netrc is read
        self._session.verify = access.ca or next(iter(access.bundles), True)
        self._session.cert = access.certificate

    @property
    def name(self) -> str:
        """Return the server's address, for messages."""
        return self._access.url

    def _authorise(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._access.token is not None:
            token = self.fresh_token()
            secrets.register(token)
            request.headers["Authorization"] = f"Bearer {token}"
            request.headers["Origin"] = self._access.vo or ""
        return request

    def fresh_token(self) -> str:
        """Return the token as it is in its file now: a pilot's job may outlive the one that it began with.

        Raises LoginNeeded if it is panda-client's file, and its token has ended and cannot be renewed.
        """
        if self._access.stored is not None:
            from goclient.services.panda.login import current_token  # few have one to renew

            return current_token(self._access.stored, self._access)
        try:
            with open(self._access.token_file or "", "rb") as file:
                return decode(file.read(MAX_FILE)).strip() or str(self._access.token)
        except (OSError, ValueError):
            return str(self._access.token)

    def _call(self, method: str, arguments: dict[str, Any] | Body, **details: Any) -> Any:
        """Return the ``data`` of an answer that says success, as :meth:`_ask` gets it."""
        return self._ask(method, arguments, **details).get("data")

    def _command(self, method: str, **arguments: Any) -> str:
        """Have the server register a command, and return what it says; raise Refused if it says a code but 0."""
        answer = self._ask(method, arguments)
        message = cite(answer.get("message") or "")
        if answer.get("data") != 0:
            raise Refused(f"{self.name} refused: {message or quote(answer.get('data'))}", hint=_ASK)
        return message

    def _ask(
        self,
        method: str,
        arguments: dict[str, Any] | Body,
        *,
        seconds: float | None = None,
        jobs: int = 1,
        verb: str = "POST",
    ) -> dict[str, Any]:
        """Return an answer that says success, which comes within ``seconds`` or not at all.

        Its size depends on how many ``jobs`` it is about.  What says the same if it is sent again is sent again, if the
        server has no time for it and says when it will.
        """
        given = arguments if isinstance(arguments, Body) else Body(json.dumps(arguments).encode() if arguments else b"")
        seconds = seconds or self._access.answer_timeout
        size = min(MAX_ANSWER + jobs * A_JOB, MOST_ANSWER)
        with (
            one_end(seconds + self._access.connect_timeout) as end,
            allow(size),
            self._access.reporter.waiting(f"the PanDA server {self.name}", seconds),
        ):
            while True:
                body = Outgoing(given.content)
                try:
                    response = self._session.request(
                        verb,
                        f"{self._access.url}/api/v1/{method}",
                        data=body if given.content else None,  # an empty one would be sent in chunks
                        headers={"Content-Type": given.kind, "Accept": _JSON},
                        timeout=end.remaining(),
                        verify=self._session.verify,  # or requests prefers REQUESTS_CA_BUNDLE
                        allow_redirects=False,
                    )
                except (TimeoutError, requests.exceptions.Timeout) as error:
                    why = f"no answer within {seconds:.0f} s" if body.sent else "no connection in time"
                    raise self._failure(why, body) from error
                except requests.exceptions.SSLError as error:
                    raise self._failure(f"TLS failed: {cite(innermost(error))}", body) from error
                except (requests.exceptions.RequestException, OSError, ValueError) as error:
                    raise self._failure(cite(innermost(error)), body) from error
                self._clock = clock_ahead(response.headers)
                later = retry_after(response.headers) if response.status_code in (TOO_MANY, *AWAY) else None
                if method not in SAYS_THE_SAME or later is None or later >= end.left:
                    return self._answer(response, private=method.startswith(PRIVATE))
                time.sleep(later)

    def _answer(self, response: requests.Response, *, private: bool) -> dict[str, Any]:
        """Return an answer; raise what it says instead of success.

        ``private``: it may hold what nobody may see, whatever it is, and no part of it is shown.
        """
        status, text = response.status_code, response.content[:_SHOWN].decode("utf-8", "replace").strip()
        shown = "its answer is not shown, as it may hold secrets" if private else quote(text)
        if status in (401, 403) and "oken" in text:
            raise LoginNeeded(f"{self.name} refused your token: {shown}", hint=login_hint(self._access.source))
        limit = explain_limit(status, response.headers)
        if status == TOO_MANY:
            message = f"{self.name} answered HTTP {status}: {shown}; {limit}; nothing was done"
            raise Refused(message, hint="type the command again later", transient=True)
        if status >= 500 and not text.startswith("ERROR :"):
            raise self._loss_error(f"HTTP {status}, {shown}{limit and f'; {limit}'}")
        if status != 200:
            raise Refused(f"{self.name} answered HTTP {status}: {shown}", hint=_ASK, transient=status >= 500)
        try:
            answer = parse(response.content)
            success = answer["success"]
        except (ValueError, KeyError, TypeError) as error:
            cause = None if private else error
            raise self._loss_error(f"its answer is not PanDA's: {shown}") from cause
        if success is False:
            message = shown if private else cite(answer.get("message") or "") or shown
            raise Refused(f"{self.name} refused: {message}", hint=_ASK)
        if success is not True:
            raise self._loss_error(f"its answer is not PanDA's: {shown}")
        return dict(answer)

    def _failure(self, why: str, body: Outgoing) -> ReplyLost | NotSent:
        """Return the error of a call that failed: nothing was done if the server never got the request."""
        if body.sent:
            return self._loss_error(why)
        return NotSent(
            f"the PanDA server {self.name} could not be reached: {why}; nothing was sent",
            hint=loopback.remedy(
                self._access.url, f"check {self._access.variable} and the network, then type the command again"
            ),
            transient=True,
        )

    def _loss_error(self, why: str) -> ReplyLost:
        return ReplyLost(
            f"the PanDA server {self.name} was asked, but its reply is lost: {why}", hint="ask later", transient=True
        )


_ASK = "if the reason is not one that you can correct, ask the operators of the server, with this message"
