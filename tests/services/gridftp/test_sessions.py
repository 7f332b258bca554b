"""A session that rests is ended, and one that cannot begin now is begun later."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from goclient.errors import GoclientError
from goclient.errors.myproxy import NoUserProxy
from goclient.model.endpoint import GridftpEndpoint
from goclient.services.deadline import Background, Deadline
from goclient.services.gridftp import sessions
from goclient.services.gridftp.files import GridftpFiles
from goclient.services.gsi.tls import Credential, Trust
from tests.servers.gridftp import GridftpServers

NOWHERE = GridftpEndpoint("gsiftp://localhost:1")


class Depositary:
    """Where a credential comes from, which has none."""

    def __init__(self, *, transient: bool) -> None:
        self.error = NoUserProxy("there is none", hint="wait", transient=transient)
        self.asked = threading.Semaphore(0)
        self.times = 0

    def credential(self) -> Credential:
        self.times += 1
        self.asked.release()
        raise self.error

    def files(self, patience: float) -> GridftpFiles:
        return GridftpFiles(self.credential, Trust(Path("/nowhere")), lambda: Deadline(60), patience=patience)


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


@pytest.mark.parametrize(
    ("transient", "patience", "fewest", "most"),
    [
        pytest.param(True, 1.0, 3, 5, id="passing"),
        pytest.param(True, 0.0, 1, 1, id="no patience"),
        pytest.param(False, 60.0, 1, 1, id="final"),
    ],
)
def test_what_may_pass_is_tried_again_for_the_patience(
    transient: bool, patience: float, fewest: int, most: int
) -> None:
    depositary = Depositary(transient=transient)
    with depositary.files(patience) as files, pytest.raises(NoUserProxy) as raised:
        files.mkdir(NOWHERE, "/new")
    assert raised.value is depositary.error
    assert fewest <= depositary.times <= most


def test_closing_ends_the_patience_at_once() -> None:
    depositary = Depositary(transient=True)
    files = depositary.files(3600)
    asking = Background(lambda: files.entries(NOWHERE, ["/file"]))
    assert depositary.asked.acquire(timeout=60)
    files.close()
    with pytest.raises(GoclientError):
        asking.result(60)
