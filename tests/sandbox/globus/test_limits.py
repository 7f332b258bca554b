"""Transfer in miniature has the service's limits, counted for each identity, and they can be loosened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import globus_sdk
import pytest
import requests

from tests.sandbox.globus.test_permissions import Identity
from tests.sandbox.test_server import transfer  # noqa: F401  # a fixture
from tests.sandbox.waiting import until
from tests.sandboxes import Sandbox

BOUND = 60.0  # seconds
ENDS = {"source_endpoint": "SITE1", "destination_endpoint": "SITE1"}
FILE = "/home/osg_data/panda/0064.file"


@pytest.fixture
def limited(shared_sandbox: Sandbox) -> Iterator[Sandbox]:
    """A sandbox whose limits are set back, and whose tasks are ended, after the test."""
    yield shared_sandbox
    shared_sandbox.set()
    shared_sandbox.rows("update tasks set status = 'FAILED' where status = 'ACTIVE'")


def copies(who: Identity, count: int) -> list[requests.Response]:
    """Transfers of one file each, which take as long as the sandbox lets them."""
    items = [[{"source_path": FILE, "destination_path": f"/home/{who.id}-{n}"}] for n in range(count)]
    return [who.submit("transfer", one, **ENDS) for one in items]


def nice(who: Identity, sent: list[requests.Response]) -> list[str]:
    return [who.task(one)["nice_status"] for one in sent]


# --- tasks ---


@pytest.mark.conformance  # it takes long
def test_three_transfers_and_three_deletions_run_and_the_others_are_queued(limited: Sandbox) -> None:
    jdoe, asmith = Identity(limited, "jdoe"), Identity(limited, "asmith")
    limited.set(bytes_per_second=1)
    sent = copies(jdoe, 5)
    until(lambda: nice(jdoe, sent) == ["OK"] * 3 + ["Queued"] * 2)
    assert not limited.path("SITE1", f"home/{jdoe.id}-3").exists(), "nothing of a queued task is copied"
    assert jdoe.task(sent[3])["status"] == "ACTIVE"
    removed = jdoe.submit("delete", [{"path": "/home/none"}], endpoint="SITE1")
    until(lambda: jdoe.task(removed)["status"] == "FAILED")
    others = copies(asmith, 1)
    until(lambda: nice(asmith, others) == ["OK"])
    assert jdoe.call("POST", f"task/{sent[0].json()['task_id']}/cancel").ok
    until(lambda: nice(jdoe, sent[1:]) == ["OK"] * 3 + ["Queued"])


def test_a_transfer_that_waits_because_of_an_error_lets_others_run(limited: Sandbox) -> None:
    jdoe = Identity(limited, "jdoe")
    limited.set(running_tasks=1)
    missing = jdoe.submit("transfer", [{"source_path": "/none", "destination_path": "/home/x"}], **ENDS)
    until(lambda: jdoe.task(missing)["faults"])
    (sent,) = copies(jdoe, 1)
    until(lambda: jdoe.task(sent)["status"] == "SUCCEEDED")
    assert jdoe.task(missing)["nice_status"] == "FILE_NOT_FOUND", "an error is told also while it is queued"


@pytest.mark.conformance  # it takes long
def test_the_101st_task_that_is_not_done_is_refused(limited: Sandbox) -> None:
    jdoe, asmith = Identity(limited, "jdoe"), Identity(limited, "asmith")
    limited.set(bytes_per_second=1, requests_per_second=1000)
    sent = copies(jdoe, 100)
    assert {one.status_code for one in sent} == {202}
    (refused,) = copies(jdoe, 1)
    assert (refused.status_code, refused.json()["code"]) == (409, "ClientError.Conflict.TooManyPendingJobs")
    removal = jdoe.submit("delete", [{"path": "/home/none"}], endpoint="SITE1")
    assert removal.status_code == 409, "a deletion is a task, too"
    assert copies(asmith, 1)[0].status_code == 202, "another one's are not counted"
    first = {"submission_id": sent[0].json()["submission_id"]}
    ends = {name: jdoe.collection("SITE1") for name in ENDS}
    again = jdoe.call("POST", "transfer", json={**ends, **first, "DATA": [{}]})
    assert (again.status_code, again.json()["code"], again.json()["task_id"]) == (
        200,
        "Duplicate",
        sent[0].json()["task_id"],
    )
    assert jdoe.call("POST", f"task/{sent[99].json()['task_id']}/cancel").ok
    assert copies(jdoe, 1)[0].status_code == 202


def test_a_canceled_transfer_stops_within_a_file_and_leaves_no_part(limited: Sandbox) -> None:
    jdoe = Identity(limited, "jdoe")
    limited.set(bytes_per_second=20)
    home = limited.path("SITE1", "home")
    (home / f"{jdoe.id}-0").unlink(missing_ok=True)
    (sent,) = copies(jdoe, 1)
    until(lambda: list(home.glob(".*.part")))
    assert jdoe.call("POST", f"task/{sent.json()['task_id']}/cancel").ok
    until(lambda: not list(home.glob(".*.part")))
    assert not (home / f"{jdoe.id}-0").exists()


# --- requests ---


def test_requests_of_ten_seconds_pass_at_once_and_then_some_a_second(limited: Sandbox) -> None:
    jdoe, asmith = Identity(limited, "jdoe"), Identity(limited, "asmith")
    url = f"{limited.url}/sandbox/settings"
    assert requests.get(url, timeout=BOUND).json()["requests_per_second"] == 20
    limited.set()
    limited.set(requests_per_second=0.5)
    answers = [jdoe.call("GET", "task_list") for _ in range(6)]
    assert [one.status_code for one in answers] == [200] * 5 + [429]
    assert answers[5].json()["code"] == "TooManyRequests"
    assert 0 < int(answers[5].headers["Retry-After"]) <= 2
    assert asmith.call("GET", "task_list").ok, "each identity has its own"


@pytest.mark.conformance  # it takes long
def test_globus_sdk_waits_and_asks_again(limited: Sandbox, transfer: globus_sdk.TransferClient) -> None:  # noqa: F811
    limited.set(requests_per_second=0.2)  # ten at once, then one in five seconds, also on slow machines
    recorded = f"{limited.url}/sandbox/requests"
    assert requests.delete(recorded, timeout=BOUND).ok
    assert [transfer.task_list(limit=1).http_status for _ in range(11)] == [200] * 11
    assert requests.get(recorded, timeout=BOUND).json()["total"] > 11


# --- endpoints and rules ---


def test_an_identity_has_at_most_1000_endpoints(limited: Sandbox) -> None:
    pilot = Identity(limited, "pilot")
    many = " union all ".join(["select 1"] * 100)
    limited.rows(
        "insert into collections (id, display_name, owner, entity_type) select lower(hex(randomblob(16))), 'x', ?, "
        f"'GCP_mapped_collection' from ({many}) limit 98",
        pilot.id,
    )
    limited.set(endpoints=100)
    wanted = {"display_name": "made", "is_globus_connect": True}
    made = [pilot.call("POST", "endpoint", json=wanted) for _ in range(3)]
    assert [one.status_code for one in made] == [201, 201, 409]
    assert made[2].json()["code"] == "LimitExceeded"
    assert pilot.call("DELETE", f"endpoint/{made[0].json()['id']}").ok
    assert pilot.call("POST", "endpoint", json=wanted).status_code == 201
    limited.set()
    assert pilot.call("POST", "endpoint", json=wanted).status_code == 201, "the limit is 1000"


def test_a_user_has_at_most_100_rules_at_a_collection(limited: Sandbox) -> None:
    jdoe, asmith = Identity(limited, "jdoe"), Identity(limited, "asmith")

    def share(number: int, principal: str) -> requests.Response:
        rule = {"principal_type": "identity", "principal": principal, "path": f"/{number}/", "permissions": "r"}
        return jdoe.at("POST", "GUEST1", "/access", json=rule)

    made = [share(number, asmith.id) for number in range(101)]
    assert [one.status_code for one in made] == [201] * 100 + [409]
    assert made[100].json()["code"] == "LimitExceeded"
    assert share(0, jdoe.id).status_code == 201, "another user has rules of one's own"
    limited.set(all_access_rules=102)
    assert share(1, jdoe.id).status_code == 409


# --- settings ---

WRONG = [
    pytest.param([], "is not a JSON object", id="no object"),
    pytest.param({"tasks": 1}, "there is no setting 'tasks'", id="unknown"),
    pytest.param({"endpoints": -1}, "endpoints must be a number", id="negative"),
    pytest.param({"clock_seconds": -1e12}, "clock_seconds must be a number", id="a clock of another age"),
    pytest.param({"endpoints": "x"}, "endpoints must be a number", id="text"),
    pytest.param({"endpoints": True}, "endpoints must be a number", id="bool"),
    pytest.param({"requests_per_second": 0}, "must be more than 0", id="no requests"),
]


@pytest.mark.parametrize(("given", "says"), WRONG)
def test_a_setting_that_cannot_be_is_refused(shared_sandbox: Sandbox, given: Any, says: str) -> None:
    url = f"{shared_sandbox.url}/sandbox/settings"
    answer = requests.put(url, json=given, timeout=BOUND)
    assert (answer.status_code, says in " ".join(answer.json()["errors"])) == (400, True)
    assert requests.get(url, timeout=BOUND).json()["endpoints"] == 1000
