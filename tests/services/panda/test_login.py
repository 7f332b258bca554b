"""A token of panda-client's own login is used, renewed once, and never shown; a hint that gives another works."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import threading
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from goclient.errors import LoginNeeded
from goclient.services.panda import login
from goclient.services.panda.access import PandaAccess
from goclient.services.panda.login import current_token
from goclient.services.panda.token import login_command
from tests.commands import TIMEOUT, Result, Run
from tests.identity_provider import Provider, provider, token
from tests.pace import within

JOB = ("sendJob.py", "--computingSite=TEST1", "--transformation=/bin/true", "--noCheck")


@pytest.fixture
def server() -> Iterator[Provider]:
    with provider() as started:
        yield started


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A login that has expired."""
    file = tmp_path / ".token"
    file.write_text(json.dumps({"id_token": token(-10), "refresh_token": "refresh-token-1", "other": "kept"}))
    return file


def access_to(server: Provider) -> PandaAccess:
    return PandaAccess(server.url, 5, 5, vo="wlcg")


def test_an_expired_login_is_renewed_once_and_kept_for_its_owner_only(run: Run, server: Provider, stored: Path) -> None:
    stored.chmod(0o644)
    assert run(*JOB, **server.env).code == 0
    assert server.shown == [f"Bearer {server.given[0]}"]
    assert server.forms == [
        {
            "client_id": "panda", "client_secret": "client-secret-1",
            "grant_type": "refresh_token", "refresh_token": "refresh-token-1",
        }
    ]  # fmt: skip
    assert json.loads(stored.read_text()) == {
        "id_token": server.given[0], "access_token": "access-token-1", "token_type": "Bearer",
        "refresh_token": "refresh-token-2", "other": "kept",
    }  # fmt: skip
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert [file.name for file in stored.parent.glob(".token*")] == [".token"]
    assert run(*JOB, **server.env).code == 0
    assert len(server.forms) == 1


@pytest.mark.parametrize("seconds", [299, 10, -1, -1e6])
def test_a_login_that_is_about_to_end_is_renewed(server: Provider, stored: Path, seconds: float) -> None:
    stored.write_text(json.dumps({"id_token": token(seconds), "refresh_token": "refresh-token-1"}))
    assert current_token(str(stored), access_to(server)) == server.given[0]


@pytest.mark.parametrize("more", [{"refresh_token": "refresh-token-1"}, {}])
def test_a_login_that_lasts_is_left_alone(server: Provider, stored: Path, more: dict[str, str]) -> None:
    lasting = token(400)
    stored.write_text(json.dumps({"id_token": lasting, **more}))
    assert current_token(str(stored), access_to(server)) == lasting
    assert server.asked == []


def test_a_refresh_token_that_is_not_given_again_is_kept(server: Provider, stored: Path) -> None:
    server.rotates = False
    current_token(str(stored), access_to(server))
    assert json.loads(stored.read_text())["refresh_token"] == "refresh-token-1"


def test_many_at_once_renew_once(server: Provider, stored: Path) -> None:
    server.seconds = 0.3
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(current_token(str(stored), access_to(server)))) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == server.given * 5
    assert len(server.forms) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"refresh": "another"}, "answered HTTP 400", id="the-provider-refuses"),
        pytest.param({"moved": "http://127.0.0.1:1/"}, "answered HTTP 307", id="the-provider-is-elsewhere"),
        pytest.param({"url": "http://panda.example.org"}, "unencrypted", id="the-provider-has-no-tls"),
    ],
)
def test_a_login_that_cannot_be_renewed_needs_another(
    run: Run, server: Provider, stored: Path, change: dict[str, Any], said: str
) -> None:
    before, env = stored.read_text(), server.env
    for name, value in change.items():
        setattr(server, name, value)
    result = run(*JOB, "--json", **env)
    assert (result.code, result.json["error"]["code"]) == (4, "token-expired")
    assert said in result.err
    assert "nothing was sent" in result.err
    assert "refresh-token-1" not in result.out + result.err
    assert (server.shown, len(server.forms)) == ([], 0 if "url" in change else 1)
    assert stored.read_text() == before
    assert [file.name for file in stored.parent.glob(".token*")] == [".token"]


def test_a_provider_that_does_not_answer_is_given_up(
    server: Provider, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "WITHIN", 0.3)
    server.seconds = TIMEOUT
    with within(2.0), pytest.raises(LoginNeeded, match="no answer within"):
        current_token(str(stored), access_to(server))


