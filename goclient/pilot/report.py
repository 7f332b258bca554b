"""What the server is told of a job: that it lives, how it ended, and why."""

from __future__ import annotations

import json
import socket
import time
import uuid
import zlib
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path

from goclient.errors import EndpointError, GoclientError, Interrupted, LoginNeeded, RequestError, ServerError
from goclient.model.records.panda_job import AssignedJob
from goclient.node.payload import PayloadError
from goclient.secrets import hidden
from goclient.services.panda.client import PandaServer

REPORT_TRIES = 5  # of a last report: it may be sent again, it says the same


class PilotCode(IntEnum):
    """Error codes of the PanDA pilot (pilot 3, errorcodes.py), which the monitor knows."""

    GENERAL = 1008
    STAGE_IN = 1099
    SETUP = 1110
    STAGE_OUT = 1137
    KILLED_BY_SERVER = 1144
    KILLED_BY_SIGNAL = 1200
    PAYLOAD = 1305


class Killed(GoclientError):
    """The server told the pilot to stop the job."""

    code = "killed"


class Unreported(ServerError):
    """A job has ended, and the server could not be told."""

    code = "unreported"


class Heartbeat:
    """Tells the server now and then that the job lives, and hears whether it shall."""

    def __init__(self, server: PandaServer, job: AssignedJob, every: float) -> None:
        self._server = server
        self._job = job
        self._every = every
        self._state = "starting"
        self._next = 0.0

    def send(self, state: str) -> None:
        """None, once the server knows the state; raises Killed if it wants the job stopped."""
        self._state = state
        self._next = time.monotonic() + self._every
        if _update(self._server, self._job, state, {}) == "tobekilled":
            raise Killed("the server told the pilot to stop the job", hint="it was killed by its owner or an operator")

    def maybe(self) -> None:
        """As ``send``, if it is time; a server that does not answer now is asked again next time."""
        if time.monotonic() >= self._next:
            try:
                self.send(self._state)
            except (ServerError, LoginNeeded):
                return


def report_end(
    server: PandaServer,
    job: AssignedJob,
    *,
    site: str,
    error: GoclientError | None,
    log: Path | None,
    say: Callable[[str], None],
) -> str:
    """The state that the server now knows a job ended in; told again until it is heard, because it says the same.

    Raises Unreported if it is not heard.
    """
    state = "finished" if error is None else "failed"
    details: dict[str, object] = {"site_name": site, **({} if error is None else _diagnosis(error))}
    if log is not None:
        details["job_output_report"] = json.dumps({job.log_file: _file_report(job, log)})
    for number in range(REPORT_TRIES):
        try:
            _update(server, job, state, details)
            break
        except (ServerError, LoginNeeded) as failure:
            if number == REPORT_TRIES - 1 or not (failure.transient or isinstance(failure, LoginNeeded)):
                raise Unreported(
                    f"PandaID {job.panda_id} ended {state}, but the server does not know it: {failure.message}",
                    hint=f"tell the server's operators; the job's log is {log}" if log else failure.hint,
                ) from failure
            say(f"the server was not told yet: {failure.message}")
            time.sleep(2**number)
    return state


def _update(server: PandaServer, job: AssignedJob, state: str, details: dict[str, object]) -> str:
    return server.update(job.panda_id, state, node=socket.gethostname(), attempt_nr=job.attempt, **details)


def _diagnosis(error: GoclientError) -> dict[str, object]:
    """Return what the server is told of a failure: the code that its monitor knows, and the reason, for all to see."""
    reason = hidden(error.message)[:500]
    if isinstance(error, PayloadError):
        status = error.status if error.status is not None else 1
        return {"trans_exit_code": status, "exe_error_code": PilotCode.PAYLOAD, "exe_error_diag": reason}
    return {"pilot_error_code": _pilot_code(error), "pilot_error_diag": reason}


def _pilot_code(error: GoclientError) -> PilotCode:
    if isinstance(error, Killed):
        return PilotCode.KILLED_BY_SERVER
    if isinstance(error, Interrupted):
        return PilotCode.KILLED_BY_SIGNAL
    if error.code.startswith("stage-in:"):
        return PilotCode.STAGE_IN
    if error.code.startswith(("stage-out:", "output:")):
        return PilotCode.STAGE_OUT
    return PilotCode.SETUP if isinstance(error, EndpointError | RequestError) else PilotCode.GENERAL


def _file_report(job: AssignedJob, file: Path) -> dict[str, object]:
    """What the server wants to know of a file: guid, fsize in bytes, adler32 in eight hex digits, surl."""
    checksum = 1
    with open(file, "rb") as opened:
        while part := opened.read(1 << 20):
            checksum = zlib.adler32(part, checksum)
    guid = job.log_guid or str(uuid.uuid4())
    return {"guid": guid, "fsize": file.stat().st_size, "adler32": f"{checksum:08x}", "surl": file.absolute().as_uri()}
