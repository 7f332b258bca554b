"""Deposits of the MyProxy server in miniature: rows of the sandbox's one database."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass

from goclient.sandbox.state import State


@dataclass(frozen=True, slots=True)
class Deposit:
    """A deposit, and what retrievers are given of it."""

    username: str
    name: str | None
    owner: str  # as OpenSSL writes it on one line
    description: str | None
    lifetime: int  # seconds, that a retriever gets at most; 0: as long as the deposit lives
    retrievers: str | None
    key_retrievers: str | None
    trusted: str | None
    renewers: str | None
    certificates: bytes  # PEM, the proxy first
    key: bytes  # PEM, encrypted if there is a pass phrase


class Deposits:
    """All deposits of a sandbox; one is replaced as a whole, or not at all."""

    def __init__(self, state: State) -> None:
        self._state = state

    def put(self, deposit: Deposit) -> None:
        """Store a deposit; it replaces another one at the same place."""
        place = _place(deposit.username, deposit.name)
        values = {"place": place, **asdict(deposit)}
        with self._state.transaction():
            self._state.run("delete from deposits where place = ?", place)
            self._state.insert("deposits", values)

    def one(self, username: str, name: str | None) -> Deposit | None:
        """Return the deposit at a place, or None."""
        columns = ", ".join(Deposit.__slots__)
        row = self._state.row(f"select {columns} from deposits where place = ?", _place(username, name))
        return None if row is None else Deposit(**row)

    def find_owned(self, username: str, name: str | None, owner: str) -> list[Deposit]:
        """Return the owner's deposits of a user name: the one without a name first; of one name, if one is given."""
        columns, named = ", ".join(Deposit.__slots__), "? is null or ? = coalesce(name, '')"
        rows = self._state.rows(
            f"select {columns} from deposits where username = ? and owner = ? and ({named}) "
            "order by name is not null, rowid",
            *(username, owner, name, name),
        )
        return [Deposit(**row) for row in rows]

    def remove(self, username: str, name: str | None) -> bool:
        """Remove the deposit at a place; return False if there was none."""
        return self._state.run("delete from deposits where place = ?", _place(username, name)) > 0


def _place(username: str, name: str | None) -> str:
    """Return the name of the file that the real server would use: ``A`` with the name ``B`` is at ``A-B``."""
    parts = [username] if name is None else [username, name]
    return "-".join(hashlib.md5(one.encode("latin-1")).hexdigest() if "/" in one else one for one in parts)
