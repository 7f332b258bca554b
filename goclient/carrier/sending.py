"""Sending of what goes before carried jobs: their archive, and a credential; each in the journal before and after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from goclient.carrier.carried import Luggage
from goclient.carrier.others import check_same
from goclient.carrier.secret import Secret, SecretsShared, Use, check_alone
from goclient.errors import GoclientError, ServerError
from goclient.errors.sent import NotSent, ReplyLost
from goclient.errors.wording import quote
from goclient.journal import Entry, Journal, this_process

UPLOAD, SECRET, TASK = "upload", "secret", "task"  # what entries are about
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

    def set_secret(self, key: str, value: str | None) -> None:
        """Set one of them; None removes it."""

    def at(self, url: str) -> Uploads:
        """Return the file server at a URL, asked as this one is."""


def send_luggage(
    luggage: Luggage, key: str, *, server: Secrets, journal: Journal, note: Callable[[Entry], None]
) -> None:
    """Send the archive of carried jobs, and then their secret, if they have one; ``key`` is that of the request.

    Raises ServerError if either is not there in the end: then no job can run.  Raises SecretsShared as store_secret.
    """
    files = server.at(luggage.file_server)
    size = f"{len(luggage.data)} bytes to {files.name}"
    upload = Entry(UPLOAD, f"{key}.{UPLOAD}", "intended", (luggage.archive,), size)
    known = journal.last(UPLOAD, upload.key)
    if known is None or known.state != "done":
        journal.append(upload)
        _call(lambda: files.upload(luggage.archive, luggage.data), upload, note)
    if luggage.secret is not None:
        hand_out(luggage.secret, key, server=server, journal=journal, note=note)


def hand_out(secret: Secret, key: str, *, server: Secrets, journal: Journal, note: Callable[[Entry], None]) -> None:
    """Have PanDA hand out a secret to the jobs of a submission: it is out there until an entry says ``done``.

    After an error it may be there, too, unless it was never sent (SecretsShared).
    """
    process = this_process()
    use = Use(secret.key, secret.who.value, secret.identity, secret.until, server.name, process, secret.access)
    entry = Entry(SECRET, f"{key}.{SECRET}", "intended", use.subjects, f"to {server.name}")
    journal.append(entry)
    _call(lambda: store_secret(secret, server, journal), entry, note, done="accepted", failed="unknown")


def confirm_secret(
    secret: Secret, key: str, *, server: Secrets, journal: Journal, warn: Callable[[str, str], None]
) -> None:
    """Set the secret of jobs that were accepted again, if another machine's has replaced it since.

    One that was taken back meanwhile, says the journal of the submission ``key``, stays away.  What goes wrong is a
    warning: the jobs are there.
    """
    try:
        with turn(journal):
            states = [one.state for one in Journal(journal.path).latest(SECRET) if one.key == f"{key}.{SECRET}"]
            if states == ["accepted"]:
                _change(server, secret.key, secret.value, check=lambda _: None)
    except GoclientError as error:
        message = f"the credential of the jobs may be lost: {error.message}"
        warn(message, "look whether they run; else kill them, and type the command again")


def _call(
    call: Callable[[], None],
    intent: Entry,
    note: Callable[[Entry], None],
    *,
    done: str = "done",
    failed: str = "refused",
) -> None:
    """Make a call, and note what came of it: ``done`` if all is well, ``failed`` after an error."""
    try:
        call()
    except ReplyLost as error:
        note(intent.then("unknown", detail=error.message))
        raise ServerError(error.message + _UNSENT, hint=_AGAIN, code=error.code, transient=True) from error
    except GoclientError as error:
        note(intent.then("refused" if isinstance(error, SecretsShared) else failed, detail=error.message))
        raise error if isinstance(error, NotSent) else error.replace(message=error.message + _UNSENT) from error
    except BaseException as stop:  # a signal: the request may have arrived
        note(intent.then("unknown", detail=type(stop).__name__))
        raise
    note(intent.then(done))


def store_secret(secret: Secret, server: Secrets, journal: Journal) -> None:
    """Set a secret, unless it is there already, and read it back; one process of this user at a time does it.

    Raises SecretsShared if there are any beside those of goclient, or such as do not open the same, unless the user
    shares them with the jobs.
    """

    def check(known: Mapping[str, str]) -> None:
        if not secret.shares:
            check_alone(known)
            check_same(secret, known)

    with turn(journal):
        _change(server, secret.key, secret.value, check=check)


def remove_secret(key: str, server: Secrets) -> None:
    """Remove a secret, and read that back; it is this process's :func:`turn`."""
    _change(server, key, None, check=lambda _: None)


def turn(journal: Journal) -> AbstractContextManager[None]:
    """Run the body while no other process that writes this journal changes secrets, or permissions given for them.

    The server keeps all secrets of a user as one value, and of two changes at one moment it loses one.
    """
    return journal.turn("secrets")


def _change(server: Secrets, key: str, value: str | None, *, check: Callable[[Mapping[str, str]], None]) -> None:
    """Give a secret a value, None for none, until the server says that it has it; each answer is checked first."""
    did = "kept" if value is not None else "removed"
    message = f"{server.name} has not {did} the secret {quote(key)}, though it said so {_TRIES} times"
    error = ServerError(message, hint=_AGAIN, code="secret-lost", transient=True)
    for _ in range(_TRIES):
        known = server.secrets()
        check(known)
        if known.get(key) == value:
            return
        try:
            server.set_secret(key, value)
        except ServerError as refused:  # reading it back tells: a first one of two at one moment is refused
            error = refused
    if server.secrets().get(key) != value:
        raise error


def note_task(key: str, state: str, *, journal: Journal, server: str, task_id: int | None = None) -> None:
    """Note what came of a task that is sent to a server, to whose jobs a secret may be handed out under the same key.

    It is ``intended`` before it is sent; once its number is known, that is the first subject, the server the second.
    """
    subjects = () if task_id is None else (str(task_id), server)
    journal.append(Entry(TASK, f"{key}.{TASK}", state, subjects, f"task to {server}"))
