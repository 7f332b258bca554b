"""Login page of Globus Auth in miniature: it lets the sandbox's user in, who consents to all that is asked for."""

from __future__ import annotations

import html
import secrets
import time
from urllib.parse import urlencode, urlsplit

from werkzeug.wrappers import Response

from goclient.sandbox import guard
from goclient.sandbox.globus import consents
from goclient.sandbox.globus.auth import read_paths
from goclient.sandbox.http import AuthError, ServiceError
from goclient.sandbox.routes import Call, Routes
from goclient.sandbox.state import Row

CODE_LIFETIME = 600  # seconds
CODE_HEADER = "X-Sandbox-Code"

_PAGE = """<!doctype html>
<title>goclient sandbox</title>
<p>Logged in as {username}. The authorization code is</p>
<p><code id="code">{code}</code></p>
"""

routes = Routes("/v2/oauth2")


@routes.on("GET", "/authorize")
def authorize(call: Call) -> Response:
    """Show an authorization code, and send it to a program that waits on this machine.

    A browser is sent here, at the secret address that ``env.sh`` has for Auth.  The query's ``login_hint`` is the user
    name of the identity that logs in; without one it is the sandbox's user.
    """
    given, state = call.args, call.state
    client = given.get("client_id", "")
    _check_client(call, client)
    if not guard.may_log_in(call):
        text = "only the sandbox's user can log in, at the address that goclient login, or globus login, prints\n"
        raise ServiceError(401, text)
    person = _find_person(call)
    paths = read_paths(state, given.get("scope", ""))
    consents.record(state, person["id"], client=client, paths=paths)
    if given.get("session_required_mfa", "").lower() == "true":
        state.run("insert or ignore into sessions (identity, client) values (?, ?)", person["id"], client)
    code, target = secrets.token_urlsafe(24), given.get("redirect_uri", "")
    values = {
        "code": code,
        "identity": person["id"],
        "client": client,
        "redirect_uri": target,
        "challenge": given.get("code_challenge", ""),
        "scope": given.get("scope", ""),
        "state": given.get("state", "_default"),
        "offline": given.get("access_type") == "offline",
        "expires": time.time() + CODE_LIFETIME,
    }
    state.insert("codes", values)
    text = _PAGE.format(username=html.escape(person["username"]), code=code)
    response = Response(text, content_type="text/html; charset=utf-8", headers={CODE_HEADER: code})
    if urlsplit(target).hostname in ("127.0.0.1", "localhost") and not target.startswith(state.fact("url")):
        response.status_code = 302
        query = urlencode({"code": code, "state": values["state"]})
        response.headers["Location"] = f"{target}{'&' if '?' in target else '?'}{query}"
    return response


def _check_client(call: Call, client: str) -> None:
    """Raise what Auth answers if the client is unknown, or does not ask as it must."""
    known = call.state.row(
        "select secret from clients where id = ? union select client_secret from identities where client_id = ?",
        client,
        client,
    )
    if known is None:
        raise AuthError(400, "UNKNOWN_CLIENT", f"no client has the id {client!r}")
    if call.args.get("response_type") != "code":
        raise AuthError(400, "UNSUPPORTED_RESPONSE_TYPE", "response_type must be code")
    proven = call.args.get("code_challenge") and call.args.get("code_challenge_method") == "S256"
    if not known["secret"] and not proven:
        raise AuthError(400, "INVALID_REQUEST", "a native client needs a code_challenge, method S256")


def _find_person(call: Call) -> Row:
    """Return the identity that logs in: the one hinted at, one that the session requires, or the sandbox's user."""
    hint = call.args.get("login_hint")
    named = [hint] if hint else call.args.get("session_required_identities", "").split(",")
    for name in filter(None, named):
        row = call.state.row("select * from identities where ? in (username, id)", name)
        if row is not None:
            return row
    if hint:
        raise AuthError(400, "UNKNOWN_IDENTITY", f"the sandbox has no identity {hint!r}")
    return call.state.rows("select * from identities order by rowid limit 1")[0]
