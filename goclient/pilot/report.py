"""Reports to the server: that a job lives, how it ended, and why."""

from __future__ import annotations

import json
import socket
import time
import uuid
import zlib
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from goclient.errors import (
    EndpointError,
    GoclientError,
    Interrupted,
    LoginNeeded,
    RequestError,
    ServerError,
    TransferFailed,
)
from goclient.model.records.panda_job import AssignedJob
from goclient.node.engines.base import Heartbeat
from goclient.node.payload import PayloadError
from goclient.reporter.base import Reporter
from goclient.secrets import hidden
from goclient.services.panda.client import PandaServer
from goclient.services.retry import turns

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
    """A job that the server told the pilot to stop."""

    code = "killed"


class Unreported(ServerError):
    """A job has ended, and the server could not be told."""

    code = "unreported"


@dataclass(frozen=True)
class Outcome:
    """Outcome of a job: its ``error``, if it failed, and its ``log``, if that could be kept."""

    panda_id: int
    error: GoclientError | None
    log: Path | None

    @property
    def state(self) -> str:
        """Return the state of the job on the server."""
        return "finished" if self.error is None else "failed"


class PandaHeartbeat(Heartbeat):
    """Tell the server every so many seconds that a job lives; raise Killed if it wants the job stopped."""

    def __init__(self, server: PandaServer, job: AssignedJob, *, every: float) -> None:
        self._server = server
        self._job = job
        self._every = every
        self._state = "starting"
        self._next = 0.0

    def change(self, state: str) -> None:
        """Tell the server the new state of the job."""
        self._state = state
        self._next = time.monotonic() + self._every
        if _update(self._server, self._job, state) == "tobekilled":
            raise Killed("the server told the pilot to stop the job", hint="it was killed by its owner or an operator")

    def send(self) -> None:
        """Tell the server the state again, if it is time; if it does not answer now, next time."""
        if time.monotonic() >= self._next:
            try:
                self.change(self._state)
            except (ServerError, LoginNeeded):
                return


def report_end(server: PandaServer, job: AssignedJob, outcome: Outcome, *, site: str, reporter: Reporter) -> None:
    """Tell the server how a job ended, again until it is heard, because it says the same; raise Unreported if not."""
    details: dict[str, object] = {"site_name": site}
    error = outcome.error
    reason = hidden(error.message)[:500] if error is not None else ""  # for all to see
    if isinstance(error, PayloadError):
        status = error.status if error.status is not None else 1
        details |= {"trans_exit_code": status, "exe_error_code": PilotCode.PAYLOAD, "exe_error_diag": reason}
    elif error is not None:
        details |= {"pilot_error_code": _pilot_code(error), "pilot_error_diag": reason}
    if outcome.log is not None:
        details["job_output_report"] = json.dumps({job.log_file: _file_report(job, outcome.log)})
    for number, _ in enumerate(turns(1.0, 2.0**REPORT_TRIES, factor=2.0), start=1):
        try:
            _update(server, job, outcome.state, **details)
        except (ServerError, LoginNeeded) as failure:
            if number == REPORT_TRIES or not (failure.transient or isinstance(failure, LoginNeeded)):
                ended = f"PandaID {job.panda_id} ended {outcome.state}"
                hint = f"tell the server's operators; the job's log is {outcome.log}"
                raise Unreported(
                    f"{ended}, but the server does not know it: {failure.message}",
                    hint=hint if outcome.log else failure.hint,
                ) from failure
            reporter.progress(f"the server was not told yet: {failure.message}")
        else:
            return


def _update(server: PandaServer, job: AssignedJob, state: str, **details: object) -> str:
    return server.update(job.panda_id, state, node=socket.gethostname(), attempt_nr=job.attempt, **details)


def _pilot_code(error: GoclientError) -> PilotCode:
    cause = error.error if isinstance(error, TransferFailed) else error
    if isinstance(cause, Killed):
        return PilotCode.KILLED_BY_SERVER
    if isinstance(cause, Interrupted):
        return PilotCode.KILLED_BY_SIGNAL
    if isinstance(error, TransferFailed):
        return PilotCode.STAGE_IN if error.phase == "stage-in" else PilotCode.STAGE_OUT
    return PilotCode.SETUP if isinstance(error, (EndpointError, RequestError)) else PilotCode.GENERAL


def _file_report(job: AssignedJob, file: Path) -> dict[str, object]:
    """Return what the server wants to know of a file: guid, fsize in bytes, adler32 in eight hex digits, surl."""
    checksum = 1
    with open(file, "rb") as opened:
        while part := opened.read(1 << 20):
            checksum = zlib.adler32(part, checksum)
    guid = job.log_guid or str(uuid.uuid4())
    return {"guid": guid, "fsize": file.stat().st_size, "adler32": f"{checksum:08x}", "surl": file.absolute().as_uri()}
