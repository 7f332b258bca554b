"""The documents of Globus Auth and Transfer have the keys and types of those that the SDK's authors test with."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import globus_sdk
import pytest
import requests
from globus_sdk.testing import RegisteredResponse, get_response_set

from tests.sandbox.waiting import until
from tests.sandboxes import Sandbox

BOUND = 60.0  # seconds
SCOPES = "openid profile email urn:globus:auth:scope:auth.globus.org:view_identity_set"
SOURCE = "/home/osg_data/panda/0064.file"
TRANSFER = "urn:globus:auth:scope:transfer.api.globus.org:all"


# What a document of ours may have no value for although theirs has one: theirs is a GCSv4 host.
MAY_BE_NULL = {"transfer.get_endpoint": frozenset({".description", ".expire_time", ".DATA[].subject"})}
SAID = ("DATA_TYPE", "code", "error", "token_type", "active")  # what says the same for each request of a kind


class Asked:
    """A sandbox asked with plain HTTP, as its user."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.url = sandbox.url
        self.client = (sandbox.env["GOCLIENT_CLIENT_ID"], sandbox.env["GOCLIENT_CLIENT_SECRET"])
        found = sandbox.rows("select id, display_name from collections")
        self.ids = {row["display_name"]: row["id"] for row in found}
        self.site = self.ids["SITE1"]
        data = f"{TRANSFER}[*https://auth.globus.org/scopes/{self.site}/data_access]"
        self.tokens = self.token(f"{TRANSFER} {SCOPES} {data}")

    def token(self, scope: str) -> dict[str, Any]:
        return dict(self.auth("token", grant_type="client_credentials", scope=scope))

    def auth(self, path: str, **form: str) -> Any:
        return requests.post(f"{self.url}/v2/oauth2/{path}", data=form, auth=self.client, timeout=BOUND).json()

    def get(self, path: str, *, server: str = "transfer.api.globus.org", **more: Any) -> Any:
        return self.call("GET", path, server=server, **more)

    def call(self, method: str, path: str, *, server: str = "transfer.api.globus.org", **more: Any) -> Any:
        every = [self.tokens, *self.tokens["other_tokens"]]
        token = next(one["access_token"] for one in every if one["resource_server"] == server)
        headers = {"Authorization": f"Bearer {token}"}
        return requests.request(method, f"{self.url}{path}", headers=headers, timeout=BOUND, **more).json()

    def submit(self, kind: str, *, missing: bool = False, source: str = SOURCE) -> Any:
        ends = {"source_endpoint": self.site, "destination_endpoint": self.site, "endpoint": self.site}
        paths = {"source_path": source, "destination_path": "/home/copy", "path": "/home/no"}
        document = {"submission_id": self.get("/v0.10/submission_id")["value"], "DATA": [] if missing else [paths]}
        return self.call("POST", f"/v0.10/{kind}", json={**ends, **document, "ignore_missing": True})

    def op(self, method: str, name: str, **more: Any) -> Any:
        return self.call(method, f"/v0.10/operation/endpoint/{self.site}/{name}", **more)


@pytest.fixture(scope="module")
def asked(shared_sandbox: Sandbox) -> Asked:
    return Asked(shared_sandbox)


def exchanged(asked: Asked, scope: str) -> Any:
    """The tokens for the code of a login."""
    place = {"client_id": asked.client[0], "redirect_uri": "https://sandbox.example/", "response_type": "code"}
    page = requests.get(f"{asked.url}/v2/oauth2/authorize", params={**place, "scope": scope}, timeout=BOUND)
    code = page.headers["X-Sandbox-Code"]
    return asked.auth("token", grant_type="authorization_code", code=code, redirect_uri="https://sandbox.example/")


def made_and(asked: Asked, method: str, name: str = "", **more: Any) -> Any:
    """Return what is answered of a new personal collection."""
    wanted = {"display_name": "made", "is_globus_connect": True}
    made = asked.call("POST", "/v0.10/endpoint", json=wanted)["id"]
    return asked.call(method, f"/v0.10/endpoint/{made}{name}", **more)


