"""A pilot takes no job that it could not carry out, or whose end it could not report."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from goclient.errors import GoclientError, RequestError, ServerError
from goclient.pilot.readiness import CLOCK_WITHIN, NotAPilot
from goclient.services.panda.client import Rights
from tests.pilot.servers import Server, job, pilot

PILOT = "/CN=pilot"


@pytest.fixture
def server() -> Server:
    """A server with one job."""
    return Server(jobs=[job()])


def test_a_state_directory_that_cannot_be_written_takes_no_job(server: Server, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in its place")
    with pytest.raises(RequestError, match="the end of a job could not be kept in"):
        pilot(tmp_path, server).run_one()
    assert server.jobs


def test_a_full_disk_takes_no_job(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(RequestError, match="No space left") as caught:
        pilot(tmp_path, server).run_one()
    assert "GOCLIENT_STATE" in caught.value.hint
    assert server.jobs


def test_a_credential_without_the_role_takes_no_job(server: Server, tmp_path: Path) -> None:
    server.granted = Rights("/CN=jane", is_pilot=False, clock=0.0)
    with pytest.raises(NotAPilot, match=r"/CN=jane"):
        pilot(tmp_path, server).run_one()
    assert server.jobs


@pytest.mark.parametrize(("clock", "words"), [(CLOCK_WITHIN + 1, "301 s behind"), (-4000.0, "4000 s ahead of")])
def test_a_wrong_clock_takes_no_job(server: Server, tmp_path: Path, clock: float, words: str) -> None:
    server.granted = Rights(PILOT, is_pilot=True, clock=clock)
    with pytest.raises(GoclientError, match=words):
        pilot(tmp_path, server).run_one()
    assert server.jobs


@pytest.mark.parametrize("clock", [None, CLOCK_WITHIN, -CLOCK_WITHIN])
def test_a_clock_that_is_nearly_right_or_not_known_is_taken(
    server: Server, tmp_path: Path, clock: float | None
) -> None:
    server.granted = Rights(PILOT, is_pilot=True, clock=clock)
    assert pilot(tmp_path, server).run_one() is not None


def test_globus_connect_is_needed_only_where_jobs_may_need_it(server: Server, tmp_path: Path) -> None:
    with pytest.raises(GoclientError, match="is not on this node"):
        pilot(tmp_path, server, connect="/no/such/program", modes=frozenset({"gc"})).run_one()
    assert pilot(tmp_path, server, connect="/no/such/program", modes=frozenset({"local"})).run_one() is not None


def test_the_server_is_asked_for_the_rights_once_in_a_while(server: Server, tmp_path: Path) -> None:
    one = pilot(tmp_path, server)
    assert one.run_one() is not None
    server.granted = Rights(PILOT, is_pilot=False, clock=0.0)
    assert one.run_one() is None, "there is no job, and nobody was asked again"


def test_a_server_that_is_away_is_asked_again_the_next_time(server: Server, tmp_path: Path) -> None:
    one = pilot(tmp_path, server)
    server.away = ServerError("away", transient=True)
    with pytest.raises(ServerError):
        one.run_one()
    server.away = None
    assert one.run_one() is not None
