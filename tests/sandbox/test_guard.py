"""A sandbox answers its own user: not a page that a browser shows, and not somebody else on the machine."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from tests.sandboxes import Sandbox

BOUND = 60.0  # seconds
ALIVE = "/api/v1/system/is_alive"


def ask(sandbox: Sandbox, path: str, headers: list[tuple[str, str]], method: str = "GET", body: Any = None) -> int:
    """The status of a request with these headers and no others."""
    host, _, port = sandbox.url.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=BOUND)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    text = b"" if body is None else json.dumps(body).encode()
    for name, value in [*headers, ("Content-Length", str(len(text)))]:
        connection.putheader(name, value)
    connection.endheaders(text)
    status = connection.getresponse().status
    connection.close()
    return status


def port(sandbox: Sandbox) -> str:
    return sandbox.url.rpartition(":")[2]


def secret(sandbox: Sandbox) -> tuple[str, str]:
    return "Authorization", f"Bearer {sandbox.env['SANDBOX_SECRET']}"


# --- which names it answers to ---

HOSTS = [
    pytest.param("127.0.0.1:PORT", 200, id="its address"),
    pytest.param("localhost:PORT", 200, id="its name"),
    pytest.param("evil.example", 403, id="another name"),
    pytest.param("evil.example:PORT", 403, id="another name with its port"),
    pytest.param("127.0.0.1.evil.example:PORT", 403, id="a name that begins like the address"),
    pytest.param("127.0.0.1:1", 403, id="another port"),
    pytest.param("127.0.0.1", 403, id="no port"),
    pytest.param("127.0.0.2:PORT", 403, id="another loopback address"),
    pytest.param("user@127.0.0.1:PORT", 403, id="a user in it"),
    pytest.param("localhost:PORT,evil.example", 403, id="two in one"),
    pytest.param("", 403, id="an empty one"),
    pytest.param(None, 403, id="none"),
]


@pytest.mark.parametrize(("host", "status"), HOSTS)
@pytest.mark.parametrize("path", [ALIVE, "/transformations/datatransfer.sh", "/sandbox/requests"])
def test_a_request_must_name_the_sandbox(shared_sandbox: Sandbox, path: str, host: str | None, status: int) -> None:
    headers = [] if host is None else [("Host", host.replace("PORT", port(shared_sandbox)))]
    own = [secret(shared_sandbox)] if path.startswith("/sandbox/") else []
    assert ask(shared_sandbox, path, [*headers, *own]) == status


def test_two_hosts_are_refused_and_so_is_one_in_the_request_line(shared_sandbox: Sandbox) -> None:
    own = ("Host", f"127.0.0.1:{port(shared_sandbox)}")
    assert ask(shared_sandbox, ALIVE, [own, ("Host", "evil.example")]) == 403
    assert ask(shared_sandbox, f"http://evil.example{ALIVE}", [own]) == 403


ORIGINS = [
    pytest.param("http://127.0.0.1:PORT", 200, id="its own page"),
    pytest.param("http://localhost:PORT", 200, id="its own page, by name"),
    pytest.param("sandbox", 200, id="the VO that panda-client sends"),
    pytest.param("null", 403, id="a page without an origin"),
    pytest.param("https://evil.example", 403, id="another page"),
    pytest.param("http://127.0.0.1:1", 403, id="another service of this machine"),
    pytest.param("https://127.0.0.1:PORT", 403, id="another scheme"),
    pytest.param("http://127.0.0.1:PORT.evil.example", 403, id="one that begins alike"),
    pytest.param("file://", 403, id="a file"),
]


@pytest.mark.parametrize(("origin", "status"), ORIGINS)
@pytest.mark.parametrize("path", [ALIVE, "/sandbox/requests"])
def test_a_page_of_another_site_gets_no_answer(shared_sandbox: Sandbox, path: str, origin: str, status: int) -> None:
    own = ("Host", f"127.0.0.1:{port(shared_sandbox)}")
    origin = origin.replace("PORT", port(shared_sandbox))
    more = [secret(shared_sandbox)] if path.startswith("/sandbox/") else []
    assert ask(shared_sandbox, path, [own, ("Origin", origin), *more]) == status


# --- what takes the secret ---

OWN = [
    ("GET", "/sandbox/requests"),
    ("DELETE", "/sandbox/requests"),
    ("GET", "/sandbox/trouble"),
    ("POST", "/sandbox/trouble"),
    ("DELETE", "/sandbox/trouble"),
    ("POST", "/connect/setup"),
    ("POST", "/connect/start"),
    ("GET", "/v2/oauth2/authorize?client_id=NATIVE&response_type=code&code_challenge=x&code_challenge_method=S256"),
]
WRONG = [
    pytest.param([], id="no secret"),
    pytest.param([("Authorization", "Bearer ")], id="an empty one"),
    pytest.param([("Authorization", "Bearer x")], id="another one"),
    pytest.param([("Authorization", "Basic SECRET")], id="another scheme"),
    pytest.param([("Authorization", "SECRET")], id="no scheme"),
    pytest.param([("Authorization", "Bearer TOKEN")], id="a token of PanDA"),
    pytest.param([("Cookie", "secret=SECRET")], id="a cookie"),
]


@pytest.mark.parametrize(("method", "path"), OWN)
@pytest.mark.parametrize("headers", WRONG)
def test_the_sandbox_s_own_routes_take_its_secret(
    shared_sandbox: Sandbox, method: str, path: str, headers: list[tuple[str, str]]
) -> None:
    known = {
        "SECRET": shared_sandbox.env["SANDBOX_SECRET"],
        "TOKEN": (shared_sandbox.root / "user.token").read_text(),
        "NATIVE": shared_sandbox.env["SANDBOX_NATIVE_CLIENT_ID"],
    }
    for name, value in known.items():
        path = path.replace(name, value)
        headers = [(one, text.replace(name, value)) for one, text in headers]
    own = ("Host", f"127.0.0.1:{port(shared_sandbox)}")
    assert ask(shared_sandbox, path, [own, *headers], method, {}) == 401
    assert ask(shared_sandbox, path, [own, secret(shared_sandbox)], method, {}) != 401


def test_the_secret_is_in_files_of_the_user_alone_and_on_no_command_line(sandbox: Sandbox) -> None:
    value = sandbox.env["SANDBOX_SECRET"]
    assert len(value) > 30
    assert (sandbox.root / "authorization").read_text() == f"Authorization: Bearer {value}\n"
    for name in ("env.sh", "authorization", "sandbox.sqlite"):
        assert (sandbox.root / name).stat().st_mode & 0o777 == 0o600
    assert value not in (sandbox.root / "bin" / "globusconnectpersonal").read_text()
    assert value not in (sandbox.root / "sandbox.log").read_text()
    sandbox.stop()
    assert sandbox.run("goclient", "sandbox", "start", "--dir", str(sandbox.root)).code == 0
    again = sandbox.run("goclient", "sandbox", "env", "--dir", str(sandbox.root), "--json").json
    assert again["SANDBOX_SECRET"] == value, "an environment that was read before is good"


def authorize(sandbox: Sandbox, base: str) -> str:
    """The address of a login page below another one."""
    given = {
        "client_id": sandbox.env["SANDBOX_NATIVE_CLIENT_ID"],
        "response_type": "code",
        "code_challenge": "x",
        "code_challenge_method": "S256",
        "scope": "openid",
    }
    return f"{base}v2/oauth2/authorize?{urlencode(given)}"


def test_a_person_logs_in_at_the_place_of_the_environment_only(shared_sandbox: Sandbox) -> None:
    browser = requests.Session()
    place = shared_sandbox.env["GLOBUS_SDK_SERVICE_URL_AUTH"]
    assert "X-Sandbox-Code" in browser.get(authorize(shared_sandbox, place), timeout=BOUND).headers
    for wrong in (f"{shared_sandbox.url}/", f"{shared_sandbox.url}//", f"{place[:-2]}/", f"{place}x/", place * 2):
        answer = browser.get(authorize(shared_sandbox, wrong), timeout=BOUND)
        assert not answer.ok, wrong
        assert "X-Sandbox-Code" not in answer.headers
    path = authorize(shared_sandbox, place).removeprefix(shared_sandbox.url)
    rebound = [("Host", "evil.example")]
    assert ask(shared_sandbox, path, rebound) == 403


AS_NOBODY = """
import os, sys, urllib.error, urllib.request
os.setuid(65534)
try:
    print(urllib.request.urlopen(sys.argv[1]).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""


@pytest.mark.skipif("os.geteuid() != 0", reason="only root can be somebody else")
def test_somebody_else_cannot_log_in_who_has_seen_the_address(shared_sandbox: Sandbox, tmp_path: Path) -> None:
    seen = authorize(shared_sandbox, shared_sandbox.env["GLOBUS_SDK_SERVICE_URL_AUTH"])
    done = subprocess.run(
        ["/usr/bin/python3", "-c", AS_NOBODY, seen], capture_output=True, text=True, cwd="/", check=False
    )
    assert (done.stdout, done.stderr) == ("401\n", "")


# --- files ---

UMASK = "import os, sys; os.umask(0); os.execv(sys.executable, [sys.executable, '-m', 'goclient', *sys.argv[1:]])"


def test_all_that_a_sandbox_writes_is_its_user_s_alone(env: dict[str, str], tmp_path: Path) -> None:
    root = tmp_path / "above" / "sandbox"

    def goclient(*words: str) -> None:
        command = [sys.executable, "-c", UMASK, "sandbox", *words, "--dir", str(root)]
        subprocess.run(command, env=env, check=True, timeout=60, stdout=subprocess.DEVNULL)

    goclient("start")
    try:
        found = [root.parent, root, *root.rglob("*")]
        modes = {path: path.stat().st_mode for path in found if not path.is_symlink()}
        shared = {str(path.relative_to(root)) for path, mode in modes.items() if mode & 0o077}
        public = ("bin/", "transformations/", "grid/certificates")  # programs, and certificates without their keys
        assert [name for name in shared if not name.startswith(public) and not name.endswith(".pem")] == []
        assert [path for path, mode in modes.items() if mode & 0o022] == []
    finally:
        goclient("stop")


def test_an_empty_directory_that_others_may_use_becomes_the_user_s_alone(env: dict[str, str], tmp_path: Path) -> None:
    root = tmp_path / "open"
    root.mkdir()
    root.chmod(0o777)
    words = [sys.executable, "-m", "goclient", "sandbox"]
    subprocess.run([*words, "start", "--dir", str(root)], env=env, check=True, timeout=60, stdout=subprocess.DEVNULL)
    subprocess.run([*words, "stop", "--dir", str(root)], env=env, check=True, timeout=60, stdout=subprocess.DEVNULL)
    assert root.stat().st_mode & 0o777 == 0o700
