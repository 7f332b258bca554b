"""Services and endpoints are where the environment says, and nothing secret goes where it should not."""

from __future__ import annotations

import base64
import json
import os
import time
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from goclient.config import environment
from goclient.errors import GoclientError, LoginNeeded, RequestError
from goclient.services.globus.access import GlobusAccess
from goclient.services.panda.access import PandaAccess
from goclient.services.panda.token import login_command

UUID = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"
Env = dict[str, str]


def token(**claims: Any) -> str:
    """An identity token with these claims; its signature is none."""
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{part}.c2ln"


TOKEN = token(exp=time.time() + 3600)
OIDC: Env = {"PANDA_AUTH": "oidc", "PANDA_AUTH_VO": "wlcg", "PANDA_URL_SSL": "https://panda.example.org"}


# --- where the PanDA server is ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "url"),
    [
        pytest.param("https://panda.example.org", "https://panda.example.org", id="plain"),
        pytest.param("https://panda.example.org:25443", "https://panda.example.org:25443", id="port"),
        pytest.param("https://h:25443/server/panda?x#y", "https://h:25443", id="the-path-is-not-used"),
        pytest.param("https://me:secret@h:25443/", "https://h:25443", id="nor-a-password"),
        pytest.param("http://127.0.0.1:8080/x", "http://127.0.0.1:8080", id="loopback"),
        pytest.param("http://[::1]:8080/x", "http://[::1]:8080", id="loopback-of-ipv6"),
        pytest.param("", "https://pandaserver.cern.ch", id="nothing-is-cern"),
    ],
)
def test_the_server_is_where_the_url_says(given: str, url: str) -> None:
    access = environment.panda_access({**OIDC, "PANDA_AUTH_ID_TOKEN": TOKEN, "PANDA_URL_SSL": given})
    assert access.url == url


@pytest.mark.parametrize(
    "url",
    [
        "panda.example.org",
        "ftp://h",
        "https://",
        "https:///x",
        "http:h",
        "https://[::1",
        "https://h:port",
        "https://h:0",
        "https://h:99999",
    ],
)
def test_what_is_no_url_is_refused_by_the_name_of_its_variable(url: str) -> None:
    with pytest.raises(RequestError) as caught:
        environment.panda_access({**OIDC, "PANDA_AUTH_ID_TOKEN": TOKEN, "PANDA_URL_SSL": url})
    assert f'PANDA_URL_SSL="{url}"' in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "http://panda.example.org:25080/server/panda",
        "http://127.0.0.1.example.org",
        "http://localhost.example.org",
        "http://localhost@panda.example.org",
        "http://10.0.0.1",
        "HTTP://panda.example.org",
    ],
)
def test_a_token_never_leaves_the_computer_unencrypted(url: str) -> None:
    with pytest.raises(RequestError) as caught:
        environment.panda_access({**OIDC, "PANDA_AUTH_ID_TOKEN": TOKEN, "PANDA_URL_SSL": url})
    assert f'PANDA_URL_SSL="{url}"' in caught.value.message
    assert "unencrypted" in caught.value.message
    assert TOKEN not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "http://LOCALHOST:1"])
def test_on_loopback_a_token_needs_no_encryption(url: str) -> None:
    assert environment.panda_access({**OIDC, "PANDA_AUTH_ID_TOKEN": TOKEN, "PANDA_URL_SSL": url}).token == TOKEN


GLOBUS_URLS = ("GLOBUS_SDK_SERVICE_URL_AUTH", "GLOBUS_SDK_SERVICE_URL_TRANSFER")


@pytest.mark.parametrize("secret", [{}, {"GOCLIENT_CLIENT_SECRET": "s3cret"}])
@pytest.mark.parametrize("name", GLOBUS_URLS)
@pytest.mark.parametrize("url", ["http://globus.example.org/", "HTTP://10.0.0.1", "http://localhost@x.org"])
def test_what_globus_is_sent_never_leaves_the_computer_unencrypted(name: str, url: str, secret: Env) -> None:
    with pytest.raises(RequestError) as caught:
        environment.globus_access({"GOCLIENT_CLIENT_ID": UUID, **secret, name: url})
    assert caught.value.exit_code == 10
    assert f'{name}="{url}" would send your token unencrypted' in caught.value.message


@pytest.mark.parametrize("name", GLOBUS_URLS)
@pytest.mark.parametrize("url", ["", "http://127.0.0.1:1/", "http://LOCALHOST:1", "http://[::1]:1", "https://x.org"])
def test_globus_may_be_on_loopback_or_encrypted(name: str, url: str) -> None:
    assert environment.globus_access({"GOCLIENT_CLIENT_ID": UUID, name: url}).client_id == UUID