def unauthorized(asked: Asked, path: str) -> Any:
    return requests.get(f"{asked.url}{path}", timeout=BOUND).json()


ROUTES: list[tuple[str, str, Callable[[Asked], Any]]] = [
    ("transfer.get_endpoint", "default", lambda a: a.get(f"/v0.10/endpoint/{a.site}")),
    ("transfer.update_endpoint", "default", lambda a: made_and(a, "PUT", json={"description": "x"})),
    ("transfer.operation_mkdir", "default", lambda a: a.op("POST", "mkdir", json={"path": "/home/new"})),
    ("transfer.operation_rename", "default", lambda a: renamed(a)),
    ("transfer.operation_stat", "default", lambda a: a.op("GET", "stat", params={"path": "/home"})),
    ("transfer.operation_stat", "not_found", lambda a: a.op("GET", "stat", params={"path": "/none"})),
    ("transfer.operation_stat", "permission_denied", lambda a: a.op("GET", "stat", params={"path": "/../.."})),
    ("transfer.get_submission_id", "default", lambda a: a.get("/v0.10/submission_id")),
    ("transfer.submit_transfer", "default", lambda a: a.submit("transfer")),
    ("transfer.submit_transfer", "failure", lambda a: a.submit("transfer", missing=True)),
    ("transfer.submit_delete", "default", lambda a: a.submit("delete")),
    ("transfer.task_list", "default", lambda a: listed(a)),
    ("transfer.cancel_task", "default", lambda a: cancelled(a)),
    ("auth.oauth2_client_credentials_tokens", "default", lambda a: a.token(TRANSFER)),
    ("auth.oauth2_client_credentials_tokens", "openid", lambda a: a.token("openid")),
    ("auth.oauth2_exchange_code_for_tokens", "default", lambda a: exchanged(a, TRANSFER)),
    ("auth.oauth2_exchange_code_for_tokens", "openid", lambda a: exchanged(a, "openid")),
    ("auth.oauth2_exchange_code_for_tokens", "invalid_grant",
     lambda a: a.auth("token", grant_type="authorization_code", code="none")),
    ("auth.oauth2_revoke_token", "default", lambda a: a.auth("token/revoke", token="none")),
    ("auth.oauth2_token_introspect", "default",
     lambda a: a.auth("token/introspect", token=a.token("openid")["access_token"])),
    ("auth.get_identities", "default", lambda a: identities(a, "jdoe@sandbox.example")),
    ("auth.get_identities", "globusid", lambda a: identities(a, "asmith@sandbox.example")),
    ("auth.get_identities", "multiple", lambda a: identities(a, "asmith@sandbox.example,jdoe@sandbox.example")),
    ("auth.get_identities", "empty", lambda a: identities(a, "nobody@sandbox.example")),
    ("auth.get_identities", "unauthorized", lambda a: unauthorized(a, "/v2/api/identities?ids=x")),
    ("auth.get_consents", "default",
     lambda a: a.get(f"/v2/api/identities/{a.client[0]}/consents", server="auth.globus.org")),
    ("auth.userinfo", "unauthorized", lambda a: unauthorized(a, "/v2/oauth2/userinfo")),
]  # fmt: skip


def renamed(asked: Asked) -> Any:
    asked.op("POST", "mkdir", json={"path": "/home/old"})
    return asked.op("POST", "rename", json={"old_path": "/home/old", "new_path": "/home/older"})


def ended(asked: Asked) -> str:
    """The id of a transfer that is over."""
    task = str(asked.submit("transfer")["task_id"])
    until(lambda: asked.get(f"/v0.10/task/{task}")["status"] != "ACTIVE")
    return task


def listed(asked: Asked) -> Any:
    """The list of one transfer that is over: others lack what these have."""
    return asked.get("/v0.10/task_list", params={"filter": f"task_id:{ended(asked)}"})


def cancelled(asked: Asked) -> Any:
    """Return what is answered to the end of a task that cannot be over by itself: its source is missing."""
    task = asked.submit("transfer", source="/home/none")["task_id"]
    return asked.call("POST", f"/v0.10/task/{task}/cancel")


