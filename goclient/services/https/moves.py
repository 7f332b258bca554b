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
from goclient.errors.wording import quote
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
        is_literal: dict[Endpoint, bool],  # what is known of servers, which is added to
    ) -> None:
        self._http = http
        self._place = place
        self._entry = entry
        self._is_literal = is_literal  # RFC 4918, 10.3 wants a URL there; xrootd 5.5 takes it as it is

    def move(self, endpoint: Endpoint, old: str, new: str, *, overwrite: str) -> None:
        """Send a MOVE; for a name that is not the same when it is encoded, check that it has arrived."""
        place = self._place(endpoint, new)
        if place.target == new:
            self._send(endpoint, old, new, overwrite=overwrite)
            return
        if endpoint not in self._is_literal:
            self._is_literal[endpoint] = self._learn(endpoint, old)
        destination = os.fsencode(new).decode("latin-1") if self._is_literal[endpoint] else place.target
        # Blanks at the end of a header are not part of it, and xrootd 5.5 takes ASCII only.
        if bad := re.search(r"[^\x21-\x7e]\Z|[^\x20-\x7e]", destination):
            raise not_kept(place.shown, new[bad.start() :][:1])
        self._send(endpoint, old, destination, overwrite=overwrite)
        self._entry(endpoint, new)

    def _learn(self, endpoint: Endpoint, old: str) -> bool:
        """Return True if the server does not decode the path, as a directory of ours that is moved tells."""
        name = secrets.token_hex(8)
        above = old.rpartition("/")[0]
        first, second = f"{above}/.goclient-{name}.part", f"{above}/.goclient {name}.part"
        encoded = self._place(endpoint, second).target
        made = self._place(endpoint, first)
        try:
            with self._http.answer(made, Request("MKCOL", made.target, {})):
                pass
            self._send(endpoint, first, encoded, overwrite="F")
            is_literal = not self._has(endpoint, second)
            self._http.delete(self._place(endpoint, encoded if is_literal else second))
        except BaseException:
            for one in (first, second, encoded):
                self._http.take_back(self._place(endpoint, one))
            raise
        return is_literal

    def _has(self, endpoint: Endpoint, path: str) -> bool:
        try:
            self._entry(endpoint, path)
        except PathNotFound:
            return False
        return True

    def _send(self, endpoint: Endpoint, old: str, destination: str, *, overwrite: str) -> None:
        source = self._place(endpoint, old)
        headers = {"Destination": f"https://{source.access.server}{destination}", "Overwrite": overwrite}
        with self._http.answer(source, Request("MOVE", source.target, headers)):  # once: its answer may be lost
            pass


def not_kept(shown: str, character: str) -> RequestError:
    """Return the error of a name that some servers change."""
    return RequestError(
        f"{quote(shown)}: not every WebDAV server keeps {quote(character)} in such a name",
        hint="give it another name: of ASCII, without ?, control characters and blanks at its end",
        code="location", subject=shown,
    )  # fmt: skip
