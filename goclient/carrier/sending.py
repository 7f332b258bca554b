"""Sending of what goes before carried jobs: their archive, and a credential; each in the journal before and after."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from goclient.carrier.carried import Luggage, Secret
from goclient.errors import GoclientError, ServerError
from goclient.errors.sent import ReplyLost
from goclient.errors.wording import quoted
from goclient.files.private import make_directory, private
from goclient.journal import Entry, Journal

UPLOAD, SECRET = "upload", "secret"  # what entries are about
_TRIES = 3  # a secret that somebody else sets at the same moment may be lost (server 1.0.4, set_user_secret)
_AGAIN = "type the command again"
_UNSENT = "; no job was sent"


class Uploads(Protocol):
    """PanDA's file server, as far as it is asked here."""

    @property
    def name(self) -> str:
        """Return the server's address, for messages."""

    def upload(self, name: str, data: bytes) -> None:
        """Keep a file under a new name."""


class Secrets(Protocol):
    """PanDA's server, as far as it is asked here."""

    @property
    def name(self) -> str:
        """Return the server's address, for messages."""

    def secrets(self) -> dict[str, str]:
        """Return all secrets of the user, by their keys."""

    def set_secret(self, key: str, value: str) -> None:
        """Set one of them."""

    def at(self, url: str) -> Uploads:
        """Return the file server at a URL, asked as this one is."""


def send_luggage(
    luggage: Luggage, key: str, *, server: Secrets, journal: Journal, note: Callable[[Entry], None]
) -> None:
    """Send the archive of carried jobs, and then their secret, if they have one; ``key`` is that of the request.

    Raises ServerError if either is not there in the end: then no job can run.
    """
    files = server.at(luggage.file_server)
    size = f"{len(luggage.data)} bytes to {files.name}"
    upload = Entry(UPLOAD, f"{key}.{UPLOAD}", "intended", (luggage.archive,), size)
    journal.append(upload)
    _call(lambda: files.upload(luggage.archive, luggage.data), upload, note)
    if (secret := luggage.secret) is not None:
        entry = Entry(SECRET, f"{key}.{SECRET}", "intended", (secret.key,), f"to {server.name}")
        journal.append(entry)
        _call(lambda: store_secret(secret, server, _lock_of(journal)), entry, note)


def confirm_secret(luggage: Luggage, *, server: Secrets, journal: Journal, warn: Callable[[str, str], None]) -> None:
    """Set the secret of jobs that were accepted again, if another machine's has replaced it since.

    What goes wrong is a warning: the jobs are there.
    """
    if luggage.secret is not None:
        try:
            store_secret(luggage.secret, server, _lock_of(journal))
        except GoclientError as error:
            message = f"the credential of the jobs may be lost: {error.message}"
            warn(message, "look whether they run; else kill them, and type the command again")


def _lock_of(journal: Journal) -> Path:
    return journal.path.with_name("secrets.lock")


def _call(call: Callable[[], None], intent: Entry, note: Callable[[Entry], None]) -> None:
    """Make a call, and note what came of it."""
    try:
        call()
    except ReplyLost as error:
        note(intent.then("unknown", detail=error.message))
        raise ServerError(error.message + _UNSENT, hint=_AGAIN, code=error.code, transient=True) from error
    except GoclientError as error:
        note(intent.then("refused", detail=error.message))
        raise error.replace(message=error.message + _UNSENT) from error
    except BaseException as stop:  # a signal: the request may have arrived
        note(intent.then("unknown", detail=type(stop).__name__))
        raise
    note(intent.then("done"))


def store_secret(secret: Secret, server: Secrets, lock: Path) -> None:
    """Set a secret, unless it is there already, and read it back; one process of this user at a time does it.

    The server keeps all secrets of a user as one value, and of two that are set at one moment it loses one.
    """
    make_directory(lock.parent)
    with open(lock, "ab", opener=private) as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        message = f"{server.name} has not kept the secret {quoted(secret.key)}, though it said so {_TRIES} times"
        error = ServerError(message, hint=_AGAIN, code="secret-lost", transient=True)
        for _ in range(_TRIES):
            if server.secrets().get(secret.key) == secret.value:
                return
            try:
                server.set_secret(secret.key, secret.value)
            except ServerError as refused:  # reading it back tells: a first one of two at one moment is refused
                error = refused
        if server.secrets().get(secret.key) == secret.value:
            return
    raise error
