"""Globus Auth in miniature refuses what the real one refuses, in its words."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
import requests

from tests.sandboxes import Sandbox

BOUND = 60.0  # seconds
TRANSFER = "urn:globus:auth:scope:transfer.api.globus.org:all"


def rows_id(sandbox: Sandbox, table: str, column: str, name: str) -> str:
    return str(sandbox.rows(f"select id from {table} where {column} = ?", name)[0]["id"])


def challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


class Native:
    """A program that logs somebody in, step by step."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.url = sandbox.url
        self.query = {
            "client_id": sandbox.env["SANDBOX_NATIVE_CLIENT_ID"],
            "redirect_uri": f"{sandbox.url}/v2/web/auth-code",
            "response_type": "code",
            "scope": "openid",
            "code_challenge": challenge("v" * 43),
            "code_challenge_method": "S256",
        }

    def page(self, **more: str | None) -> requests.Response:
        return requests.get(f"{self.url}/v2/oauth2/authorize", params={**self.query, **more}, timeout=BOUND)

    def exchange(self, code: str, **more: str) -> tuple[int, Any]:
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": "v" * 43, **self.query, **more}
        answer = requests.post(f"{self.url}/v2/oauth2/token", data=form, timeout=BOUND)
        return answer.status_code, answer.json().get("error")


@pytest.fixture
def native(shared_sandbox: Sandbox) -> Native:
    return Native(shared_sandbox)


def test_a_hint_says_which_identity_logs_in(native: Native) -> None:
    assert "asmith@sandbox.example" in native.page(login_hint="asmith@sandbox.example").text
    assert native.page(login_hint="nobody@sandbox.example").status_code == 400


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"code_challenge": None}, id="no challenge"),
        pytest.param({"code_challenge_method": "plain"}, id="another method"),
        pytest.param({"client_id": "nobody"}, id="an unknown client"),
        pytest.param({"response_type": "token"}, id="no code is asked for"),
        pytest.param({"scope": ""}, id="no scope"),
        pytest.param({"scope": "a[b"}, id="an open bracket"),
    ],
)
def test_a_login_that_cannot_be_is_refused(native: Native, wrong: dict[str, str | None]) -> None:
    answer = native.page(**wrong)
    assert (answer.status_code, "X-Sandbox-Code" in answer.headers) == (400, False)
    assert answer.json()["error"]


def test_a_code_works_once_and_only_for_who_asked_for_it(native: Native) -> None:
    refused = (401, "invalid_grant")
    assert native.exchange(native.page().headers["X-Sandbox-Code"], code_verifier="w" * 43) == refused
    assert native.exchange(native.page().headers["X-Sandbox-Code"], redirect_uri="https://sandbox.example") == refused
    code = native.page().headers["X-Sandbox-Code"]
    assert [native.exchange(code)[0], native.exchange(code)] == [200, refused]
    assert native.exchange(code, grant_type="refresh_token", refresh_token="none") == refused
    assert native.exchange(code, grant_type="client_credentials") == (401, "unauthorized_client")
    assert native.exchange(code, grant_type="password") == (400, "unsupported_grant_type")


def test_only_mapped_collections_have_a_scope_for_their_data(shared_sandbox: Sandbox, native: Native) -> None:
    for name in ("GUEST1", "LAPTOP", "ENDPOINT1"):
        there = rows_id(shared_sandbox, "collections", "display_name", name)
        scope = f"{TRANSFER}[*https://auth.globus.org/scopes/{there}/data_access]"
        answer = native.page(scope=scope)
        assert (answer.status_code, answer.json()["error"]) == (400, "unknown_scope"), name


# --- the API ---


