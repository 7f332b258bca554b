"""Storages that are asked about directories: Globus' Transfer for all collections, and each server for its own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

from goclient.errors import EndpointError, GoclientError
from goclient.errors.wording import quote
from goclient.model.endpoint import Endpoint, UrlEndpoint
from goclient.model.frozen import Frozen
from goclient.preflight.listings import About, Directory, Question, Storage
from goclient.services.parallel import globus_is_late

if TYPE_CHECKING:
    from goclient.services.globus.sdk import Globus
    from goclient.services.gsi.identity import Identity
    from goclient.services.server_files import ServerFiles

POLL = 0.2  # seconds between two questions about the task that removes a directory


class Collections(Storage):
    """Collections, of which Globus is asked: several threads may, with one question each."""

    at_once = False

    def __init__(self, globus: Globus) -> None:
        self._globus = globus

    def answers(self, questions: Sequence[Question]) -> Sequence[Any]:
        """Return the answer to each question; raise EndpointError or LoginNeeded for one that has none."""
        globus = self._globus
        ask = {About.CONTENTS: globus.listing, About.ITSELF: globus.entry, About.EMPTINESS: globus.is_empty}
        return [ask[about](endpoint, _path(about, path)) for about, (endpoint, path) in questions]

    def late(self, seconds: float) -> GoclientError:
        """Return the error of Globus that has not answered."""
        return globus_is_late(self, seconds)

    def mkdir(self, directory: Directory) -> None:
        """Make a directory, unless it is there."""
        self._globus.mkdir(directory.endpoint, directory.path)

    def remove(self, directory: Directory) -> str:
        """Remove a directory in a task of Globus, and wait for its end."""
        task = self._globus.remove(directory.endpoint, directory.path)
        while (state := self._globus.task(task)).is_active:
            time.sleep(POLL)
        return "" if state.has_succeeded else state.status


def _path(about: About, path: str) -> str:
    """Return a path as it is asked for: what is asked about itself may be a file."""
    return path.rstrip("/") if about is About.ITSELF else path


class Server(Storage):
    """One server, asked in one session: after a question without an answer nobody waits for it again."""

    at_once = True

    def __init__(self, files: ServerFiles, endpoint: UrlEndpoint) -> None:
        self.endpoint = endpoint
        self._files = files
        self._gone: GoclientError | None = None

    def account(self) -> str:
        """Return the account that the user has there, "" if that is not known; raise EndpointError."""
        return self._files.account(self.endpoint)

    def answers(self, questions: Sequence[Question]) -> Sequence[Any]:
        """Return the answer to each question, or the error that is one; raise EndpointError if nobody is there."""
        if self._gone is not None:
            raise self._gone
        asked = [(about, _path(about, path)) for about, (_, path) in questions]
        single = [path for about, path in asked if about is About.ITSELF]
        whole = dict.fromkeys(path for about, path in asked if about is not About.ITSELF)
        try:
            entries = self._files.entries(self.endpoint, single) if single else {}
            listings = self._files.listings(self.endpoint, list(whole)) if whole else {}
        except GoclientError as error:
            self._gone = error
            raise
        found: list[Any] = []
        for about, path in asked:
            answer = entries[path] if about is About.ITSELF else listings[path]
            is_known = not isinstance(answer, GoclientError)
            found.append(not answer if about is About.EMPTINESS and is_known else answer)
        return found

    def late(self, seconds: float) -> GoclientError:
        """Return the error of the server that has not answered."""
        shown = self.endpoint.display
        return EndpointError(
            f"{quote(shown)} has not answered within {seconds:.0f} s: not everything there could be checked",
            hint="type the command again, with a longer --goTimeout",
            code=f"{self.endpoint.kind}-timeout",
            subject=shown,
            transient=True,
        )

    def mkdir(self, directory: Directory) -> None:
        """Make a directory, unless it is there."""
        self._files.mkdir(self.endpoint, directory.path)

    def remove(self, directory: Directory) -> str:
        """Remove a directory."""
        self._files.remove(self.endpoint, directory.path)
        return ""


class ServerConnections(Frozen):
    """Servers of a spec, and who asks them: nobody, if there is a ``problem`` with the credential.

    ``named`` are the servers that the spec's endpoints mean, ``storages`` those that are asked, by their URLs, and
    ``accounts`` what their users are called there, or why they cannot be used.
    """

    named: Mapping[Endpoint, UrlEndpoint]
    storages: Mapping[str, Server] = field(default_factory=dict)
    identity: Identity | None = None
    problem: GoclientError | None = None
    accounts: dict[str, str | GoclientError] = field(default_factory=dict)
    clients: tuple[ServerFiles, ...] = ()

    @property
    def usable(self) -> set[str]:
        """URLs of the servers that let the user in."""
        return {text for text, account in self.accounts.items() if not isinstance(account, GoclientError)}

    def close(self) -> None:
        """End all sessions."""
        for client in self.clients:
            client.close()
