"""Servers, and gateways before them, that answer with all that they were sent: nothing secret of it is shown or kept.

Each case runs the real command line, then every stream and every file that is left is searched for every credential in
every encoding.
"""

from __future__ import annotations

import base64
import html
import json
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus

import pytest

from tests.commands import completed
from tests.test_secrets import ENCODINGS
from tests.web_server import Request, Response, answering

CLIENT = "5f4a5c9e-7a1b-4a52-9c2e-0d6f3a1b2c3d"
COLLECTION = "8b5eb87a-10b2-4626-96dc-d9ab00c6942a"
CLIENT_SECRET = 'cl1ent/s3cret+with=all&of"it-_'
ACCESS, REFRESH, CODE = "AgAccess/tok+en-_0123456789==", "AgRefresh/tok+en-_9876543210", "c0de/of+the-login_1234"


def token(seconds: float = 3600, **claims: Any) -> str:
    def part(document: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

    who = {"name": "jane doe", "preferred_username": "jdoe", "exp": int(time.time() + seconds), **claims}
    return f"{part({'alg': 'none'})}.{part(who)}.c2lnbmF0dXJlLW9mLXBhbmRh-_"


PANDA = token(n="user")
SECRETS = {"secret": CLIENT_SECRET, "access": ACCESS, "refresh": REFRESH, "code": CODE, "panda": PANDA}


def echoed(headers: dict[str, str], body: str) -> str:
    """Return what a request was, written as all kinds of servers write it."""
    authorization = headers.get("authorization", "")
    values = [authorization, body, *(value for _, value in parse_qsl(body))]
    scheme, _, credential = authorization.partition(" ")
    if scheme == "Basic":
        values.append(base64.b64decode(credential).decode())
    values = [value[:4000] for value in values if value]
    forms: list[Callable[[str], str]] = [
        str, lambda v: quote(v, safe=""), quote_plus, html.escape, json.dumps, lambda v: repr(v.encode()),
        lambda v: base64.b64encode(v.encode()).decode(), lambda v: base64.urlsafe_b64encode(f"x{v}".encode()).decode(),
        lambda v: json.dumps(json.dumps(v)), lambda v: quote(quote(v, safe=""), safe=""),
    ]  # fmt: skip
    return " | ".join(form(value) for value in values for form in forms)


@dataclass
class Echo:
    """A server of everything, which answers well on some paths and echoes on all others."""

    url: str = ""
    status: int = 500
    form: str = "text"  # text, html, globus, panda
    well: dict[str, Any] = field(default_factory=dict)  # what begins the path of an answer that is right
    bodies: list[str] = field(default_factory=list)

    def answer(self, path: str, headers: dict[str, str], body: str) -> tuple[int, str, str]:
        self.bodies.append(f"{path} {body if 'json' in headers.get('content-type', '') else ''}")
        for prefix, document in self.well.items():
            if path.startswith(prefix):
                return 200, "application/json", json.dumps(document)
        text = f"refused: {echoed(headers, body)}"
        documents: dict[str, Any] = {
            "globus": {"code": "ClientError.Echo", "message": text, "error": f"odd {text}", "error_description": text,
                       "errors": [{"detail": text, "title": text, "code": text}], "request_id": "x", "resource": path},
            "panda": {"success": False, "message": text, "data": None},
        }  # fmt: skip
        if self.form in documents:
            return self.status, "application/json", json.dumps(documents[self.form])
        return self.status, "text/html", f"<html><body><pre>{text}</pre>" if self.form == "html" else text


@contextmanager
def echo(**more: Any) -> Iterator[Echo]:
    state = Echo(**more)

    def answer(request: Request) -> Response:
        body = request.body.decode("utf-8", "replace")
        status, kind, text = state.answer(request.path, dict(request.headers), body)
        return Response(text.encode(), status, kind)

    with answering(answer) as state.url:
        yield state


TOKENS: dict[str, Any] = {
    "access_token": ACCESS, "scope": "urn:globus:auth:scope:transfer.api.globus.org:all", "expires_in": 172800,
    "token_type": "Bearer", "resource_server": "transfer.api.globus.org", "other_tokens": [],
}  # fmt: skip


class Desk:
    """Somebody at a command line, and everything that is left there."""

    def __init__(self, env: dict[str, str], folder: Path) -> None:
        self.folder = folder
        (folder / "work").mkdir()
        catalogue = folder / "endpoints.toml"
        catalogue.write_text(f'[SITE1]\nkind = "globus"\nid = "{COLLECTION}"\n')
        self.env = {
            **env, "PANDA_AUTH": "oidc", "PANDA_AUTH_VO": "wlcg", "PANDA_AUTH_ID_TOKEN": PANDA,
            "PANDA_BEHIND_REAL_LB": "1", "GOCLIENT_CLIENT_ID": CLIENT, "GOCLIENT_CLIENT_SECRET": CLIENT_SECRET,
            "GOCLIENT_STATE": str(folder / "state"), "GOCLIENT_TIMEOUT": "8", "GOCLIENT_ENDPOINTS": str(catalogue),
            "GLOBUS_SDK_ENVIRONMENT": "echo", "TMPDIR": str(folder / "work"), "NO_PROXY": "*",
        }  # fmt: skip

    def run(self, server: Echo, *words: str, text: str = "", **more: str) -> tuple[int, str]:
        """The exit code of a command, and all that it printed."""
        urls = dict.fromkeys(("PANDA_URL", "PANDA_URL_SSL", "PANDACACHE_URL"), f"{server.url}/server/panda")
        urls |= {f"GLOBUS_SDK_SERVICE_URL_{name}": f"{server.url}/" for name in ("AUTH", "TRANSFER")}
        done = completed(words, env={**self.env, **urls, **more}, cwd=self.folder, typed=text)
        return done.code, done.out + done.err

    def kept(self) -> str:
        """The journal, and what is in the jobs' logs."""
        parts = [file.read_text() for file in (self.folder / "state").glob("*.jsonl")]
        for archive in (self.folder / "state").glob("logs/*"):
            with tarfile.open(archive) as tar:
                opened = [tar.extractfile(member) for member in tar.getmembers()]
                parts += [one.read().decode(errors="replace") for one in opened if one is not None]
        return "\n".join(parts)


@pytest.fixture
def desk(tmp_path: Path, env: dict[str, str]) -> Desk:
    return Desk(env, tmp_path)


def assert_nothing_of(text: str, **more: str) -> None:
    """Fails if a text has a credential in it, in any encoding."""
    for name, secret in {**SECRETS, **more}.items():
        for encoding, encode in ENCODINGS.items():
            assert encode(secret) not in text, f"{name} is there, {encoding}: {text[:2000]}"
        for part in secret.split("."):  # of a token: no long piece of it either
            assert len(part) < 20 or part not in text, f"a piece of {name} is there: {text[:2000]}"


AUTH_WELL = {"/v2/oauth2/token": TOKENS}
USERINFO = {"/v2/oauth2/userinfo": {"sub": CLIENT, "preferred_username": "x@clients.auth.globus.org"}}
JOB = ("--computingSite=TEST1", "--transformation=/bin/true")
MOVED = "--StageinGOsrc=SITE1:/data/a"
PRUN = ("--exec=true", "--outDS=user.jdoe.test", "--site=TEST1", "--noBuild")

# What is typed, and where all goes well until it reaches a server that echoes.
COMMANDS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "whoami at Auth": (("goclient", "whoami"), {}),
    "whoami with a token": (("goclient", "whoami"), AUTH_WELL),
    "whoami's consents": (("goclient", "whoami"), {**AUTH_WELL, **USERINFO}),
    "login of a service": (("goclient", "login"), {}),
    "check at Auth": (("goclient", "check", MOVED), {}),
    "check at Transfer": (("goclient", "check", MOVED), AUTH_WELL),
    "show": (("goclient", "endpoint", "show", "SITE1"), AUTH_WELL),
    "search": (("goclient", "endpoint", "list", "--search", "x"), AUTH_WELL),
    "submission": (("sendJob.py", *JOB, "--noCheck", MOVED), {}),
    "submission with a check": (("sendJob.py", *JOB, MOVED), AUTH_WELL),
    "status": (("goclient", "status", "17"), {}),
    "explain": (("goclient", "explain", "--pandaid", "17"), {}),
    "prun": (("goclient", "prun", *PRUN), {}),
    "prun that is verbose": (("goclient", "prun", *PRUN, "-v"), {}),
    "pilot without a job": (("goclient", "pilot", "--site=TEST1", "--once"), {}),
}  # fmt: skip
ANSWERS = [(400, "globus"), (401, "text"), (403, "html"), (500, "text"), (200, "panda")]


