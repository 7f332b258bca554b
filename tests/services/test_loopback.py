"""Where a command meets a dead service of this machine, and a sandbox's env.sh was read, it says what starts it."""

from __future__ import annotations

import shlex
import socket
from pathlib import Path

import pytest

from goclient.services.loopback import remedy
from tests.sandboxes import Sandbox

COMMANDS = [
    pytest.param(("goclient", "status", "1"), 90, id="status"),
    pytest.param(("goclient", "whoami"), 40, id="whoami"),
    pytest.param(("goclient", "login", "--no-browser"), 40, id="login"),
    pytest.param(("goclient", "check", "--StageinGOsrc=SITE1:/home/x"), 40, id="check"),
    pytest.param(("goclient", "endpoint", "show", "SITE1"), 40, id="endpoint show"),
    pytest.param(("goclient", "explain", "--pandaid", "1"), 90, id="explain"),
    pytest.param(("goclient", "pilot", "--site=TEST1", "--once"), 90, id="pilot"),
    pytest.param(("goclient", "myproxy", "info"), 80, id="myproxy info"),
    pytest.param(("goclient", "myproxy", "deposit", "--user=x", "--retriever=/CN=x"), 80, id="myproxy deposit"),
    pytest.param(("sendJob.py", "--computingSite=TEST1", "--transformation=http://127.0.0.1:1/x", "--noCheck"), 90,
                 id="sendJob"),
    pytest.param(("goclient", "prun", "--exec=true", "--outDS=user.jdoe.x", "--noBuild", "--useHomeDir"), None,
                 id="prun"),
]  # fmt: skip


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    base = tmp_path_factory.mktemp("it's stopped")
    (base / "home").mkdir()
    sandbox = Sandbox(base / "sand box", base / "home")
    sandbox.stop()
    return sandbox


@pytest.mark.parametrize(("words", "code"), COMMANDS)
def test_a_command_says_that_the_sandbox_is_stopped_and_what_starts_it(
    stopped: Sandbox, words: tuple[str, ...], code: int | None
) -> None:
    result = stopped.run(*words, GOCLIENT_TIMEOUT="3")  # of which two pauses are a half
    assert result.code == code or (code is None and result.code)
    (line,) = {one.strip() for one in (result.out + result.err).splitlines() if "the sandbox is stopped: " in one}
    assert shlex.split(line.partition(": ")[2]) == ["goclient", "sandbox", "start", "--dir", str(stopped.root)]


def test_the_command_that_is_said_mends_it(sandbox: Sandbox) -> None:
    sandbox.stop()
    failed = sandbox.run("goclient", "status", "1")
    command = shlex.split(failed.err.partition("the sandbox is stopped: ")[2])
    assert sandbox.run(*command).code == 0
    assert "could not be reached" not in sandbox.run("goclient", "status", "1").err


@pytest.fixture(scope="module")
def dead() -> int:
    """A port of this machine at which nothing listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


STOPPED = "the sandbox is stopped: goclient sandbox start --dir /sb"
URL = {"SANDBOX_DIR": "/sb", "SANDBOX_URL": "http://127.0.0.1:PORT"}
PLACES = [
    pytest.param("http://127.0.0.1:PORT/v2/x", URL, STOPPED, id="its address"),
    pytest.param("http://localhost:PORT", URL, STOPPED, id="its name"),
    pytest.param(
        "http://127.0.0.1:PORT", {"SANDBOX_DIR": "/sb", "SANDBOX_URL": "http://127.0.0.1:1"}, "else",
        id="a port of another service",
    ),
    pytest.param("http://127.0.0.1:PORT", {"SANDBOX_DIR": "/sb"}, "else", id="a sandbox that has no ports"),
    pytest.param(
        "http://127.0.0.1:PORT", {"SANDBOX_URL": "http://127.0.0.1:PORT"},
        "the sandbox is stopped: goclient sandbox start", id="a URL without a directory",
    ),
    pytest.param("http://127.0.0.1:PORT", {}, "else", id="no sandbox's environment"),
    pytest.param("http://127.0.0.1:PORT", {"SANDBOX_DIR": ""}, "else", id="an empty variable"),
    pytest.param("https://panda.invalid:PORT", URL, "else", id="another machine"),
    pytest.param("http://127.evil.invalid:PORT", URL, "else", id="a name that begins alike"),
    pytest.param("http://127.0.0.1:99999", {"SANDBOX_DIR": "/sb"}, "else", id="no port"),
    pytest.param("http://[::1", {"SANDBOX_DIR": "/sb"}, "else", id="no URL"),
    pytest.param("", {"SANDBOX_DIR": "/sb"}, "else", id="nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("url", "env", "hint"), PLACES)
def test_only_a_dead_place_of_a_sandbox_s_machine_has_this_hint(
    monkeypatch: pytest.MonkeyPatch, dead: int, url: str, env: dict[str, str], hint: str
) -> None:
    for name in ("SANDBOX_DIR", "SANDBOX_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value.replace("PORT", str(dead)))
    assert remedy(url.replace("PORT", str(dead)), "else") == hint


def test_a_place_that_listens_is_not_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        monkeypatch.setenv("SANDBOX_URL", url)
        assert remedy(url, "else") == "else"


def test_both_ports_of_a_sandbox_are_in_its_env_sh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dead: int) -> None:
    (tmp_path / "env.sh").write_text(f"export SANDBOX_URL=http://127.0.0.1:1\nexport MYPROXY_SERVER_PORT={dead}\n")
    monkeypatch.setenv("SANDBOX_DIR", str(tmp_path))
    assert remedy(f"myproxy://localhost:{dead}", "else").startswith("the sandbox is stopped")


def test_a_number_of_env_sh_that_is_no_port_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dead: int) -> None:
    (tmp_path / "env.sh").write_text(f"export PANDA_BEHIND_REAL_LB={dead}\n")
    monkeypatch.setenv("SANDBOX_DIR", str(tmp_path))
    assert remedy(f"gsiftp://localhost:{dead}", "else") == "else"


def test_a_dead_port_that_is_no_sandbox_s_has_another_hint(stopped: Sandbox, dead: int) -> None:
    result = stopped.run("goclient", "status", "1", PANDA_URL_SSL=f"http://127.0.0.1:{dead}/server/panda")
    assert result.code == 90
    assert "sandbox" not in result.err
    assert "check PANDA_URL_SSL" in result.err
