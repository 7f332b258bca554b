"""Describe a task as Transfer does, read and write its times, and apply the filters of tasks."""

from __future__ import annotations

import fnmatch
import json
import time
from datetime import UTC, datetime
from typing import Any

from goclient.sandbox.http import BadRequest
from goclient.sandbox.state import Row, State

# Fields of the service's document that are always the same here.
_FIXED: dict[str, Any] = {
    "DATA_TYPE": "task",
    "command": "API 0.10",
    "bytes_checksummed": 0,
    "canceled_by_admin": None,
    "canceled_by_admin_message": None,
    "filter_rules": None,
    "files_skipped": 0,
    "history_deleted": False,
    "is_paused": False,
    "nice_status_expires_in": None,
    "recursive_symlinks": "ignore",
    "symlinks": 0,
    "subtasks_skipped_errors": 0,
}
# Those that are columns of ours, and those that are options of the submission.
_COLUMNS = "task_id type status label files directories files_transferred bytes_transferred faults".split()
_FLAGS = (
    *("encrypt_data", "verify_checksum", "preserve_timestamp", "fail_on_quota_errors", "skip_source_errors"),
    "delete_destination_extra",
)


def describe(state: State, row: Row) -> dict[str, Any]:
    """Return the document of a task."""
    options = json.loads(row["options"])
    seconds = max((row["completion_time"] or time.time()) - row["request_time"], 0.001)
    active = row["status"] == "ACTIVE"
    unwell = active and row["nice_status"] not in ("OK", "Queued")
    return {
        **_FIXED,
        **{name: row[name] for name in _COLUMNS},
        "owner_id": row["owner"],
        "username": f"u_{row['owner'].replace('-', '')}",
        "request_time": iso(row["request_time"]),
        "completion_time": iso(row["completion_time"]),
        "deadline": iso(row["deadline"]),
        **_ends(state, row),
        "effective_bytes_per_second": int(row["bytes_transferred"] / seconds),
        "is_ok": not unwell if active else None,
        "nice_status": row["nice_status"] if active else None,
        "nice_status_short_description": row["nice_status"].lower().replace("_", " ") if unwell else None,
        "nice_status_details": None,
        "fatal_error": json.loads(row["fatal"]) if row["fatal"] else None,
        **_subtasks(row),
        **{flag: bool(options.get(flag)) for flag in _FLAGS},
        "sync_level": options.get("sync_level"),
    }


def _ends(state: State, row: Row) -> dict[str, Any]:
    """Describe where a task reads and writes; a deletion has a source only."""
    found: dict[str, Any] = {}
    for end in ("source", "destination"):
        collection = row[end] if row["type"] == "TRANSFER" or end == "source" else None
        named = state.row("select display_name from collections where id = ?", collection) or {"display_name": None}
        found[f"{end}_endpoint_id"] = collection
        found[f"{end}_endpoint"] = found[f"{end}_endpoint_display_name"] = named["display_name"]
    return found


def _subtasks(row: Row) -> dict[str, int]:
    """Count a task's parts: here one for each item, done or not done together."""
    total = len(json.loads(row["items"]))
    ended = row["status"] != "ACTIVE"
    code = json.loads(row["fatal"])["code"] if row["fatal"] else ""
    kinds = {"CANCELED": "canceled", "EXPIRED": "expired"}
    kind = ("succeeded" if row["status"] == "SUCCEEDED" else kinds.get(code, "failed")) if ended else "pending"
    if kind == "pending" and row["faults"]:
        kind = "retrying"
    names = ("pending", "retrying", "succeeded", "failed", "canceled", "expired")
    return {"subtasks_total": total, **{f"subtasks_{name}": total * (name == kind) for name in names}}


def iso(seconds: float | None) -> str | None:
    """Return a time as Transfer writes it; None for None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def passes(task: dict[str, Any], filters: str) -> bool:
    """Return True if a task passes a filter ``field:value,…/field:value``; ``~`` marks a pattern, ``!`` a negation."""
    for part in filter(None, filters.split("/")):
        field, _, values = part.partition(":")
        if field in ("request_time", "completion_time"):  # from,to: either may be empty
            first, _, last = values.partition(",")
            known = moment(task[field]) if task[field] else None
            if known is None or (first and known < moment(first)) or (last and known > moment(last)):
                return False
        elif field in ("type", "status", "label", "task_id"):
            text = str(task[field] or "")
            wanted = [value for value in values.split(",") if not value.startswith("!")]
            unwanted = [value[1:] for value in values.split(",") if value.startswith("!")]
            if any(_matches(text, v) for v in unwanted) or (wanted and not any(_matches(text, v) for v in wanted)):
                return False
    return True


def moment(text: str) -> float:
    """Return the seconds of a time as Transfer writes it, in UTC unless it says otherwise; raise ValueError."""
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def read_time(text: str, name: str, *, future: bool = False) -> float:
    """Return the seconds of a time in a request; raise what Transfer answers to another text, or to a past time."""
    try:
        seconds = moment(text)
    except ValueError as error:
        raise BadRequest(f"{name} is not a time") from error
    if future and seconds <= time.time():
        raise BadRequest(f"{name} is over")
    return seconds


def _matches(text: str, value: str) -> bool:
    if value.startswith("~"):
        return fnmatch.fnmatch(text.lower(), value[1:].lower())
    return text == value.removeprefix("=")
