"""A sandbox keeps its identities apart: accounts, roles, and a guest collection's rules, with the service's limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import globus_sdk
import pytest
import requests

from tests.sandbox.waiting import until
from tests.sandboxes import Sandbox

BOUND = 60.0  # seconds
TRANSFER = "urn:globus:auth:scope:transfer.api.globus.org:all"
PREFIXES = {"jdoe": "GOCLIENT", "asmith": "SANDBOX_OTHER", "pilot": "SANDBOX_PILOT", "carrier": "GOCLIENT_CARRY"}
OK = (200, "")
BAD, TAKEN = (400, "ClientError.BadRequest"), (502, "ExternalError.RenameFailed.Exists")
NO_PARENT = (502, "EndpointError")
ASLEEP = (502, "ExternalError.DirListingFailed.GCDisconnected")
DENIED, FORBIDDEN, UNSEEN = (403, "EndpointPermissionDenied"), (403, "PermissionDenied"), (404, "EndpointNotFound")


class Identity:
    """One identity of a sandbox, asking Transfer with plain HTTP."""

    def __init__(self, sandbox: Sandbox, name: str) -> None:
        self.sandbox = sandbox
        prefix = PREFIXES[name]
        secret = (sandbox.env[f"{prefix}_CLIENT_ID"], sandbox.env[f"{prefix}_CLIENT_SECRET"])
        self.id = sandbox.rows("select id from identities where client_id = ?", secret[0])[0]["id"]
        form = {"grant_type": "client_credentials", "scope": TRANSFER}
        answer = requests.post(f"{sandbox.url}/v2/oauth2/token", data=form, auth=secret, timeout=BOUND)
        self._headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def collection(self, name: str) -> str:
        return str(self.sandbox.rows("select id from collections where display_name = ?", name)[0]["id"])

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        return requests.request(
            method, f"{self.sandbox.url}/v0.10/{path}", headers=self._headers, timeout=BOUND, **more
        )

    def at(self, method: str, name: str, path: str, **more: Any) -> requests.Response:
        return self.call(method, f"endpoint/{self.collection(name)}{path}", **more)

    def operate(self, name: str, word: str, **given: str) -> tuple[int, str]:
        """The status and the code of an operation; the code is empty if it did not fail."""
        path = f"operation/endpoint/{self.collection(name)}/{word}"
        reads = word in ("ls", "stat")
        answer = self.call("GET", path, params=given) if reads else self.call("POST", path, json=given)
        return answer.status_code, "" if answer.ok else answer.json()["code"]

    def submit(
        self, kind: str, items: list[dict[str, Any]], *, label: str | None = None, **ends: str
    ) -> requests.Response:
        submission = self.call("GET", "submission_id").json()["value"]
        named = {key: self.collection(name) for key, name in ends.items()}
        return self.call("POST", kind, json={**named, "label": label, "submission_id": submission, "DATA": items})

    def task(self, answer: requests.Response) -> dict[str, Any]:
        return dict(self.call("GET", f"task/{answer.json()['task_id']}").json())

    def found(self, scope: str) -> set[str]:
        answer = self.call("GET", "endpoint_search", params={"filter_scope": scope, "limit": 100})
        return {one["display_name"] for one in answer.json()["DATA"]}


@pytest.fixture
def people(shared_sandbox: Sandbox) -> dict[str, Identity]:
    return {name: Identity(shared_sandbox, name) for name in PREFIXES}


# --- who sees and uses what ---

PEOPLE = ("jdoe", "asmith", "pilot")
OPEN = ("SITE1", "wdeng#ANLHEP_ATLAS8", "mxp#MXP_BNL_TEST", "mxp#MXP_OU_TEST")
CASES = [
    *(pytest.param(who, name, "ls", {"path": "/"}, OK, id=f"{who} at {name}") for who in PEOPLE for name in OPEN),
    pytest.param("jdoe", "GUEST1", "ls", {"path": "/private/"}, OK, id="the owner of a guest collection"),
    pytest.param("jdoe", "GUEST1", "mkdir", {"path": "/~/made"}, (202, ""), id="its owner writes"),
    pytest.param("jdoe", "GUEST1", "mkdir", {"path": "/no/x"}, (404, "ClientError.NotFound"), id="below nothing"),
    pytest.param("jdoe", "GUEST1", "rename", {"old_path": "/in", "new_path": "/private"}, TAKEN, id="name taken"),
    pytest.param("jdoe", "GUEST1", "rename", {"old_path": "/in", "new_path": "/no/in"}, NO_PARENT, id="no parent"),
    pytest.param("jdoe", "GUEST1", "ls", {"path": "/", "orderby": "age"}, BAD, id="an unknown order"),
    pytest.param("jdoe", "GUEST1", "ls", {"path": "/", "limit": "x"}, BAD, id="a limit that is no number"),
    pytest.param("pilot", "GUEST1", "ls", {"path": "/in/"}, OK, id="a rule's folder"),
    pytest.param("pilot", "GUEST1", "stat", {"path": "/in/guest.dat"}, OK, id="a file in it"),
    pytest.param("pilot", "GUEST1", "ls", {"path": "/in/../private"}, DENIED, id="out of it"),
    pytest.param("pilot", "GUEST1", "ls", {"path": "/"}, DENIED, id="above it"),
    pytest.param("pilot", "GUEST1", "stat", {"path": "/in2"}, DENIED, id="a name that begins alike"),
    pytest.param("pilot", "GUEST1", "mkdir", {"path": "/in/made"}, DENIED, id="a rule for reading only"),
    pytest.param("pilot", "GUEST1", "rename", {"old_path": "/in/guest.dat", "new_path": "/in/x"}, DENIED, id="rename"),
    pytest.param("asmith", "GUEST1", "ls", {"path": "/in/"}, FORBIDDEN, id="no rule at all"),
    pytest.param("carrier", "GUEST1", "stat", {"path": "/campaign/in/0064.file"}, OK, id="the service client's file"),
    pytest.param("carrier", "GUEST1", "mkdir", {"path": "/campaign/out/made"}, (202, ""), id="and it writes there"),
    pytest.param("carrier", "GUEST1", "ls", {"path": "/in/"}, DENIED, id="nowhere else"),
    pytest.param("carrier", "SITE1", "ls", {"path": "/"}, FORBIDDEN, id="no account at a mapped collection"),
    pytest.param("asmith", "OTHER1", "ls", {"path": "/data"}, OK, id="one's own collection"),
    pytest.param("jdoe", "OTHER1", "ls", {"path": "/data"}, UNSEEN, id="another one's"),
    pytest.param("pilot", "OTHER1", "stat", {"path": "/data"}, UNSEEN, id="another one's, for the pilot"),
    pytest.param("jdoe", "LAPTOP", "ls", {"path": "/"}, ASLEEP, id="one's laptop"),
    pytest.param("asmith", "LAPTOP", "ls", {"path": "/"}, UNSEEN, id="another one's laptop"),
    pytest.param("jdoe", "ENDPOINT1", "ls", {"path": "/"}, (400, "NotSupported"), id="no collection"),
]  # fmt: skip


@pytest.mark.parametrize(("who", "name", "word", "given", "answer"), CASES)
def test_an_identity_uses_what_it_may(
    people: dict[str, Identity], who: str, name: str, word: str, given: dict[str, str], answer: tuple[int, str]
) -> None:
    assert people[who].operate(name, word, **given) == answer


def test_a_search_finds_what_one_can_see_by_how_one_has_to_do_with_it(people: dict[str, Identity]) -> None:
    jdoe, asmith, pilot, *_ = people.values()
    assert {"GUEST1", "LAPTOP", "ENDPOINT1", "SITE1"} <= jdoe.found("my-endpoints")
    assert (jdoe.found("my-gcp-endpoints"), jdoe.found("shared-by-me")) == ({"LAPTOP"}, {"GUEST1"})
    assert (asmith.found("my-endpoints"), asmith.found("shared-with-me")) == ({"OTHER1"}, set())
    assert (pilot.found("my-endpoints"), pilot.found("shared-with-me")) == (set(), {"GUEST1"})
    assert "OTHER1" not in jdoe.found("all") | pilot.found("all")
    assert "LAPTOP" not in asmith.found("all") | pilot.found("all")
    assert "wdeng#ANLHEP_ATLAS8" not in jdoe.found("recently-used") | jdoe.found("in-use")
    assert jdoe.call("GET", "endpoint_search", params={"filter_scope": "none"}).status_code == 400
    kind = {"filter_entity_type": "GCSv5_guest_collection", "filter_owner_id": jdoe.id}
    assert [one["display_name"] for one in pilot.call("GET", "endpoint_search", params=kind).json()["DATA"]] == [
        "GUEST1"
    ]


# --- rules ---


def rule(principal: str, path: str, permissions: str = "r", **more: Any) -> dict[str, Any]:
    who = {"principal_type": "identity", "principal": principal}
    return {"DATA_TYPE": "access", **who, "path": path, "permissions": permissions, **more}


def test_a_rule_opens_a_folder_until_it_is_deleted(people: dict[str, Identity]) -> None:
    jdoe, asmith, *_ = people.values()
    given = jdoe.at("POST", "GUEST1", "/access", json=rule(asmith.id, "/in", "rw"))
    assert (given.status_code, given.json()["code"]) == (201, "Created")
    place = f"/access/{given.json()['access_id']}"
    assert jdoe.at("GET", "GUEST1", place).json()["path"] == "/in/"
    assert asmith.operate("GUEST1", "mkdir", path="/in/asmith") == (202, "")
    assert jdoe.at("PUT", "GUEST1", place, json={"permissions": "r"}).ok
    assert asmith.operate("GUEST1", "mkdir", path="/in/again") == DENIED
    assert jdoe.at("DELETE", "GUEST1", place).json()["code"] == "Deleted"
    assert asmith.operate("GUEST1", "ls", path="/in/") == FORBIDDEN
    assert jdoe.at("DELETE", "GUEST1", place).status_code == 404


def test_a_rule_ends_when_it_expires(people: dict[str, Identity]) -> None:
    jdoe, asmith, *_ = people.values()
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    given = jdoe.at("POST", "GUEST1", "/access", json=rule(asmith.id, "/private/", expiration_date=later))
    assert asmith.operate("GUEST1", "ls", path="/private/") == OK
    access_id = given.json()["access_id"]
    assert jdoe.at("GET", "GUEST1", f"/access/{access_id}").json()["expiration_date"] == later[:19] + "+00:00"
    jdoe.sandbox.rows("update rules set expires = 1 where id = ?", access_id)
    assert asmith.operate("GUEST1", "ls", path="/private/") == FORBIDDEN
    listed = jdoe.at("GET", "GUEST1", "/access_list").json()["DATA"]
    assert access_id not in [one["id"] for one in listed]


def test_a_rule_may_be_for_everybody(people: dict[str, Identity]) -> None:
    jdoe, asmith, pilot, *_ = people.values()
    everybody = {**rule("", "/public/"), "principal_type": "all_authenticated_users"}
    jdoe.operate("GUEST1", "mkdir", path="/public")
    access_id = jdoe.at("POST", "GUEST1", "/access", json=everybody).json()["access_id"]
    assert [one.operate("GUEST1", "ls", path="/public/") for one in (asmith, pilot)] == [OK, OK]
    jdoe.at("DELETE", "GUEST1", f"/access/{access_id}")


REFUSED = [
    pytest.param("jdoe", "SITE1", {}, (409, "Conflict"), id="no guest collection"),
    pytest.param("pilot", "GUEST1", {}, FORBIDDEN, id="no manager"),
    pytest.param("asmith", "LAPTOP", {}, UNSEEN, id="unseen"),
    pytest.param("jdoe", "GUEST1", {"path": "in/"}, (400, "ClientError.BadRequest"), id="a relative path"),
    pytest.param("jdoe", "GUEST1", {"permissions": "w"}, (400, "ClientError.BadRequest"), id="other permissions"),
    pytest.param("jdoe", "GUEST1", {"principal": "nobody"}, (400, "ClientError.BadRequest"), id="nobody"),
    pytest.param("jdoe", "GUEST1", {"expiration_date": "2012-01-01"}, (400, "ClientError.BadRequest"), id="expired"),
    pytest.param("jdoe", "GUEST1", {"expiration_date": "soon"}, (400, "ClientError.BadRequest"), id="no time"),
    pytest.param("jdoe", "GUEST1", {"principal": "{jdoe}", "path": "/"}, (409, "Exists"), id="there already"),
]  # fmt: skip


@pytest.mark.parametrize(("who", "name", "wrong", "answer"), REFUSED)
def test_a_rule_that_cannot_be_is_refused(
    people: dict[str, Identity], who: str, name: str, wrong: dict[str, str], answer: tuple[int, str]
) -> None:
    wanted = {**rule(people["pilot"].id, "/out/"), **wrong}
    wanted["principal"] = people["jdoe"].id if wanted["principal"] == "{jdoe}" else wanted["principal"]
    given = people[who].at("POST", name, "/access", json=wanted)
    assert (given.status_code, given.json()["code"]) == answer


# --- roles ---


def test_a_role_lets_manage_what_it_says_and_opens_no_data(people: dict[str, Identity]) -> None:
    jdoe, asmith, *_ = people.values()
    may = {"activity_monitor": (403, 403), "access_manager": (200, 403), "administrator": (200, 200)}
    for role, (rules, update) in may.items():
        document = {"principal_type": "identity", "principal": asmith.id, "role": role}
        given = jdoe.at("POST", "GUEST1", "/role", json=document)
        assert given.status_code == 201
        assert jdoe.at("POST", "GUEST1", "/role", json=document).status_code == 409
        assert asmith.at("GET", "GUEST1", "/access_list").status_code == rules, role
        assert asmith.at("PUT", "GUEST1", "", json={"description": role}).status_code == update, role
        assert asmith.operate("GUEST1", "ls", path="/in/") == FORBIDDEN
        assert asmith.at("GET", "GUEST1", "").json()["my_effective_roles"] == [role]
        assert ("GUEST1" in asmith.found("administered-by-me")) == (role == "administrator")
        place = f"/role/{given.json()['id']}"
        assert jdoe.at("GET", "GUEST1", place).json()["role"] == role
        listed = jdoe.at("GET", "GUEST1", "/role_list").json()["DATA"]
        assert [(one["principal"], one["role"]) for one in listed] == [(jdoe.id, "administrator"), (asmith.id, role)]
        assert jdoe.at("DELETE", "GUEST1", place).ok
    assert asmith.at("GET", "GUEST1", "/role_list").json()["code"] == "PermissionDenied"
    unknown = {"principal": asmith.id, "role": "king"}
    assert jdoe.at("POST", "GUEST1", "/role", json=unknown).status_code == 400


# --- tasks ---


def test_a_transfer_may_not_do_what_its_owner_may_not(people: dict[str, Identity]) -> None:
    jdoe, asmith, pilot, *_ = people.values()
    ends = {"source_endpoint": "GUEST1", "destination_endpoint": "mxp#MXP_OU_TEST"}
    items = [{"source_path": "/in/guest.dat", "destination_path": "/home/usatlas1/read"}]
    refused = asmith.submit("transfer", items, **ends)
    assert (refused.status_code, refused.json()["code"]) == FORBIDDEN
    done = pilot.submit("transfer", items, **ends)
    until(lambda: pilot.task(done)["status"] == "SUCCEEDED")
    items[0]["source_path"] = "/private/own.dat"
    faulty = pilot.submit("transfer", items, **ends)
    until(lambda: pilot.task(faulty)["nice_status"] == "PERMISSION_DENIED")
    assert pilot.call("POST", f"task/{faulty.json()['task_id']}/cancel").ok
    assert jdoe.call("GET", f"task/{faulty.json()['task_id']}").status_code == 404, "another one's task"


def test_a_deletion_may_not_do_what_its_owner_may_not(people: dict[str, Identity]) -> None:
    jdoe, _, pilot, _ = people.values()
    denied = pilot.submit("delete", [{"path": "/in/guest.dat"}], endpoint="GUEST1")
    task = until(lambda: (task := pilot.task(denied))["status"] != "ACTIVE" and task)
    assert (task["status"], task["fatal_error"]["code"]) == ("FAILED", "PERMISSION_DENIED")
    assert jdoe.operate("GUEST1", "stat", path="/in/guest.dat") == OK


def test_a_deadline_that_is_over_ends_a_task_that_only_has_faults(people: dict[str, Identity]) -> None:
    asmith = people["asmith"]
    ends = {"source_endpoint": "SITE1", "destination_endpoint": "OTHER1"}
    sent = asmith.submit("transfer", [{"source_path": "/none", "destination_path": "/data/x"}], **ends)
    until(lambda: asmith.task(sent)["faults"] > 1)
    soon = {"label": "told", "deadline": (datetime.now(UTC) + timedelta(seconds=1)).isoformat()}
    assert asmith.call("PUT", f"task/{sent.json()['task_id']}", json=soon).ok
    ended = until(lambda: (task := asmith.task(sent))["status"] != "ACTIVE" and task)
    assert (ended["label"], ended["fatal_error"]["code"], ended["subtasks_expired"]) == ("told", "EXPIRED", 1)


def test_a_label_has_at_most_128_characters(people: dict[str, Identity]) -> None:
    jdoe = people["jdoe"]
    items = [{"source_path": "/home/osg_data/panda/0064.file", "destination_path": "/home/labelled"}]
    for length, status in ((128, 202), (129, 400)):
        answer = jdoe.submit(
            "transfer", items, label="x" * length, source_endpoint="SITE1", destination_endpoint="SITE1"
        )
        assert answer.status_code == status


def test_the_sdk_manages_rules_by_its_own_methods(shared_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in shared_sandbox.env.items():
        if name.startswith("GLOBUS_SDK_"):
            monkeypatch.setenv(name, value)
    jdoe, pilot = Identity(shared_sandbox, "jdoe"), Identity(shared_sandbox, "pilot")
    token = jdoe._headers["Authorization"].removeprefix("Bearer ")
    client = globus_sdk.TransferClient(authorizer=globus_sdk.AccessTokenAuthorizer(token))
    guest = jdoe.collection("GUEST1")
    made = client.add_endpoint_acl_rule(guest, rule(pilot.id, "/sdk/", "rw"))
    assert made["access_id"] in [one["id"] for one in client.endpoint_acl_list(guest)]
    assert client.delete_endpoint_acl_rule(guest, made["access_id"])["code"] == "Deleted"
    assert [one["role"] for one in client.endpoint_role_list(guest)] == ["administrator"]
