"""Connections to services show no credential of the environment, also of one that is not used."""

from __future__ import annotations

from goclient import secrets
from goclient.config.connections import Connections

ENV = {
    "GOCLIENT_CLIENT_SECRET": "of-the-client-1",
    "GOCLIENT_CARRY_CLIENT_SECRET": " of-the-service-2 ",
    "HTTPS_PROXY": "http://me:of-the-proxy-3@proxy.example:3128",
}


def test_secrets_of_the_environment_are_hidden_though_nothing_is_asked() -> None:
    assert Connections(environ={**ENV, "HOME": "/nonexistent"}).env["GOCLIENT_CLIENT_SECRET"] == "of-the-client-1"
    text = "of-the-client-1, of-the-service-2 and of-the-proxy-3"
    assert secrets.hide(text) == "***, *** and ***"


def test_what_no_shell_has_expanded_is_no_secret() -> None:
    _ = Connections(environ={"GOCLIENT_CLIENT_SECRET": "$MY_OWN_SECRET", "HOME": "/nonexistent"}).env
    assert secrets.hide("$MY_OWN_SECRET") == "$MY_OWN_SECRET"
