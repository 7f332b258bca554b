"""``goclient login``, ``logout`` and ``whoami``, typed by a person with a browser elsewhere, and by services."""

from __future__ import annotations

import json
import os
import pty
import shlex
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.commands import MODULES, TIMEOUT, Result, completed, started
from tests.sandboxes import Sandbox

TRANSFER = "urn:globus:auth:scope:transfer.api.globus.org:all"
GUARDED = "--StageinGOsrc=CONSENT1:/data/guarded.dat"
AGAIN = "type: goclient logout && goclient login"


@dataclass
class Person:
    """Somebody who types at a sandbox, is sent to the login page, and types the code from there."""

    sandbox: Sandbox
    home: Path
    hint: str = ""  # as whom; without it as the sandbox's user
    code: str | None = None  # what is typed instead of the code
    urls: list[str] = field(default_factory=list)  # where the last command sent them

    @property
    def env(self) -> dict[str, str]:
        native = self.sandbox.env["SANDBOX_NATIVE_CLIENT_ID"]
        return {"GOCLIENT_CLIENT_ID": native, "GOCLIENT_CLIENT_SECRET": "", "HOME": str(self.home)}

    @property
    def file(self) -> Path:
        folder = self.home / ".globus" / "app" / self.env["GOCLIENT_CLIENT_ID"] / "goclient"
        return folder / "goclient-sandbox-tokens.json"

    def run(self, *words: str, **more: str) -> Result:
        return self.sandbox.run("goclient", *words, **{**self.env, **more})

    def submit(self, *words: str) -> Result:
        return self.sandbox.submit("--noSubmit", "--WorkingendpointGO=OSGDEV", *words, **self.env)

    def with_traceback(self, *words: str) -> Result:
        """Runs a command with ``-vv`` that fails."""
        env = {**self.sandbox.env, **self.env}
        return completed(("goclient", *words, "-vv"), env=env, cwd=self.sandbox.cwd)

    def tokens(self) -> list[str]:
        """The secrets on disk."""
        stored = json.loads(self.file.read_text())["data"]["DEFAULT"].values()
        return [one[kind] for one in stored for kind in ("access_token", "refresh_token")]

    def log_in(self, *words: str, signalled: int | None = None, **more: Any) -> Result:
        """Runs ``goclient login`` and does what it says."""
        self.urls = []
        env = {**self.sandbox.env, **self.env}
        pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        with started(("goclient", "login", *words), env=env, cwd=self.sandbox.cwd, **pipes, **more) as process:
            assert process.stderr is not None
            watchdog = threading.Timer(TIMEOUT, process.kill)
            watchdog.start()
            shown = ""
            for line in process.stderr:
                shown += line
                if line.strip().startswith("http"):
                    self.urls.append(line.strip())
                    self._answer(process, signalled)
            out, rest = process.communicate(timeout=TIMEOUT)
            watchdog.cancel()
        assert "Traceback" not in shown or "-vv" in words
        return Result(process.returncode, out, shown + rest)

    def _answer(self, process: subprocess.Popen[str], signalled: int | None) -> None:
        assert process.stdin is not None
        if signalled is not None:
            process.send_signal(signalled)
            return
        hint = f"&login_hint={self.hint}" if self.hint else ""
        page = requests.get(self.urls[-1] + hint, timeout=TIMEOUT)
        typed = page.headers["X-Sandbox-Code"] if self.code is None else self.code
        if not typed:
            process.stdin.close()
            process.stdin = None
            return
        process.stdin.write(f"{typed}\n")
        process.stdin.flush()


@pytest.fixture
def person(shared_sandbox: Sandbox, tmp_path: Path) -> Person:
    """Somebody who has never logged in, and allowed nothing yet."""
    shared_sandbox.rows("delete from consents")
    home = tmp_path / "home"
    home.mkdir()
    return Person(shared_sandbox, home)


