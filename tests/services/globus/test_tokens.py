"""A node gets tokens for the HTTPS server of each collection that it uses, from the identity that it has."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import globus_sdk
import pytest
import requests

from goclient.errors import EndpointError, LoginNeeded
from goclient.errors.conditions import ConsentNeeded, EndpointNotFound
from goclient.model.endpoint import GlobusEndpoint
from goclient.services.globus import app
from goclient.services.globus.access import GlobusAccess
from goclient.services.globus.login import LoginRequest, login, logout, whoami
from goclient.services.globus.login_flow import Person
from goclient.services.globus.rest import RestAuth
from goclient.services.globus.tokens import CollectionTokens, transfer_service
from tests.commands import TIMEOUT
from tests.sandboxes import Sandbox

FILES = {"SITE1": "/home/osg_data/panda/0064.file", "CONSENT1": "/data/guarded.dat", "GUEST1": "/in/guest.dat"}
NEVER = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def pointed(shared_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """globus-sdk talks to the sandbox, and keeps its tokens in a home of the test's own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in shared_sandbox.env.items():
        if name.startswith("GLOBUS_SDK_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(app, "RETRIES", 0)
    shared_sandbox.rows("delete from consents")
    requests.delete(f"{shared_sandbox.url}/sandbox/requests", timeout=TIMEOUT)


@pytest.fixture
def ids(shared_sandbox: Sandbox) -> dict[str, str]:
    return {row["display_name"]: row["id"] for row in shared_sandbox.rows("select * from collections")}


@pytest.fixture
def service(shared_sandbox: Sandbox) -> GlobusAccess:
    return GlobusAccess(shared_sandbox.env["GOCLIENT_CLIENT_ID"], shared_sandbox.env["GOCLIENT_CLIENT_SECRET"])


@pytest.fixture
def person(shared_sandbox: Sandbox) -> GlobusAccess:
    """The access of somebody who has not logged in yet."""
    return GlobusAccess(shared_sandbox.env["SANDBOX_NATIVE_CLIENT_ID"])


def log_in(access: GlobusAccess, *names: str, https: bool = True) -> list[str]:
    """Log in with the consents for endpoints; return the addresses that the person opened."""
    opened: list[str] = []
    codes: list[str] = []

    def show(url: str) -> None:
        opened.append(url)
        codes.append(requests.get(url, timeout=TIMEOUT).headers["X-Sandbox-Code"])

    wanted = LoginRequest({one: one for one in names}, https=names if https else ())
    login(access, wanted, Person(browser=False, show=show, ask=codes.pop))
    return opened


def fetched(tokens: CollectionTokens, collection_id: str, path: str) -> requests.Response:
    """Return what a collection's server answers to a token."""
    headers = {"Authorization": f"Bearer {tokens.https(collection_id)}", "X-Requested-With": "XMLHttpRequest"}
    return requests.get(f"{tokens.https_server(collection_id)}{path}", headers=headers, timeout=TIMEOUT)


def asked(sandbox: Sandbox) -> list[str]:
    found = requests.get(f"{sandbox.url}/sandbox/requests", timeout=TIMEOUT).json()["requests"]
    return [f"{one['method']} {one['path']}" for one in found]


@pytest.mark.parametrize("name", FILES)
def test_a_service_gets_itself_a_token_with_every_consent(
    service: GlobusAccess, ids: dict[str, str], name: str
) -> None:
    assert fetched(CollectionTokens(service), ids[name], FILES[name]).status_code == 200


@pytest.mark.parametrize("name", FILES)
def test_a_person_logs_in_for_it(person: GlobusAccess, ids: dict[str, str], name: str) -> None:
    log_in(person, name)
    assert fetched(CollectionTokens(person), ids[name], FILES[name]).status_code == 200


def test_one_login_gives_the_tokens_of_all_collections_and_the_next_one_keeps_them(
    person: GlobusAccess, ids: dict[str, str]
) -> None:
    log_in(person)
    assert len(log_in(person, *FILES)) == 1
    log_in(person)
    tokens = CollectionTokens(person)
    assert len({tokens.https(ids[name]) for name in FILES}) == 3
    assert tokens.may_transfer
    assert "jdoe" in whoami(person).username


def test_who_has_never_logged_in_is_asked_twice_at_most(person: GlobusAccess, ids: dict[str, str]) -> None:
    assert len(log_in(person, "SITE1")) == 2
    app.token_file(person).remove()
    assert len(log_in(person, "SITE1")) == 2, "the consent is there, and the token is not"
    assert CollectionTokens(person).https(ids["SITE1"])


def test_a_token_is_fetched_once_and_again_when_it_is_over(
    shared_sandbox: Sandbox, service: GlobusAccess, ids: dict[str, str]
) -> None:
    tokens = CollectionTokens(service)
    first = tokens.https(ids["SITE1"])
    assert tokens.https(ids["SITE1"]) == first
    assert asked(shared_sandbox).count("POST /v2/oauth2/token") == 2  # one for Transfer
    authorizer = tokens._app.get_authorizer(ids["SITE1"])
    authorizer.expires_at = 1  # type: ignore[attr-defined]  # of every kind that is renewed
    assert tokens.https(ids["SITE1"]) != first


# --- for Transfer ---------------------------------------------------------------------------------------------


def revoke(token: str, service: GlobusAccess) -> None:
    """Take a token back, as somebody does who found it."""
    url = globus_sdk.config.get_service_url("auth")
    RestAuth(url).revoke(token, service.client_id, secret=service.client_secret or "")


def test_a_token_for_transfer_that_is_refused_is_renewed_in_the_middle(
    shared_sandbox: Sandbox, service: GlobusAccess
) -> None:
    transfer = transfer_service(service)
    assert transfer.submission_id()
    revoke(transfer._token(), service)
    requests.delete(f"{shared_sandbox.url}/sandbox/requests", timeout=TIMEOUT)
    assert transfer.submission_id()
    assert asked(shared_sandbox) == ["GET /v0.10/submission_id", "POST /v2/oauth2/token", "GET /v0.10/submission_id"]


def test_a_service_gets_itself_the_consent_that_transfer_asks_for(
    shared_sandbox: Sandbox, service: GlobusAccess, ids: dict[str, str]
) -> None:
    transfer, at = transfer_service(service), GlobusEndpoint(ids["CONSENT1"], "CONSENT1")
    assert "guarded.dat" in transfer.listing(at, "/data/")
    assert asked(shared_sandbox).count("POST /v2/oauth2/token") == 2
    assert "guarded.dat" in transfer.listing(at, "/data/")
    assert asked(shared_sandbox).count("POST /v2/oauth2/token") == 2, "it is kept"


def test_a_person_is_told_how_to_give_the_consent_that_transfer_asks_for(
    person: GlobusAccess, ids: dict[str, str]
) -> None:
    log_in(person, "SITE1")
    with pytest.raises(ConsentNeeded) as raised:
        transfer_service(person).listing(GlobusEndpoint(ids["CONSENT1"], "CONSENT1"), "/data/")
    assert raised.value.hint == "type: goclient login --endpoint CONSENT1"


def test_without_a_login_transfer_is_not_asked(shared_sandbox: Sandbox, person: GlobusAccess) -> None:
    with pytest.raises(LoginNeeded):
        transfer_service(person).submission_id()
    assert asked(shared_sandbox) == []


# --- for several threads --------------------------------------------------------------------------------------


def test_threads_that_ask_at_once_share_one_token(
    shared_sandbox: Sandbox, service: GlobusAccess, ids: dict[str, str]
) -> None:
    tokens = CollectionTokens(service)
    with ThreadPoolExecutor(20) as pool:
        assert len(set(pool.map(tokens.https, [ids["SITE1"]] * 20))) == 1
    assert asked(shared_sandbox).count("POST /v2/oauth2/token") == 2  # one for Transfer


def test_a_fault_of_globus_auth_may_pass(shared_sandbox: Sandbox, service: GlobusAccess, ids: dict[str, str]) -> None:
    tokens = CollectionTokens(service)
    tokens.https_server(ids["SITE1"])
    shared_sandbox.trouble("POST /v2/oauth2/token", "503", times=1)
    with pytest.raises(EndpointError) as raised:
        tokens.https(ids["SITE1"])
    shared_sandbox.clear_trouble()
    assert raised.value.transient
    assert tokens.https(ids["SITE1"])


def test_a_logout_makes_the_tokens_void(person: GlobusAccess, ids: dict[str, str]) -> None:
    log_in(person, "SITE1")
    tokens = CollectionTokens(person)
    headers = {"Authorization": f"Bearer {tokens.https(ids['SITE1'])}", "X-Requested-With": "XMLHttpRequest"}
    url = f"{tokens.https_server(ids['SITE1'])}{FILES['SITE1']}"
    assert requests.get(url, headers=headers, timeout=TIMEOUT).status_code == 200
    assert logout(person).revoked
    assert requests.get(url, headers=headers, timeout=TIMEOUT).status_code == 401
    with pytest.raises(LoginNeeded):
        tokens.https(ids["SITE1"])


def test_without_a_consent_the_command_that_gives_it_is_named(person: GlobusAccess, ids: dict[str, str]) -> None:
    log_in(person, "SITE1", https=False)
    with pytest.raises(ConsentNeeded) as raised:
        CollectionTokens(person).https(ids["SITE1"])
    assert raised.value.hint == f"type: goclient login --https {ids['SITE1']}"
    assert raised.value.exit_code == 4


def test_a_token_that_is_over_takes_a_login(person: GlobusAccess, ids: dict[str, str]) -> None:
    log_in(person, "SITE1")
    file = app.token_file(person)
    stored = file.get_token_data_by_resource_server()
    for one in stored.values():
        one.refresh_token, one.expires_at_seconds = None, 1
    file.store_token_data_by_resource_server(stored)
    with pytest.raises(LoginNeeded, match="there is no valid Globus login"):
        CollectionTokens(person).https(ids["SITE1"])


def test_with_a_token_for_https_alone_the_site_says_where_the_server_is(
    shared_sandbox: Sandbox, person: GlobusAccess, ids: dict[str, str]
) -> None:
    log_in(person, "SITE1")
    file = app.token_file(person)
    for server in set(file.get_token_data_by_resource_server()) - {ids["SITE1"]}:
        file.remove_token_data(server)
    assert not CollectionTokens(person).may_transfer
    with pytest.raises(LoginNeeded):
        CollectionTokens(person).https_server(ids["SITE1"])
    tokens = CollectionTokens(person, {ids["SITE1"]: f"{shared_sandbox.url}/https/{ids['SITE1']}"})
    assert fetched(tokens, ids["SITE1"], FILES["SITE1"]).status_code == 200


@pytest.mark.parametrize("name", ["mxp#MXP_OU_TEST", "LAPTOP", "ENDPOINT1"])
def test_a_collection_without_a_server_is_an_error_that_says_so(
    service: GlobusAccess, ids: dict[str, str], name: str
) -> None:
    with pytest.raises(EndpointError, match="it has none") as raised:
        CollectionTokens(service).https_server(ids[name])
    assert (raised.value.code, raised.value.subject) == ("no-https", ids[name])


def test_a_collection_that_cannot_be_seen_has_no_token(service: GlobusAccess) -> None:
    for ask in (CollectionTokens(service).https, CollectionTokens(service).https_server):
        with pytest.raises(EndpointNotFound):
            ask(NEVER)
