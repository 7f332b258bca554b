"""A sandbox has a MyProxy server: the C tools work with its env.sh, faults can be injected, and loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from goclient.sandbox.myproxy.authority import load_authority
from goclient.sandbox.myproxy.grid import Grid as SandboxGrid
from tests.myproxy_servers import TOOLS, Grid, answer, ask, connected, put, request
from tests.sandboxes import Sandbox

BOUND = 60.0  # seconds
GET, PUT, INFO, DESTROY = range(4)


def grid_of(sandbox: Sandbox) -> Grid:
    made = SandboxGrid(sandbox.root / "grid")
    people = {name: made.credential(name) for name in ("user", "other", "pilot")}
    return Grid(made.directory, load_authority(made), people)


def port_of(sandbox: Sandbox) -> int:
    return int(sandbox.env["MYPROXY_SERVER_PORT"])


# --- env.sh ---


def test_env_sh_makes_the_c_tools_work_as_the_seed_types_them(shared_sandbox: Sandbox) -> None:
    if not all(Path(f"/usr/bin/{name}").exists() for name in TOOLS if name != "myproxy-server"):
        pytest.skip("the C tools are not installed: apt-get install myproxy globus-proxy-utils")
    dn = shared_sandbox.env["SANDBOX_PILOT_DN"]
    init = shared_sandbox.run(*("myproxy-init", "-s", "localhost", "-l", "wdeng", "-x", "-Z", dn), GT_PROXY_MODE="rfc")
    assert init.code == 0, init.out + init.err
    assert f"trusted retrieval policy: {dn}" in shared_sandbox.run("myproxy-info", "-l", "wdeng").out
    pilot = {
        "X509_USER_CERT": shared_sandbox.env["SANDBOX_PILOT_CERT"],
        "X509_USER_KEY": shared_sandbox.env["SANDBOX_PILOT_KEY"],
    }
    other = {
        "X509_USER_CERT": shared_sandbox.env["SANDBOX_OTHER_CERT"],
        "X509_USER_KEY": shared_sandbox.env["SANDBOX_OTHER_KEY"],
    }
    got = str(shared_sandbox.cwd / "got")
    logon = ("myproxy-logon", "-n", "-l", "wdeng", "-o", got)
    assert shared_sandbox.run(*logon, **other).code == 1
    assert shared_sandbox.run(*logon, **pilot).code == 0
    assert "Jane Doe" in shared_sandbox.run("grid-proxy-info", "-f", got, "-identity").out
    url = f"{shared_sandbox.url}/sandbox/requests"
    calls = [one for one in requests.get(url, timeout=BOUND).json()["requests"] if one["path"] == "/myproxy/wdeng"]
    assert [(one["method"], one["identity"].rpartition("=")[2]) for one in calls] == [
        *(("PUT", "Jane Doe"), ("INFO", "Jane Doe"), ("GET", "Alex Smith"), ("GET", "Pilot"))
    ]


def test_env_sh_names_files_that_grid_tools_take_and_clears_what_would_be_preferred(shared_sandbox: Sandbox) -> None:
    script = '. "$1" && env'
    words = ["sh", "-c", script, "sh", str(shared_sandbox.root / "env.sh")]
    theirs = {"X509_USER_PROXY": "/tmp/mine", "MYPROXY_SERVER_DN": "/CN=mine", "PATH": os.defpath}
    lines = subprocess.run(words, env=theirs, capture_output=True, text=True, check=True).stdout.splitlines()
    env = dict(line.split("=", 1) for line in lines)
    assert not {"X509_USER_PROXY", "MYPROXY_SERVER_DN"} & set(env)
    assert (env["MYPROXY_SERVER"], env["MYPROXY_SERVER_PORT"].isdigit()) == ("localhost", True)
    for name in ("X509_USER", "SANDBOX_OTHER", "SANDBOX_PILOT"):
        assert Path(env[f"{name}_KEY"]).stat().st_mode & 0o777 == 0o400
        assert Path(env[f"{name}_CERT"]).read_text().startswith("-----BEGIN CERTIFICATE")
    assert any(path.suffix == ".signing_policy" for path in Path(env["X509_CERT_DIR"]).iterdir())


def test_a_sandbox_keeps_its_certificates_deposits_and_port(sandbox: Sandbox) -> None:
    where = ("--dir", str(sandbox.root))
    status = sandbox.run("goclient", "sandbox", "status", *where, "--json").json
    assert status["myproxy"] == f"localhost:{sandbox.env['MYPROXY_SERVER_PORT']}"
    assert status["myproxy"] in sandbox.run("goclient", "sandbox", "status", *where).out
    before = {path: path.read_bytes() for path in (sandbox.root / "grid").rglob("*") if path.is_file()}
    sandbox.run("goclient", "sandbox", "stop", *where)
    stopped = sandbox.run("goclient", "sandbox", "status", *where, "--json").json
    assert (stopped["running"], stopped["myproxy"]) == (False, None)
    sandbox.run("goclient", "sandbox", "start", *where)
    assert sandbox.run("goclient", "sandbox", "status", *where, "--json").json["myproxy"] == status["myproxy"]
    assert {path: path.read_bytes() for path in (sandbox.root / "grid").rglob("*") if path.is_file()} == before


def test_a_sandbox_that_is_killed_during_a_deposit_has_the_old_one(sandbox: Sandbox) -> None:
    grid, port = grid_of(sandbox), port_of(sandbox)
    assert b"RESPONSE=0" in put(grid, port, "user", request(PUT, "kept", CRED_DESC="old"))
    with connected(grid, port, "user") as stream:
        stream.sendall(request(PUT, "kept", CRED_DESC="new"))
        assert b"RESPONSE=0" in answer(stream)
        os.kill(int((sandbox.root / "lock").read_text()), signal.SIGKILL)
    assert sandbox.run("goclient", "sandbox", "start", "--dir", str(sandbox.root)).code == 0
    again = int(
        sandbox.run("goclient", "sandbox", "env", "--dir", str(sandbox.root), "--json").json["MYPROXY_SERVER_PORT"]
    )
    assert b"CRED_DESC=old" in ask(grid, again, "user", request(INFO, "kept"))


# --- trouble ---

Make = Callable[..., Any]


@pytest.fixture
def make(shared_sandbox: Sandbox) -> Iterator[Make]:
    """Makes trouble, which ends with the test."""
    url = f"{shared_sandbox.url}/sandbox/trouble"

    def one(route: str, kind: str, **more: Any) -> None:
        made = requests.post(url, json={"route": route, "kind": kind, **more}, timeout=BOUND)
        assert made.status_code == 201, made.text

    yield one
    requests.delete(url, timeout=BOUND)


def test_an_error_is_answered_instead_and_may_have_a_text(shared_sandbox: Sandbox, make: Make) -> None:
    grid, port = grid_of(shared_sandbox), port_of(shared_sandbox)
    make("INFO /myproxy/t*", "error", document="out of\norder", times=1)
    make("INFO /myproxy/t*", "error", times=1)
    told = [ask(grid, port, "user", request(INFO, "tr")) for _ in range(3)]
    assert b"ERROR=out of\nERROR=order\n" in told[0]
    assert b"ERROR=Fault on demand\n" in told[1]
    assert b"no credentials found" in told[2]


def test_an_answer_comes_late(shared_sandbox: Sandbox, make: Make) -> None:
    make("* /myproxy/late", "delay", seconds=0.2)
    begun = time.monotonic()
    assert ask(grid_of(shared_sandbox), port_of(shared_sandbox), "user", request(INFO, "late"))
    assert time.monotonic() - begun >= 0.2


def test_an_answer_breaks_off(shared_sandbox: Sandbox, make: Make) -> None:
    grid, port = grid_of(shared_sandbox), port_of(shared_sandbox)
    put(grid, port, "user", request(PUT, "half"))
    whole = ask(grid, port, "user", request(INFO, "half"))
    make("INFO /myproxy/half", "truncate")
    half = ask(grid, port, "user", request(INFO, "half"))
    assert 0 < len(half) < len(whole)
    assert not half.endswith(b"\0")


@pytest.mark.parametrize("after", [False, True])
def test_a_connection_is_reset_before_or_after_the_work(shared_sandbox: Sandbox, make: Make, after: bool) -> None:
    grid, port, user = grid_of(shared_sandbox), port_of(shared_sandbox), f"reset{after}"
    make(f"PUT /myproxy/{user}", "reset", after=after)
    answered = b""
    with suppress(OSError):  # of which the module ssl makes an ordinary end, sometimes
        answered = put(grid, port, "user", request(PUT, user))
    assert b"RESPONSE" not in answered
    there = b"RESPONSE=0" in ask(grid, port, "user", request(INFO, user))
    assert there == after
