"""Watch jobs as the daemons of the PanDA server do: end those that nobody reports of any more, and those on hold.

The times are those of copyArchive and the code of the errors that of jobdispatcher/Watcher, server 1.0.4.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from datetime import UTC, datetime

from goclient.sandbox.panda import attempts, reports
from goclient.sandbox.panda.api import Caller
from goclient.sandbox.routes import Sandbox
from goclient.sandbox.state import Row

TICK = 0.2  # seconds; the server looks every few minutes
WATCHED = ("sent", "starting", "running", "transferring", "holding")
SENT, HOLDING = 102, 103  # EC_SendError and EC_Holding


class Watch:
    """Looks at the jobs until it is stopped."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._state, self._tuning = sandbox.state, sandbox.tuning
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Return once no job is changed any more."""
        self._stop.set()
        self._thread.join(5)

    def _run(self) -> None:
        while not self._stop.wait(TICK):
            try:
                self._check_jobs(time.time())
            except sqlite3.Error:  # a full disk, say: the next look may succeed
                logging.getLogger(__name__).exception("jobs were not looked at")

    def _check_jobs(self, now: float) -> None:
        """End what has waited too long at a time."""
        if not self._state.row(f"select 1 from jobs where status in {WATCHED}"):
            return
        settings, caller = self._tuning.now, Caller(self._state, tuning=self._tuning)
        with self._state.transaction():
            for row in self._silent("holding", now - settings.adder_seconds, ending=True):
                reports.end_reported(caller, row)
            for row in self._silent("sent", now - settings.sent_seconds):
                self._fail(caller, row, code=SENT, diagnosis="Sent job didn't receive reply from pilot within 30 min")
            for status in ("starting", "running", "transferring"):
                for row in self._silent(status, now - settings.heartbeat_seconds):
                    self._fail(caller, row, code=attempts.LOST, diagnosis=f"lost heartbeat : {_moment(row)}")
            for row in self._silent("holding", now - settings.holding_seconds):
                told = f"timeout in holding : last heartbeat at {_moment(row)}"
                self._fail(caller, row, code=HOLDING, diagnosis=told)

    def _silent(self, status: str, since: float, *, ending: bool = False) -> list[Row]:
        """Return the jobs in a status that nobody has changed since then; ``ending``: those with a final report."""
        query = "select * from jobs where status = ? and changed <= ? and (ending != '') = ?"
        return self._state.rows(query, status, since, ending)

    def _fail(self, caller: Caller, row: Row, *, code: int, diagnosis: str) -> None:
        job = attempts.fail(self._state, row, code=code, diagnosis=diagnosis)
        attempts.end(caller, row, "failed", job)


def _moment(row: Row) -> str:
    return f"{datetime.fromtimestamp(row['changed'], UTC):%Y-%m-%d %H:%M:%S}"
