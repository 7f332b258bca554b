"""``goclient myproxy`` at the command line: the same against the sandbox's server and the real one."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.commands import MODULES, TIMEOUT, Result, clean_environment, run_command
from tests.myproxy_servers import SCOPE, Grid, make_grid, the_double, the_real_one, tool
from tests.sandbox.waiting import until

PILOT = f"{SCOPE}/OU=Robots/CN=The Pilot (atlas)"
PEOPLE = {
    "user": "OU=People/CN=J Doe",
    "other": "OU=People/CN=A Smith",
    "pilot": "OU=Robots/CN=The Pilot (atlas)",
    "robot": "OU=Robots/CN=Another",
}


@dataclass(frozen=True)
class Server:
    """A server that runs, and people who type at it."""

    grid: Grid
    port: int
    home: Path

    def env(self, who: str) -> dict[str, str]:
        own = self.grid.people[who]
        return {
            **clean_environment(self.home),
            "MYPROXY_SERVER": "localhost",
            "MYPROXY_SERVER_PORT": str(self.port),
            "X509_CERT_DIR": str(self.grid.authority.directory),
            "X509_USER_CERT": str(own.certificate),
            "X509_USER_KEY": str(own.key),
        }

    def run(self, who: str, *words: str, **more: str) -> Result:
        """Return what ``goclient myproxy`` does for somebody."""
        return run_command(("goclient", "myproxy", *words), env={**self.env(who), **more}, cwd=self.home)

    def deposit(self, account: str, *words: str, retriever: str = PILOT) -> Result:
        done = self.run("user", "deposit", "--user", account, "--retriever", retriever, *words)
        assert done.code == 0, done.err
        return done


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Grid:
    return make_grid(tmp_path_factory.mktemp("grid"), PEOPLE)


@pytest.fixture(scope="module", params=["double", "real"])
def server(request: pytest.FixtureRequest, grid: Grid, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    start: Callable[..., Any] = the_double if request.param == "double" else the_real_one
    with start(grid) as port:
        yield Server(grid, port, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def double(grid: Grid, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """For what does not depend on the server."""
    with the_double(grid, max_lifetime=24 * 3600) as port:
        yield Server(grid, port, tmp_path_factory.mktemp("home"))


# --- from the deposit to the pilot --------------------------------------------------------------------------


@pytest.mark.conformance  # it takes long
def test_what_is_deposited_can_be_seen_by_its_owner_retrieved_by_the_pilot_and_removed(server: Server) -> None:
    done = server.deposit("wdeng", "--lifetime", "48")
    for said in (PILOT, "account wdeng", f"{SCOPE}/OU=People/CN=J Doe", "X509_USER_CERT", "12 hours", "cannot be seen"):
        assert said in done.out, said

    shown = server.run("user", "info", "--user", "wdeng")
    assert (shown.code, PILOT in shown.out, "47 h 59 min left" in shown.out) == (0, True, True)
    assert server.run("other", "info", "--user", "wdeng").code == 80, "it is the owner's business"

    taken = server.run("other", "deposit", "--user", "wdeng", "--retriever", PILOT)
    assert (taken.code, "belongs to somebody else" in taken.err, "--user NAME" in taken.err) == (80, True, True)

    out = server.home / "proxy.pem"
    got = server.run("pilot", "retrieve", "-l", "wdeng", "-n", "-o", str(out), "-s", f"localhost:{server.port}")
    assert got.code == 0, got.err
    assert out.stat().st_mode & 0o777 == 0o600
    assert f"{SCOPE}/OU=People/CN=J Doe/CN=" in got.out
    for who in ("user", "other", "robot"):
        refused = server.run(who, "retrieve", "--user", "wdeng", "--out", str(server.home / "no"))
        assert (refused.code, "may not retrieve" in refused.err, (server.home / "no").exists()) == (80, True, False)

    assert server.run("other", "destroy", "--user", "wdeng", "--yes").code == 80
    removed = server.run("user", "destroy", "--user", "wdeng", "--yes")
    assert (removed.code, "removed" in removed.out) == (0, True)
    empty = server.run("user", "info", "--user", "wdeng")
    assert (empty.code, empty.out, "goclient myproxy deposit" in empty.err) == (80, "", True)
    again = server.run("user", "destroy", "--user", "wdeng", "--yes")
    assert (again.code, "no such deposit" in again.err) == (80, True)
    assert ("goclient myproxy info" in again.err, "make one" in again.err) == (True, False)
    gone = server.run("pilot", "retrieve", "--user", "wdeng", "--out", str(out))
    assert (gone.code, "its owner makes one" in gone.err) == (80, True)
    command = shlex.split(gone.err.partition("its owner makes one: ")[2].splitlines()[0])
    assert server.run("user", *command[2:], "--lifetime", "5").code == 0
    assert server.run("pilot", "retrieve", "--user", "wdeng", "--out", str(out)).code == 0


@pytest.mark.conformance  # it takes long
def test_the_c_tools_take_what_we_deposit_and_we_take_what_they_deposit(server: Server) -> None:
    server.deposit("ours")
    pilots = {"X509_USER_PROXY": str(server.home / "none")}
    words = ("myproxy-logon", "-l", "ours", "-n", "-o", str(server.home / "theirs.pem"))
    assert tool(server.grid, server.port, "pilot", words, **pilots).code == 0
    shown = tool(server.grid, server.port, "user", ("grid-proxy-info", "-file", str(server.home / "theirs.pem")))
    assert (shown.code, "RFC 3820 compliant impersonation proxy" in shown.text) == (0, True)

    made = tool(server.grid, server.port, "user", ("myproxy-init", "-l", "theirs", "-x", "-Z", f"{SCOPE}/OU=Robots/*"))
    assert made.code == 0, made.text
    (found,) = server.run("user", "info", "--user", "theirs", "--json").json["deposits"]
    assert found["retrievers"].endswith("/OU=Robots/*")
    out = server.home / "ours.pem"
    assert server.run("robot", "retrieve", "--user", "theirs", "--out", str(out)).code == 0
    shown = tool(server.grid, server.port, "user", ("grid-proxy-info", "-file", str(out)))
    assert (shown.code, "RFC 3820 compliant impersonation proxy" in shown.text) == (0, True)
    assert tool(server.grid, server.port, "user", ("myproxy-destroy", "-l", "ours")).code == 0
    assert server.run("user", "destroy", "-l", "theirs", "--yes").code == 0


FLAGS: dict[str, list[str]] = {
    "a DN": ["-x", "-Z", PILOT],
    "a DN, the switch behind it": ["-Z", PILOT, "-x"],
    "a DN without the switch": ["-Z", PILOT],
    "a common name": ["-Z", "The Pilot (atlas)"],
    "a pattern": ["-x", "-Z", f"{SCOPE}/OU=Robots/CN=The *"],
    "a pattern, said so": ["--retriever-pattern", f"{SCOPE}/OU=Robots/CN=The Pilo?*"],
}


@pytest.mark.parametrize("words", FLAGS.values(), ids=FLAGS)
def test_the_flags_of_myproxy_init_mean_what_their_user_meant(server: Server, words: list[str]) -> None:
    done = server.run("user", "deposit", "-s", "localhost", "-l", "flags", "-c", "20", "-t", "2", *words)
    assert done.code == 0, done.err
    out = server.home / "flags.pem"
    assert server.run("pilot", "retrieve", "-l", "flags", "-o", str(out)).code == 0
    assert server.run("robot", "retrieve", "-l", "flags", "-o", str(out)).code == 80
    got = server.run("pilot", "retrieve", "-l", "flags", "-o", str(out), "-t", "10", "--json").json
    assert abs(got["end"] - time.time() - 2 * 3600) < 400, "not longer than the depositor said"


def test_credentials_with_names_are_kept_apart_and_the_dn_may_be_the_account(server: Server) -> None:
    for name in ("", "panda", "other"):
        named = ["-k", name] if name else []
        assert server.run("user", "deposit", "-d", "-Z", PILOT, *named).code == 0
    found = server.run("user", "info", "--dn-as-user", "--json").json
    assert found["account"] == f"{SCOPE}/OU=People/CN=J Doe"
    assert sorted(one["name"] for one in found["deposits"]) == ["", "other", "panda"]
    assert server.run("user", "destroy", "-d", "-k", "panda", "--yes").code == 0
    left = server.run("user", "info", "-d", "--json").json["deposits"]
    assert sorted(one["name"] for one in left) == ["", "other"]


def test_what_is_there_does_for_the_hours_that_are_needed_or_it_is_said(server: Server) -> None:
    server.deposit("needs", "--lifetime", "10")
    assert server.run("user", "info", "-l", "needs", "--needs", "9").code == 0
    short = server.run("user", "info", "-l", "needs", "--needs", "11")
    assert (short.code, "lasts 11 hours" in short.err) == (80, True)


def test_the_documents_have_the_keys_of_the_man_page(server: Server) -> None:
    made = server.deposit("json", "--json").json
    page = (Path(__file__).parents[3] / "man" / "goclient-myproxy.1").read_text()
    assert all(re.search(rf"\b{key}\b", page) for key in made)
    assert (made["account"], made["retriever"], made["proxy_lifetime"]) == ("json", PILOT, 12 * 3600)
    assert made["request"] == f"goclient myproxy retrieve -s localhost -p {server.port} -l json -o FILE"
    shown = server.run("user", "info", "-l", "json", "--json").json
    assert set(shown) == {"server", "account", "deposits"}
    (one,) = shown["deposits"]
    assert (one["end"], one["expired"], one["retrievers"]) == (made["end"], False, made["pattern"])
    got = server.run("pilot", "retrieve", "-l", "json", "-o", str(server.home / "j"), "--json").json
    assert set(got) == {"file", "dn", "end"}
    gone = server.run("user", "destroy", "-l", "json", "--yes", "--json").json
    assert (gone["destroyed"], gone["account"]) == (True, "json")


# --- wrong input --------------------------------------------------------------------------------------------

WRONG: dict[str, tuple[list[str], int, str]] = {
    "no action": ([], 2, "the action is missing"),
    "another action": (["inof"], 2, "did you mean info"),
    "nobody may retrieve": (["deposit"], 2, "--retriever"),
    "two retrievers": (["deposit", "-Z", PILOT, "--retriever", PILOT], 2, "MyProxy keeps one policy"),
    "a DN and a pattern": (["deposit", "-Z", PILOT, "--retriever-pattern", "*"], 80, "a DN and a pattern"),
    "a DN with commas": (["deposit", "-Z", "CN=Pilot,O=Test Grid,C=TW"], 80, 'give it as "/C=TW/O=Test Grid/CN=Pilot"'),
    "one's own DN": (["deposit", "-Z", f"{SCOPE}/OU=People/CN=J Doe"], 80, "yourself"),
    "a line end in the account": (["deposit", "-Z", PILOT, "-l", "a\nRETRIEVER_TRUSTED=*"], 80, r"a\nRETRIEVER"),
    "a line end in the DN": (["deposit", "-Z", f"{PILOT}\nLIFETIME=0"], 80, "do not print"),
    "a minus in the name": (["deposit", "-Z", PILOT, "-k", "a-b"], 80, '"a-b"'),
    "two accounts": (["info", "-l", "a", "-d"], 2, "two accounts"),
    "no hours": (["deposit", "-Z", PILOT, "-c", "0"], 2, "from 1 to 87600"),
    "61 minutes": (["deposit", "-Z", PILOT, "-t", "1:61"], 2, "HH or HH:MM, from 0 to 87600"),
    "half an hour with a point": (["deposit", "-Z", PILOT, "-t", "0.5"], 2, "HH or HH:MM"),
    "longer than the certificate": (["deposit", "-Z", PILOT, "-c", "87600"], 80, "cannot last 87600 hours"),
    "longer than the server allows": (["deposit", "-Z", PILOT, "-c", "100"], 80, "--lifetime 24"),
    "a port that is none": (["info", "--server", "localhost:99999"], 80, '"99999" is not a port'),
    "a server that is not there": (["info", "-s", "localhost:1"], 80, "Connection refused"),
    "a host that is not there": (["info", "-s", "nowhere.invalid", "--timeout", "5"], 80, "nowhere.invalid"),
    "a certificate that is not there": (["info", "--cert", "/nowhere/c.pem"], 80, "/nowhere/c.pem"),
    "no file for the proxy": (["retrieve", "-l", "a"], 2, "--out is missing"),
    "a folder for the proxy": (["retrieve", "-l", "wrong", "-o", "/tmp"], 80, '"/tmp" is a directory'),
    "a folder that is not there": (["retrieve", "-l", "wrong", "-o", "/nowhere/p"], 80, "/nowhere"),
    "removal without a terminal": (["destroy", "-l", "a"], 2, "--yes"),
    "an unknown option": (["info", "--usr", "x"], 2, "--user"),
    "a pass phrase as an argument": (["deposit", "--passphrase", "x"], 2, "--passphrase-fd"),
}


@pytest.mark.parametrize(("words", "code", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_with_what_to_do(double: Server, words: list[str], code: int, said: str) -> None:
    result = double.run("user", *words)
    assert (result.code, result.out) == (code, "")
    assert said in result.err
    if words[1:]:
        document = double.run("user", *words, "--json").json
        assert document["error"]["exit_code"] == code


def test_without_a_server_or_a_certificate_it_is_said_where_they_are_looked_for(double: Server) -> None:
    nothing = dict.fromkeys(("MYPROXY_SERVER", "X509_USER_CERT", "X509_USER_KEY"), "")
    missing = double.run("user", "info", **nothing)
    assert (missing.code, "MYPROXY_SERVER" in missing.err) == (2, True)
    found = double.run("user", "info", **{**nothing, "MYPROXY_SERVER": "localhost"})
    assert (found.code, f"{double.home}/.globus" in found.err) == (80, True)


def test_a_bad_certificate_is_said_with_its_file_and_nothing_is_sent(double: Server, tmp_path: Path) -> None:
    issue, now = double.grid.authority.issue, datetime.now(UTC)
    old = issue(f"{SCOPE}/CN=Old", into=tmp_path, name="old", start=now - timedelta(3), end=now - timedelta(1))
    curve = issue(f"{SCOPE}/CN=Curve", into=tmp_path, name="curve", key="ec")
    good = double.grid.people["user"]
    open_key = tmp_path / "open.key"
    open_key.write_bytes(good.key.read_bytes())
    open_key.chmod(0o644)
    cases = {
        ("--cert", str(old.certificate), "--key", str(old.key)): "expired",
        ("--cert", str(curve.certificate), "--key", str(curve.key)): "nobody could retrieve from it",
        ("--cert", str(good.certificate), "--key", str(open_key)): "chmod 600",
        ("--cert", str(good.certificate), "--key", str(old.key)): "is not the key of",
        ("--cert", str(good.key), "--key", str(good.key)): "cannot be used",
    }
    for words, said in cases.items():
        result = double.run("user", "deposit", "-l", "bad", "-Z", PILOT, *words)
        assert (result.code, said in result.err) == (80, True), result.err
        assert words[1] in result.err or words[3] in result.err
    assert double.run("user", "info", "-l", "bad").code == 80


# --- pass phrases -------------------------------------------------------------------------------------------


@pytest.mark.conformance  # it takes long
def test_a_pass_phrase_is_read_from_a_descriptor_or_a_terminal_and_shown_nowhere(
    double: Server, tmp_path: Path
) -> None:
    secret = "correct horse"
    locked = double.grid.authority.issue(f"{SCOPE}/CN=Locked", into=tmp_path, name="locked", passphrase=secret)
    words = [
        "deposit",
        "-l",
        "locked",
        "-c",
        "5",
        "-Z",
        PILOT,
        "--cert",
        str(locked.certificate),
        "--key",
        str(locked.key),
        "-vv",
    ]
    command = [sys.executable, *MODULES["goclient"], "myproxy", *words]
    env = double.env("user")

    def given(text: str) -> subprocess.CompletedProcess[str]:
        reading, writing = os.pipe()
        os.write(writing, f"{text}\n".encode())
        os.close(writing)
        with os.fdopen(reading):
            return subprocess.run(
                [*command, "--passphrase-fd", str(reading)], env=env, cwd=double.home, pass_fds=(reading,),
                capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL,
            )  # fmt: skip

    right = given(secret)
    assert right.returncode == 0, right.stderr
    wrong = given("wrong horse")
    assert (wrong.returncode, "pass phrase" in wrong.stderr) == (80, True)
    assert all(secret not in one.stdout + one.stderr and "wrong horse" not in one.stdout + one.stderr
               for one in (right, wrong))  # fmt: skip
    nobody = run_command(("goclient", "myproxy", *words[:-1]), env=env, cwd=double.home)
    assert (nobody.code, "--passphrase-fd" in nobody.err) == (80, True)
    shown, code = typed(command, env, f"{secret}\n", after="Pass phrase of", is_secret=True)
    assert (code, secret in shown) == (0, False), shown


def shows_what_is_typed(terminal: int) -> bool:
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


def typed(
    command: list[str], env: dict[str, str], text: str, *, after: str, is_secret: bool = False
) -> tuple[str, int]:
    """Return what a command shows on a terminal at which a text is typed when it asks, and its exit code."""
    process, terminal = pty.fork()
    if not process:
        os.execvpe(command[0], command, env)
    shown, answered = b"", False
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
        if not answered and after.encode() in shown:
            answered = True
            if is_secret:
                until(lambda: not shows_what_is_typed(terminal))
            os.write(terminal, text.encode())
    os.close(terminal)
    return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, False), ("n\n", 130, True)])
def test_a_removal_is_asked_for_on_a_terminal(double: Server, answer: str, code: int, left: bool) -> None:
    double.deposit("ask", "--lifetime", "5")
    command = [sys.executable, *MODULES["goclient"], "myproxy", "destroy", "-l", "ask"]
    shown, ended = typed(command, double.env("user"), answer, after="[y/N]")
    assert ended == code, shown
    assert (double.run("user", "info", "-l", "ask").code == 0) == left


# --- the retrieved proxy ------------------------------------------------------------------------------------


def test_a_proxy_takes_the_place_of_a_proxy_only_and_of_one_s_own_only_if_that_is_said(
    double: Server, tmp_path: Path
) -> None:
    double.deposit("files", "--lifetime", "5")
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    refused = double.run("pilot", "retrieve", "-l", "files", "-o", str(notes))
    assert (refused.code, "not a proxy" in refused.err, notes.read_text()) == (80, True, "mine")
    out = tmp_path / "p"
    own = {"X509_USER_PROXY": str(out)}
    pilot = double.grid.people["pilot"]
    words = ["retrieve", "-l", "files", "-o", str(out), "--cert", str(pilot.certificate), "--key", str(pilot.key)]
    assert "--replace-default" in double.run("pilot", *words, **own).err
    assert not out.exists()
    assert double.run("pilot", *words, "--replace-default", **own).code == 0
    before = out.read_bytes()
    assert double.run("pilot", *words).code == 0
    assert out.read_bytes() != before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "p"]


@pytest.mark.conformance  # it takes long
def test_nothing_loads_pydantic_and_info_and_destroy_no_cryptography_either(double: Server) -> None:
    code = (
        "import sys; from goclient.cli.main import main; code = main(sys.argv[1:]);"
        "print([name for name in ('cryptography', 'pydantic', 'globus_sdk') if name in sys.modules]);"
        "sys.exit(code)"
    )
    made = ["deposit", "-l", "light", "-c", "5", "-Z", PILOT]
    for words in (made, ["info", "-l", "light"], ["destroy", "-l", "light", "--yes"]):
        command = [sys.executable, "-c", code, "myproxy", *words]
        done = subprocess.run(command, env=double.env("user"), capture_output=True, text=True, timeout=TIMEOUT)
        loaded = "['cryptography']" if words is made else "[]"
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, loaded), done.stderr


def test_json_is_one_document_whatever_is_wrong(double: Server) -> None:
    result = double.run("user", "info", "-l", "nobody", "--json")
    assert (result.code, json.loads(result.out)["deposits"]) == (80, [])


# --- what a review found ------------------------------------------------------------------------------------


def test_a_certificate_its_key_and_what_one_asks_with_are_never_replaced(double: Server, tmp_path: Path) -> None:
    double.deposit("keep", "--lifetime", "5")
    user = double.grid.people["user"]
    both = tmp_path / "both.pem"
    both.write_bytes(user.certificate.read_bytes() + user.key.read_bytes())
    before = both.read_bytes()
    refused = double.run("pilot", "retrieve", "-l", "keep", "-o", str(both))
    assert (refused.code, both.read_bytes()) == (80, before)
    proxy = tmp_path / "proxy"
    assert double.run("pilot", "retrieve", "-l", "keep", "-o", str(proxy)).code == 0
    before = proxy.read_bytes()
    asking = double.run("pilot", "retrieve", "-l", "keep", "--proxy", str(proxy), "-o", str(proxy))
    assert (asking.code, "what you ask with" in asking.err, proxy.read_bytes()) == (80, True, before)
    os.mkfifo(tmp_path / "fifo")
    assert double.run("pilot", "retrieve", "-l", "keep", "-o", str(tmp_path / "fifo")).code == 80


def test_of_several_servers_the_one_that_answers_is_named_and_the_other_is_said(double: Server) -> None:
    double.deposit("several", "--lifetime", "5")
    servers = {"MYPROXY_SERVER": f"localhost:1,localhost:{double.port}"}
    for words in (["info"], ["destroy", "--yes"]):
        result = double.run("user", *words, "-l", "several", **servers)
        assert (result.code, result.err.count("not used")) == (0, 1), result.err
        assert "localhost:1," not in result.out
    assert f"localhost:{double.port}" in result.out


DNS = {
    "as openssl prints it": "subject=C = TW, O = Test Grid, OU = Robots, CN = The Pilot (atlas)",
    "as openssl prints it on one line": f"subject={PILOT}",
    "as LDAP has it": "CN=The Pilot (atlas),OU=Robots,O=Test Grid,C=TW",
}


@pytest.mark.parametrize("typed", DNS.values(), ids=DNS)
def test_the_hint_of_a_dn_in_another_form_is_the_dn(double: Server, typed: str) -> None:
    refused = double.run("user", "deposit", "-l", "form", "--retriever", typed)
    assert (refused.code, f'give it as "{PILOT}"' in refused.err) == (80, True), refused.err


@pytest.mark.parametrize("words", [["-x", "-Z", "*/CN=The Pilot*"], ["-Z", "*/CN=The Pilot*"]])
def test_a_pattern_of_myproxy_init_needs_no_slash_at_its_beginning(double: Server, words: list[str]) -> None:
    assert double.run("user", "deposit", "-l", "wild", "-c", "5", *words).code == 0
    assert double.run("pilot", "retrieve", "-l", "wild", "-o", str(double.home / "wild.pem")).code == 0


def test_the_dn_of_a_proxy_is_doubted(double: Server) -> None:
    done = double.deposit("doubt", "-c", "5", retriever=f"{PILOT}/CN=1234567")
    assert f'--retriever "{PILOT}"' in done.err


@pytest.mark.parametrize("words", [["--retriever-pattern", "/CN=[ab]*"], ["-x", "-R", "/CN=[ab]*", "-Z", PILOT]])
def test_a_pattern_that_only_the_server_can_judge_is_a_warning(double: Server, words: list[str]) -> None:
    done = double.run("user", "deposit", "-l", "unjudged", "-c", "5", *words)
    assert done.code == 0, done.err
    assert 'which DNs the pattern "/CN=[ab]*" fits cannot be judged from here' in done.err


def test_without_a_lifetime_it_is_what_the_server_allows(double: Server) -> None:
    made = double.run("user", "deposit", "-l", "most", "-Z", PILOT, "--json")
    assert made.code == 0, made.err
    assert abs(made.json["end"] - time.time() - 24 * 3600) < 400


def test_an_expired_deposit_is_none_and_the_document_says_so(double: Server) -> None:
    double.deposit("old", "--lifetime", "5")
    empty = double.run("user", "info", "-l", "old", "--needs", "6", "--json")
    assert (empty.code, empty.json["error"]["exit_code"], len(empty.json["deposits"])) == (80, 80, 1)
    assert "--user old" in empty.json["error"]["hint"]
    again = shlex.split(empty.json["error"]["hint"].partition("type: ")[2])
    assert double.run("user", *again[2:], "--lifetime", "7").code == 0, "the hint names the pilot of the former one"
    assert double.run("user", "info", "-l", "old", "--needs", "6").code == 0


def test_a_closed_standard_input_is_no_terminal(double: Server, tmp_path: Path) -> None:
    locked = double.grid.authority.issue(f"{SCOPE}/CN=Shut", into=tmp_path, name="shut", passphrase="secret")
    command = [sys.executable, *MODULES["goclient"], "myproxy"]
    cases: dict[int, list[Any]] = {
        2: ["destroy", "-l", "x"],
        80: ["deposit", "-Z", PILOT, "--cert", locked.certificate, "--key", locked.key],
    }
    for code, words in cases.items():
        line = ["sh", "-c", 'exec "$@" <&-', "sh", *command, *words]
        done = subprocess.run(line, env=double.env("user"), capture_output=True, text=True, timeout=TIMEOUT)
        assert (done.returncode, "no terminal" in done.stderr) == (code, True), done.stderr


def test_options_that_exclude_or_need_one_another_are_told(double: Server) -> None:
    own = double.grid.people["user"]
    for words in (["--cert", str(own.certificate), "--key", str(own.key), "--proxy", "p"], ["--key", str(own.key)]):
        assert double.run("user", "info", *words).code == 2


def test_an_account_may_begin_with_a_dash_and_what_a_pilot_types_has_it_right(double: Server) -> None:
    result = double.run("user", "deposit", "-l", "-x", "-Z", PILOT)
    assert result.code == 2, "an account that begins with a dash is typed with the = sign"
    shown = double.run("user", "deposit", "--user=-x", "-c", "5", "-Z", PILOT, "--json").json["request"]
    assert "--user=-x" in shown
