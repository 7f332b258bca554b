"""The documents of Globus Auth and Transfer have the keys and types of those that the SDK's authors test with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import globus_sdk
import pytest
import requests
from globus_sdk.testing import get_response_set

from tests.conftest import Sandbox

BOUND = 20.0  # seconds
SCOPES = "openid profile email urn:globus:auth:scope:auth.globus.org:view_identity_set"
TRANSFER = "urn:globus:auth:scope:transfer.api.globus.org:all"


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

    def submit(self, kind: str, *, missing: bool = False) -> Any:
        ends = {"source_endpoint": self.site, "destination_endpoint": self.site, "endpoint": self.site}
        paths = {"source_path": "/home/osg_data/panda/0064.file", "destination_path": "/home/copy", "path": "/home/no"}
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
    """What is answered of a new personal collection."""
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
    ("transfer.task_list", "default", lambda a: a.submit("transfer") and a.get("/v0.10/task_list")),
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


def cancelled(asked: Asked) -> Any:
    return asked.call("POST", f"/v0.10/task/{asked.submit('transfer')['task_id']}/cancel")


def identities(asked: Asked, usernames: str) -> Any:
    return asked.get(f"/v2/api/identities?usernames={usernames}", server="auth.globus.org")


def differences(theirs: Any, ours: Any, place: str = "") -> list[str]:
    """Where a document lacks a key of another one, or has another type; null may stand for anything."""
    if theirs is None or ours is None:
        return []
    if type(theirs) is not type(ours):
        return [f"{place}: {type(ours).__name__}, not {type(theirs).__name__}"]
    if isinstance(theirs, dict):
        missing = [f"{place}.{key} is missing" for key in theirs if key not in ours]
        return missing + [d for k in theirs if k in ours for d in differences(theirs[k], ours[k], f"{place}.{k}")]
    if isinstance(theirs, list):
        return [
            d for n, pair in enumerate(zip(theirs, ours, strict=False)) for d in differences(*pair, f"{place}[{n}]")
        ]
    return []


@pytest.mark.parametrize(("route", "case", "ours"), ROUTES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_document_has_the_keys_and_types_of_the_sdk_authors_own(
    asked: Asked, route: str, case: str, ours: Callable[[Asked], Any]
) -> None:
    theirs = get_response_set(route).lookup(case).json
    assert differences(theirs, ours(asked)) == []


def test_an_error_code_of_the_sdk_authors_documents_is_ours_too(asked: Asked) -> None:
    for route, case, ours in ROUTES:
        theirs = get_response_set(route).lookup(case).json
        found = ours(asked) if "code" in theirs and case != "default" else {"code": theirs.get("code")}
        assert found["code"] == theirs.get("code"), (route, case)


def test_the_sdk_reads_every_page_of_long_lists(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOBUS_SDK_ENVIRONMENT", "goclient-sandbox")
    monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_TRANSFER", f"{asked.url}/")
    client = globus_sdk.TransferClient(
        authorizer=globus_sdk.AccessTokenAuthorizer(asked.token(TRANSFER)["access_token"])
    )
    names = [one["display_name"] for one in client.paginated.endpoint_search(filter_scope="all", limit=3).items()]
    assert sorted(names) == sorted(set(names))
    assert {"SITE1", "GUEST1", "LAPTOP", "ENDPOINT1"} <= set(names)
    task = asked.submit("transfer")["task_id"]
    assert [event["code"] for event in client.paginated.task_event_list(task).items()][-1:] in (["STARTED"], [])
