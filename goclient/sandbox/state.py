"""Keep the state of a sandbox in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from goclient.sandbox.directory import Directory

Row = dict[str, Any]  # of a table, by the names of its columns

SCHEMA = """
create table if not exists facts (name text primary key, value text not null);
create table if not exists identities (id text primary key, username text not null, client_id text not null unique,
    client_secret text not null, subject text not null, production integer not null, token text not null unique);
create table if not exists clients (id text primary key, name text not null, secret text);
create table if not exists tokens (access_token text primary key, identity text not null, scope text not null,
    expires real not null, issued real not null default 0, client text not null default '',
    server text not null default '', refreshes integer not null default 0, person integer not null default 0);
create table if not exists codes (code text primary key, identity text not null, client text not null,
    redirect_uri text not null, challenge text not null, scope text not null, state text not null,
    offline integer not null, expires real not null);
create table if not exists consents (id integer primary key, identity text not null, client text not null,
    path text not null, time real not null, unique (identity, client, path));
create table if not exists sessions (identity text not null, client text not null, unique (identity, client));
create table if not exists collections (id text primary key, display_name text not null, owner text not null,
    entity_type text not null, root text, asks_consent integer not null default 0,
    asks_session integer not null default 0, https integer not null default 0,
    setup_key text, secret text, directory text, lock_file text, allowed text,
    public integer not null default 0, everyone integer not null default 0, host text, base text,
    fields text not null default '{}');
create table if not exists roles (id text primary key, collection text not null, principal text not null,
    role text not null, unique (collection, principal, role));
create table if not exists rules (id text primary key, collection text not null, path text not null,
    principal_type text not null, principal text not null, permissions text not null, created real not null,
    expires real, unique (collection, path, principal_type, principal));
create table if not exists submissions (id text primary key, owner text not null, task_id text);
create table if not exists tasks (task_id text primary key, owner text not null, label text, status text not null,
    source text not null, destination text not null, request_time real not null, completion_time real,
    deadline real not null, items text not null, files integer not null default 0,
    directories integer not null default 0, files_transferred integer not null default 0,
    bytes_transferred integer not null default 0, faults integer not null default 0,
    nice_status text not null default 'Queued', fatal text, running integer not null default 0,
    retry_at real not null default 0, options text not null, type text not null default 'TRANSFER');
create table if not exists events (number integer primary key, task_id text not null, time real not null,
    code text not null, is_error integer not null, description text not null, details text not null);
create table if not exists transferred (task_id text not null, source_path text not null,
    destination_path text not null, checksum text not null, size integer not null default 0,
    primary key (task_id, destination_path));
create table if not exists queues (name text primary key, status text not null default 'online',
    maxwdir integer);
create table if not exists jobs (panda_id integer primary key autoincrement, owner text not null, status text not null,
    site text not null, command text not null default '', attributes text not null, changed real not null,
    task integer, record integer, ending text not null default '');
create index if not exists jobs_of_tasks on jobs (task);
create index if not exists jobs_in_state on jobs (status);
create table if not exists jedi_tasks (task_id integer primary key autoincrement, owner text not null,
    name text not null, parameters text not null, created real not null, changed real not null,
    command text not null default '', retries integer not null default 0);
create table if not exists cache_files (name text primary key, owner text not null, size integer not null,
    checksum text, created real not null);
create table if not exists secrets (owner text primary key, updated_at real not null, data text not null);
create table if not exists deposits (place text primary key, username text not null, name text, owner text not null,
    description text, lifetime integer not null, retrievers text, key_retrievers text, trusted text, renewers text,
    certificates blob not null, key blob not null);
"""
LAYOUT = "11"  # of the tables; state that has another layout is made anew


class State:
    """Database of one sandbox; a connection for each thread, each transaction on disk when it ends.

    A thread for each request would open one each, and read the schema: a third of what an answer takes.
    """

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self._local = threading.local()
        self._idle: list[sqlite3.Connection] = []  # of threads that have ended

    @property
    def _connection(self) -> sqlite3.Connection:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            with suppress(IndexError):
                connection = self._idle.pop()
            self._local.connection = connection = connection or self._connect()
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.directory.database, timeout=30, isolation_level=None, check_same_thread=False
        )  # of one thread at a time
        connection.row_factory = sqlite3.Row
        connection.execute("pragma synchronous = off")  # a sandbox need not outlive a power cut
        return connection

    def release(self) -> None:
        """Leave this thread's connection to another one, at its end."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            self._local.connection = None
            self._idle.append(connection)

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def create(self) -> None:
        """Make the tables."""
        self.directory.database.touch(mode=0o600)  # it holds secrets, if only its own
        self._connection.execute("pragma journal_mode = wal")
        self._connection.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the body with the database to itself; all of it happens, or nothing."""
        connection = self._connection
        connection.execute("begin immediate")
        try:
            yield connection
        except BaseException:
            connection.execute("rollback")
            raise
        connection.execute("commit")

    def row(self, query: str, *values: Any) -> Row | None:
        """Return the first row of a query, or None."""
        row = self._connection.execute(query, values).fetchone()
        return None if row is None else dict(row)

    def rows(self, query: str, *values: Any) -> list[Row]:
        """Return all rows of a query."""
        return [dict(row) for row in self._connection.execute(query, values)]

    def run(self, statement: str, *values: Any) -> int:
        """Execute a statement; return the number of rows that it changed."""
        return self._connection.execute(statement, values).rowcount

    def insert(self, table: str, values: Mapping[str, Any]) -> int:
        """Insert a row; return its number."""
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        cursor = self._connection.execute(f"insert into {table} ({names}) values ({marks})", tuple(values.values()))
        return int(cursor.lastrowid or 0)

    def fact(self, name: str) -> str:
        """Return a fact of the sandbox, such as its URL; the empty string if it is not set."""
        row = self.row("select value from facts where name = ?", name)
        return row["value"] if row else ""

    def set_fact(self, name: str, value: str) -> None:
        """Set a fact of the sandbox."""
        self.run("insert into facts values (?, ?) on conflict (name) do update set value = excluded.value", name, value)


def compact_json(value: Any) -> str:
    """Write a value as compact JSON, for a column."""
    return json.dumps(value, separators=(",", ":"))
