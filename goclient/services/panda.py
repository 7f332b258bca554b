"""The PanDA server, API v1, through requests.

Read from the server 1.0.4: every call is ``/api/v1/<module>/<method>``; an answer is JSON ``{"success",
"message", "data"}``, or plain text that begins with ``ERROR :``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import requests

from goclient.errors import LoginNeeded, ServerError, quoted
from goclient.model.access import PandaAccess
from goclient.model.record import UNSET, AssignedJob, JobState

MAX_ANSWER = 256 << 20  # bytes
SECONDS_A_JOB = 0.25  # the server was measured to store 16 jobs/s at its slowest
NO_JOBS = "No jobs in PanDA"  # pilot_api.acquire_jobs


class ReplyLost(ServerError):
    """The request may have reached the server, but its answer is unknown: never send it again."""

    code = "reply-lost"


class Refused(ServerError):
    """The server said no: ``success`` is false, or the HTTP status is an error."""

    code = "refused"


class PandaServer:
    """A PanDA server; each method is one call, sent once."""

    def __init__(self, access: PandaAccess) -> None:
        self._access = access
        self._session = requests.Session()
        self._session.auth = self._authorise  # of our own, so that no .netrc is read
        self._session.verify = access.ca or True
        self._session.cert = access.certificate

    @property
    def name(self) -> str:
        """The server's address, for messages."""
        return self._access.url

    def _authorise(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._access.token is not None:
            request.headers["Authorization"] = f"Bearer {self._access.token}"
            request.headers["Origin"] = self._access.vo or ""
        return request

    # --- for users ---

    def submit(self, record: str, count: int) -> list[int | None]:
        """The PandaID of each of ``count`` jobs in order, None for one that the server's database refused.

        ``record`` is what :func:`goclient.model.record.encode_jobs` gives.  Raises Refused if nothing was stored,
        ReplyLost if that is not known, ServerError if nothing was sent.
        """
        rows = self._call("job/submit", {"jobs": record}, seconds=self._access.answer_timeout + count * SECONDS_A_JOB)
        try:
            ids = [None if row[0] in (UNSET, None) else int(row[0]) for row in rows]
        except (TypeError, ValueError, LookupError) as error:
            raise self._lost(f"its answer has no PandaIDs: {quoted(rows)}") from error
        if len(ids) != count:
            raise self._lost(f"it answered for {len(ids)} of {count} jobs")
        return ids

    def describe(self, panda_ids: Sequence[int]) -> list[JobState | None]:
        """The state of each job, None for one that the server does not know."""
        jobs = self._call("job/get_description", {"job_ids": list(panda_ids)})
        if not isinstance(jobs, list) or len(jobs) != len(panda_ids):
            raise ServerError(f"{self.name} did not answer with one job for each id", code="bad-answer")
        return [job if job is None else JobState.from_answer(job) for job in jobs]

    # --- for pilots ---

    def acquire(self, site: str, *, node: str) -> AssignedJob | None:
        """A job of the queue ``site``, now the caller's to run; None if there is none."""
        query = {"site_name": site, "prod_source_label": "user", "timeout": 60, "node": node}
        try:
            data = self._call("pilot/acquire_jobs", query)
        except Refused as error:
            if NO_JOBS in error.message:
                return None
            raise
        jobs = data.get("jobs") if isinstance(data, dict) else None
        if not jobs or not isinstance(jobs, list) or not isinstance(jobs[0], dict):
            raise ServerError(f"{self.name} sent no job and did not say so: {quoted(data)}", code="bad-answer")
        return AssignedJob.from_answer(jobs[0])

    def update(self, panda_id: int, state: str, **details: Any) -> str:
        """The server's command to the pilot (``tobekilled``: stop; mostly empty) on a new state of a job.

        ``details`` are arguments of the server's ``pilot/update_job``.
        """
        data = self._call("pilot/update_job", {"job_id": panda_id, "job_status": state, **details})
        command = data.get("command") if isinstance(data, dict) else None
        return "" if command in (None, UNSET) else str(command)

    # --- one call ---

    def _call(self, method: str, arguments: dict[str, Any], *, seconds: float | None = None) -> Any:
        """The ``data`` of an answer that says success."""
        deadline = time.monotonic() + (seconds or self._access.answer_timeout)
        body = json.dumps(arguments).encode()
        # The server does not see JSON with a charset in the content type.
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        try:
            with self._session.post(
                f"{self._access.url}/api/v1/{method}",
                data=body,
                headers=headers,
                timeout=(self._access.connect_timeout, max(deadline - time.monotonic(), 1.0)),
                allow_redirects=False,
                stream=True,
            ) as response:
                return self._data(response.status_code, self._read(response, deadline))
        except requests.exceptions.ConnectTimeout as error:
            raise self._unreachable(f"no connection within {self._access.connect_timeout:.0f} s") from error
        except requests.exceptions.SSLError as error:
            raise self._unreachable(f"the TLS handshake failed: {_innermost(error)}") from error
        except requests.exceptions.ConnectionError as error:
            raise self._broken(error) from error
        except requests.exceptions.Timeout as error:
            raise self._lost(f"no answer within {seconds or self._access.answer_timeout:.0f} s") from error
        except (requests.exceptions.RequestException, OSError) as error:
            raise self._lost(_innermost(error)) from error

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        parts, size = [], 0
        for part in response.iter_content(1 << 16):
            parts.append(part)
            size += len(part)
            if time.monotonic() > deadline:
                raise self._lost("its answer did not end in time")
            if size > MAX_ANSWER:
                raise self._lost(f"its answer is larger than {MAX_ANSWER} bytes")
        return b"".join(parts)

    def _data(self, status: int, body: bytes) -> Any:
        text = body.decode("utf-8", "replace").strip()
        if status in (401, 403) and "oken" in text:
            raise LoginNeeded(f"{self.name} refused your token: {quoted(text)}", hint="get a new one: panda_auth")
        if status >= 500 and not text.startswith("ERROR :"):
            raise self._lost(f"HTTP {status}, {quoted(text)}")
        if status != 200:
            raise Refused(f"{self.name} answered HTTP {status}: {quoted(text)}", hint=_ASK)
        try:
            answer = json.loads(text)
            success = answer["success"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self._lost(f"its answer is not PanDA's: {quoted(text)}") from error
        if success is not True:
            raise Refused(f"{self.name} refused: {answer.get('message') or quoted(text)}", hint=_ASK)
        return answer.get("data")

    def _broken(self, error: requests.exceptions.ConnectionError) -> ServerError:
        """What a failed connection means: nothing was sent if it was never made, else the reply is lost."""
        from urllib3.exceptions import NameResolutionError, NewConnectionError, ProxyError

        reason = getattr(error.args[0], "reason", None) if error.args else None
        if isinstance(reason, NewConnectionError | NameResolutionError | ProxyError):
            return self._unreachable(_innermost(error))
        return self._lost(_innermost(error))

    def _unreachable(self, why: str) -> ServerError:
        return ServerError(
            f"the PanDA server {self.name} could not be reached: {why}; nothing was sent",
            hint="check PANDA_URL_SSL and the network, then type the command again",
            code="unreachable",
            transient=True,
        )

    def _lost(self, why: str) -> ReplyLost:
        return ReplyLost(
            f"the PanDA server {self.name} was asked, but its reply is lost: {why}", hint="ask later", transient=True
        )


_ASK = "if the reason is not yours to mend, ask the operators of the server, with this message"


def _innermost(error: BaseException) -> str:
    """The words of the error at the bottom of a chain, which are the ones that say something."""
    seen = 0
    while seen < 20:
        below = getattr(error, "reason", None) or error.__cause__ or (error.args[0] if error.args else None)
        if not isinstance(below, BaseException):
            break
        error, seen = below, seen + 1
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
