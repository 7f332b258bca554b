"""Sessions with GridFTP servers, one for each, which several threads share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from goclient.errors.conditions import SessionClosed
from goclient.errors.wording import quoted
from goclient.model.endpoint import GridftpEndpoint
from goclient.services.gridftp.replies import Reply
from goclient.services.gridftp.session import End, Session, open_session
from goclient.services.gsi.dial import silent
from goclient.services.gsi.server import GRIDFTP, Server
from goclient.services.gsi.tls import Credential, Trust


class _Slot:
    """A server's session, if there is one, and who may use it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.session: Session | None = None


class Sessions:
    """Open a session when a server is asked something, and keep it for the next question."""

    def __init__(self, credential: Callable[[], Credential], trust: Trust, end: End) -> None:
        self._credential = credential
        self._trust = trust
        self._end = end
        self._slots: dict[GridftpEndpoint, _Slot] = {}
        self._lock = threading.Lock()
        self._closed = False

    def close(self) -> None:
        """Hang up everywhere: what other threads ask fails at once."""
        self._closed = True
        with self._lock:
            slots = list(self._slots.values())
        for slot in slots:
            if (session := slot.session) is not None:  # its own thread may end it now
                session.cancel()
        self.rest()

    def rest(self) -> None:
        """Hang up where nobody asks now; who asks later logs in again."""
        with self._lock:
            slots = list(self._slots.values())
        for slot in slots:
            if slot.lock.acquire(blocking=False):
                if slot.session is not None:
                    slot.session.close()
                    slot.session = None
                slot.lock.release()

    def ask(
        self, endpoint: GridftpEndpoint, commands: Sequence[str], *, end: End | None = None, repeat: bool = True
    ) -> list[Reply]:
        """Return the replies to commands.

        With ``repeat``, ask again if the session was used before, and the server has ended it since.
        """
        if not commands:
            return []
        with self.session(endpoint) as session:
            waited = session.has_waited
            try:
                return session.commands(commands, end or self._end)
            except SessionClosed:
                if not (waited and repeat) or self._closed:
                    raise
        with self.session(endpoint) as session:
            return session.commands(commands, end or self._end)

    @contextmanager
    def session(self, endpoint: GridftpEndpoint) -> Iterator[Session]:
        """Lend a server's session for the body; who asks that server meanwhile waits."""
        if self._closed:
            raise SessionClosed(
                f"{quoted(endpoint.display)} is not asked: the work was ended",
                hint="type the command again", code="gridftp-closed", subject=str(endpoint),
            )  # fmt: skip
        with self._lock:
            slot = self._slots.setdefault(endpoint, _Slot())
        deadline = self._end()
        if not slot.lock.acquire(timeout=max(deadline.left, 0.001)):
            raise silent(Server(endpoint.host, endpoint.port, GRIDFTP), deadline, step="because it was busy")
        try:
            if slot.session is None or slot.session.is_closed:
                slot.session = open_session(endpoint, self._credential(), self._trust, deadline=self._end())
            yield slot.session
        finally:
            if slot.session is not None and (slot.session.is_closed or self._closed):
                slot.session.close()
                slot.session = None
            slot.lock.release()