@pytest.mark.parametrize("name", GLOBUS_URLS)
@pytest.mark.parametrize("url", ["globus.example.org", "ftp://h", "http://x.org\\@127.0.0.1"])
def test_what_is_no_url_of_globus_is_refused_by_the_name_of_its_variable(name: str, url: str) -> None:
    with pytest.raises(RequestError, match=f"^{name}=.* is not a URL"):
        environment.globus_access({"GOCLIENT_CLIENT_ID": UUID, name: url})


# --- who asks -----------------------------------------------------------------------------------------------

_SOURCES = ("GOCLIENT_PILOT_TOKEN_FILE", "PANDA_AUTH_ID_TOKEN", "OIDC_AUTH_TOKEN_FILE", "OIDC_AUTH_ID_TOKEN")


def every_token(folder: Path) -> dict[str, tuple[Env, str]]:
    """Each place for a token, in order: the variables that name it, and the token there."""
    tokens = {name: token(exp=time.time() + 3600, name=name) for name in (*_SOURCES, "PANDA_CONFIG_ROOT")}
    for name, text in tokens.items():
        (folder / name).write_text(f" {text}\n")
    (folder / ".token").write_text(json.dumps({"id_token": tokens["PANDA_CONFIG_ROOT"], "refresh_token": "r"}))
    variables = {
        name: {name: str(folder / name) if name.endswith("_FILE") else f"{text}\n"} for name, text in tokens.items()
    }
    variables["PANDA_CONFIG_ROOT"] = {"PANDA_CONFIG_ROOT": str(folder)}
    return {name: (variables[name], tokens[name]) for name in tokens}


@pytest.mark.parametrize("first", range(5))
def test_a_pilots_token_is_looked_for_in_this_order(tmp_path: Path, first: int) -> None:
    locations = list(every_token(tmp_path).values())[first:]
    env: Env = dict(OIDC)
    for variables, _ in locations:
        env |= variables
    access = environment.panda_access(env, pilot=True)
    assert (access.token, access.vo, access.certificate) == (locations[0][1], "wlcg", None)


def test_the_pilots_token_is_the_pilots_alone(tmp_path: Path) -> None:
    locations = every_token(tmp_path)
    env = {**OIDC, **locations["GOCLIENT_PILOT_TOKEN_FILE"][0], **locations["PANDA_AUTH_ID_TOKEN"][0]}
    assert environment.panda_access(env).token == locations["PANDA_AUTH_ID_TOKEN"][1]


def test_a_variable_that_is_empty_is_not_set(tmp_path: Path) -> None:
    locations = every_token(tmp_path)
    env = {**OIDC, "PANDA_AUTH_ID_TOKEN": "", "OIDC_AUTH_TOKEN_FILE": "", **locations["OIDC_AUTH_ID_TOKEN"][0]}
    assert environment.panda_access(env, pilot=True).token == locations["OIDC_AUTH_ID_TOKEN"][1]


def test_the_vo_goes_with_the_token() -> None:
    env = {**OIDC, "PANDA_AUTH_ID_TOKEN": TOKEN}
    del env["PANDA_AUTH_VO"]
    assert environment.panda_access({**env, "OIDC_AUTH_VO": "atlas"}).vo == "atlas"
    assert environment.panda_access({**env, "OIDC_AUTH_VO": "atlas", "PANDA_AUTH_VO": "wlcg"}).vo == "wlcg"
    with pytest.raises(RequestError, match="PANDA_AUTH_VO"):
        environment.panda_access(env)


@pytest.mark.parametrize("vo", ["at las", "a\nb", "atläs"])
def test_what_is_no_vo_is_refused(vo: str) -> None:
    with pytest.raises(RequestError, match="is not the name of a VO"):
        environment.panda_access({**OIDC, "PANDA_AUTH_ID_TOKEN": TOKEN, "PANDA_AUTH_VO": vo})


def test_the_servers_authorities_are_in_the_folder_that_was_named(tmp_path: Path) -> None:
    env = {**OIDC, "PANDA_AUTH_ID_TOKEN": TOKEN}
    assert environment.panda_access({**env, "X509_CERT_DIR": str(tmp_path)}).ca == str(tmp_path)
    with pytest.raises(RequestError) as caught:
        environment.panda_access({**env, "X509_CERT_DIR": str(tmp_path / "none")})
    assert f'X509_CERT_DIR="{tmp_path / "none"}"' in caught.value.message


