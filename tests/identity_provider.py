"""A PanDA server on loopback with an identity provider, as panda-client's own login meets them."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from tests.web_server import Request, Response, answering


def token(seconds: float = 3600, **claims: Any) -> str:
    """An identity token that ends in so many seconds."""

    def part(document: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

    who = {"name": "jane doe", "preferred_username": "jdoe", "exp": int(time.time() + seconds), **claims}
    return f"{part({'alg': 'none', 'kid': 'k'})}.{part(who)}.c2lnbmF0dXJl"


@dataclass
class Provider:
    """Requests to both; ``refresh`` is the only refresh token that counts, and ``given`` what it gives."""

    url: str = ""
    refresh: str = "refresh-token-1"
    given: list[str] = field(default_factory=list)  # the tokens that were given
    forms: list[dict[str, str]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)  # what the PanDA server was shown, in each call
    asked: list[str] = field(default_factory=list)
    seconds: float = 0.0  # that the token endpoint takes
    moved: str = ""  # where the token endpoint redirects to
    rotates: bool = True  # a refresh token counts once, and another comes with the token

    def answer(self, path: str, headers: Any, body: str) -> tuple[int, Any]:
        self.asked.append(path)
        if path.startswith("/auth/"):
            secret = {"client_id": "panda", "client_secret": "client-secret-1", "audience": "https://panda"}
            return 200, {**secret, "oidc_config_url": f"{self.url}/.well-known/openid-configuration"}
        if path.startswith("/.well-known/"):
            return 200, {
                "token_endpoint": f"{self.url}/token", "device_authorization_endpoint": f"{self.url}/devicecode"
            }  # fmt: skip
        if path == "/devicecode":
            address = f"{self.url}/device?user_code=ABCD"
            return 200, {"device_code": "d", "verification_uri_complete": address, "interval": 0, "expires_in": 60}
        if path == "/token":
            return self._token(dict(parse_qsl(body)))
        self.shown.append(headers.get("authorization", ""))
        if path.endswith("/job/submit"):
            return 200, {"success": True, "message": "", "data": [[17, 1, {"jobsetID": "NULL"}]]}
        return 200, {"success": True, "message": "", "data": []}

    def _token(self, form: dict[str, str]) -> tuple[int, Any]:
        self.forms.append(form)
        time.sleep(self.seconds)
        if self.moved:
            return 307, {}
        if form["grant_type"] == "refresh_token" and form["refresh_token"] != self.refresh:
            return 400, {"error": "invalid_grant", "error_description": f"no such token: {form['refresh_token']}"}
        self.given.append(token(n=len(self.given)))
        answer = {"id_token": self.given[-1], "access_token": "access-token-1", "token_type": "Bearer"}
        if self.rotates:
            self.refresh = f"refresh-token-{len(self.given) + 1}"
            answer["refresh_token"] = self.refresh
        return 200, answer

    @property
    def env(self) -> dict[str, str]:
        urls = dict.fromkeys(("PANDA_URL", "PANDA_URL_SSL", "PANDACACHE_URL"), f"{self.url}/server/panda")
        return {**urls, "PANDA_AUTH": "oidc", "PANDA_AUTH_VO": "wlcg", "PANDA_BEHIND_REAL_LB": "1"}


@contextmanager
def provider(**more: Any) -> Iterator[Provider]:
    """A started server."""
    state = Provider(**more)

    def answer(request: Request) -> Response:
        status, document = state.answer(request.path, request.headers, request.body.decode())
        return Response(document, status, location=state.moved if status == 307 else "")

    with answering(answer) as state.url:
        yield state
