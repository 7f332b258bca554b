"""Carry out tasks: at most three transfers and three deletions of a user at once, in the background.

The others are queued, until one of these is done, or waits because of an error (docs.globus.org, Transfer API, Task
Behavior).  What is missing or cannot be reached does not fail a transfer: it stays ACTIVE, with faults, until its
deadline.
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

from goclient.sandbox.globus.items import Interrupted, Pace, TaskEvent, carry_out
from goclient.sandbox.routes import Sandbox
from goclient.sandbox.state import State, compact_json

RETRY_AFTER = 0.5  # seconds; the service waits longer
TICK = 0.1  # seconds between looks at deadlines and retries


class Mover:
    """Carries out tasks until it is stopped."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._state, self._new_task, self._tuning = sandbox.state, sandbox.new_task, sandbox.tuning
        self._stopped = False
        self._pool = ThreadPoolExecutor(32)
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
        """Mark the tasks that may run now as running; one that waits because of an error lets others run."""
        chosen, limit = [], self._tuning.now.running_tasks
        started = "update tasks set running = 1, nice_status = replace(nice_status, 'Queued', 'OK') where task_id = ?"
        with self._state.transaction():
            active = self._state.rows("select * from tasks where status = 'ACTIVE' order by request_time")
            busy = Counter((row["owner"], row["type"]) for row in active if row["running"])
            for row in active:
                slot = (row["owner"], row["type"])
                if row["running"] or row["retry_at"] > now or busy[slot] >= limit:
                    continue
                busy[slot] += 1
                self._state.run(started, row["task_id"])
                chosen.append(row["task_id"])
        return chosen

    def _try(self, task_id: str) -> None:
        state = self._state
        try:
            self._carry_out(task_id)
        except Interrupted:
            pass  # it has ended, or goes on when the sandbox does
        except Exception as error:  # the task ends, the sandbox goes on
            end_task(state, task_id, TaskEvent("INTERNAL_ERROR", repr(error)))
        finally:
            state.run("update tasks set running = 0 where task_id = ?", task_id)
            self._new_task.set()  # another one may run

    def _carry_out(self, task_id: str) -> None:
        """Carry out a task and end it; if a transfer has faults, note them and the time of the next attempt."""
        state = self._state
        task = state.rows("select * from tasks where task_id = ?", task_id)[0]
        if not state.row("select 1 from events where task_id = ?", task_id):
            add_event(state, task_id, TaskEvent("STARTED", "started"))
        pace = Pace(self._tuning.now.bytes_per_second, lambda: self._stopped)
        errors = filter(None, (carry_out(state, task, item, pace) for item in json.loads(task["items"])))
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
