"""The page of Globus Auth on which people log in: here the sandbox's user is let in, and allows what is asked for."""

from __future__ import annotations

import html
import secrets
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from goclient.sandbox.globus import consents
from goclient.sandbox.globus.auth import asked_for
from goclient.sandbox.guard import Guard
from goclient.sandbox.http import ServiceError, auth_error
from goclient.sandbox.state import State

CODE_LIFETIME = 600  # seconds
CODE_HEADER = "X-Sandbox-Code"

_PAGE = """<!doctype html>
<title>goclient sandbox</title>
<p>Logged in as {username}. The authorization code is</p>
<p><code id="code">{code}</code></p>
"""


class Login:
    """The route to which a browser is sent, at the secret place that ``env.sh`` has for Auth.

    The query's ``login_hint`` says which identity logs in, by its user name; without one it is the sandbox's user.
    """

    def __init__(self, state: State, guard: Guard) -> None:
        self._state = state
        self._guard = guard

    def rules(self) -> list[Rule]:
        """The routes and their handlers."""
        return [Rule("/v2/oauth2/authorize", endpoint=self.authorize, methods=["GET"])]

    def authorize(self, request: Request) -> Response:
        """A page that shows an authorization code; a program that waits on this machine is sent it, too."""
        given = request.args
        client = given.get("client_id", "")
        self._check(client, given)
        if not self._guard.may_log_in(request):
            text = "only the sandbox's user can log in, at the address that goclient login, or globus login, prints\n"
            raise ServiceError(401, text)
        person = self._person(given)
        consents.record(self._state, person["id"], client, asked_for(self._state, given.get("scope", "")))
        if given.get("session_required_mfa", "").lower() == "true":
            self._state.run("insert or ignore into sessions (identity, client) values (?, ?)", person["id"], client)
        code = secrets.token_urlsafe(24)
        values = {
            "code": code,
            "identity": person["id"],
            "client": client,
            "redirect_uri": given.get("redirect_uri", ""),
            "challenge": given.get("code_challenge", ""),
            "scope": given.get("scope", ""),
            "state": given.get("state", "_default"),
            "offline": given.get("access_type") == "offline",
            "expires": time.time() + CODE_LIFETIME,
        }
        self._state.insert("codes", values)
        return self._page(person["username"], values)

    def _check(self, client: str, given: Any) -> None:
        """None, if the client is known and asks as it must; raises what Auth answers otherwise."""
        known = self._state.row(
            "select secret from clients where id = ? union select client_secret from identities where client_id = ?",
            client,
            client,
        )
        if known is None:
            raise auth_error(400, "UNKNOWN_CLIENT", f"no client has the id {client!r}")
        if given.get("response_type") != "code":
            raise auth_error(400, "UNSUPPORTED_RESPONSE_TYPE", "response_type must be code")
        proof = (given.get("code_challenge"), given.get("code_challenge_method"))
        if not known["secret"] and not (proof[0] and proof[1] == "S256"):
            raise auth_error(400, "INVALID_REQUEST", "a native client needs a code_challenge, method S256")

    def _person(self, given: Any) -> dict[str, Any]:
        """The identity that logs in: the one hinted at, one that the session requires, or the sandbox's user."""
        hint = given.get("login_hint")
        named = [hint] if hint else given.get("session_required_identities", "").split(",")
        for name in filter(None, named):
            row = self._state.row("select * from identities where ? in (username, id)", name)
            if row is not None:
                return row
        if hint:
            raise auth_error(400, "UNKNOWN_IDENTITY", f"the sandbox has no identity {hint!r}")
        return self._state.rows("select * from identities order by rowid limit 1")[0]

    def _page(self, username: str, values: dict[str, Any]) -> Response:
        text = _PAGE.format(username=html.escape(username), code=values["code"])
        response = Response(text, content_type="text/html; charset=utf-8", headers={CODE_HEADER: values["code"]})
        target = values["redirect_uri"]
        ours = target.startswith(self._state.fact("url"))
        if urlsplit(target).hostname in ("127.0.0.1", "localhost") and not ours:
            response.status_code = 302
            query = urlencode({"code": values["code"], "state": values["state"]})
            response.headers["Location"] = f"{target}{'&' if '?' in target else '?'}{query}"
        return response
