"""The engines of a job are given what the pilot has: its heartbeat goes on while Globus lets a call wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from goclient.config.grid import Accounts
from goclient.errors import RequestError
from goclient.job_journal import JobJournal
from goclient.journal import Entry
from goclient.model.endpoint import URL_ENDPOINTS, UrlEndpoint, read_endpoint
from goclient.model.location import JOB_DIRECTORY, Location, Transfer
from goclient.model.mode import Mode
from goclient.model.records.registry import attach
from goclient.model.remote import NewEndpoint
from goclient.model.spec import TransferSpec
from goclient.node.engines.base import Attempt
from goclient.pilot.execution import Node
from goclient.pilot.settings import Services
from goclient.pilot.taken import TakenJob
from goclient.reporter.recording import RecordingReporter
from tests.pilot.servers import SITE, Endpoints, Server, job, no_tokens, pilot, settings


@dataclass
class Busy(Endpoints):
    """A service that lets the pilot wait before it makes an endpoint."""

    meanwhile: Callable[[], object] = bool

    def while_waiting(self, call: Callable[[], object]) -> None:
        self.meanwhile = call

    def create_personal(self, name: str) -> NewEndpoint:
        for _ in range(3):
            self.meanwhile()
        return super().create_personal(name)


def test_the_heartbeat_goes_on_while_globus_lets_a_call_wait(tmp_path: Path) -> None:
    source = Location(read_endpoint("8b5eb87a-10b2-4626-96dc-d9ab00c6942a"), "/in/file")
    spec = TransferSpec(stage_in=(Transfer(source, JOB_DIRECTORY),), working="W")
    server = Server([replace(job(), parameters=attach("", spec))])
    outcome = pilot(tmp_path, server, Busy(), modes=frozenset(Mode), heartbeat=0.0, connect="/bin/false").run_one()
    assert outcome is not None
    assert [state for _, state, _ in server.reports].count("starting") > 3


def test_a_job_that_panda_is_to_bring_files_to_fails_before_its_program(tmp_path: Path) -> None:
    server = Server([replace(job(), inputs="user.jdoe.lib.tgz,a.root")])
    outcome = pilot(tmp_path, server, Endpoints(), modes=frozenset(Mode), connect="/bin/false").run_one()
    assert outcome is not None
    assert isinstance(outcome.error, RequestError)
    assert '"user.jdoe.lib.tgz,a.root"' in outcome.error.message
    assert "--noBuild" in outcome.error.hint
    assert "running" not in [state for _, state, _ in server.reports]


@pytest.mark.parametrize("kind", [kind for kind in URL_ENDPOINTS if kind.serves_jobs])
def test_a_later_pilot_reaches_each_kind_of_server_to_which_a_job_has_delivered(
    kind: type[UrlEndpoint], tmp_path: Path
) -> None:
    accounts = Accounts({"X509_CERT_DIR": str(tmp_path)})
    node = Node(settings(tmp_path), Services(Endpoints, lambda: accounts, no_tokens))
    journal, endpoint = JobJournal(tmp_path, 17, 1), kind(f"{kind.scheme}server.example")
    journal.append(Entry("proxy", "user.pem", "done", ("jdoe@myproxy.example:7512", "/CN=J Doe")))
    with node.stores(TakenJob(journal, SITE, Attempt("17", 1)), RecordingReporter()) as store:
        assert store(endpoint).endpoint == endpoint
    assert list((tmp_path / "work").iterdir()) == []
    journal.close()
