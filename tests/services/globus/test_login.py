"""The token file, and the faults of Globus Auth that a login, a logout and a look at who is logged in meet."""

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests
from globus_sdk import GlobusAppConfig
from globus_sdk.token_storage import JSONTokenStorage, TokenStorageData

from goclient.errors import EndpointError, GoclientError, LoginNeeded, RequestError
from goclient.errors.findings import login_command
from goclient.services.globus import app
from goclient.services.globus.access import GlobusAccess
from goclient.services.globus.consents import Consents
from goclient.services.globus.login import LoginRequest, login, logout, whoami
from goclient.services.globus.login_flow import Person
from goclient.services.globus.token_file import TOO_LATE, TokenFile, path_of
from tests.commands import TIMEOUT
from tests.sandboxes import Sandbox

TRANSFER, AUTH = "transfer.api.globus.org", "auth.globus.org"


def token(server: str = TRANSFER, **more: Any) -> TokenStorageData:
    values: dict[str, Any] = {
        "resource_server": server, "identity_id": "me", "scope": "s", "access_token": f"access-{server}",
        "refresh_token": f"refresh-{server}", "expires_at_seconds": 1, "token_type": "Bearer",
    }  # fmt: skip
    return TokenStorageData(**{**values, **more})


def by_server(*tokens: TokenStorageData) -> dict[str, TokenStorageData]:
    return {one.resource_server: one for one in tokens}


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    return TokenFile(tmp_path / "app" / "goclient" / "tokens.json")


# --- the token file -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("environment", ["production", "goclient-sandbox"])
def test_the_file_is_where_the_sdk_has_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    config = GlobusAppConfig(environment=environment)
    theirs = JSONTokenStorage.for_globus_app("an-id", "goclient", config, "DEFAULT")
    assert isinstance(theirs, JSONTokenStorage)
    assert str(path_of("an-id", "goclient", environment)) == theirs.filepath


def test_the_file_is_one_that_the_sdk_reads_and_writes(file: TokenFile) -> None:
    file.store_token_data_by_resource_server(by_server(token(), token(AUTH)))
    theirs = JSONTokenStorage(file.path)
    assert {one.access_token for one in theirs.get_token_data_by_resource_server().values()} == {
        f"access-{TRANSFER}", f"access-{AUTH}",
    }  # fmt: skip
    theirs.store_token_data_by_resource_server(by_server(token(access_token="newer")))
    found = file.get_token_data(TRANSFER)
    assert found is not None
    assert found.access_token == "newer"


def test_tokens_are_stored_beside_others_and_removed_one_by_one(file: TokenFile) -> None:
    assert file.get_token_data_by_resource_server() == {}
    assert not file.path.parent.exists(), "reading makes nothing"
    assert not file.remove_token_data(TRANSFER)
    file.store_token_data_by_resource_server(by_server(token()))
    file.store_token_data_by_resource_server(by_server(token(AUTH)))
    assert set(file.get_token_data_by_resource_server()) == {TRANSFER, AUTH}
    assert file.remove_token_data(TRANSFER)
    assert set(file.get_token_data_by_resource_server()) == {AUTH}
    assert [file.remove(), file.remove()] == [True, False]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_only_the_owner_can_read_the_file_and_enter_its_folder(file: TokenFile, umask: int) -> None:
    old = os.umask(umask)
    try:
        file.store_token_data_by_resource_server(by_server(token()))
    finally:
        os.umask(old)
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert [folder.stat().st_mode & 0o777 for folder in list(file.path.parents)[:2]] == [0o700] * 2


def test_a_folder_that_others_may_enter_is_closed_and_one_above_it_is_left_alone(file: TokenFile) -> None:
    file.path.parent.mkdir(parents=True)
    for folder in (file.path.parent, file.path.parent.parent):
        folder.chmod(0o755)
    file.store_token_data_by_resource_server(by_server(token()))
    assert file.path.parent.stat().st_mode & 0o777 == 0o700
    assert file.path.parent.parent.stat().st_mode & 0o777 == 0o755


