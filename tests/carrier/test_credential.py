"""A credential is taken from the job's directory at once; its tokens are minted once, renewed, and revoked."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import replace

import pytest

from goclient.carrier.credential import ClientSecret, HandedTokens, ServiceClient, find_secret, read_secret
from goclient.errors import GoclientError, LoginNeeded
from goclient.secrets import MASK, hide
from goclient.services.globus.rest import RestAuth

SECRET = ClientSecret("8b5eb87a-10b2-4626-96dc-d9ab00c6942a", "a-secret-of-a-client")


def test_a_secret_is_read_and_hidden() -> None:
    assert read_secret(json.dumps(vars(SECRET)).encode()) == SECRET
    assert hide(f"it is {SECRET.client_secret}") == f"it is {MASK}"
    assert SECRET.client_secret not in repr(SECRET)


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"{}", b'{"client_id": 1}', b"\xff", b'{"client_secret": "x"}', b'{"tokens": []}', b"[" * 10**5],
)
def test_what_is_not_a_client_is_none(text: bytes) -> None:
    assert read_secret(text) is None


def test_a_secret_is_found_among_all_of_a_user() -> None:
    every = {"OTHER": "x", "___file___:goclient-ab.json": base64.b64encode(b"{}").decode()}
    assert find_secret(json.dumps(every).encode(), "goclient-ab.json") == b"{}"


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"___file___:a": 5}', b'{"___file___:a": "="}', b"[" * 99_999]
)
def test_what_has_no_such_secret_gives_nothing(content: bytes) -> None:
    assert find_secret(content, "a") == b""


def test_tokens_of_single_collections_are_read_and_hidden() -> None:
    found = read_secret(json.dumps({"tokens": {"c1": "a-token-of-one"}}).encode())
    assert found == HandedTokens({"c1": "a-token-of-one"})
    assert hide("it is a-token-of-one") == f"it is {MASK}"
    assert "a-token-of-one" not in repr(found)
    tokens = replace(found, servers={"c1": "https://c1.example"})
    assert (tokens.https("c1"), tokens.https_server("c1")) == ("a-token-of-one", "https://c1.example")
    with pytest.raises(LoginNeeded, match='no token for the collection "c2"'):
        tokens.https("c2")


class Auth(RestAuth):
    """Globus Auth, which gives numbered tokens."""

    def __init__(self, *, clock: float | None = 0.0) -> None:
        self.ahead = clock
        self.valid: list[str] = []
        self.made = 0

    @property
    def clock(self) -> float | None:
        return self.ahead

    def client_token(self, client_id: str, secret: str, scopes: Iterable[str]) -> dict[str, str]:
        if (client_id, secret) != (SECRET.client_id, SECRET.client_secret):
            raise LoginNeeded("Globus Auth refused the login: invalid_client")
        self.made += 1
        made = {one: f"token-for-{one}-{self.made}" for one in scopes}
        self.valid += made.values()
        return made

    def revoke(self, token: str, client_id: str, *, secret: str) -> None:
        self.valid.remove(token)


def test_a_token_is_minted_once_and_revoked() -> None:
    auth = Auth()
    client = ServiceClient(auth, SECRET, ("transfer", "guest"))
    first = client.token_of("transfer")()
    assert (first, client.token_of("transfer")(), client.token_of("guest")()) == (first, first, "token-for-guest-1")
    assert auth.made == 1
    client.close()
    assert auth.valid == []


def test_a_token_that_is_refused_is_minted_again_once() -> None:
    auth = Auth()
    client = ServiceClient(auth, SECRET, ("transfer",))
    old = client.token_of("transfer")()
    new = client.token_of("transfer")(refused=old)
    assert new != old
    assert client.token_of("transfer")(refused=old) == new, "another thread has renewed it meanwhile"
    assert auth.made == 2
    client.close()
    assert auth.valid == [], "the first one, too"


def test_a_scope_that_globus_did_not_give_is_told() -> None:
    client = ServiceClient(Auth(), SECRET, ("transfer",))
    with pytest.raises(LoginNeeded, match='Globus gave no token for "guest"'):
        client.token_of("guest")()


def test_a_client_that_globus_does_not_know_is_told() -> None:
    with pytest.raises(LoginNeeded, match=r"the job's credential is not valid: .*invalid_client"):
        ServiceClient(Auth(), ClientSecret("other", "another-secret"), ())


@pytest.mark.parametrize(("clock", "words"), [(86_400.0, "86400 s behind that"), (-86_400.0, "86400 s ahead of that")])
def test_a_clock_that_is_wrong_is_told_and_no_token_stays(clock: float, words: str) -> None:
    auth = Auth(clock=clock)
    with pytest.raises(GoclientError, match=words):
        ServiceClient(auth, SECRET, ("transfer",))
    assert auth.valid == []


@pytest.mark.parametrize("clock", [None, 0.0, 299.0, -299.0])
def test_a_clock_that_is_nearly_right_is_good(clock: float | None) -> None:
    ServiceClient(Auth(clock=clock), SECRET, ("transfer",))
