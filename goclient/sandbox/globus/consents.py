"""What people, and clients for themselves, have allowed: a consent for each scope, below the one that leads to it.

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
from goclient.sandbox.state import State, dumped


def record(state: State, identity: str, client: str, paths: Iterable[tuple[str, ...]]) -> None:
    """None, once an identity has allowed a client these scopes; the time of an older consent is kept."""
    for path in paths:
        state.run(
            "insert or ignore into consents (identity, client, path, time) values (?, ?, ?, ?)",
            identity,
            client,
            dumped(path),
            time.time(),
        )


def allows(state: State, holder: dict[str, Any], path: tuple[str, ...]) -> bool:
    """Whether the holder of a token has consented to the scope at the end of ``path``."""
    if not holder["person"]:
        return path in scopes.paths(holder["scope"])
    given = "select 1 from consents where identity = ? and client = ? and path = ?"
    return state.row(given, holder["id"], holder["client"], dumped(path)) is not None


def listed(state: State, identity: str, client: str) -> list[dict[str, Any]]:
    """The consents that an identity has given a client, as Globus Auth shows them."""
    rows = state.rows("select * from consents where identity = ? and client = ? order by id", identity, client)
    numbers = {row["path"]: row["id"] for row in rows}
    return [_document(row, numbers) for row in rows]


def _document(row: dict[str, Any], numbers: dict[str, int]) -> dict[str, Any]:
    path = json.loads(row["path"])
    moment = datetime.fromtimestamp(row["time"], UTC).isoformat(timespec="microseconds")
    return {
        "id": row["id"],
        "client": row["client"],
        "scope": str(uuid.uuid5(uuid.NAMESPACE_URL, path[-1])),
        "scope_name": path[-1],
        "effective_identity": row["identity"],
        "dependency_path": [numbers[dumped(path[:end])] for end in range(1, len(path) + 1)],
        "status": "approved",
        "created": moment,
        "updated": moment,
        "last_used": moment,
        "allows_refresh": True,
        "auto_approved": False,
        "atomically_revocable": len(path) > 1,
    }
