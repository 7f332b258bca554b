"""Reports to the server: that a job lives, how it ended, and why; the end is kept on disk until the server has it."""

from __future__ import annotations

import json
import threading
import time
import uuid
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from goclient.errors import (
    EndpointError,
    GoclientError,
    Interrupted,
    LoginNeeded,
    MyproxyError,
    RequestError,
    ServerError,
    TransferFailed,
)
from goclient.errors.conditions import NodeFault, StaleAttempt, may_pass
from goclient.errors.sent import UnreadableJob
from goclient.files.private import regular
from goclient.journal import HOST, Entry, Journal
from goclient.model.records.answers import MAX_DIAGNOSIS
from goclient.node.engines.base import Heartbeat
from goclient.node.payload import PayloadError
from goclient.pilot.rungen import ReportedError
from goclient.pilot.taken import DIRECTORY, TakenJob
from goclient.reporter.base import Reporter
from goclient.secrets import hide
from goclient.services.panda.client import Command, PandaServer
from goclient.services.retry import turns

ENDS = ("finished", "failed")
METADATA, MOST_METADATA = "jobReport.json", 1 << 16  # as pilot 3 has it; characters that the journal takes, too
RETRY = (1.0, 300.0)  # seconds between two attempts to tell the server of an end: at first, and at most
_SOON = 10.0  # seconds until a heartbeat that the server did not get is sent again


class PilotCode(IntEnum):
    """Error codes of the PanDA pilot (pilot 3, errorcodes.py), which the monitor knows."""

    GENERAL = 1008
    STAGE_IN = 1099
    SETUP = 1110
    STAGE_OUT = 1137
    KILLED_BY_SERVER = 1144
    STAGE_IN_PASSES = 1151  # timed out, says the monitor: a second try may succeed
    STAGE_OUT_PASSES = 1152
    NO_PROXY = 1163
    KILLED_BY_SIGNAL = 1200  # the server itself makes a second attempt of a plain job
    PAYLOAD = 1305
    NODE = 1344  # a resource is not available: on another node it may be


class Killed(GoclientError):
    """A job that the server told the pilot to stop."""

    code = "killed"


class PilotDied(Interrupted):
    """A job whose pilot died before the payload had ended."""

    code = "pilot-died"


class Unreported(ServerError):
    """A job has ended, and the server could not be told yet."""

    code = "unreported"


@dataclass(frozen=True)
class Outcome:
    """Outcome of a job: its ``error``, if it failed, and its ``log``, if that could be kept."""

    panda_id: int
    error: GoclientError | None
    log: Path | None

    @property
    def state(self) -> str:
        """Return the state of the job on the server; ``stale`` for an attempt that does not count there."""
        if isinstance(self.error, StaleAttempt):
            return "stale"
        return "finished" if self.error is None else "failed"

    def document(self) -> dict[str, Any]:
        """Return the contract's JSON object: PandaID, state, reason, log."""
        log = str(self.log) if self.log is not None else None
        reason = self.error.message if self.error is not None else ""
        return {"PandaID": self.panda_id, "state": self.state, "reason": reason, "log": log}


@dataclass(frozen=True)
class Report:
    """Last report of a job: its state, and the other arguments of the server's ``update_job``."""

    state: str
    details: Mapping[str, Any]
    is_known: bool = False  # to the server

    @classmethod
    def on_disk(cls, journal: Journal) -> Report | None:
        """Return the report in the journal of a job; None if it has none."""
        for state in ENDS:
            if (entry := journal.last("report", state)) is not None:
                return cls(state, json.loads(entry.detail), is_known=entry.state == "done")
        return None

    def keep(self, journal: Journal) -> None:
        """Put it on disk, so that whatever happens, a pilot tells the server."""
        journal.append(Entry("report", self.state, "intended", detail=json.dumps(self.details)))


class PandaHeartbeat(Heartbeat):
    """Tell the server every so many seconds that a job lives; raise Killed or StaleAttempt if it is to be stopped.

    A server that does not answer stops nothing; it is told again soon.  Threads may share a heartbeat.
    """

    def __init__(self, server: PandaServer, job: TakenJob, *, every: float) -> None:
        self._server = server
        self._job = job
        self._every = every
        self._state = "starting"
        self._next = 0.0
        self._lock = threading.Lock()
        self._end: GoclientError | None = None  # what it raised: each thread of the job is to know

    def change(self, state: str) -> None:
        """Tell the server the new state of the job."""
        with self._lock:
            self._state = state
            entry = Entry("report", state, "intended")
            self._job.journal.append(entry)
            if self._tell():
                self._job.journal.append(entry.then("done"))

    def send(self) -> None:
        """Tell the server the state again, if it is time; another thread that does so is not waited for."""
        if self._end is not None:
            raise self._end
        if time.monotonic() >= self._next and self._lock.acquire(blocking=False):
            try:
                self._tell()
            finally:
                self._lock.release()

    def confirm(self) -> None:
        """Tell the server the state now."""
        with self._lock:
            self._tell()

    def _tell(self) -> bool:
        """Return True if the server has heard; raise Killed or StaleAttempt if it wants the job stopped."""
        if self._end is not None:
            raise self._end
        try:
            command = update(self._server, self._job, self._state)
            if command is Command.STOP:
                stale = not is_current(self._server, self._job)
                self._end = _stale() if stale else Killed(
                    "the server told the pilot to stop the job", hint="it was killed by its owner or an operator"
                )  # fmt: skip
            elif command is Command.STALE:
                self._end = _stale()
        except (ServerError, LoginNeeded):
            self._next = time.monotonic() + min(_SOON, self._every)
            return False
        self._next = time.monotonic() + self._every
        if self._end is not None:
            raise self._end
        return True


