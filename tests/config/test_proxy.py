"""A proxy certificate is shown to a PanDA server if it is one; what else is in its file is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from goclient.config.proxy import find_proxy, proxy_file
from goclient.errors import LoginNeeded
from goclient.secrets import hide

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def test_a_proxy_is_shown_with_https_alone(tmp_path: Path) -> None:
    file = tmp_path / "proxy"
    file.write_text(PEM)
    env = {"X509_USER_PROXY": str(file)}
    assert find_proxy(env, "https") == proxy_file(env) == str(file)
    with pytest.raises(LoginNeeded, match="can only be shown with https") as caught:
        find_proxy(env, "http")
    assert caught.value.hint == "type: export PANDA_AUTH=oidc"


def test_a_proxy_that_was_named_and_is_not_there_is_quoted(tmp_path: Path) -> None:
    env = {"X509_USER_PROXY": str(tmp_path / "none")}
    assert proxy_file(env) is None
    with pytest.raises(LoginNeeded, match=f'X509_USER_PROXY="{tmp_path}/none" cannot be read'):
        find_proxy(env, "https")


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        ("x", "it has no certificate in it", "type: voms-proxy-init"),
        (
            '{"access_token": "abcdefgh12345678"}',
            "it is a token, not a certificate with its key",
            "type: voms-proxy-init",
        ),
        (PEM.replace("\n", " "), "its line breaks are lost", "type: (umask 077; sed "),
    ],
)
def test_a_file_that_is_no_proxy_says_what_it_is_and_is_not_shown(
    text: str, problem: str, hint: str, tmp_path: Path
) -> None:
    file = tmp_path / "proxy"
    file.write_text(text)
    with pytest.raises(LoginNeeded) as caught:
        find_proxy({"X509_USER_PROXY": str(file)}, "https")
    assert caught.value.message == f'the proxy "{file}" cannot be used: {problem}'
    assert caught.value.hint.startswith(hint)
    assert "abcdefgh12345678" not in hide(text)
