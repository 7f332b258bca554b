"""A session that rests is ended."""

from __future__ import annotations

import threading

import pytest

from goclient.services.gridftp import sessions
from tests.servers.gridftp import GridftpServers


def test_a_session_that_rests_is_ended_soon(gridftp: GridftpServers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "LINGER", 0.051)
    server = gridftp.first
    with gridftp.files() as files:
        with files.session(server.endpoint) as first:
            files.rest()
        while waiting := [one for one in threading.enumerate() if getattr(one, "interval", None) == sessions.LINGER]:
            waiting[0].join()
        assert first.fileno() == -1
        assert files.account(server.endpoint)
