"""The node's own endpoint: made, used again by another pilot of the job, and removed, or it stays in the journal."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from goclient.errors import EndpointError, GoclientError, RequestError
from goclient.errors.conditions import EndpointNotFound, GlobusTimeout
from goclient.journal import Entry
from goclient.model.endpoint import Endpoint
from goclient.model.remote import Listing, NewEndpoint
from goclient.node.engines.base import JobContext
from goclient.node.globus_connect import check_node, node_endpoint, remove_endpoints
from goclient.reporter.base import SILENT
from tests.node.transfers import Service, job_context

LOST = GlobusTimeout("Globus did not answer", transient=True)
PROGRAM = """#!/bin/sh
echo "$*" >> "$2/calls"
case "$3" in
-setup) {set_up} ;;
-start) {start} ;;
esac
"""


@dataclass
class Personal(Service):
    """A service with the endpoints that were made; a fault is what a call raises, after it was carried out or not."""

    config: Path = Path()
    endpoints: dict[str, str] = field(default_factory=dict)
    creation: GoclientError | None = None
    carried_out: bool = True
    removal: GoclientError | None = None
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def create_personal(self, name: str) -> NewEndpoint:
        new = f"id-{next(self.numbers)}"
        if self.creation is None or self.carried_out:
            self.endpoints[new] = name
        if self.creation is not None:
            raise self.creation
        return NewEndpoint(new, f"setup-key-of-{new}")

    def personal_called(self, name: str) -> list[str]:
        return [key for key, value in self.endpoints.items() if value == name]

    def delete(self, collection_id: str) -> None:
        if self.removal is not None:
            raise self.removal
        if collection_id not in self.endpoints:
            raise EndpointNotFound(collection_id)
        del self.endpoints[collection_id]

    def listing(self, collection: Endpoint, directory: str) -> Listing:
        if not (self.config / "connected").exists():
            raise EndpointError("Globus Connect Personal is not running there")
        return Listing({})


@dataclass
class Node:
    """A node with a job whose endpoint is to be made, and a program that stands for Globus Connect."""

    context: JobContext
    service: Personal

    def install(self, *, set_up: str = "echo ok", start: str = 'touch "$2/connected"; exec sleep 1000') -> None:
        program = self.context.scratch / "globusconnectpersonal"
        program.write_text(PROGRAM.format(set_up=set_up, start=start))
        program.chmod(0o700)

    def run(self, body: Callable[[Endpoint], object] = lambda _: None) -> None:
        program = str(self.context.scratch / "globusconnectpersonal")
        with node_endpoint(self.context, self.service, name="NAME", program=program) as endpoint:
            body(endpoint)

    @property
    def calls(self) -> list[str]:
        """Return what the program was asked to do."""
        return [line.split()[2] for line in (self.service.config / "calls").read_text().splitlines()]

    @property
    def states(self) -> dict[str, str]:
        return {entry.key: entry.state for entry in self.context.journal.latest("endpoint")}

    def die(self, state: str, *, detail: str = "") -> str:
        """Leave an endpoint behind as a pilot that was killed; return its name."""
        subjects = () if state == "intended" else ("id-old",)
        self.context.journal.append(Entry("endpoint", "NAME-old", state, subjects, detail))
        self.service.endpoints["id-old"] = "NAME-old"
        self.service.config.mkdir(exist_ok=True)
        return "NAME-old"


@pytest.fixture
def node(tmp_path: Path) -> Node:
    context = job_context(tmp_path / "scratch")
    made = Node(context, Personal(config=context.scratch / "connect", endpoints={"id-other": "NAME"}))
    made.install()
    return made


def test_an_endpoint_lives_as_long_as_the_body(node: Node) -> None:
    seen: list[str] = []
    node.run(lambda endpoint: seen.append(node.service.endpoints[endpoint.text]))
    assert [name.startswith("NAME-") for name in seen] == [True]
    assert node.service.endpoints == {"id-other": "NAME"}
    assert node.calls == ["-setup", "-start"]
    assert node.states == {seen[0]: "done"}
    assert [(one.key, one.state) for one in node.context.journal.latest("process")] == [
        ("connect set-up", "done"),
        ("connect", "done"),
    ]


def test_another_pilot_uses_what_is_set_up_again(node: Node) -> None:
    node.die("accepted", detail="set up")
    node.run(lambda endpoint: node.service.endpoints[endpoint.text])
    assert node.calls == ["-start"]
    assert node.states == {"NAME-old": "done"}
    assert node.service.endpoints == {"id-other": "NAME"}


@pytest.mark.parametrize("state", ["intended", "accepted", "failed"])
def test_another_pilot_removes_what_was_not_set_up(node: Node, state: str) -> None:
    node.die(state)
    node.run()
    assert set(node.states.values()) == {"done"}
    assert len(node.states) == 2
    assert node.service.endpoints == {"id-other": "NAME"}


def test_an_endpoint_whose_answer_was_lost_is_found_by_its_name(node: Node) -> None:
    node.service.creation = LOST
    with pytest.raises(GlobusTimeout):
        node.run()
    assert node.service.endpoints == {"id-other": "NAME"}
    assert list(node.states.values()) == ["done"]


def test_an_endpoint_that_may_still_be_made_stays_open(node: Node) -> None:
    node.service.creation, node.service.carried_out = LOST, False
    with pytest.raises(GlobusTimeout):
        node.run()
    ((name, state),) = node.states.items()
    assert state == "intended"
    node.service.endpoints["id-late"] = name
    assert remove_endpoints(node.context.journal, node.service, SILENT)
    assert node.service.endpoints == {"id-other": "NAME"}
    assert node.states == {name: "done"}


def test_an_endpoint_that_was_refused_is_closed(node: Node) -> None:
    node.service.creation, node.service.carried_out = EndpointError("limit exceeded"), False
    with pytest.raises(EndpointError, match="limit exceeded"):
        node.run()
    assert list(node.states.values()) == ["done"]


def test_a_removal_that_fails_stays_open_and_is_tried_again(node: Node) -> None:
    node.service.removal = LOST
    node.run()  # the job's own result counts more
    ((name, state),) = node.states.items()
    assert state == "failed"
    assert not remove_endpoints(node.context.journal, node.service, SILENT)
    node.service.removal = None
    assert remove_endpoints(node.context.journal, node.service, SILENT)
    assert node.states == {name: "done"}
    assert node.service.endpoints == {"id-other": "NAME"}


def test_an_endpoint_that_is_gone_is_removed(node: Node) -> None:
    node.die("accepted")
    del node.service.endpoints["id-old"]
    assert remove_endpoints(node.context.journal, node.service, SILENT)
    assert node.states == {"NAME-old": "done"}


def test_what_the_body_raises_is_raised_once_all_is_removed(node: Node) -> None:
    def fail(_: Endpoint) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        node.run(fail)
    assert node.service.endpoints == {"id-other": "NAME"}


FAULTS = [
    pytest.param({"set_up": "echo no network; exit 3"}, 'it ended with code 3, and said "no network"', id="set-up"),
    pytest.param({"start": "echo gone; exit 4"}, 'ended with code 4, and said "gone"', id="start"),
]


@pytest.mark.parametrize(("scripts", "words"), FAULTS)
def test_a_program_that_fails_is_told_with_its_words(node: Node, scripts: dict[str, str], words: str) -> None:
    node.install(**scripts)
    with pytest.raises(EndpointError) as caught:
        node.run()
    assert words in caught.value.message
    assert "setup-key" not in caught.value.message
    assert node.service.endpoints == {"id-other": "NAME"}


def test_a_program_that_is_gone_is_an_error(node: Node) -> None:
    (node.context.scratch / "globusconnectpersonal").unlink()
    with pytest.raises(EndpointError, match=r"Globus Connect cannot be used: .*No such file"):
        node.run()
    assert node.service.endpoints == {"id-other": "NAME"}


def test_a_program_that_does_not_end_is_killed(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goclient.node.globus_connect.STOP_WITHIN", 0.1)
    node.install(start="trap '' TERM; touch $2/connected; sleep 1000; sleep 1000")
    node.run()
    assert [one.state for one in node.context.journal.latest("process")] == ["done", "done"]


def test_a_python_that_cannot_hold_processes_takes_no_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_node(tmp_path, None)
    monkeypatch.setattr("goclient.node.globus_connect.find_spec", lambda name: None)
    with pytest.raises(RequestError, match="it has no module ctypes"):
        check_node(tmp_path, None)