def command_of(result: Result) -> list[str]:
    """The words after ``goclient login`` in the hint of a result."""
    (line,) = {line for line in result.err.splitlines() if "type: goclient login" in line}
    assert result.code == 4, result.err
    return shlex.split(line.partition("type: goclient login")[2])


def identity(sandbox: Sandbox, name: str) -> str:
    return str(sandbox.rows("select id from identities where username = ?", f"{name}@sandbox.example")[0]["id"])


def collection(sandbox: Sandbox, name: str) -> str:
    return str(sandbox.rows("select id from collections where display_name = ?", name)[0]["id"])


def data_access(sandbox: Sandbox, name: str) -> str:
    return f"https://auth.globus.org/scopes/{collection(sandbox, name)}/data_access"


# --- a person -----------------------------------------------------------------------------------------------


@pytest.mark.conformance  # it takes long
def test_a_person_logs_in_is_known_and_logs_out(person: Person) -> None:
    assert command_of(person.run("whoami")) == []
    result = person.log_in("--no-browser")
    assert (result.code, len(person.urls)) == (0, 1), result.err
    assert "jdoe@sandbox.example" in result.out

    known = person.run("whoami", "--json").json
    assert set(known) == {"username", "id", "kind", "expires", "consents"}
    assert (known["username"], known["kind"], known["expires"]) == ("jdoe@sandbox.example", "person", None)
    assert known["id"] == identity(person.sandbox, "jdoe")
    others = "urn:globus:auth:scope:auth.globus.org:view_identity_set"
    assert set(known["consents"]) == {"openid", "profile", "email", others, TRANSFER}
    shown = person.run("whoami").out
    assert "while it is used" in shown
    assert TRANSFER in shown

    tokens = person.tokens()
    assert person.run("logout").out == "logged out\n"
    assert not person.file.exists()
    left = {row["access_token"] for row in person.sandbox.rows("select access_token from tokens")}
    assert left.isdisjoint(tokens), "they are good for nothing"
    assert command_of(person.run("whoami")) == []
    assert person.run("logout", "--json").json == {"logged_out": False, "revoked": False}


def test_a_person_logs_in_for_https_servers_with_one_command(person: Person) -> None:
    person.log_in("--no-browser")
    result = person.log_in("--no-browser", "--https", "SITE1", "--endpoint", "CONSENT1", "--https=GUEST1")
    assert (result.code, len(person.urls)) == (0, 1), result.err
    ids = [collection(person.sandbox, name) for name in ("SITE1", "GUEST1", "CONSENT1")]
    stored = json.loads(person.file.read_text())["data"]["DEFAULT"]
    assert [one in stored for one in ids] == [True, True, False]
    consents = person.run("whoami", "--json").json["consents"]
    assert {f"https://auth.globus.org/scopes/{one}/https" for one in ids[:2]} <= set(consents)
    assert data_access(person.sandbox, "CONSENT1") in consents


@pytest.mark.conformance  # it takes long
def test_a_job_by_https_names_one_login_command_after_which_it_and_its_pilot_go(person: Person) -> None:
    words = (
        "--goVia=https",
        GUARDED,
        "--StageinGOsrc=GUEST1:/in/guest.dat",
        "--Data=job.out",
        "--OutputGO=SITE1:/home/",
    )
    options = command_of(person.submit(*words))
    assert options == ["--https", "CONSENT1", "--https", "GUEST1", "--https", "SITE1"]
    assert person.log_in("--no-browser", *options).code == 0
    sent = person.sandbox.submit(*words, **person.env)
    assert sent.code == 0, sent.err
    assert "consent" not in sent.err
    done = person.sandbox.pilot("--modes=https", **person.env)
    assert done.code == 0, done.err
    assert "guarded.dat" in person.sandbox.path("SITE1", "/home/job.out").read_text()


