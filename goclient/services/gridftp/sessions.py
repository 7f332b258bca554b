"""Sessions with GridFTP servers, one for each, which several threads share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from goclient.errors.conditions import SessionClosed
from goclient.errors.wording import quote
from goclient.model.endpoint import GridftpEndpoint
from goclient.services.deadline import Background
from goclient.services.gridftp.replies import Reply
from goclient.services.gridftp.session import End, Session, open_session
from goclient.services.gsi.dial import silent
from goclient.services.gsi.server import GRIDFTP, Server
from goclient.services.gsi.tls import Credential, Trust
from goclient.services.retry import insist

T = TypeVar("T")
LINGER = 10.0  # seconds that a session waits for the next step of a job: a login costs more than all its questions


class _Slot:
    """A server's session, if there is one, who may use it, and when it was used last."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.session: Session | None = None
        self.used = 0.0


class Sessions:
    """Open a session when a server is asked something, and keep it for the next question.

    What may pass, of a server or of where the credential comes from, is tried again for ``patience`` seconds.
    """

    def __init__(self, credential: Callable[[], Credential], trust: Trust, end: End, *, patience: float = 0.0) -> None:
        self._credential = credential
        self._trust = trust
        self._end = end
        self._patience = patience
        self._slots: dict[GridftpEndpoint, _Slot] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()

    def close(self) -> None:
        """Hang up everywhere: what other threads ask fails at once."""
        self._closed.set()
        with self._lock:
            slots = list(self._slots.values())
        for slot in slots:
            if (session := slot.session) is not None:  # its own thread may end it now
                session.cancel()
        self._hang_up(0.0)

    def rest(self) -> None:
        """Hang up soon, where nobody asks meanwhile; who asks later logs in again."""

        def hang_up() -> None:
            if self._hang_up(LINGER):
                self.rest()

        timer = threading.Timer(LINGER, hang_up)
        timer.daemon = True
        timer.start()

    def _hang_up(self, idle: float) -> bool:
        """Hang up where nobody asks now, and nobody has asked for so many seconds; return True if any is left."""
        with self._lock:
            slots = list(self._slots.values())
        for slot in slots:
            if slot.lock.acquire(blocking=False):
                if slot.session is not None and time.monotonic() - slot.used >= idle:
                    slot.session.close()
                    slot.session = None
                slot.lock.release()
        return any(slot.session is not None for slot in slots)

    def ahead(self, endpoint: GridftpEndpoint) -> None:
        """Begin to log in, beside what is done meanwhile; who asks next is told what failed, as it fails again."""

        def log_in() -> None:
            with self.session(endpoint, insists=False):
                self.rest()

        Background(log_in)

    def ask(
        self, endpoint: GridftpEndpoint, commands: Sequence[str], *, end: End | None = None, repeat: bool = True
    ) -> list[Reply]:
        """Return the replies to commands.

        With ``repeat``, ask again if the session was used before, and the server has ended it since; or if they get no
        answer now, for the patience.
        """
        if not commands:
            return []

        def once() -> list[Reply]:
            with self.session(endpoint, insists=not repeat) as session:
                waited = session.has_waited
                try:
                    return session.commands(commands, end or self._end)
                except SessionClosed:
                    if not (waited and repeat) or self._closed.is_set():
                        raise
            with self.session(endpoint, insists=not repeat) as session:
                return session.commands(commands, end or self._end)

        return self._insist(once) if repeat else once()

    def _insist(self, call: Callable[[], T]) -> T:
        """Return what a call gives; what may pass is tried again for the patience."""
        return insist(call, self._patience, wait=self._closed.wait)

    @contextmanager
    def session(self, endpoint: GridftpEndpoint, *, insists: bool = True) -> Iterator[Session]:
        """Lend a server's session for the body; who asks that server meanwhile waits."""
        self._check_not_closed(endpoint)
        with self._lock:
            slot = self._slots.setdefault(endpoint, _Slot())
        deadline = self._end()
        if not slot.lock.acquire(timeout=max(deadline.left, 0.001)):
            raise silent(Server(endpoint.host, endpoint.port, GRIDFTP), deadline, step="because it was busy")
        try:
            if slot.session is None or slot.session.is_closed:
                slot.session = self._insist(lambda: self._open(endpoint)) if insists else self._open(endpoint)
            yield slot.session
        finally:
            slot.used = time.monotonic()
            if slot.session is not None and (slot.session.is_closed or self._closed.is_set()):
                slot.session.close()
                slot.session = None
            slot.lock.release()

    def _open(self, endpoint: GridftpEndpoint) -> Session:
        self._check_not_closed(endpoint)
        return open_session(endpoint, self._credential(), self._trust, deadline=self._end())

    def _check_not_closed(self, endpoint: GridftpEndpoint) -> None:
        if self._closed.is_set():
            raise SessionClosed(
                f"{quote(endpoint.display)} is not asked: the work was ended",
                hint="type the command again", code="gridftp-closed", subject=str(endpoint),
            )  # fmt: skip
