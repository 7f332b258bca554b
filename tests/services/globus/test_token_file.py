"""The file of tokens is the SDK's, its owner's alone, whole at any time, and named if it is damaged."""

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from globus_sdk import GlobusAppConfig
from globus_sdk.token_storage import JSONTokenStorage, TokenStorageData

from goclient.errors import LoginNeeded, RequestError
from goclient.services.globus.token_file import TOO_LATE, TokenFile, path_of

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