@pytest.mark.parametrize("more", [(), ("--json", "-vv")], ids=["plain", "json-vv"])
@pytest.mark.parametrize("case", COMMANDS)
def test_what_a_server_echoes_is_shown_and_kept_without_credentials(
    desk: Desk, case: str, more: tuple[str, ...]
) -> None:
    words, well = COMMANDS[case]
    globusconnect = desk.folder / "connect"
    globusconnect.write_text("#!/bin/sh\n")
    globusconnect.chmod(0o755)
    everything = ""
    for status, form in ANSWERS if not more else ANSWERS[:2]:
        with echo(status=status, form=form, well=well) as server:
            flags = more if "prun" not in words else ()
            code, shown = desk.run(server, *words, *flags, GOCLIENT_GLOBUSCONNECT=str(globusconnect))
        assert code != 0 or status == 200, shown
        assert server.bodies, "nothing was asked"
        assert_nothing_of(shown + desk.kept())
        everything += shown
    assert "***" in everything, everything  # or the server has not echoed, and nothing was tried


def job_of_a_pilot(log: str) -> dict[str, Any]:
    parameters = f"--goclient=v1:1 --StageinGOsrc={COLLECTION}:/data/a"
    return {
        "success": True, "message": "", "data": {"StatusCode": 0, "jobs": [{
            "PandaID": 17, "jobName": "a", "transformation": "/bin/true", "jobPars": parameters, "attemptNr": 1,
            "logFile": log, "logGUID": "g", "prodUserID": "x",
        }]},
    }  # fmt: skip


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize(("well", "form"), [({}, "globus"), (AUTH_WELL, "globus"), (AUTH_WELL, "html")])
def test_a_pilot_tells_nobody_what_globus_echoes(desk: Desk, status: int, form: str, well: dict[str, Any]) -> None:
    globusconnect = desk.folder / "connect"
    globusconnect.write_text("#!/bin/sh\n")
    globusconnect.chmod(0o755)
    done = {"success": True, "message": "", "data": {"StatusCode": 0, "command": "NULL"}}
    rights = {"success": True, "message": "", "data": {"user_dn_raw": "pilot", "is_production_user": True}}
    panda = {
        "/api/v1/system/get_user_attributes": rights,
        "/api/v1/pilot/acquire_jobs": job_of_a_pilot("a.job.log.tgz"),
        "/api/v1/pilot/update_job": done,
    }
    with echo(status=status, form=form, well={**well, **panda}) as server:
        code, shown = desk.run(
            server, "goclient", "pilot", "--site=TEST1", "--once", "--json", GOCLIENT_GLOBUSCONNECT=str(globusconnect)
        )
    assert code != 0
    reports = [body for body in server.bodies if "update_job" in body]
    assert any('"failed"' in body and "***" in body for body in reports), reports
    kept = desk.kept()
    assert "***" in kept
    assert_nothing_of(shown + kept + "".join(server.bodies))