def test_a_collection_without_an_https_server_is_an_error_of_a_login(person: Person) -> None:
    person.log_in("--no-browser")
    result = person.log_in("--no-browser", "--https", "mxp#MXP_OU_TEST")
    assert (result.code, person.urls) == (40, []), result.err
    assert "it has none (a mapped collection)" in result.err


def test_what_a_person_may_see_is_checked_with_the_person_s_eyes(person: Person) -> None:
    assert command_of(person.submit("--StageinGOsrc=OTHER1:/data/other.dat")) == ["--endpoint", "OTHER1"]
    person.hint = "asmith@sandbox.example"
    assert person.log_in().code == 0
    submitted = person.submit("--StageinGOsrc=OTHER1:/data/other.dat")
    assert submitted.code == 0, submitted.err


def test_the_command_of_a_missing_consent_mends_it_with_one_login(person: Person) -> None:
    assert person.log_in().code == 0
    words = command_of(person.submit(GUARDED))
    assert words == ["--endpoint", "CONSENT1"]
    assert person.log_in(*words).code == 0
    assert len(person.urls) == 1
    assert person.submit(GUARDED).code == 0
    assert data_access(person.sandbox, "CONSENT1") in person.run("whoami", "--json").json["consents"]


def test_the_first_login_for_an_endpoint_asks_once_more_and_says_why(person: Person) -> None:
    result = person.log_in("--endpoint", "CONSENT1", "--endpoint=mxp#MXP_OU_TEST")
    assert (result.code, len(person.urls)) == (0, 2), result.err
    assert "once more" in result.err
    assert person.submit(GUARDED).code == 0


def test_an_endpoint_whose_consents_are_there_asks_no_more_than_once(person: Person) -> None:
    assert person.log_in("--endpoint=CONSENT1").code == 0
    person.run("logout")
    assert person.log_in("--endpoint=CONSENT1").code == 0
    assert len(person.urls) == 1, "Globus Auth remembers the consent"


@pytest.mark.parametrize("name", ["GUEST1", "LAPTOP"])
def test_a_collection_that_may_ask_no_consent_is_not_asked_for_one(person: Person, name: str) -> None:
    result = person.log_in(f"--endpoint={name}")
    assert (result.code, len(person.urls)) == (0, 1), result.err
    assert f'"{name}" asks for no consent' in result.err


def test_endpoints_that_are_not_there_are_all_named_before_a_further_login(person: Person) -> None:
    assert person.log_in().code == 0
    result = person.log_in("--endpoint=NOWHERE", f"--endpoint={identity(person.sandbox, 'jdoe')}")
    assert (result.code, person.urls) == (40, [])
    assert result.err.count("error: ") == 2


def test_an_expired_access_token_is_renewed_and_kept(person: Person) -> None:
    assert person.log_in().code == 0
    before = person.tokens()
    stored = json.loads(person.file.read_text())
    for one in stored["data"]["DEFAULT"].values():
        one["expires_at_seconds"] = 0
    person.file.write_text(json.dumps(stored))
    person.sandbox.rows("update tokens set expires = 0 where not refreshes")
    assert person.submit("--StageinGOsrc=SITE1:/home/osg_data/panda/0064.file").code == 0
    assert person.run("whoami").code == 0
    changed = [old == new for old, new in zip(before, person.tokens(), strict=True)]
    assert changed == [False, True, False, True], "the refresh tokens stay"
    assert person.file.stat().st_mode & 0o777 == 0o600


def test_a_login_that_globus_ended_is_mended_by_the_command_it_names(person: Person) -> None:
    assert person.log_in("--endpoint=CONSENT1").code == 0
    person.sandbox.rows("delete from tokens")
    assert command_of(person.run("whoami")) == []
    assert command_of(person.submit(GUARDED)) == []
    assert person.log_in("--endpoint=CONSENT1", "--endpoint=SITE1").code == 0
    assert person.submit(GUARDED).code == 0