DAMAGED = [
    pytest.param(b"", "not JSON", id="empty"),
    pytest.param(b"\xff\xfe", "not JSON", id="no text"),
    pytest.param(b"[" * 100_000, "not JSON", id="deep"),
    pytest.param(b"null", "format_version", id="null"),
    pytest.param(b'{"format_version": "1.0", "by_rs": {}}', "format_version", id="an old format"),
    pytest.param(b'{"format_version": "2.0", "data": []}', '"data"', id="no data"),
    pytest.param(b'{"format_version": "2.0", "data": {"DEFAULT": []}}', '"data"', id="no tokens"),
    pytest.param(b'{"format_version": "2.0", "data": {"DEFAULT": {"x": 1}}}', "keys", id="a number for a token"),
    pytest.param(
        json.dumps(
            {"format_version": "2.0", "data": {"DEFAULT": {"x": {**token().to_dict(), "access_token": 5}}}}
        ).encode(),
        "keys",
        id="a number for a secret",
    ),
    *(
        pytest.param(
            json.dumps(
                {"format_version": "2.0", "data": {"DEFAULT": {"x": token(expires_at_seconds=when).to_dict()}}}
            ).encode(),
            "an impossible time",
            id=f"ends at {when:.0e}",
        )
        for when in (10**30, -(10**15), -1, 253_402_300_800)
    ),
    pytest.param(
        json.dumps(
            {
                "format_version": "2.0",
                "data": {"DEFAULT": {"x": token().to_dict(), "y": token(identity_id="you").to_dict()}},
            }
        ).encode(),
        "several identities",
        id="two identities",
    ),
]


@pytest.mark.parametrize(("content", "reason"), DAMAGED)
def test_a_damaged_file_is_named_without_what_is_in_it(file: TokenFile, content: bytes, reason: str) -> None:
    file.path.parent.mkdir(parents=True)
    file.path.write_bytes(content)
    file.path.chmod(0o600)
    with pytest.raises(LoginNeeded) as raised:
        file.get_token_data_by_resource_server()
    assert reason in raised.value.message
    assert str(file.path) in raised.value.message
    assert "goclient logout" in raised.value.hint
    assert (raised.value.login, raised.value.__cause__) == (None, None), "a login alone does not mend it"
    assert "access-" not in raised.value.message
    with pytest.raises(LoginNeeded):
        file.store_token_data_by_resource_server(by_server(token()))
    assert file.path.read_bytes() == content


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_that_others_can_read_is_refused_but_for_its_removal(file: TokenFile, mode: int) -> None:
    file.store_token_data_by_resource_server(by_server(token()))
    file.path.chmod(mode)
    with pytest.raises(RequestError, match=f"can be read by others .mode {mode:04o}"):
        file.get_token_data_by_resource_server()
    lenient = TokenFile(file.path, lenient=True)
    assert set(lenient.get_token_data_by_resource_server()) == {TRANSFER}
    assert lenient.remove()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    file: TokenFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.store_token_data_by_resource_server(by_server(token()))
    before = file.path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RequestError, match=r"cannot be written: No space left"):
        file.store_token_data_by_resource_server(by_server(token(AUTH)))
    assert file.path.read_bytes() == before
    assert list(file.path.parent.iterdir()) == [file.path]