def _stale() -> StaleAttempt:
    return StaleAttempt(
        "this attempt of the job has ended for the server", hint="goclient status tells what became of it"
    )


def is_current(server: PandaServer, job: TakenJob) -> bool:
    """Return True if the server waits for the end of this attempt of a job."""
    (known,) = server.describe([job.panda_id])
    if isinstance(known, UnreadableJob):
        raise known
    return known is not None and not known.is_over and known.attempt == job.attempt_number


def update(server: PandaServer, job: TakenJob, state: str, **details: Any) -> Command:
    """Tell the server the state of a job; return its command."""
    return server.update(job.panda_id, state, node=HOST, attempt_nr=job.attempt_number, **details)


def end_report(job: TakenJob, outcome: Outcome, *, metrics: str) -> Report:
    """Return the report of a job's end."""
    details: dict[str, Any] = {"site_name": job.site}
    if metrics:
        details["job_metrics"] = metrics
    error = outcome.error
    reason = hide(_reason(error))[:MAX_DIAGNOSIS] if error is not None else ""  # for all to see
    if isinstance(error, PayloadError):
        status = error.status if error.status is not None else 1
        code = error.reported if isinstance(error, ReportedError) else int(PilotCode.PAYLOAD)
        details |= {"trans_exit_code": status, "exe_error_code": code, "exe_error_diag": reason}
    elif error is not None:
        details |= {"pilot_error_code": int(_pilot_code(error)), "pilot_error_diag": reason}
    if outcome.log is not None and job.assigned is not None:
        report = {job.assigned.log_file: _file_report(job.assigned.log_guid, outcome.log)}
        details["job_output_report"] = json.dumps(report)
    if error is None and (told := _metadata(job)):  # the server keeps those of finished jobs alone
        details["meta_data"] = told
    return Report(outcome.state, details)


def _metadata(job: TakenJob) -> str:
    """Return what the program of a job has told of itself, where pilots look for it; empty if nothing, or too much."""
    if job.scratch is not None:
        with (
            suppress(OSError, UnicodeDecodeError),
            open(job.scratch / DIRECTORY / METADATA, encoding="utf-8", opener=regular) as file,
        ):
            text = hide(file.read(MOST_METADATA + 1))
            return text if len(text) <= MOST_METADATA else ""
    return ""


def send_report(server: PandaServer, job: TakenJob, report: Report, *, within: float, reporter: Reporter) -> None:
    """Tell the server how a job ended, again until it has heard, because it says the same; raise Unreported if not."""
    for waited in turns(*RETRY, factor=2.0):
        try:
            update(server, job, report.state, **report.details)
        except (ServerError, LoginNeeded) as failure:
            if waited >= within or not (failure.transient or isinstance(failure, LoginNeeded)):
                ended = f"PandaID {job.panda_id} ended {report.state}"
                raise Unreported(
                    f"{ended}, but the server does not know it yet: {failure.message}",
                    hint=f"the next pilot with this GOCLIENT_STATE tells it; {failure.hint}",
                    transient=failure.transient,
                ) from failure
            reporter.progress(f"the server was not told yet: {failure.message}")
        else:
            job.journal.append(Entry("report", report.state, "done", detail=json.dumps(report.details)))
            return


def _reason(error: GoclientError) -> str:
    """Return why a job failed; with what its owner or the site must type, where the owner could not see it before."""
    cause = error.error if isinstance(error, TransferFailed) else error
    return f"{error.message}; {cause.hint}" if isinstance(cause, MyproxyError) else error.message


def _pilot_code(error: GoclientError) -> PilotCode:
    cause = error.error if isinstance(error, TransferFailed) else error
    if isinstance(cause, MyproxyError):
        return PilotCode.NO_PROXY
    if isinstance(cause, Killed):
        return PilotCode.KILLED_BY_SERVER
    if isinstance(cause, Interrupted):
        return PilotCode.KILLED_BY_SIGNAL
    if isinstance(cause, NodeFault):
        return PilotCode.NODE
    if isinstance(error, TransferFailed):
        if may_pass(cause):
            return PilotCode.STAGE_IN_PASSES if error.phase == "stage-in" else PilotCode.STAGE_OUT_PASSES
        return PilotCode.STAGE_IN if error.phase == "stage-in" else PilotCode.STAGE_OUT
    return PilotCode.SETUP if isinstance(error, (EndpointError, RequestError)) else PilotCode.GENERAL


def _file_report(guid: str, file: Path) -> dict[str, object]:
    """Return what the server wants to know of a file: guid, fsize in bytes, adler32 in eight hex digits, surl."""
    checksum = 1
    with open(file, "rb") as opened:
        while part := opened.read(1 << 20):
            checksum = zlib.adler32(part, checksum)
    size, surl = file.stat().st_size, file.absolute().as_uri()
    return {"guid": guid or str(uuid.uuid4()), "fsize": size, "adler32": f"{checksum:08x}", "surl": surl}