def test_somebody_else_does_not_slip_into_a_login(person: Person) -> None:
    assert person.log_in().code == 0
    person.hint = "asmith@sandbox.example"
    result = person.log_in()
    assert result.code == 4
    assert AGAIN in result.err
    assert person.run("whoami", "--json").json["username"] == "jdoe@sandbox.example"
    assert person.run("logout").code == 0
    assert person.log_in().code == 0
    assert person.run("whoami", "--json").json["username"] == "asmith@sandbox.example"


SESSIONS = [
    pytest.param({"session_required_policies": ["p1", "p2"]}, ["policy=p1", "policy=p2"], id="policies"),
    pytest.param({"session_required_single_domain": ["sandbox.example"]}, ["domain=sandbox.example"], id="a domain"),
    pytest.param({"session_required_mfa": True}, ["mfa"], id="a second factor"),
]


@pytest.mark.parametrize(("required", "values"), SESSIONS)
def test_what_a_session_must_have_is_asked_for_by_the_command_that_is_named(
    person: Person, required: dict[str, Any], values: list[str]
) -> None:
    assert person.log_in().code == 0
    trouble = {
        "route": "GET /v0.10/operation/endpoint/*/ls",
        "kind": "error",
        "status": 403,
        "document": {"code": "NotAllowed", "message": "session", "authorization_parameters": required},
        "times": 1,
    }
    made = requests.post(f"{person.sandbox.url}/sandbox/trouble", json=trouble, timeout=TIMEOUT)
    assert made.ok, made.text
    words = command_of(person.submit("--StageinGOsrc=SITE1:/home/osg_data/panda/0064.file"))
    assert words == [word for value in values for word in ("--session", value)]
    assert person.log_in(*words).code == 0
    asked = dict(part.split("=") for part in person.urls[0].partition("?")[2].split("&"))
    (name,) = required
    assert asked[name].split("%2C") == [value.partition("=")[2] or "True" for value in values]


def test_a_browser_on_this_machine_needs_no_code(person: Person, tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f"#!{sys.executable}\nimport sys, urllib.request\nurllib.request.urlopen(sys.argv[1]).read()\n")
    browser.chmod(0o755)
    ours, theirs = pty.openpty()
    env = {**person.sandbox.env, **person.env, "BROWSER": f"{browser} %s"}
    command = [sys.executable, *MODULES["goclient"], "login", "--json"]
    done = subprocess.run(
        command, env=env, cwd=tmp_path, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, timeout=TIMEOUT
    )
    said = os.read(ours, 65_536).decode()
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0, said
    assert json.loads(done.stdout)["username"] == "jdoe@sandbox.example"
    assert "browser" in said
    assert "code" not in said


# --- what a person types wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        pytest.param("not-the-code", "refused the code", id="a wrong code"),
        pytest.param("ŝ\u2014", "refused the code", id="a code of other letters"),
        pytest.param(" ", "no code was typed", id="an empty line"),
        pytest.param("", "no code was typed", id="the end of input"),
    ],
)
def test_a_code_that_is_none_is_said_and_nothing_is_kept(person: Person, typed: str, words: str) -> None:
    person.code = typed
    result = person.log_in("--endpoint=CONSENT1", "--json")
    assert command_of(result) == ["--endpoint", "CONSENT1"]
    assert words in result.err
    assert result.json["error"]["code"] == "login-failed"
    assert not person.file.exists()


