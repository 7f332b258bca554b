"""globus-sdk's UserApp and ClientApp log in to a sandbox, as they do with Globus."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import globus_sdk
import pytest
import requests
from globus_sdk.gare import GlobusAuthorizationParameters
from globus_sdk.login_flows import CommandLineLoginFlowManager, LocalServerLoginFlowManager
from globus_sdk.scopes import AuthScopes, TransferScopes
from globus_sdk.token_storage.validating_token_storage import IdentityMismatchError

from tests.sandboxes import Sandbox

BOUND = 60.0  # seconds
TRANSFER = str(TransferScopes.all)
CODE = re.compile(r'<code id="code">(.*)</code>')


class Person(CommandLineLoginFlowManager):
    """Somebody who opens the URL that is shown, and types the code that the page shows."""

    logins = 0

    def print_authorize_url(self, authorize_url: str) -> None:
        self._page = requests.get(authorize_url, timeout=BOUND)
        Person.logins += 1

    def prompt_for_code(self) -> str:
        (shown,) = CODE.findall(self._page.text)
        assert shown == self._page.headers["X-Sandbox-Code"]
        return str(shown)


@pytest.fixture(autouse=True)
def pointed(shared_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """globus-sdk talks to the sandbox, and keeps its tokens in a home of the test's own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(Person, "logins", 0)
    for name, value in shared_sandbox.env.items():
        if name.startswith("GLOBUS_SDK_"):
            monkeypatch.setenv(name, value)


def collection(sandbox: Sandbox, name: str) -> str:
    return str(sandbox.rows("select id from collections where display_name = ?", name)[0]["id"])


def identity(sandbox: Sandbox, name: str) -> str:
    return str(sandbox.rows("select id from identities where username = ?", f"{name}@sandbox.example")[0]["id"])


def user_app(sandbox: Sandbox, manager: Any = Person) -> globus_sdk.UserApp:
    config = globus_sdk.GlobusAppConfig(request_refresh_tokens=True, login_flow_manager=manager)
    requirements = {
        TransferScopes.resource_server: [TransferScopes.all],
        AuthScopes.resource_server: [AuthScopes.openid, AuthScopes.profile, AuthScopes.email],
    }
    native = sandbox.env["SANDBOX_NATIVE_CLIENT_ID"]
    return globus_sdk.UserApp("tests", client_id=native, scope_requirements=requirements, config=config)


def who(app: globus_sdk.UserApp) -> str:
    return str(globus_sdk.AuthClient(app=app).userinfo()["preferred_username"])


def ls(app: globus_sdk.GlobusApp, sandbox: Sandbox, name: str, path: str) -> list[str]:
    with globus_sdk.TransferClient(app=app) as client:
        return [entry["name"] for entry in client.operation_ls(collection(sandbox, name), path=path)]


# --- UserApp ---


def test_a_person_logs_in_once_and_stays_logged_in(shared_sandbox: Sandbox, tmp_path: Path) -> None:
    app = user_app(shared_sandbox)
    assert app.login_required()
    app.login()
    assert who(app) == "jdoe@sandbox.example"
    again = user_app(shared_sandbox)
    assert ls(again, shared_sandbox, "SITE1", "/home/osg_data") == ["panda"]
    assert (Person.logins, again.login_required()) == (1, False)
    (tokens,) = tmp_path.rglob("*tokens.json")
    assert tokens.stat().st_mode & 0o777 == 0o600


def test_another_identity_logs_in_if_the_session_requires_it_and_only_as_itself(shared_sandbox: Sandbox) -> None:
    app = user_app(shared_sandbox)
    other = identity(shared_sandbox, "asmith")
    app.login(auth_params=GlobusAuthorizationParameters(session_required_identities=[other]))
    assert who(app) == "asmith@sandbox.example"
    assert ls(app, shared_sandbox, "OTHER1", "/data") == ["other.dat"]
    with pytest.raises(IdentityMismatchError):
        app.login(force=True)


def test_an_expired_access_token_is_renewed_without_a_login(shared_sandbox: Sandbox) -> None:
    app = user_app(shared_sandbox)
    app.login()
    assert ls(app, shared_sandbox, "SITE1", "/home") == ["osg_data"]
    shared_sandbox.rows("update tokens set expires = 0 where not refreshes")
    requests.delete(f"{shared_sandbox.url}/sandbox/requests", timeout=BOUND)
    assert ls(app, shared_sandbox, "SITE1", "/home") == ["osg_data"]
    asked = requests.get(f"{shared_sandbox.url}/sandbox/requests", timeout=BOUND).json()["requests"]
    assert [(one["path"].rsplit("/", 1)[-1], one["identity"]) for one in asked] == [
        ("ls", ""), ("token", ""), ("ls", "jdoe@sandbox.example"),
    ]  # fmt: skip
    assert Person.logins == 1


def test_after_a_logout_its_tokens_are_good_for_nothing(shared_sandbox: Sandbox) -> None:
    app = user_app(shared_sandbox)
    app.login()
    token = app.get_authorizer(TransferScopes.resource_server).get_authorization_header()
    app.logout()
    path = f"{shared_sandbox.url}/v0.10/task_list"
    assert requests.get(path, headers={"Authorization": token}, timeout=BOUND).status_code == 401
    assert app.login_required()