@pytest.mark.conformance  # it takes long
def test_a_call_from_python_is_told_no_token(desk: Desk) -> None:
    program = f"import goclient; print(goclient.prun({list(PRUN)!r}))"
    well = {"/api/v1/file_server/": {"success": True, "message": "", "data": None}}
    with echo(status=200, form="panda", well=well) as server:
        code, shown = desk.run(server, sys.executable, "-c", program)
    assert (code, "TaskResult" in shown) == (0, True), shown
    assert any("task/submit" in body for body in server.bodies), server.bodies
    assert "said='refused: ***" in shown or "***" in shown.partition("tasks=")[2], shown
    assert_nothing_of(shown)


# --- persons ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "form"), ANSWERS[:4])
def test_the_code_of_a_login_is_not_shown(desk: Desk, status: int, form: str) -> None:
    with echo(status=status, form=form) as server:
        code, shown = desk.run(
            server, "goclient", "login", "--no-browser", "-vv", text=f"{CODE}\n", GOCLIENT_CLIENT_SECRET=""
        )
    assert code != 0
    assert any("oauth2/token" in body for body in server.bodies)
    assert_nothing_of(shown)


@pytest.mark.parametrize("command", ["whoami", "logout", "check"])
def test_the_tokens_of_a_person_are_not_shown(desk: Desk, command: str) -> None:
    folder = Path(desk.env["HOME"]) / f".globus/app/{CLIENT}/goclient"
    folder.mkdir(parents=True, mode=0o700)

    def stored(server: str, scope: str) -> dict[str, Any]:
        return {
            "resource_server": server, "identity_id": CLIENT, "scope": scope, "expires_at_seconds": 1_000,
            "access_token": ACCESS, "refresh_token": REFRESH, "token_type": "Bearer",
        }  # fmt: skip

    tokens = {
        "transfer.api.globus.org": stored("transfer.api.globus.org", TOKENS["scope"]),
        "auth.globus.org": stored("auth.globus.org", "openid profile email urn:globus:auth:scope:auth.globus.org:"
                                  "view_identity_set"),
    }  # fmt: skip
    file = folder / "echo-tokens.json"
    words = ("goclient", command, *((MOVED,) if command == "check" else ()), "-vv")
    for status, form in ANSWERS[:4]:
        document = {"data": {"DEFAULT": tokens}, "format_version": "2.0", "globus-sdk.version": "4.9.0"}
        file.write_text(json.dumps(document))
        file.chmod(0o600)
        with echo(status=status, form=form) as server:
            _, shown = desk.run(server, *words, GOCLIENT_CLIENT_SECRET="")
        assert server.bodies, shown
        assert_nothing_of(shown)


# --- panda-client's stored login ----------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("sendJob.py", *JOB, "--noCheck", "-vv"), ("goclient", "prun", *PRUN, "-v")])
@pytest.mark.parametrize(("status", "form"), ANSWERS[:4])
def test_a_refresh_token_is_not_shown(desk: Desk, words: tuple[str, ...], status: int, form: str) -> None:
    old = token(-60)
    (desk.folder / ".token").write_text(json.dumps({"id_token": old, "refresh_token": REFRESH}))
    with echo(status=status, form=form) as server:
        server.well = {
            "/auth/": {"client_id": "c", "client_secret": CLIENT_SECRET, "oidc_config_url": f"{server.url}/oidc"},
            "/oidc": {"token_endpoint": f"{server.url}/renew"},
        }
        code, shown = desk.run(server, *words, PANDA_AUTH_ID_TOKEN="")
    assert (code, [body.split()[0] for body in server.bodies][-1]) == (4, "/renew"), shown
    assert "could not be renewed" in shown
    assert "***" in shown
    assert_nothing_of(shown + desk.kept(), old=old)