def test_an_interrupt_at_the_prompt_ends_the_login(person: Person) -> None:
    result = person.log_in(signalled=signal.SIGINT)
    assert (result.code, result.out) == (130, "")
    assert "interrupted" in result.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(("--endpoint=SITE1:/home",), 10, "it has a path", id="a place"),
        pytest.param(("--endpoint=gsiftp://x.example",), 10, "GridFTP", id="a GridFTP server"),
        pytest.param(("--endpoint=",), 2, "empty", id="no endpoint"),
        pytest.param(("--session=policy=",), 2, '"policy="', id="a session of nothing"),
        pytest.param(("--session=fma", "--endpoint=a/b:c"), 2, '"fma"', id="two mistakes"),
        pytest.param(("SITE1",), 2, '"SITE1"', id="a stray word"),
    ],
)
def test_what_cannot_be_asked_for_is_said_before_anybody_logs_in(
    person: Person, words: tuple[str, ...], code: int, said: str
) -> None:
    result = person.log_in(*words)
    assert (result.code, person.urls) == (code, [])
    assert said in result.err


# --- tokens are secrets -------------------------------------------------------------------------------------


def test_tokens_are_for_their_owner_only_whatever_the_umask(person: Person) -> None:
    assert person.log_in(umask=0).code == 0
    assert person.file.stat().st_mode & 0o777 == 0o600
    folders = [folder for folder in person.file.parents if folder.is_relative_to(person.home / ".globus")]
    assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700] * 4
    assert list(person.file.parent.iterdir()) == [person.file]


def test_no_token_is_in_any_output(person: Person) -> None:
    results = [person.log_in("-vv", "--endpoint=CONSENT1")]
    tokens = person.tokens()
    results += [person.run("whoami", "-vv"), person.submit("-vv", GUARDED, "--json")]
    content = person.file.read_text()
    for broken in (content[:-2], content.replace('"access_token"', '"token"'), content.replace('"2.0"', '"9"')):
        person.file.write_text(broken)
        results.append(person.with_traceback("whoami"))
        assert "is damaged" in results[-1].err
    person.file.write_text(content)
    person.sandbox.rows("delete from tokens")
    results += [person.with_traceback(word) for word in ("whoami", "logout")]
    shown = "".join(result.out + result.err for result in results)
    assert len(tokens) == 4
    assert [token for token in tokens if token in shown] == []


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="empty"),
        pytest.param("{", id="half a file"),
        pytest.param("[]", id="a list"),
        pytest.param("{}", id="no tokens"),
        pytest.param('{"data": {"DEFAULT": {"x": {}}}, "format_version": "2.0"}', id="a token without keys"),
    ],
)
def test_a_damaged_token_file_is_named_and_a_logout_removes_it(person: Person, content: str) -> None:
    person.file.parent.mkdir(parents=True, mode=0o700)
    person.file.write_text(content)
    person.file.chmod(0o600)
    for result in (person.run("whoami"), person.log_in(), person.submit(GUARDED)):
        assert result.code == 4
        assert f'"{person.file}" is damaged' in result.err
        assert AGAIN in result.err
    logout = person.run("logout")
    assert (logout.code, logout.out) == (0, "logged out\n")
    assert "is damaged" in logout.err
    assert person.log_in().code == 0


def test_a_token_file_that_others_can_read_is_refused_until_it_is_mended(person: Person) -> None:
    assert person.log_in().code == 0
    person.file.chmod(0o640)
    for result in (person.run("whoami"), person.log_in(), person.submit(GUARDED)):
        assert result.code == 10
        assert f'"{person.file}" can be read by others (mode 0640)' in result.err
        assert AGAIN in result.err
    logout = person.run("logout", "--json")
    assert logout.json == {"logged_out": True, "revoked": True}
    assert person.log_in().code == 0


def test_a_logout_without_globus_removes_the_tokens_and_says_so(person: Person) -> None:
    assert person.log_in().code == 0
    result = person.run("logout", GLOBUS_SDK_SERVICE_URL_AUTH="http://127.0.0.1:9/")
    assert (result.code, result.out) == (0, "logged out\n")
    assert "warning: Globus was not told" in result.err
    assert not person.file.exists()


