"""Carries out tasks: at most three transfers of a user at once, in the background, as the service does.

What is missing or cannot be reached does not fail a task: it stays ACTIVE, with faults, until its deadline.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from goclient.sandbox.globus.copier import copied
from goclient.sandbox.globus.remover import removed
from goclient.sandbox.state import State, dumped

RUNNING_A_USER = 3
RETRY_AFTER = 0.5  # seconds; the service waits longer
TICK = 0.1  # seconds between looks at deadlines and retries


class Mover:
    """Looks for tasks to do until it is stopped."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._woken = threading.Event()
        self._stopped = False
        self._pool = ThreadPoolExecutor(8)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """None, once tasks are looked for; those that a crash interrupted are taken up again."""
        self._state.run("update tasks set running = 0")
        self._thread.start()

    def stop(self) -> None:
        """None, once nothing is moved any more."""
        self._stopped = True
        self._woken.set()
        self._thread.join(5)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def wake(self) -> None:
        """Says that there is a new task."""
        self._woken.set()

    def end(self, task_id: str, status: str, fatal: dict[str, str] | None = None) -> None:
        """None, once an active task is over."""
        changed = self._state.run(
            "update tasks set status = ?, completion_time = ?, fatal = ? where task_id = ? and status = 'ACTIVE'",
            status,
            time.time(),
            dumped(fatal) if fatal else None,
            task_id,
        )
        if changed:
            code = "SUCCEEDED" if status == "SUCCEEDED" else (fatal or {}).get("code", "FAILED")
            self._state.event(task_id, code, (fatal or {}).get("description", ""), is_error=status == "FAILED")

    def _run(self) -> None:
        while not self._stopped:
            self._woken.wait(TICK)
            self._woken.clear()
            try:
                self._look(time.time())
            except sqlite3.Error:  # a full disk, say: it is looked at again
                logging.getLogger(__name__).exception("tasks were not looked at")

    def _look(self, now: float) -> None:
        """Ends what is over, starts what may run."""
        for row in self._state.rows("select task_id from tasks where status = 'ACTIVE' and deadline < ?", now):
            expired = {"code": "EXPIRED", "description": "The task did not complete before its deadline"}
            self.end(row["task_id"], "FAILED", expired)
        for task_id in self._next(now):
            self._pool.submit(self._safely, task_id)

    def _next(self, now: float) -> list[str]:
        """The tasks that may run now, marked as running; a transfer that has begun keeps its place until it ends."""
        chosen = []
        with self._state.transaction():
            active = self._state.rows("select * from tasks where status = 'ACTIVE' order by request_time")
            busy = Counter(row["owner"] for row in active if row["started"] and row["type"] == "TRANSFER")
            for row in active:
                queued = row["type"] == "TRANSFER" and not row["started"]
                if row["running"] or row["retry_at"] > now or (queued and busy[row["owner"]] >= RUNNING_A_USER):
                    continue
                busy[row["owner"]] += queued
                self._state.run("update tasks set running = 1, started = 1 where task_id = ?", row["task_id"])
                chosen.append(row["task_id"])
        return chosen

    def _safely(self, task_id: str) -> None:
        try:
            self._move(task_id)
        except Exception as error:  # the task ends, the sandbox goes on
            self.end(task_id, "FAILED", {"code": "INTERNAL_ERROR", "description": repr(error)})
        finally:
            self._state.run("update tasks set running = 0 where task_id = ?", task_id)

    def _move(self, task_id: str) -> None:
        task = self._state.row("select * from tasks where task_id = ?", task_id)
        assert task is not None
        if not self._state.row("select 1 from events where task_id = ?", task_id):
            self._state.event(task_id, "STARTED", "started")
        items = json.loads(task["items"])
        if task["type"] == "DELETE":
            fatal = next(filter(None, (removed(self._state, task, item) for item in items)), None)
            self.end(task_id, "FAILED" if fatal else "SUCCEEDED", fatal)
            return
        faults = [fault for item in items for fault in copied(self._state, task, item)]
        if faults:
            self._put_off(task_id, faults)
        else:
            self.end(task_id, "SUCCEEDED")

    def _put_off(self, task_id: str, faults: list[tuple[str, str]]) -> None:
        """None, once the faults are noted and the time of the next attempt."""
        for code, details in faults:
            self._state.event(task_id, code, details, is_error=True)
        self._state.run(
            "update tasks set faults = faults + ?, nice_status = ?, retry_at = ? where task_id = ?",
            len(faults),
            faults[0][0],
            time.time() + RETRY_AFTER,
            task_id,
        )
