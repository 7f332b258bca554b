"""Moves on WebDAV servers, for any name: some servers do not decode the path that a MOVE leads to.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable

from goclient.errors import RequestError
from goclient.errors.conditions import PathNotFound
from goclient.errors.wording import quoted
from goclient.model.endpoint import Endpoint
from goclient.services.https.client import HttpFiles, Place
from goclient.services.https.connection import Request


class Moves:
    """Give entries of servers other paths; ``place`` and ``entry`` are those of :class:`WebdavFiles`."""

    def __init__(
        self,
        http: HttpFiles,
        place: Callable[[Endpoint, str], Place],
        entry: Callable[[Endpoint, str], object],
    ) -> None:
        self._http = http
        self._place = place
        self._entry = entry
        self._is_literal: dict[Endpoint, bool] = {}  # RFC 4918, 10.3 wants a URL there; xrootd 5.5 takes it as it is

    def move(self, endpoint: Endpoint, old: str, new: str, *, overwrite: str) -> None:
        """Send a MOVE; for a name that is not the same when it is encoded, check that it has arrived."""
        place = self._place(endpoint, new)
        if place.target == new:
            self._send(endpoint, old, new, overwrite=overwrite)
            return
        if endpoint not in self._is_literal:
            self._is_literal[endpoint] = self._learn(endpoint, old)
        destination = self._as_sent(endpoint, new)
        # Blanks at the end of a header are not part of it, and xrootd 5.5 takes ASCII only.
        if bad := re.search(r"[^\x21-\x7e]\Z|[^\x20-\x7e]", destination):
            raise not_kept(place.shown, new[bad.start() :][:1])
        self._send(endpoint, old, destination, overwrite=overwrite)
        self._entry(endpoint, new)

    def _as_sent(self, endpoint: Endpoint, path: str) -> str:
        if self._is_literal[endpoint]:
            return os.fsencode(path).decode("latin-1")
        return self._place(endpoint, path).target

    def _learn(self, endpoint: Endpoint, old: str) -> bool:
        """Return True if the server does not decode the path: the entry goes to a name of ours with a blank, and back.

        Its final name is not tried, because the encoded one could be somebody else's.
        """
        trial = f"{old.rpartition('/')[0]}/.goclient {secrets.token_hex(8)}.part"
        encoded = self._place(endpoint, trial).target
        self._send(endpoint, old, encoded, overwrite="F")
        try:
            self._entry(endpoint, trial)
        except PathNotFound:
            trial = encoded  # that is its name now
        self._is_literal[endpoint] = trial == encoded
        self._send(endpoint, trial, self._as_sent(endpoint, old), overwrite="F")
        return self._is_literal[endpoint]

    def _send(self, endpoint: Endpoint, old: str, destination: str, *, overwrite: str) -> None:
        source = self._place(endpoint, old)
        headers = {"Destination": f"https://{source.access.server}{destination}", "Overwrite": overwrite}
        with self._http.answer(source, Request("MOVE", source.target, headers)):  # once: its answer may be lost
            pass


def not_kept(shown: str, character: str) -> RequestError:
    """Return the error of a name that some servers change."""
    return RequestError(
        f"{quoted(shown)}: not every WebDAV server keeps {quoted(character)} in such a name",
        hint="give it another name: without ? and control characters, and on xrootd of ASCII, without a blank at its end",
        code="location", subject=shown,
    )  # fmt: skip