def test_without_oidc_a_token_that_lies_about_is_not_used(tmp_path: Path) -> None:
    proxy = tmp_path / "proxy"
    proxy.write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    env = {"PANDA_URL_SSL": "https://h", "PANDA_AUTH_ID_TOKEN": TOKEN, "X509_USER_PROXY": str(proxy)}
    access = environment.panda_access(env)
    assert (access.token, access.vo, access.certificate) == (None, None, str(proxy))


@pytest.mark.parametrize("text", ["", " \n", "a b", "a\nb", "tökén", "a\x1bb"])
def test_what_is_no_token_is_not_sent(text: str) -> None:
    with pytest.raises(LoginNeeded) as caught:
        environment.panda_access({**OIDC, "OIDC_AUTH_ID_TOKEN": text or " "})
    assert caught.value.exit_code == 4
    assert caught.value.hint == f"type: unset OIDC_AUTH_ID_TOKEN && {login_command()}"
    assert text.strip() not in caught.value.message or not text.strip()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(None, "No such file", id="missing"),
        pytest.param(b"eyJ\xff", "not UTF-8 text", id="binary"),
    ],
)
def test_a_token_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, reason: str) -> None:
    file = tmp_path / "my-token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(LoginNeeded) as caught:
        environment.panda_access({**OIDC, "OIDC_AUTH_TOKEN_FILE": str(file)})
    assert str(file) in caught.value.message
    assert reason in caught.value.message


def test_a_token_file_in_the_home_of_nobody_is_named() -> None:
    with pytest.raises(LoginNeeded) as caught:
        environment.panda_access({**OIDC, "OIDC_AUTH_TOKEN_FILE": "~no-such-user/token"})
    assert "~no-such-user/token" in caught.value.message


def test_a_token_file_in_the_users_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "token").write_text(TOKEN)
    assert environment.panda_access({**OIDC, "OIDC_AUTH_TOKEN_FILE": "~/token"}).token == TOKEN


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", "not json"])
def test_a_stored_login_without_a_token_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / ".token").write_text(content)
    with pytest.raises(LoginNeeded) as caught:
        environment.panda_access({**OIDC, "PANDA_CONFIG_ROOT": str(tmp_path)})
    assert str(tmp_path / ".token") in caught.value.message


def test_an_expired_token_is_said_to_be() -> None:
    with pytest.raises(LoginNeeded) as caught:
        environment.panda_access({**OIDC, "PANDA_AUTH_ID_TOKEN": token(exp=1_000_000_000)})
    assert caught.value.code == "token-expired"
    assert "2001-09-09 01:46:40 UTC" in caught.value.message
    assert caught.value.hint == f"type: unset PANDA_AUTH_ID_TOKEN && {login_command()}"


@pytest.mark.parametrize("expiry", [-1e30, -(10**400)], ids=["long-ago", "longer-ago"])
def test_a_token_that_expired_before_there_was_time_has_expired(expiry: float) -> None:
    with pytest.raises(LoginNeeded):
        environment.panda_access({**OIDC, "PANDA_AUTH_ID_TOKEN": token(exp=expiry)})


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("opaque", id="one-part"),
        pytest.param("a.b.c", id="parts-that-hold-nothing"),
        pytest.param("a.bm8.c", id="parts-that-are-no-json"),
        pytest.param(token(), id="no-expiry"),
        pytest.param(token(exp="soon"), id="an-expiry-that-is-no-number"),
        pytest.param(token(exp=None), id="an-empty-expiry"),
        pytest.param(token(exp=10**400), id="an-expiry-after-the-end-of-time"),
        pytest.param("a." + base64.urlsafe_b64encode(b"[1]").decode() + ".c", id="claims-that-are-none"),
    ],
)
def test_a_token_that_says_no_expiry_is_left_to_the_server(text: str) -> None:
    assert environment.panda_access({**OIDC, "PANDA_AUTH_ID_TOKEN": text}).token == text


def test_without_any_credential_a_login_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 4_000_000_000)  # whose proxy is not in /tmp
    with pytest.raises(LoginNeeded) as caught:
        environment.panda_access({"PANDA_URL_SSL": "https://h"})
    assert "voms-proxy-init" in caught.value.hint


def test_a_proxy_that_was_named_and_is_not_there_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(LoginNeeded) as caught:
        environment.panda_access({"PANDA_URL_SSL": "https://h", "X509_USER_PROXY": str(tmp_path / "none")})
    assert f'X509_USER_PROXY="{tmp_path / "none"}"' in caught.value.message


