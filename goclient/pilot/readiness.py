"""Readiness of a node: a pilot takes no job that it could not carry out, or whose end it could not report."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from goclient.errors import GoclientError, LoginNeeded, RequestError
from goclient.errors.wording import quote
from goclient.files.private import make_directory
from goclient.job_journal import JOBS
from goclient.node.globus_connect import check_node
from goclient.pilot.settings import Settings
from goclient.services.panda.client import PandaServer, Rights

ROOM = 1 << 20  # bytes: the journal and the log of an ordinary job
CLOCK_WITHIN = 300.0  # seconds: tokens and proxies are judged by the clock
_AGAIN_AFTER = 600.0  # seconds after which the server is asked again whether it takes reports


class NotAPilot(LoginNeeded):
    """Credential from which the server takes no reports of jobs."""

    code = "no-pilot-role"


class Readiness:
    """Check a node before each job; the server is asked once in a while."""

    def __init__(self, settings: Settings, server: PandaServer) -> None:
        self._settings = settings
        self._server = server
        self._next = 0.0

    def check(self) -> None:
        """Raise what would keep a job from being carried out or reported."""
        makes_endpoints = any(mode.makes_endpoint for mode in self._settings.modes)
        check_node(self._settings.work, self._settings.connect if makes_endpoints else None)
        check_state(self._settings.state)
        if time.monotonic() >= self._next:
            check_rights(self._server.rights(), self._server.name)
            self._next = time.monotonic() + _AGAIN_AFTER


def check_state(state: Path) -> None:
    """Check that there is room for the journal and the log of a job, by taking it for a moment."""
    directory = state / JOBS
    try:
        make_directory(directory)
        with tempfile.TemporaryFile(dir=directory) as file:
            os.posix_fallocate(file.fileno(), 0, ROOM)
    except OSError as error:
        raise RequestError(
            f"the end of a job could not be kept in {quote(directory)}: {error.strerror}",
            hint="make room, or set GOCLIENT_STATE to another directory",
            code="state",
        ) from error


def check_rights(rights: Rights, server: str) -> None:
    """Check that the server takes reports of jobs, and that this node has its time; raise GoclientError."""
    if not rights.is_pilot:
        raise NotAPilot(
            f"{server} takes no reports of jobs from {quote(rights.name)}: it has neither the production nor the "
            "pilot role",
            hint="set GOCLIENT_PILOT_TOKEN_FILE or X509_USER_PROXY to a credential with that role",
        )
    if rights.clock is not None and abs(rights.clock) > CLOCK_WITHIN:
        ahead = "behind" if rights.clock > 0 else "ahead of"
        raise GoclientError(
            f"the clock of this node is {abs(rights.clock):.0f} s {ahead} that of {server}",
            hint="set it: credentials are judged by it",
            code="clock",
        )