def identities(asked: Asked, usernames: str) -> Any:
    return asked.get(f"/v2/api/identities?usernames={usernames}", server="auth.globus.org")


def differences(theirs: Any, ours: Any, place: str = "", *, free: Collection[str] = ()) -> list[str]:
    """Where a document lacks a key of another one, has another type, or no element where the other has one.

    A null of theirs may be anything; a null of ours may only be at a place that is ``free``.
    """
    if theirs is None or (ours is None and place in free):
        return []
    if type(theirs) is not type(ours):
        return [f"{place}: {type(ours).__name__}, not {type(theirs).__name__}"]
    if isinstance(theirs, dict):
        missing = [f"{place}.{key} is missing" for key in theirs if key not in ours]
        common = [key for key in theirs if key in ours]
        return missing + [d for k in common for d in differences(theirs[k], ours[k], f"{place}.{k}", free=free)]
    if isinstance(theirs, list) and theirs:
        if not ours:
            return [f"{place} is empty"]
        like = [*theirs, *[theirs[-1]] * (len(ours) - len(theirs))]  # each of ours is like one of theirs
        return [d for one, our in zip(like, ours, strict=False) for d in differences(one, our, f"{place}[]", free=free)]
    return []


def said(document: Any) -> dict[str, Any]:
    """The words of a document that are the same for each request of its kind, and the codes of its errors."""
    codes = [one["code"] for one in document.get("errors", ())]
    return {**{key: document[key] for key in SAID if key in document}, "errors": codes}


@pytest.mark.parametrize(("route", "case", "ours"), ROUTES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_document_has_the_keys_types_and_codes_of_the_sdk_authors_own(
    asked: Asked, route: str, case: str, ours: Callable[[Asked], Any]
) -> None:
    response = get_response_set(route).lookup(case)
    assert isinstance(response, RegisteredResponse)
    theirs, found = response.json, ours(asked)
    assert differences(theirs, found, free=MAY_BE_NULL.get(route, ())) == []
    assert {**said(found), **said(theirs)} == said(found)


@pytest.mark.parametrize(
    ("theirs", "ours", "places"),
    [
        pytest.param({"a": "x"}, {"a": None}, [".a: NoneType, not str"], id="a null"),
        pytest.param({"a": "x"}, None, [": NoneType, not dict"], id="no document"),
        pytest.param({"a": None, "b": "x"}, {"a": 1, "b": "y", "c": 2}, [], id="a null of theirs"),
        pytest.param({"free": "x"}, {"free": None}, [], id="a null that may be"),
        pytest.param({"free": "x"}, {"free": 1}, [".free: int, not str"], id="another type"),
        pytest.param({"a": [1]}, {"a": []}, [".a is empty"], id="an empty list"),
        pytest.param([1], [2, 3, "x"], ["[]: str, not int"], id="a wrong element behind theirs"),
        pytest.param([{"a": 1}], [{}], ["[].a is missing"], id="a key of an element"),
        pytest.param([], [1], [], id="an empty list of theirs"),
        pytest.param([1, 2], [3], [], id="fewer elements"),
    ],
)
def test_nulls_and_empty_lists_are_differences(theirs: Any, ours: Any, places: list[str]) -> None:
    assert differences(theirs, ours, free={".free"}) == places


def test_the_sdk_reads_every_page_of_long_lists(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOBUS_SDK_ENVIRONMENT", "goclient-sandbox")
    monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_TRANSFER", f"{asked.url}/")
    client = globus_sdk.TransferClient(
        authorizer=globus_sdk.AccessTokenAuthorizer(asked.token(TRANSFER)["access_token"])
    )
    names = [one["display_name"] for one in client.paginated.endpoint_search(filter_scope="all", limit=3).items()]
    assert sorted(names) == sorted(set(names))
    assert {"SITE1", "GUEST1", "LAPTOP", "ENDPOINT1"} <= set(names)
    events = client.paginated.task_event_list(ended(asked), limit=1).items()
    assert [event["code"] for event in events] == ["SUCCEEDED", "STARTED"]