@pytest.mark.parametrize("access", [PandaAccess("https://h", 1, 1, token=TOKEN), GlobusAccess(UUID, "s3cret")])
def test_a_secret_is_not_in_what_is_printed(access: object) -> None:
    assert TOKEN not in repr(access)
    assert "s3cret" not in repr(access)


# --- how long to wait ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", 60.0), ("5", 5.0), ("0.5", 0.5), (" 7 ", 7.0), ("1e3", 1000.0), ("9999999", 9_999_999.0)],
)
def test_a_server_may_take_as_long_as_was_said(text: str, seconds: float) -> None:
    env = {**OIDC, "PANDA_AUTH_ID_TOKEN": TOKEN, "GOCLIENT_TIMEOUT": text}
    assert environment.panda_access(env).answer_timeout == seconds


def test_unless_said_a_server_may_take_a_minute() -> None:
    assert environment.panda_access({**OIDC, "PANDA_AUTH_ID_TOKEN": TOKEN}).answer_timeout == 60.0


@pytest.mark.parametrize(("seconds", "connect"), [("5", 5.0), ("10", 10.0), ("600", 10.0)])
def test_a_connection_is_waited_for_ten_seconds_at_most(seconds: str, connect: float) -> None:
    env = {**OIDC, "PANDA_AUTH_ID_TOKEN": TOKEN, "GOCLIENT_TIMEOUT": seconds}
    for access in (environment.panda_access(env), environment.queue_source(env).access):
        assert (access.connect_timeout, access.answer_timeout) == (connect, float(seconds))


@pytest.mark.parametrize("text", ["0", "-1", "soon", "inf", "nan", "-inf", "1e7", "1e999", "5s", "0x10", " "])
def test_a_time_that_is_none_is_refused_by_the_name_of_its_variable(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        environment.panda_access({**OIDC, "PANDA_AUTH_ID_TOKEN": TOKEN, "GOCLIENT_TIMEOUT": text})
    assert f'GOCLIENT_TIMEOUT="{text}"' in caught.value.message
    assert "GOCLIENT_TIMEOUT=60" in caught.value.hint


# --- Globus -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("env", "access"),
    [
        pytest.param({}, GlobusAccess(UUID, None), id="a-person"),
        pytest.param({"GOCLIENT_CLIENT_SECRET": ""}, GlobusAccess(UUID, None), id="an-empty-secret"),
        pytest.param({"GOCLIENT_CLIENT_SECRET": "s3cret"}, GlobusAccess(UUID, "s3cret"), id="a-service"),
    ],
)
def test_globus_is_asked_by_the_client_that_was_registered(env: Env, access: GlobusAccess) -> None:
    assert environment.globus_access({"GOCLIENT_CLIENT_ID": UUID, **env}) == access


@pytest.mark.parametrize(("client", "error"), [("", LoginNeeded), ("my-client", RequestError)])
def test_without_a_client_the_hint_says_where_to_register_one(client: str, error: type[GoclientError]) -> None:
    with pytest.raises(error) as caught:
        environment.globus_access({"GOCLIENT_CLIENT_ID": client, "GOCLIENT_CLIENT_SECRET": "s3cret"})
    assert caught.value.code == "no-client"
    assert client in caught.value.message
    assert "app.globus.org/settings/developers" in caught.value.hint
    assert "s3cret" not in caught.value.message + caught.value.hint


# --- the catalogue ------------------------------------------------------------------------------------------


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's catalogue; the site has an empty one beside it."""
    monkeypatch.setattr(environment, "SITE_CATALOGUE", str(tmp_path / "site.toml"))
    return tmp_path / "user.toml"


def read(user: Path | None) -> dict[str, str]:
    found = environment.catalogue({"GOCLIENT_ENDPOINTS": str(user)} if user is not None else {})
    assert all(one.display == name for name, one in found.items())
    return {name: one.text for name, one in found.items()}


def test_the_catalogue_says_what_names_mean(user: Path) -> None:
    user.write_text(
        f"""
        [SITE1]
        kind = "globus"
        id = "{UUID.upper()}"
        ["wdeng#ANLHEP_ATLAS8"]
        kind = "gridftp"
        url = "gsiftp://Host.example.org:2811/"
        owner = "keys that we do not know are somebody else's"
        """
    )
    assert read(user) == {"SITE1": UUID, "wdeng#ANLHEP_ATLAS8": "gsiftp://host.example.org"}


