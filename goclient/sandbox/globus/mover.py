"""Carry out tasks: at most three transfers of a user at once, in the background, as the service does.

What is missing or cannot be reached does not fail a transfer: it stays ACTIVE, with faults, until its deadline.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from goclient.sandbox.globus.items import TaskEvent, carry_out
from goclient.sandbox.routes import Sandbox
from goclient.sandbox.state import State, compact_json

RUNNING_A_USER = 3
RETRY_AFTER = 0.5  # seconds; the service waits longer
TICK = 0.1  # seconds between looks at deadlines and retries


class Mover:
    """Carries out tasks until it is stopped."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._state, self._new_task = sandbox.state, sandbox.new_task
        self._stopped = False
        self._pool = ThreadPoolExecutor(8)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to carry out tasks, also those that a crash interrupted."""
        self._state.run("update tasks set running = 0")
        self._thread.start()

    def stop(self) -> None:
        """Return once nothing is carried out any more."""
        self._stopped = True
        self._new_task.set()
        self._thread.join(5)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self) -> None:
        while not self._stopped:
            self._new_task.wait(TICK)
            self._new_task.clear()
            try:
                now = time.time()
                for row in self._state.rows("select task_id from tasks where status = 'ACTIVE' and deadline < ?", now):
                    expired = TaskEvent("EXPIRED", "The task did not complete before its deadline")
                    end_task(self._state, row["task_id"], expired)
                for task_id in self._take_next(now):
                    self._pool.submit(self._try, task_id)
            except sqlite3.Error:  # a full disk, say: the next look may succeed
                logging.getLogger(__name__).exception("tasks were not looked at")

    def _take_next(self, now: float) -> list[str]:
        """Mark the tasks that may run now as running; a transfer that has begun keeps its slot until it ends."""
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

    def _try(self, task_id: str) -> None:
        state = self._state
        try:
            self._carry_out(task_id)
        except Exception as error:  # the task ends, the sandbox goes on
            end_task(state, task_id, TaskEvent("INTERNAL_ERROR", repr(error)))
        finally:
            state.run("update tasks set running = 0 where task_id = ?", task_id)

    def _carry_out(self, task_id: str) -> None:
        """Carry out a task and end it; if a transfer has faults, note them and the time of the next attempt."""
        state = self._state
        task = state.rows("select * from tasks where task_id = ?", task_id)[0]
        if not state.row("select 1 from events where task_id = ?", task_id):
            add_event(state, task_id, TaskEvent("STARTED", "started"))
        errors = filter(None, (carry_out(state, task, item) for item in json.loads(task["items"])))
        if task["type"] == "DELETE":
            end_task(state, task_id, next(errors, None))  # a deletion does not wait
            return
        faults = list(errors)
        if not faults:
            end_task(state, task_id)
            return
        for one in faults:
            add_event(state, task_id, one, is_error=True)
        state.run(
            "update tasks set faults = faults + ?, nice_status = ?, retry_at = ? where task_id = ?",
            len(faults),
            faults[0].code,
            time.time() + RETRY_AFTER,
            task_id,
        )


def end_task(state: State, task_id: str, fatal: TaskEvent | None = None) -> None:
    """End an active task: as failed, if there is a fatal error."""
    changed = state.run(
        "update tasks set status = ?, completion_time = ?, fatal = ? where task_id = ? and status = 'ACTIVE'",
        "FAILED" if fatal else "SUCCEEDED",
        time.time(),
        compact_json(asdict(fatal)) if fatal else None,
        task_id,
    )
    if changed:
        add_event(state, task_id, fatal or TaskEvent("SUCCEEDED", ""), is_error=fatal is not None)


def add_event(state: State, task_id: str, event: TaskEvent, *, is_error: bool = False) -> None:
    """Add an event to a task's list."""
    words = {"code": event.code, "description": event.code.lower().replace("_", " "), "details": event.description}
    state.insert("events", {"task_id": task_id, "time": time.time(), "is_error": is_error, **words})