class Client:
    """A client that asks the API of Auth, with its secret or with a token."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.url = f"{sandbox.url}/v2"
        self.secret = (sandbox.env["GOCLIENT_CLIENT_ID"], sandbox.env["GOCLIENT_CLIENT_SECRET"])

    def token(self, scope: str) -> dict[str, str]:
        form = {"grant_type": "client_credentials", "scope": scope}
        answer = requests.post(f"{self.url}/oauth2/token", data=form, auth=self.secret, timeout=BOUND).json()
        return {"Authorization": f"Bearer {answer['access_token']}"}

    def get(self, path: str, **more: Any) -> tuple[int, Any]:
        answer = requests.get(f"{self.url}{path}", timeout=BOUND, **more)
        return answer.status_code, answer.json()


@pytest.fixture
def client(shared_sandbox: Sandbox) -> Client:
    return Client(shared_sandbox)


def test_the_api_says_why_it_refuses(shared_sandbox: Sandbox, client: Client) -> None:
    profile, openid = client.token("profile"), client.token("openid")
    pilot = rows_id(shared_sandbox, "identities", "username", "pilot@sandbox.example")
    cases: list[tuple[str, dict[str, Any], int, str]] = [
        ("/oauth2/userinfo", {"headers": profile}, 403, "FORBIDDEN"),
        ("/api/identities", {"headers": openid}, 400, "BAD_REQUEST"),
        ("/api/identities?ids=x", {"auth": (client.secret[0], "wrong")}, 401, "UNAUTHORIZED"),
        (f"/api/identities/{pilot}/consents", {"headers": openid}, 403, "FORBIDDEN"),
        ("/api/identities/none", {"headers": openid}, 404, "NOT_FOUND"),
        ("/api/identities?ids=x", {"headers": client.token(TRANSFER)}, 403, "FORBIDDEN"),
    ]
    for path, more, status, code in cases:
        found, document = client.get(path, **more)
        assert (found, document["errors"][0]["code"]) == (status, code), path


def test_identities_are_found_by_name_and_by_id_with_a_token_or_a_secret(
    shared_sandbox: Sandbox, client: Client
) -> None:
    pilot = shared_sandbox.env["SANDBOX_PILOT_IDENTITY"]
    for path in (f"ids={pilot}", "usernames=pilot@sandbox.example", f"ids=none,{pilot}"):
        _, document = client.get(f"/api/identities?{path}", auth=client.secret)
        assert [one["username"] for one in document["identities"]] == ["pilot@sandbox.example"], path
    assert client.get(f"/api/identities/{pilot}", headers=client.token("openid"))[1]["identity"]["id"] == pilot


def test_a_client_of_a_program_s_own_has_a_secret_and_can_remove_itself_only(client: Client) -> None:
    document = {"client": {"template_id": "x", "name": "mine"}}
    made = requests.post(f"{client.url}/api/clients", json=document, timeout=BOUND).json()["included"]
    own = made["client_credential"]
    for secret, status in ((client.secret, 403), ((own["client"], own["secret"]), 200), ((own["client"], "x"), 401)):
        answer = requests.delete(f"{client.url}/api/clients/{own['client']}", auth=secret, timeout=BOUND)
        assert answer.status_code == status


@pytest.mark.parametrize("scope", ["a]", "[a]", "a[b", ""])
def test_a_scope_that_is_none_is_refused(client: Client, scope: str) -> None:
    form = {"grant_type": "client_credentials", "scope": scope}
    answer = requests.post(f"{client.url}/oauth2/token", data=form, auth=client.secret, timeout=BOUND)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


SCOPES = [
    ("a b", [("a",), ("b",)], ["a", "b"]),
    ("a[*b c] d", [("a",), ("a", "b"), ("a", "c"), ("d",)], ["a[*b c]", "d"]),
    ("a[b[c] d]", [("a",), ("a", "b"), ("a", "b", "c"), ("a", "d")], ["a[b[c] d]"]),
]


@pytest.mark.parametrize(("text", "paths", "outermost"), SCOPES)
def test_a_scope_s_brackets_hold_what_it_depends_on(
    text: str, paths: list[tuple[str, ...]], outermost: list[str]
) -> None:
    from goclient.sandbox.globus import scopes

    assert (scopes.paths(text), scopes.outermost(text)) == (paths, outermost)