@pytest.mark.parametrize("use", ["get", "store", "remove"])
def test_a_folder_in_the_place_of_the_file_is_said(file: TokenFile, use: str) -> None:
    file.path.mkdir(parents=True)
    uses = {
        "get": file.get_token_data_by_resource_server,
        "store": lambda: file.store_token_data_by_resource_server(by_server(token())),
        "remove": file.remove,
    }
    with pytest.raises(RequestError, match="cannot be") as raised:
        uses[use]()
    assert "remove it" in raised.value.hint


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_is_no_file_is_not_waited_for_and_can_be_removed(
    file: TokenFile, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.path.parent.mkdir(parents=True)
    monkeypatch.chdir(file.path.parent)  # the name of a socket is short
    if kind == "pipe":
        os.mkfifo(file.path, 0o600)
    else:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(file.path.name)
    for lenient in (False, True):
        with pytest.raises(LoginNeeded, match="is damaged: it is not a regular file"):
            TokenFile(file.path, lenient=lenient).get_token_data_by_resource_server()
    assert file.remove()


def test_the_last_time_that_a_file_may_have_is_one_everywhere() -> None:
    for hours in (-23, 23):
        datetime.fromtimestamp(TOO_LATE - 1, UTC).astimezone(timezone(timedelta(hours=hours)))


# --- faults of Globus Auth ----------------------------------------------------------------------------------


class Typist:
    """A person who opens what is shown, and types the code."""

    def __init__(self) -> None:
        self._code = ""
        self.person = Person(browser=False, show=self._open, ask=lambda: self._code)

    def _open(self, url: str) -> None:
        self._code = requests.get(url, timeout=TIMEOUT).headers.get("X-Sandbox-Code", "")


@pytest.fixture
def access(shared_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GlobusAccess:
    """A native client of a sandbox without trouble, with nobody logged in."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in shared_sandbox.env.items():
        if name.startswith("GLOBUS_SDK_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(app, "RETRIES", 0)  # how often the SDK tries is the SDK's to test
    requests.delete(f"{shared_sandbox.url}/sandbox/trouble", timeout=TIMEOUT)
    return GlobusAccess(shared_sandbox.env["SANDBOX_NATIVE_CLIENT_ID"])


def trouble(sandbox: Sandbox, route: str, **kind: Any) -> None:
    made = requests.post(f"{sandbox.url}/sandbox/trouble", json={"route": route, **kind}, timeout=TIMEOUT)
    assert made.ok, made.text


FAULTS = [
    pytest.param({"kind": "error", "status": 503, "document": "<html>"}, id="away"),
    pytest.param({"kind": "error", "status": 200, "document": {"unknown": 1}}, id="undocumented"),
    pytest.param({"kind": "error", "status": 200, "document": "[1, 2"}, id="half a JSON"),
    pytest.param({"kind": "reset"}, id="reset"),
    pytest.param({"kind": "truncate"}, id="truncated"),
]
ROUTES = ["POST /v2/oauth2/token", "GET /v2/oauth2/userinfo", "GET /v2/api/identities/*/consents", "GET /jwk.json"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("route", ROUTES)
def test_a_fault_of_globus_auth_at_a_login_is_the_service_s(
    shared_sandbox: Sandbox, access: GlobusAccess, route: str, fault: dict[str, Any]
) -> None:
    trouble(shared_sandbox, route, **fault)
    with pytest.raises(EndpointError) as raised:
        login(access, LoginRequest({}), Typist().person)
    assert raised.value.transient
    assert "the login" in raised.value.message


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_globus_auth_at_a_look_is_the_service_s_and_keeps_the_login(
    shared_sandbox: Sandbox, access: GlobusAccess, fault: dict[str, Any]
) -> None:
    me = login(access, LoginRequest({}), Typist().person)
    trouble(shared_sandbox, "GET /v2/oauth2/userinfo", times=1, **fault)
    with pytest.raises(EndpointError):
        whoami(access)
    assert whoami(access) == me


@pytest.mark.parametrize("fault", [FAULTS[0], FAULTS[3]])
def test_a_logout_that_globus_auth_does_not_hear_of_removes_the_tokens(
    shared_sandbox: Sandbox, access: GlobusAccess, fault: dict[str, Any]
) -> None:
    login(access, LoginRequest({}), Typist().person)
    trouble(shared_sandbox, "POST /v2/oauth2/token/revoke", **fault)
    done = logout(access)
    assert (done.removed, done.revoked) == (True, False)
    assert done.problem
    assert not app.token_file(access).path.exists()


def test_a_consent_that_is_not_given_is_no_success(
    shared_sandbox: Sandbox, access: GlobusAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Consents, "are_given", lambda *_: False)
    with pytest.raises(LoginNeeded) as raised:
        login(access, LoginRequest({"my data": "CONSENT1"}), Typist().person)
    assert raised.value.code == "consent-needed"
    assert raised.value.hint == "type: goclient login --endpoint 'my data'"


def test_an_identity_that_is_not_signed_for_us_is_not_believed(
    access: GlobusAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("globus_sdk.IDTokenDecoder.get_jwt_audience", lambda *_: "somebody-else")
    with pytest.raises(LoginNeeded, match="is not valid"):
        login(access, LoginRequest({}), Typist().person)
    assert app.token_file(access).get_token_data_by_resource_server() == {}


def test_a_login_without_refresh_tokens_lasts_as_long_as_its_access_tokens(access: GlobusAccess) -> None:
    login(access, LoginRequest({}), Typist().person)
    file = app.token_file(access)
    stored = file.get_token_data_by_resource_server()
    for one in stored.values():
        one.refresh_token = None
    stored[AUTH].expires_at_seconds = 4_102_444_800
    stored[TRANSFER].expires_at_seconds = 4_102_444_799
    file.store_token_data_by_resource_server(stored)
    expires = whoami(access).expires
    assert expires is not None
    assert expires.isoformat() == "2099-12-31T23:59:59+00:00"
    stored[TRANSFER].expires_at_seconds = 1
    file.store_token_data_by_resource_server(stored)
    with pytest.raises(LoginNeeded, match="nobody is logged in"):
        whoami(access)


# --- the command that a hint names --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "command"),
    [
        pytest.param([], "goclient login", id="nothing"),
        pytest.param([("--endpoint", "A"), ("--session", "mfa"), ("--endpoint", "A")],
                     "goclient login --endpoint A --session mfa", id="each once"),
        pytest.param([("--endpoint", "my data#1")], "goclient login --endpoint 'my data#1'", id="quotes"),
        pytest.param([("--endpoint", "-x")], "goclient login --endpoint=-x", id="a dash"),
    ],
)  # fmt: skip
def test_the_command_of_several_needs_is_one(options: list[tuple[str, str]], command: str) -> None:
    assert login_command(options) == command


def test_an_error_of_a_login_says_what_it_takes_in_words_and_as_options() -> None:
    error: GoclientError = LoginNeeded.to_globus("m", options=[("--endpoint", "A")] * 2, subject="A")
    assert isinstance(error, LoginNeeded)
    assert (error.hint, error.login) == ("type: goclient login --endpoint A", (("--endpoint", "A"),))