@pytest.mark.parametrize("command", ["whoami", "login", "logout"])
@pytest.mark.parametrize("name", ["AUTH", "TRANSFER"])
def test_a_login_is_not_sent_unencrypted(person: Person, command: str, name: str) -> None:
    variable = f"GLOBUS_SDK_SERVICE_URL_{name}"
    result = person.run(command, **{variable: "http://globus.invalid/"})
    assert result.code == 10
    assert f'{variable}="http://globus.invalid/" would send your token unencrypted' in result.err


@pytest.mark.parametrize("route", ["POST /v2/oauth2/token", "GET /v2/oauth2/userinfo"])
def test_a_login_that_is_redirected_says_so(person: Person, route: str) -> None:
    trouble = f"{person.sandbox.url}/sandbox/trouble"
    kind = {"route": route, "kind": "error", "status": 307, "document": "moved"}
    assert requests.post(trouble, json=kind, timeout=TIMEOUT).ok
    try:
        result = person.log_in()
    finally:
        requests.delete(trouble, timeout=TIMEOUT)
    assert result.code == 40
    assert "Globus redirected to another place, which is not followed" in result.err


def test_a_pipe_for_a_token_file_is_damaged_and_a_logout_removes_it(person: Person) -> None:
    person.file.parent.mkdir(parents=True, mode=0o700)
    os.mkfifo(person.file, 0o600)
    result = person.run("whoami")
    assert result.code == 4
    assert "is damaged: it is not a regular file" in result.err
    assert person.run("logout").out == "logged out\n"
    assert not person.file.exists()


@pytest.mark.parametrize("command", ["whoami", "login", "logout"])
def test_a_folder_for_a_token_file_is_to_be_removed(person: Person, command: str) -> None:
    person.file.mkdir(parents=True, mode=0o700)
    result = person.run(command)
    assert result.code == 10
    assert f'"{person.file}" cannot be read: Is a directory' in result.err
    assert "remove it, then type: goclient login" in result.err


# --- a service ----------------------------------------------------------------------------------------------


def test_a_service_logs_in_without_being_asked_and_says_who_it_is(shared_sandbox: Sandbox) -> None:
    result = shared_sandbox.run("goclient", "login", "--json", "--endpoint=CONSENT1", "--endpoint=GUEST1")
    assert result.code == 0, result.err
    assert (result.json["kind"], result.json["username"]) == ("service", "jdoe@sandbox.example")
    assert data_access(shared_sandbox, "CONSENT1") in result.json["consents"]
    assert '"GUEST1" asks for no consent' in result.err
    assert "as long as its secret" in shared_sandbox.run("goclient", "whoami").out
    assert not (shared_sandbox.cwd / ".globus").exists()


@pytest.mark.parametrize("command", ["login", "whoami"])
def test_a_service_whose_secret_is_wrong_is_told_so(shared_sandbox: Sandbox, command: str) -> None:
    result = shared_sandbox.run("goclient", command, GOCLIENT_CLIENT_SECRET="wr0ng")
    assert result.code == 4
    assert "check GOCLIENT_CLIENT_ID and GOCLIENT_CLIENT_SECRET" in result.err
    assert "wr0ng" not in result.err


def test_a_service_has_no_session_and_nothing_to_log_out_of(shared_sandbox: Sandbox) -> None:
    refused = shared_sandbox.run("goclient", "login", "--session=mfa")
    assert refused.code == 10
    assert "a service has no session" in refused.err
    result = shared_sandbox.run("goclient", "logout")
    assert (result.code, result.out) == (0, "nobody was logged in\n")
    assert "GOCLIENT_CLIENT_SECRET" in result.err


@pytest.mark.parametrize("command", ["login", "logout", "whoami"])
def test_without_a_client_the_hint_says_how_to_get_one(shared_sandbox: Sandbox, command: str) -> None:
    result = shared_sandbox.run("goclient", command, GOCLIENT_CLIENT_ID="")
    assert result.code == 4
    assert "app.globus.org/settings/developers" in result.err
    assert "type: goclient login" in result.err
