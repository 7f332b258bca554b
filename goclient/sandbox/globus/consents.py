"""Consents to scopes, of people and of clients for themselves: one for each scope, below the one that leads to it.

A person's consents hold for all tokens of one client, old and new, as with the real service.  A client's are in
the scope of each token, so a token asked for without one lacks it.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from goclient.sandbox.globus import scopes
from goclient.sandbox.state import Row, State, compact_json


def record(state: State, identity: str, *, client: str, paths: Iterable[tuple[str, ...]]) -> None:
    """Note that an identity has allowed a client these scopes; keep the time of an older consent."""
    statement = "insert or ignore into consents (identity, client, path, time) values (?, ?, ?, ?)"
    for path in paths:
        state.run(statement, identity, client, compact_json(path), time.time())


def allows(state: State, holder: Row, path: tuple[str, ...]) -> bool:
    """Return True if the holder of a token has consented to the scope at the end of ``path``."""
    if not holder["person"]:
        return path in scopes.paths(holder["scope"])
    given = "select 1 from consents where identity = ? and client = ? and path = ?"
    return state.row(given, holder["id"], holder["client"], compact_json(path)) is not None


def describe(state: State, identity: str, client: str) -> list[dict[str, Any]]:
    """Return the consents that an identity has given a client, as Globus Auth shows them."""
    rows = state.rows("select * from consents where identity = ? and client = ? order by id", identity, client)
    numbers = {row["path"]: row["id"] for row in rows}
    described = []
    for row in rows:
        path = json.loads(row["path"])
        moment = datetime.fromtimestamp(row["time"], UTC).isoformat(timespec="microseconds")
        document = {
            "id": row["id"],
            "client": row["client"],
            "scope": str(uuid.uuid5(uuid.NAMESPACE_URL, path[-1])),
            "scope_name": path[-1],
            "effective_identity": row["identity"],
            "dependency_path": [numbers[compact_json(path[:end])] for end in range(1, len(path) + 1)],
            "status": "approved",
            **dict.fromkeys(("created", "updated", "last_used"), moment),
            "allows_refresh": True,
            "auto_approved": False,
            "atomically_revocable": len(path) > 1,
        }
        described.append(document)
    return described