def test_a_token_that_still_counts_is_shown_if_it_cannot_be_renewed(server: Provider, stored: Path) -> None:
    old = token(100)
    stored.write_text(json.dumps({"id_token": old, "refresh_token": "gone-for-ever"}))
    assert current_token(str(stored), access_to(server)) == old


def test_nothing_is_asked_if_the_answer_could_not_be_kept(
    server: Provider, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: str, flags: int) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("goclient.files.private.private", refused)
    with pytest.raises(LoginNeeded, match="Permission denied"):
        current_token(str(stored), access_to(server))
    assert server.asked == []


def test_panda_client_reads_what_we_have_renewed(
    server: Provider, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pandaclient.openidc_utils import OpenIdConnect_Utils

    found = current_token(str(stored), access_to(server))
    with warnings.catch_warnings(action="ignore"):  # its own way to tell the time is deprecated
        theirs = OpenIdConnect_Utils("", str(stored.parent)).check_token()
    assert theirs[:2] == (True, found)


def test_a_login_that_has_no_refresh_token_needs_another(run: Run, server: Provider, stored: Path) -> None:
    stored.write_text(json.dumps({"id_token": token(-10)}))
    result = run(*JOB, **server.env)
    assert (result.code, server.asked) == (4, [])
    assert "expired at" in result.err


# --- what to type -------------------------------------------------------------------------------------------


def typed(hint: str, env: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Return what a hint does in a shell, where somebody says that the login is done."""
    command = hint.strip().removeprefix("type: ")
    return subprocess.run(["sh", "-c", command], env=env, cwd=folder, input="y\n", capture_output=True, text=True,
                          timeout=60, check=True)  # fmt: skip


def hint_of(result: Result) -> str:
    hint: str = result.json["error"]["hint"]
    assert hint.startswith("type: "), hint
    return hint


@pytest.mark.parametrize("variables", [{}, {"OIDC_AUTH_ID_TOKEN": token(-5)}, {"OIDC_AUTH_TOKEN_FILE": "not-there"}])
@pytest.mark.parametrize("oldest", [False, True])
def test_the_hint_of_a_missing_token_logs_in(
    run: Run, env: dict[str, str], server: Provider, tmp_path: Path, variables: dict[str, str], oldest: bool
) -> None:
    result = run(*JOB, "--json", **server.env, **variables)
    assert (result.code, server.asked) == (4, [])
    more = dict(variables)
    if oldest:
        folder = os.environ.get("GOCLIENT_TEST_OLDEST_PANDA_CLIENT", "")
        if not Path(folder, "pandaclient").is_dir():
            pytest.skip("GOCLIENT_TEST_OLDEST_PANDA_CLIENT does not name a folder: make test sets it up")
        more["PYTHONPATH"] = folder
    done = typed(hint_of(result), {**env, **server.env, **more}, tmp_path)
    assert "Please go to" in done.stdout
    assert run(*JOB, **server.env).code == 0
    assert server.shown == [f"Bearer {server.given[-1]}"]


def test_the_hint_of_a_token_that_the_server_refuses_logs_in(
    run: Run, env: dict[str, str], server: Provider, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = token(4000)
    stored.write_text(json.dumps({"id_token": old, "refresh_token": "x" * 20}))
    answer = server.answer

    def refusing(path: str, headers: Any, body: str) -> tuple[int, Any]:
        bad = old in (headers.get("authorization") or "")
        return (403, f"ERROR : Token authentication failed. {old}") if bad else answer(path, headers, body)

    monkeypatch.setattr(server, "answer", refusing)
    result = run(*JOB, "--json", **server.env)
    assert result.code == 4
    assert old not in result.out + result.err
    typed(hint_of(result), {**env, **server.env}, stored.parent)
    assert run(*JOB, **server.env).code == 0


def test_without_panda_client_the_hint_says_what_logs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    assert login_command() == "pbook -c 'show()'"
    assert login_command("/a b/.token") == "rm -f '/a b/.token' && pbook -c 'show()'"
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert " -m pip install 'panda-client>=2.0' && " in login_command()


def test_an_access_that_has_no_stored_login_shows_its_token(server: Provider) -> None:
    from goclient.services.panda.client import PandaServer

    access = replace(access_to(server), token=token())
    assert PandaServer(access).fresh_token() == access.token
