"""Variables are judged before anything is sent, mended where that is safe, and not shown if they are secret."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from goclient.config import environment
from goclient.errors import RequestError
from goclient.secrets import WEB_PROXIES, hide
from tests import faults
from tests.commands import Result, Run
from tests.faults import FaultyServer
from tests.identity_provider import Provider, provider, token

TOKEN = token(36_000)
COLLECTION = "8b5eb87a-10b2-4626-96dc-d9ab00c6942a"
SENDJOB = ("sendJob.py", "--computingSite=TEST1", "--transformation=/bin/true", "--noCheck")
PRUN = ("goclient", "prun", "--exec=true", "--outDS=user.jdoe.test", "--site=TEST1", "--noBuild")
_LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
KEY = f"-----BEGIN PRIVATE KEY-----\n{_LINE}\n-----END PRIVATE KEY-----\n"
STORED = json.dumps({"id_token": TOKEN, "refresh_token": "refresh-token-1"})
LETTERS = re.compile(r"[A-Za-z0-9+/_-]{20,}")


@pytest.fixture
def server() -> Iterator[Provider]:
    with provider() as started:
        yield started


def assert_not_shown(content: bytes, result: Result) -> None:
    for word in LETTERS.findall(content.decode("latin-1").replace("\0", "")):
        assert word not in result.out + result.err


# --- the token ----------------------------------------------------------------------------------------------

MENDED = {
    "a line break": f"{TOKEN}\n",
    "two line breaks": f"{TOKEN}\n\n",
    "CR and LF": f"{TOKEN}\r\n",
    "CR alone": f"{TOKEN}\r",
    "blanks around it": f"  {TOKEN}\t ",
    "a byte order mark": f"\ufeff{TOKEN}",
    "a byte order mark and a line break": f"\ufeff{TOKEN}\r\n",
    "nothing": TOKEN,
}
REFUSED = {
    "a blank in it": f"{TOKEN[:50]} {TOKEN[50:]}\n".encode(),
    "a line break in it": f"{TOKEN[:50]}\n{TOKEN[50:]}\n".encode(),
    "two tokens": f"{TOKEN}\n{TOKEN}\n".encode(),
    "the scheme": f"Bearer {TOKEN}\n".encode(),
    "another letter": f"{TOKEN[:60]}é{TOKEN[60:]}\n".encode(),
    "UTF-16": TOKEN.encode("utf-16"),
    "no text": b"\xfe\x80" + TOKEN.encode(),
    "a key": KEY.encode(),
    "a key without line breaks": KEY.replace("\n", " ").encode(),
    "panda-client's file": STORED.encode(),
    "nothing but blanks": b" \n",
}


@pytest.mark.parametrize("command", [SENDJOB, PRUN], ids=["sendJob", "prun"])
@pytest.mark.parametrize("case", MENDED)
def test_a_token_is_sent_without_what_is_around_it(
    run: Run, server: Provider, tmp_path: Path, command: tuple[str, ...], case: str
) -> None:
    (tmp_path / "token").write_bytes(MENDED[case].encode())
    result = run(*command, **server.env, OIDC_AUTH_TOKEN_FILE="token")
    assert set(server.shown) == {f"Bearer {TOKEN}"}, result.err
    assert_not_shown(TOKEN.encode(), result)


@pytest.mark.parametrize("command", [SENDJOB, PRUN], ids=["sendJob", "prun"])
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_token_is_neither_sent_nor_shown(
    run: Run, server: Provider, tmp_path: Path, command: tuple[str, ...], case: str
) -> None:
    (tmp_path / "token").write_bytes(REFUSED[case])
    result = run(*command, **server.env, OIDC_AUTH_TOKEN_FILE="token")
    assert (result.code, server.asked) == (4, []), result.err
    assert 'the token file "token" of OIDC_AUTH_TOKEN_FILE' in result.err
    assert_not_shown(REFUSED[case], result)


@pytest.mark.parametrize("name", ["PANDA_AUTH_ID_TOKEN", "OIDC_AUTH_ID_TOKEN"])
def test_a_token_of_a_variable_is_mended_for_panda_client_too(run: Run, server: Provider, name: str) -> None:
    result = run(*PRUN, **server.env, **{name: f"{TOKEN}\n"})
    assert set(server.shown) == {f"Bearer {TOKEN}"}, result.err


def test_an_empty_variable_does_not_hide_the_file_from_panda_client(run: Run, server: Provider, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    result = run(*PRUN, **server.env, PANDA_AUTH_ID_TOKEN="", OIDC_AUTH_TOKEN_FILE="token")
    assert set(server.shown) == {f"Bearer {TOKEN}"}, result.err


@pytest.mark.parametrize("words", [("-h",), ("--version",), ("--helpGroup=ALL",)])
def test_help_needs_no_token(run: Run, words: tuple[str, ...]) -> None:
    assert run("goclient", "prun", *words, PANDA_AUTH="oidc", PANDA_AUTH_ID_TOKEN="a b").code == 0


# --- no credential ------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.path.exists(f"/tmp/x509up_u{os.getuid()}"), reason="somebody has a proxy here")
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("value", ["", "x509", "OIDC"])
def test_without_a_credential_nothing_is_sent(run: Run, server: Provider, scheme: str, value: str) -> None:
    env = {**server.env, "PANDA_URL_SSL": server.url.replace("http", scheme), "PANDA_AUTH": value}
    result = run(*SENDJOB, "--json", **env)
    assert (result.code, server.asked) == (4, [])
    assert "PANDA_AUTH is not oidc" in result.err
    hint = result.json["error"]["hint"]
    assert "type: export PANDA_AUTH=oidc PANDA_AUTH_VO=your-vo OIDC_AUTH_TOKEN_FILE=your-token-file" in hint
    assert "type: voms-proxy-init (Debian: voms-clients, " in hint
    result = run(*SENDJOB, "--json", **env, OIDC_AUTH_ID_TOKEN=TOKEN)
    assert (result.code, server.asked) == (4, [])
    assert result.json["error"]["hint"] == "type: export PANDA_AUTH=oidc"


PROXIES = {
    "its line breaks are lost": KEY.replace("\n", " "),
    "it is a private key, not a certificate": KEY,
    "it is a token, not a certificate": TOKEN,
    "it has no certificate in it": "something else",
}


@pytest.mark.parametrize("said", PROXIES)
def test_a_proxy_that_is_none_is_not_shown_to_anybody(run: Run, tmp_path: Path, said: str) -> None:
    (tmp_path / "proxy").write_text(PROXIES[said])
    result = run(*SENDJOB, PANDA_URL_SSL="https://127.0.0.1:1", X509_USER_PROXY="proxy")
    assert result.code == 4
    assert f'the proxy "proxy" cannot be used: {said}' in result.err
    assert_not_shown(PROXIES[said].encode(), result)


# --- authorities --------------------------------------------------------------------------------------------

BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.mark.parametrize("name", BUNDLES)
@pytest.mark.parametrize("others", [False, True])
@pytest.mark.parametrize("folder", [False, True])
def test_a_private_authority_counts_for_the_panda_server(
    run: Run, tmp_path: Path, name: str, others: bool, folder: bool
) -> None:
    made = faults.certificate(tmp_path)
    (tmp_path / "others").mkdir()
    more = {"X509_CERT_DIR": str(tmp_path / "others")} if others else {}
    bundle = made.trusting if folder else next(made.trusting.glob("*.0"))
    env = {"PANDA_AUTH": "oidc", "PANDA_AUTH_VO": "x", "PANDA_AUTH_ID_TOKEN": TOKEN, **more}
    with FaultyServer(tls=made.context) as server:
        refused = run(*SENDJOB, **env, PANDA_URL_SSL=server.url)
        assert (refused.code, server.attempts) == (90, 0)
        result = run(*SENDJOB, **env, PANDA_URL_SSL=server.url, **{name: str(bundle)})
    assert result.code == 0, result.err
    assert len(server.submissions) == 1


def test_the_folder_of_the_grid_counts_beside_a_bundle(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    made, other = faults.certificate(tmp_path), faults.certificate(tmp_path / "other", host="127.0.0.9")
    env = {"PANDA_AUTH": "oidc", "PANDA_AUTH_VO": "x", "PANDA_AUTH_ID_TOKEN": TOKEN}
    env |= {"X509_CERT_DIR": str(made.trusting), "REQUESTS_CA_BUNDLE": str(next(other.trusting.glob("*.0")))}
    with FaultyServer(tls=made.context) as server:
        assert run(*SENDJOB, **env, PANDA_URL_SSL=server.url).code == 0


@pytest.mark.parametrize("name", BUNDLES)
@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(None, "No such file or directory", id="missing"),
        pytest.param("", "it has no certificate of an authority in it", id="empty"),
        pytest.param("something else", "it has no certificate of an authority in it", id="no PEM"),
        pytest.param(KEY, "it has no certificate of an authority in it", id="a key"),
    ],
)
def test_a_bundle_that_cannot_be_used_is_named(
    run: Run, server: Provider, tmp_path: Path, name: str, content: str | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    result = run(*SENDJOB, "--json", **server.env, PANDA_AUTH_ID_TOKEN=TOKEN, **{name: "ca.pem"})
    assert (result.code, server.asked) == (10, [])
    assert result.json["error"]["message"] == f'{name}="ca.pem" cannot be used: {said}'
    assert result.json["error"]["hint"] == f"type: unset {name}"


# --- goclient's own -----------------------------------------------------------------------------------------

UNEXPANDED = {
    "~/x": "/home/me/x",
    "~": "/home/me",
    "~/a b/it's": "/home/me/a b/it's",
    "$HOME/x": "/home/me/x",
    "${HOME}/x y": "/home/me/x y",
    '$HOME/"quoted"': '/home/me/"quoted"',
    "$(echo /made)/x": "/made/x",
    "$HOME\\x": "/home/me\\x",
}
READERS: dict[str, Callable[[Mapping[str, str]], object]] = {
    "GOCLIENT_STATE": environment.journal_path,
    "GOCLIENT_ENDPOINTS": environment.catalogue,
    "GOCLIENT_CLIENT_ID": environment.globus_access,
    "GOCLIENT_CLIENT_SECRET": environment.globus_access,
    "GOCLIENT_PILOT_TOKEN_FILE": lambda env: environment.panda_access(env, pilot=True),
    "GOCLIENT_TIMEOUT": environment.panda_access,
    "GOCLIENT_GLOBUSCONNECT": lambda env: environment.own(env, "GOCLIENT_GLOBUSCONNECT"),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("value", UNEXPANDED)
def test_what_a_shell_should_have_expanded_is_refused_with_the_right_export(name: str, value: str) -> None:
    env = {"GOCLIENT_CLIENT_ID": COLLECTION, "PANDA_AUTH": "oidc", "PANDA_AUTH_VO": "x", "PANDA_AUTH_ID_TOKEN": TOKEN}
    with pytest.raises(RequestError) as caught:
        READERS[name]({**env, name: value})
    assert caught.value.exit_code == 10
    if name == "GOCLIENT_CLIENT_SECRET" and value.startswith("~"):
        assert value not in caught.value.message or value == "~"  # it may be a secret as it is
        return
    assert caught.value.message.startswith(f"{name}=")
    command = f'{caught.value.hint.removeprefix("type: ")}; printf %s "${name}"'
    typed = subprocess.run(["sh", "-c", command], env={"HOME": "/home/me"}, capture_output=True, text=True, check=True)
    assert typed.stdout == UNEXPANDED[value]


@pytest.mark.parametrize("around", ["\n", "\r\n", " ", "\r"])
def test_what_is_around_a_client_and_its_secret_does_not_count(around: str) -> None:
    env = {"GOCLIENT_CLIENT_ID": COLLECTION + around, "GOCLIENT_CLIENT_SECRET": around + "s3cret" + around}
    assert environment.globus_access(env).client_secret == "s3cret"


@pytest.mark.parametrize("name", WEB_PROXIES)
def test_the_password_of_a_web_proxy_is_a_credential(name: str) -> None:
    environment.globus_access(
        {"GOCLIENT_CLIENT_ID": COLLECTION, name: f"http://me:{name}-p%40ss%2F@proxy.example.org:3128"}
    )
    assert hide(f"{name}-p@ss/ and {name}-p%40ss%2F") == "*** and ***"


@pytest.mark.parametrize("value", ["./~x", "a$b", "/data/~/x", "x~"])
def test_a_tilde_or_a_dollar_elsewhere_is_a_letter_like_any_other(value: str) -> None:
    assert environment.own({"GOCLIENT_STATE": value}, "GOCLIENT_STATE") == value


@pytest.mark.parametrize(
    "words",
    [
        ("goclient", "endpoint", "list"),
        ("goclient", "explain", "--OutputGO=SITE1:/a/ --Data=x"),
        (*SENDJOB, "--noSubmit", "--OutputGO=SITE1:/a/", "--Data=x"),
    ],
    ids=["list", "explain", "sendJob"],
)
def test_a_catalogue_that_is_not_there_is_a_warning(run: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    missing = tmp_path / "endpoints.tolm"
    result = run(*words, GOCLIENT_ENDPOINTS=str(missing))
    assert result.code == 0, result.err
    assert result.err.count(f'warning: GOCLIENT_ENDPOINTS="{missing}" names a file that does not exist') == 1
    assert "names a file" not in run(*words).err


def test_a_catalogue_that_is_made_now_is_no_warning(run: Run, tmp_path: Path) -> None:
    result = run(
        "goclient",
        "endpoint",
        "add",
        "SITE1",
        "gsiftp://host.example.org",
        GOCLIENT_ENDPOINTS=str(tmp_path / "new.toml"),
    )
    assert (result.code, "warning" in result.err) == (0, False), result.err


# --- files that are read ------------------------------------------------------------------------------------

CATALOGUE = f'[SITE1]\nkind = "globus"\nid = "{COLLECTION}"\n'


def test_a_byte_order_mark_of_a_catalogue_is_skipped_and_kept(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "endpoints.toml"
    file.write_bytes(before := b"\xef\xbb\xbf" + CATALOGUE.encode())
    env = {"GOCLIENT_ENDPOINTS": str(file)}
    assert [one["name"] for one in run("goclient", "endpoint", "list", "--json", **env).json] == ["SITE1"]
    assert run("goclient", "endpoint", "add", "SITE2", "gsiftp://host.example.org", **env).code == 0
    assert file.read_bytes().startswith(before)
    assert run("goclient", "endpoint", "remove", "SITE2", **env).code == 0
    assert file.read_bytes() == before


NOT_TEXT = {
    "UTF-16": (CATALOGUE.encode("utf-16"), "it is UTF-16 text: save it as UTF-8"),
    "UTF-16 of the other kind": (b"\xfe\xff" + CATALOGUE.encode("utf-16-be"), "it is UTF-16 text: save it as UTF-8"),
    "UTF-32": (CATALOGUE.encode("utf-32"), "it is UTF-32 text: save it as UTF-8"),
    "Latin-1": ("# é\n".encode("latin-1") + CATALOGUE.encode(), "it is not UTF-8 text, see line 1"),
    "a key": (KEY.encode(), "it has a private key in it"),
    "a key without line breaks": (KEY.replace("\n", " ").encode(), "it has a private key in it"),
    "a token": (f"{TOKEN}\n".encode(), "it has a token in it"),
    "panda-client's file": (STORED.encode(), "it has a token in it"),
}


@pytest.mark.parametrize("case", NOT_TEXT)
def test_a_catalogue_that_is_another_file_is_said_to_be_and_not_shown(run: Run, tmp_path: Path, case: str) -> None:
    content, said = NOT_TEXT[case]
    (tmp_path / "other").write_bytes(content)
    result = run("goclient", "endpoint", "list", GOCLIENT_ENDPOINTS=str(tmp_path / "other"))
    assert result.code == 10
    assert said in result.err
    assert_not_shown(content.replace(COLLECTION.encode(), b""), result)


WITH_LISTS = {
    "Data": ("--OutputGO=SITE1:/a/", "--Data=@list"),
    "sources": ("--StageinGOsrc=@list",),
    "jobParameters": ("--jobParameters=--StageinGOsrc=@list",),
    "the words of 2012": ("--jobParameters=in-mode=gc globus-endpoint-in=SITE1 dir-in=/a files-in=@list",),
}


@pytest.mark.parametrize("words", WITH_LISTS)
@pytest.mark.parametrize("case", NOT_TEXT)
def test_a_list_that_is_another_file_is_said_to_be_and_not_shown(
    run: Run, tmp_path: Path, words: str, case: str
) -> None:
    content, said = NOT_TEXT[case]
    (tmp_path / "list").write_bytes(content)
    result = run(*SENDJOB, "--noSubmit", "--json", *WITH_LISTS[words])
    assert result.code == 10, result.err
    assert f'the list "@list": {said}' in result.err
    assert_not_shown(content.replace(COLLECTION.encode(), b""), result)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_list_is_read_with_any_line_ends_and_a_byte_order_mark(
    run: Run, tmp_path: Path, mark: bytes, end: bytes
) -> None:
    (tmp_path / "list").write_bytes(mark + end.join([b"# names", b"a.root", b"", "ö b.root".encode(), b""]))
    result = run(*SENDJOB, "--noSubmit", "--json", "--OutputGO=SITE1:/a/", "--Data=@list")
    assert [one["source"] for one in result.json["plan"][0]["items"]] == ["a.root", "ö b.root"]
