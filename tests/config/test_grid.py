"""The grid's servers, accounts and names are as the environment has them, or are told as typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from goclient.config.grid import UNKNOWN_DN, Accounts, hours_text, servers, to_deposit
from goclient.errors import MyproxyError, RequestError, UsageError
from goclient.model.endpoint import URL_ENDPOINTS
from goclient.services.deadline import Deadline
from goclient.services.gsi.identity import Identity
from goclient.services.gsi.server import Server
from goclient.services.gsi.tls import Credential


@pytest.mark.parametrize("typed", ["u@h:7512:7512", "u@1:2:3", "https://h", "u@https://h"])
def test_an_account_that_is_none_is_shown_as_typed(typed: str) -> None:
    with pytest.raises(RequestError) as raised:
        Accounts({}).parse(typed)
    assert f'--myproxy "{typed}": ' in raised.value.message


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3600, "1 hour"), (7200, "2 hours"), (5400, "1 hour 30 minutes"), (60, "1 minute"), (59, "0 hours"),
        (0, "0 hours"), (90060, "25 hours 1 minute"),
    ],
)  # fmt: skip
def test_a_time_is_told_in_hours_and_minutes(seconds: int, words: str) -> None:
    assert hours_text(seconds) == words


def test_a_typed_server_counts_more_than_the_variable_s() -> None:
    env = {"MYPROXY_SERVER": "a,b", "MYPROXY_SERVER_PORT": "7513"}
    assert [(one.host, one.port) for one in servers(env)] == [("a", 7513), ("b", 7513)]
    assert [(one.host, one.port) for one in servers(env, "c", port=1)] == [("c", 1)]


def test_without_a_server_the_hint_says_how_to_name_one() -> None:
    with pytest.raises(UsageError) as caught:
        servers({}, option="--myproxy u@HOST")
    assert (caught.value.hint, caught.value.subject) == (
        "name it: --myproxy u@HOST, or export MYPROXY_SERVER=HOST",
        "--myproxy",
    )
    with pytest.raises(MyproxyError, match='MYPROXY_SERVER_PORT="0" is not a port'):
        servers({"MYPROXY_SERVER": "a", "MYPROXY_SERVER_PORT": "0"})


@pytest.mark.parametrize(
    ("typed", "account"), [("u@h", "u@h:7512"), ("u@h:1", "u@h:1"), ("u", "u@s:7512"), ("a@b@h", "a@b@h:7512")]
)
def test_an_account_is_a_user_at_a_server(typed: str, account: str) -> None:
    assert str(Accounts({"MYPROXY_SERVER": "s"}).parse(typed)) == account


def test_the_account_of_a_globus_user_is_guessed_at_the_site_s_first_server() -> None:
    assert str(Accounts({"MYPROXY_SERVER": "s,t"}).of_user("me")) == "me@s:7512"
    assert Accounts({}).of_user("me") is None


@pytest.mark.parametrize(
    ("pilot", "former", "words"),
    [
        ("/CN=p", "", "--retriever /CN=p"),
        (None, "/CN=q", "--retriever /CN=q"),
        (None, "", f"--retriever {UNKNOWN_DN}; "),
    ],
)
def test_a_command_to_deposit_names_the_pilot_that_is_known(pilot: str | None, former: str, words: str) -> None:
    command = to_deposit(Server("h", 7512), "-me", pilot=pilot, former=former)
    assert command.startswith(f"goclient myproxy deposit --server h --port 7512 --user=-me {words}")


def test_the_preflight_asks_each_kind_of_server_that_serves_jobs(tmp_path: Path) -> None:
    somebody = Identity("", "", "", "/CN=me", "/CN=me", 0, 0, True, False, 2048, False, ())
    found = Accounts({"X509_CERT_DIR": str(tmp_path)}).server_files(Credential(somebody), Deadline(1))
    assert set(found) == {kind for kind in URL_ENDPOINTS if kind.serves_jobs}
