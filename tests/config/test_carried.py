"""Client of carried jobs, and address of their archive, are found in the environment as panda-client finds it."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from goclient.config.carried import carry_access, file_server_url, globus_urls
from goclient.errors import RequestError
from goclient.secrets import hide

UUID, OTHER = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f", "8b5eb87a-10b2-4626-96dc-d9ab00c6942a"
SECRET = "a-secret-of-the-service"
BOTH = {"GOCLIENT_CARRY_CLIENT_ID": UUID, "GOCLIENT_CARRY_CLIENT_SECRET": SECRET}


def test_the_service_client_is_in_two_variables_and_its_secret_is_never_shown() -> None:
    access = carry_access(BOTH)
    assert access is not None
    assert (access.client_id, access.client_secret) == (UUID, SECRET)
    assert SECRET not in hide(f"it is {SECRET}") + repr(access)
    assert carry_access({}) is None


@pytest.mark.parametrize(
    ("env", "message"),
    [
        pytest.param({"GOCLIENT_CARRY_CLIENT_ID": UUID}, "GOCLIENT_CARRY_CLIENT_SECRET is not", id="no secret"),
        pytest.param({"GOCLIENT_CARRY_CLIENT_SECRET": SECRET}, "GOCLIENT_CARRY_CLIENT_ID is not", id="no id"),
        pytest.param({**BOTH, "GOCLIENT_CARRY_CLIENT_ID": "x"}, 'ID="x" is not a UUID', id="no UUID"),
        pytest.param({**BOTH, "GOCLIENT_CLIENT_ID": UUID}, "must not travel", id="the user's own"),
        pytest.param({**BOTH, "GOCLIENT_CLIENT_ID": UUID.upper()}, "must not travel", id="in capitals"),
        pytest.param({**BOTH, "GOCLIENT_CLIENT_SECRET": SECRET}, "must not travel", id="the user's own secret"),
        pytest.param({**BOTH, "GOCLIENT_CARRY_CLIENT_SECRET": "$(pass x)"}, "no shell has expanded", id="unexpanded"),
    ],
)
def test_a_service_client_that_cannot_act_is_refused(env: dict[str, str], message: str) -> None:
    with pytest.raises(RequestError, match=message.replace("$", r"\$")) as raised:
        carry_access(env)
    assert SECRET not in str(raised.value) + raised.value.hint


@pytest.mark.parametrize(
    ("env", "url"),
    [
        ({"PANDACACHE_URL": "https://cache.example:25443/server/panda"}, "https://cache.example:25443"),
        ({"PANDA_URL_SSL": "https://panda.example/server/panda"}, "https://panda.example"),
        ({"PANDACACHE_URL": "http://127.0.0.1:7/", "PANDA_URL_SSL": "https://x"}, "http://127.0.0.1:7"),
        ({"PANDACACHE_URL": "http://[::1]:7/x"}, "http://[::1]:7"),
        ({}, "https://pandacache.cern.ch"),
    ],
)
def test_the_file_server_is_panda_clients(env: dict[str, str], url: str) -> None:
    assert file_server_url({**env, "PANDA_BEHIND_REAL_LB": "1"}) == url


def test_the_file_server_is_not_shown_a_token_in_the_clear() -> None:
    with pytest.raises(RequestError, match="unencrypted"):
        file_server_url({"PANDACACHE_URL": "http://cache.example/"})


def test_of_several_hosts_with_one_name_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"a": ["10.0.0.1", "10.0.0.2"], "one": ["10.0.0.1"], "nameless": ["10.0.0.3", "10.0.0.1"]}

    def getaddrinfo(host: str, *_: Any, **__: Any) -> list[Any]:
        if host not in names:
            raise socket.gaierror(-2, "Name or service not known")
        return [(0, 0, 0, "", (address, 0)) for address in names[host]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket, "getfqdn", lambda address: {"10.0.0.1": "panda1.example"}.get(address, address))
    found = {host: file_server_url({"PANDACACHE_URL": f"https://{host}:443/x"}) for host in (*names, "unknown")}
    assert found == {
        "a": "https://panda1.example:443",
        "one": "https://one:443",
        "nameless": "https://nameless:443",
        "unknown": "https://unknown:443",
    }


def test_globus_is_where_its_sdk_is_told() -> None:
    env = {
        "GLOBUS_SDK_SERVICE_URL_AUTH": "http://127.0.0.1:1/x/",
        "GLOBUS_SDK_SERVICE_URL_TRANSFER": "http://127.0.0.1:1/",
    }
    assert (globus_urls(env).auth, globus_urls(env).transfer) == ("http://127.0.0.1:1/x", "http://127.0.0.1:1")
    assert globus_urls({}).auth == "https://auth.globus.org"