def test_a_consent_is_asked_for_kept_and_listed(shared_sandbox: Sandbox) -> None:
    app = user_app(shared_sandbox)
    app.login(
        auth_params=GlobusAuthorizationParameters(session_required_identities=[identity(shared_sandbox, "pilot")])
    )
    with pytest.raises(globus_sdk.TransferAPIError) as raised:
        ls(app, shared_sandbox, "CONSENT1", "/data")
    needed = raised.value.info.consent_required.required_scopes
    assert needed == [
        f"{TRANSFER}[*https://auth.globus.org/scopes/{collection(shared_sandbox, 'CONSENT1')}/data_access]"
    ]
    with globus_sdk.TransferClient(app=app) as client:
        client.add_app_data_access_scope(collection(shared_sandbox, "CONSENT1"))
    assert app.login_required(), "the consent is missing"
    pilot = [identity(shared_sandbox, "pilot")]
    app.login(auth_params=GlobusAuthorizationParameters(session_required_identities=pilot))
    assert ls(app, shared_sandbox, "CONSENT1", "/data") == ["guarded.dat"]
    forest = globus_sdk.AuthClient(app=app).get_consents(pilot[0]).to_forest()
    assert forest.meets_scope_requirements(needed[0])
    assert not forest.meets_scope_requirements(f"{TRANSFER}[https://auth.globus.org/scopes/other/data_access]")


class Browser:
    """A browser on this machine, which goes where it is sent."""

    name = "test"

    def __init__(self) -> None:
        self.pages: list[requests.Response] = []

    def open(self, url: str, *_: Any, **__: Any) -> bool:
        self.pages.append(requests.get(url, timeout=BOUND))
        return True


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # globus-sdk leaves its socket open
def test_a_browser_on_this_machine_is_sent_back_to_the_program_that_waits(
    shared_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser()
    monkeypatch.setattr("webbrowser.get", lambda *_: browser)
    monkeypatch.setattr("webbrowser.open", browser.open)
    app = user_app(shared_sandbox, LocalServerLoginFlowManager)
    app.login()
    (page,) = browser.pages
    assert (who(app), page.ok, [one.status_code for one in page.history]) == ("jdoe@sandbox.example", True, [302])


# --- ClientApp ---


@pytest.mark.parametrize(
    ("prefix", "name"), [("GOCLIENT", "jdoe"), ("SANDBOX_OTHER", "asmith"), ("SANDBOX_PILOT", "pilot")]
)
def test_a_client_is_the_identity_whose_secret_it_shows(shared_sandbox: Sandbox, prefix: str, name: str) -> None:
    app = client_app(shared_sandbox, prefix)
    claims = globus_sdk.AuthClient(app=app).userinfo()
    assert (claims["sub"], claims["preferred_username"]) == (identity(shared_sandbox, name), f"{name}@sandbox.example")
    assert shared_sandbox.env["SANDBOX_PILOT_IDENTITY"] == identity(shared_sandbox, "pilot")


def client_app(sandbox: Sandbox, prefix: str = "GOCLIENT", **config: Any) -> globus_sdk.ClientApp:
    return globus_sdk.ClientApp(
        "tests",
        client_id=sandbox.env[f"{prefix}_CLIENT_ID"],
        client_secret=sandbox.env[f"{prefix}_CLIENT_SECRET"],
        config=globus_sdk.GlobusAppConfig(token_storage="memory", **config),
    )


def test_a_client_gives_itself_the_consent_that_it_lacks(shared_sandbox: Sandbox) -> None:
    with pytest.raises(globus_sdk.TransferAPIError, match="ConsentRequired"):
        ls(client_app(shared_sandbox), shared_sandbox, "CONSENT1", "/data")
    healing = client_app(shared_sandbox, auto_redrive_gares=True)
    assert ls(healing, shared_sandbox, "CONSENT1", "/data") == ["guarded.dat"]


def test_a_client_s_expired_token_is_replaced(shared_sandbox: Sandbox) -> None:
    app = client_app(shared_sandbox)
    assert ls(app, shared_sandbox, "SITE1", "/home") == ["osg_data"]
    shared_sandbox.rows("update tokens set expires = 0")
    assert ls(app, shared_sandbox, "SITE1", "/home") == ["osg_data"]


def test_a_token_for_one_service_is_refused_by_the_other(shared_sandbox: Sandbox) -> None:
    app = client_app(shared_sandbox)
    globus_sdk.TransferClient(app=app), globus_sdk.AuthClient(app=app)
    of = {server: app.get_authorizer(server).get_authorization_header()
          for server in (TransferScopes.resource_server, AuthScopes.resource_server)}  # fmt: skip
    tried = [("/v2/oauth2/userinfo", of[TransferScopes.resource_server], 403),
             ("/v0.10/task_list", of[AuthScopes.resource_server], 401)]  # fmt: skip
    for path, token, status in tried:
        answer = requests.get(f"{shared_sandbox.url}{path}", headers={"Authorization": token}, timeout=BOUND)
        assert answer.status_code == status, path


def test_the_service_says_what_a_token_stands_for(shared_sandbox: Sandbox) -> None:
    client = globus_sdk.ConfidentialAppAuthClient(
        shared_sandbox.env["SANDBOX_PILOT_CLIENT_ID"], shared_sandbox.env["SANDBOX_PILOT_CLIENT_SECRET"]
    )
    token = client.oauth2_client_credentials_tokens(requested_scopes=TRANSFER)["access_token"]
    said = client.oauth2_token_introspect(token)
    assert (said["active"], said["username"], said["scope"]) == (True, "pilot@sandbox.example", TRANSFER)
    assert client.post("/v2/oauth2/token/validate", data={"token": token}, encoding="form")["active"] is True
    client.oauth2_revoke_token(token)
    assert client.oauth2_token_introspect(token)["active"] is False
