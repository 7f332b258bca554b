"""Show that the PanDA server loses one of two secrets that are set at one moment: PYTHON server_secrets.py.

PYTHON is one that has panda-server-source; with the directory of another entity_module.py behind it, that is shown.
The server's own method runs twice, side by side, on a table with one row, whose lock is that of ``FOR UPDATE`` and of
``UPDATE``, until the commit.  Exit code 3: a secret is lost; 0: both are there.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import MethodType, SimpleNamespace
from typing import Any

MODULE = "pandaserver.taskbuffer.db_proxy_mods.entity_module"
WITHIN = 2.0  # seconds in which the second reads, if nothing keeps it from that


class Row:
    """Row of a user in the table of secrets, with the lock that a transaction has on it."""

    def __init__(self) -> None:
        self.data = json.dumps({"old": "0"})
        self.lock = threading.Lock()
        self.both_have_read = threading.Barrier(2)


def connection(row: Row) -> SimpleNamespace:
    """Return what the method needs of its object: a connection to a database with the row."""
    held: list[bool] = []

    def take() -> None:
        if not held:
            row.lock.acquire()
            held.append(True)

    def read(sql: str, *_: Any, **__: Any) -> tuple[bool, list[list[str]]]:
        if "FOR UPDATE" in sql.upper():
            take()
        data = row.data
        with suppress(threading.BrokenBarrierError):  # the other one waits for the lock
            row.both_have_read.wait(WITHIN)
        return True, [[data]]

    def execute(sql: str, values: dict[str, str]) -> None:
        assert sql.upper().startswith("UPDATE"), sql
        take()
        row.data = values[":data"]

    def commit() -> bool:
        if held:
            held.clear()
            row.lock.release()
        return True

    log = SimpleNamespace(debug=lambda *_: None)
    own = {"conn": SimpleNamespace(begin=lambda: None), "cur": SimpleNamespace(execute=execute)}
    return SimpleNamespace(
        **own, getClobObj=read, _commit=commit, _rollback=commit, create_tagged_logger=lambda *_: log,
        dump_error_message=lambda *_: None,
    )  # fmt: skip


def main(directory: str) -> int:
    """Set two secrets at one moment; return 3 if one of them is not there afterwards."""
    found = importlib.util.find_spec(MODULE)
    assert found is not None, "this Python has no panda-server-source"
    path = Path(directory, "entity_module.py") if directory else Path(str(found.origin))
    text = path.read_text()
    start = text.index("    def set_user_secret(")
    method = text[start : text.index("\n    # get user secrets", start)]
    names: dict[str, Any] = {"json": json}
    exec("class Proxy:\n" + method, names)  # the module itself needs a server's configuration
    row = Row()

    def store(key: str) -> None:
        proxy = connection(row)
        MethodType(names["Proxy"].set_user_secret, proxy)("user", key, "1")

    threads = [threading.Thread(target=store, args=(key,)) for key in ("first", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lost = {"old", "first", "second"} - json.loads(row.data).keys()
    print(f"lost: {', '.join(sorted(lost))}" if lost else "all secrets are there")
    return 3 if bool(lost) else 0


if __name__ == "__main__":
    if sys.argv[2:] or not all(Path(one, "entity_module.py").is_file() for one in sys.argv[1:]):
        sys.exit("usage: PYTHON server_secrets.py [DIRECTORY], which has an entity_module.py")
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