def test_the_users_entries_win_and_the_sites_others_stay(user: Path, tmp_path: Path) -> None:
    other = UUID.replace("9", "8")
    user.write_text(f'[SITE1]\nkind = "globus"\nid = "{UUID}"\n')
    (tmp_path / "site.toml").write_text(
        f'[SITE1]\nkind = "globus"\nid = "{other}"\n[SITE2]\nkind = "globus"\nid = "{other}"\n'
    )
    assert read(user) == {"SITE1": UUID, "SITE2": other}


def test_files_that_do_not_exist_have_no_entries(user: Path) -> None:
    assert read(user) == {}


def test_without_a_variable_the_catalogue_is_in_the_users_config_folder(
    user: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "goclient").mkdir()
    (tmp_path / "goclient" / "endpoints.toml").write_text(f'[SITE1]\nkind = "globus"\nid = "{UUID}"\n')
    assert read(None) == {"SITE1": UUID}
    assert read(user) == {}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param(b"[SITE1", "TOML", id="no-toml"),
        pytest.param(b"[A]\n[A]\n", "TOML", id="a-name-that-is-there-twice"),
        pytest.param(b"\xff", "TOML", id="no-text"),
        pytest.param(b"SITE1 = 5", "[SITE1]", id="no-table"),
        pytest.param(b"[SITE1]\n", "[SITE1]", id="an-empty-entry"),
        pytest.param(b'[SITE1]\nkind = "s3"\nid = "x"', "[SITE1]", id="another-kind"),
        pytest.param(f'[SITE1]\nid = "{UUID}"'.encode(), "[SITE1]", id="no-kind"),
        pytest.param(b'[SITE1]\nkind = "globus"', "[SITE1]", id="no-id"),
        pytest.param(b'[SITE1]\nkind = "globus"\nid = "SITE1"', "[SITE1]", id="an-id-that-is-no-uuid"),
        pytest.param(b'[SITE1]\nkind = "globus"\nid = 5', "[SITE1]", id="an-id-that-is-a-number"),
        pytest.param(b'[SITE1]\nkind = "gridftp"\nurl = "host"', "[SITE1]", id="no-gridftp-url"),
        pytest.param(b'[SITE1]\nkind = "gridftp"\nurl = "gsiftp://"', "[SITE1]", id="a-gridftp-url-without-host"),
        pytest.param(b'[SITE1]\nkind = "gridftp"\nurl = "gsiftp://h/a"', "[SITE1]", id="a-gridftp-url-with-a-path"),
        pytest.param(b'[SITE1]\nkind = "gridftp"\nurl = "gsiftp://a b"', "[SITE1]", id="a-gridftp-host-with-a-blank"),
        pytest.param(
            b'[SITE1]\nkind = "gridftp"\nurl = "gsiftp://h:port"', "[SITE1]", id="a-gridftp-port-that-is-none"
        ),
        pytest.param(
            f'[SITE1]\nkind = "gridftp"\nurl = "gsiftp://{"h" * 300}"'.encode(), "[SITE1]", id="an-endless-gridftp-host"
        ),
    ],
)
@pytest.mark.parametrize("whose", ["user.toml", "site.toml"])
def test_a_catalogue_that_is_wrong_is_named_with_its_entry(
    user: Path, tmp_path: Path, whose: str, text: bytes, shown: str
) -> None:
    (tmp_path / whose).write_bytes(text)
    with pytest.raises(GoclientError) as caught:
        read(user)
    assert (caught.value.code, caught.value.exit_code) == ("catalogue", 10)
    assert str(tmp_path / whose) in caught.value.message
    assert shown in caught.value.message


def test_a_catalogue_that_cannot_be_read_is_named(user: Path) -> None:
    user.mkdir()
    with pytest.raises(RequestError) as caught:
        read(user)
    assert f'"{user}": it is not a regular file' in caught.value.message


# --- the journal --------------------------------------------------------------------------------------------


def test_the_journal_is_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment.journal_path({"GOCLIENT_STATE": str(tmp_path)}) == tmp_path / "journal.jsonl"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert environment.journal_path({}) == tmp_path / "goclient" / "journal.jsonl"


@pytest.mark.parametrize("named", [None, "", "/x/y", "/x/y/", "x/y", "~/x", " /x "])
def test_what_is_the_users_own_is_where_platformdirs_has_it(named: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of which the import alone would be a tenth of a short command's time."""
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(variable, raising=False)
        if named is not None:
            monkeypatch.setenv(variable, named)
    env = {name: value for name, value in os.environ.items() if not name.startswith("GOCLIENT_")}
    assert environment.user_catalogue(env) == str(platformdirs.user_config_path("goclient") / "endpoints.toml")
    assert environment.journal_path(env) == platformdirs.user_state_path("goclient") / "journal.jsonl"
