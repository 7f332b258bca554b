"""Secrets that users give to the PanDA server for their jobs, kept as server 1.0.4 keeps them.

``set_user_secret`` of its entity_module.py reads all secrets of a user, changes one of them, and writes all, without a
lock.  So of two changes at the same time one is lost, though both are confirmed.  ``secret_seconds`` of the settings is
the time between reading and writing.
"""

from __future__ import annotations

import json
import sqlite3
import time

from goclient.sandbox.http import Document
from goclient.sandbox.panda.api import Api, Caller, refusal, success
from goclient.sandbox.state import State, compact_json

FILE = "___file___:"  # begins the name of a secret that becomes a file, of which it has the base64

routes = Api()


def of_user(state: State, owner: str) -> str:
    """Return all secrets of a user, as the text of a JSON object."""
    row = state.row("select data from secrets where owner = ?", owner)
    return row["data"] if row else "{}"


@routes.method("creds/get_user_secrets", "GET")
def get_user_secrets(caller: Caller, keys: list[str] | None = None) -> Document:
    """Tell the secrets of the caller, all or those with these names, as the text of a JSON object."""
    kept = of_user(caller.state, caller.id)
    if keys:
        kept = compact_json({name: value for name, value in json.loads(kept).items() if name in keys})
    return success(kept)


@routes.method("creds/set_user_secrets", "POST")
def set_user_secrets(caller: Caller, key: str | None = None, value: str | None = None) -> Document:
    """Set a secret of the caller; without a value remove it, also if it is a file; without a key remove all."""
    state = caller.state
    found = state.row("select data from secrets where owner = ?", caller.id)
    time.sleep(caller.tuning.now.secret_seconds)
    kept = json.loads(found["data"]) if found and key is not None else {}
    if value is None:
        kept.pop(key if key in kept else f"{FILE}{key}", None)
    elif key is not None:
        kept[key] = value
    values = (compact_json(kept), time.time(), caller.id)
    write = "update secrets set data = ?, updated_at = ? where owner = ?"
    if found is None:
        write = "insert into secrets (data, updated_at, owner) values (?, ?, ?)"
    try:
        state.run(write, *values)
    except sqlite3.IntegrityError:  # the first secrets of a user, at the same time
        return refusal("database error")
    return success(message="OK")
