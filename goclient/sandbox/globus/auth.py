"""The token endpoint of Globus Auth in miniature: tokens for clients, for people who have logged in, and renewed."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from typing import Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from goclient.sandbox.globus import consents, scopes
from goclient.sandbox.globus.storage import MAPPED
from goclient.sandbox.http import ServiceError, answer
from goclient.sandbox.panda.oidc import PROVIDER, OpenID
from goclient.sandbox.state import State

LIFETIME = 172_800  # seconds, as the service's; the fact "token_lifetime" is another one


class Auth:
    """The routes of Globus Auth that give, judge and take back tokens."""

    def __init__(self, state: State, openid: OpenID) -> None:
        self._state = state
        self._openid = openid

    def rules(self) -> list[Rule]:
        """The routes and their handlers."""
        routes = [
            ("/token", self.token),
            ("/token/validate", self.validate),
            ("/token/introspect", self.introspect),
            ("/token/revoke", self.revoke),
        ]
        return [Rule(f"/v2/oauth2{path}", endpoint=handler, methods=["POST"]) for path, handler in routes]

    def token(self, request: Request) -> Response:
        """Tokens, one for each resource server that the scopes name."""
        client = known_client(self._state, request)
        grants = {
            "client_credentials": self._for_client,
            "authorization_code": self._for_code,
            "refresh_token": self._renewed,
        }
        grant = grants.get(request.form.get("grant_type", ""))
        if grant is None:
            raise ServiceError(400, {"error": "unsupported_grant_type"})
        return answer(grant(request, client))

    # --- grants ---

    def _for_client(self, request: Request, client: dict[str, Any]) -> dict[str, Any]:
        if not client["username"]:
            raise ServiceError(401, {"error": "unauthorized_client"})
        scope = request.form.get("scope", "")
        consents.record(self._state, client["id"], client["client_id"], asked_for(self._state, scope))
        return self._document(client, client["client_id"], scope, person=False, offline=False)

    def _for_code(self, request: Request, client: dict[str, Any]) -> dict[str, Any]:
        """Tokens for the person who has logged in and got this code; it works once."""
        form = request.form
        with self._state.transaction():
            row = self._state.row("select * from codes where code = ?", form.get("code", ""))
            self._state.run("delete from codes where code = ?", form.get("code", ""))
        if row is None or row["expires"] < time.time() or row["client"] != client["client_id"]:
            raise ServiceError(401, {"error": "invalid_grant"})
        proven = not row["challenge"] or _challenge(form.get("code_verifier", "")) == row["challenge"]
        if not proven or form.get("redirect_uri") != row["redirect_uri"]:
            raise ServiceError(401, {"error": "invalid_grant"})
        person = self._state.row("select * from identities where id = ?", row["identity"])
        assert person is not None
        document = self._document(person, row["client"], row["scope"], person=True, offline=bool(row["offline"]))
        return {**document, "state": row["state"]}

    def _renewed(self, request: Request, client: dict[str, Any]) -> dict[str, Any]:
        """A new access token for the same resource server, with the same refresh token."""
        text = request.form.get("refresh_token", "")
        row = self._state.row("select * from tokens where access_token = ? and refreshes", text)
        if row is None or row["client"] != client["client_id"]:
            raise ServiceError(401, {"error": "invalid_grant"})
        document = self._issue(row["identity"], row["client"], row["server"], row["scope"], person=True)
        return {**document, "refresh_token": text, "other_tokens": []}

    # --- tokens ---

    def _document(
        self, identity: dict[str, Any], client: str, scope: str, *, person: bool, offline: bool
    ) -> dict[str, Any]:
        by_server: dict[str, list[str]] = {}
        for one in scopes.outermost(scope):
            by_server.setdefault(scopes.resource_server(one), []).append(one)
        issued = []
        for server, ours in by_server.items():
            document = self._issue(identity["id"], client, server, " ".join(ours), person=person)
            if offline:
                document["refresh_token"] = self._store(
                    identity["id"], client, server, " ".join(ours), person=True, refreshes=True
                )
            issued.append(document)
        first, *others = issued
        if "openid" in scopes.outermost(scope):
            first["id_token"] = self._openid.id_token(identity, client)
        return {**first, "other_tokens": others}

    def _issue(self, identity: str, client: str, server: str, scope: str, *, person: bool) -> dict[str, Any]:
        return {
            "access_token": self._store(identity, client, server, scope, person=person),
            "scope": " ".join(one.partition("[")[0] for one in scopes.outermost(scope)),
            "expires_in": self._lifetime(),
            "token_type": "Bearer",
            "resource_server": server,
        }

    def _store(
        self, identity: str, client: str, server: str, scope: str, *, person: bool, refreshes: bool = False
    ) -> str:
        token = "sandbox." + secrets.token_urlsafe(32)
        now = time.time()
        values = {
            "access_token": token,
            "identity": identity,
            "scope": scope,
            "issued": now,
            "expires": now + (LIFETIME * 1000 if refreshes else self._lifetime()),
            "client": client,
            "server": server,
            "refreshes": refreshes,
            "person": person,
        }
        self._state.insert("tokens", values)
        return token

    def _lifetime(self) -> int:
        return int(self._state.fact("token_lifetime") or LIFETIME)

    # --- judging and taking back ---

    def validate(self, request: Request) -> Response:
        """Whether a token is good for anything."""
        known_client(self._state, request)
        return answer({"active": self._known(request) is not None})

    def introspect(self, request: Request) -> Response:
        """What a token stands for."""
        known_client(self._state, request)
        row = self._known(request)
        if row is None:
            return answer({"active": False})
        moments = {"exp": int(row["expires"]), "iat": int(row["issued"]), "nbf": int(row["issued"])}
        return answer(
            {
                "active": True,
                "token_type": "Bearer",
                "scope": row["scope"],
                "client_id": row["client"],
                "sub": row["identity"],
                "username": row["username"],
                "name": row["subject"].rpartition("=")[2],
                "email": row["username"],
                "aud": [row["server"], row["client"]],
                "iss": self._state.fact("url"),
                "session_info": _session(row),
                **moments,
            }
        )

    def revoke(self, request: Request) -> Response:
        """Ends a token; a refresh token takes the access tokens with it that it could renew."""
        known_client(self._state, request)
        row = self._known(request)
        if row is not None and row["refreshes"]:
            same = "identity = ? and client = ? and server = ? and person"
            self._state.run(f"delete from tokens where {same}", row["identity"], row["client"], row["server"])
        self._state.run("delete from tokens where access_token = ?", request.form.get("token", ""))
        return answer({"active": False})

    def _known(self, request: Request) -> dict[str, Any] | None:
        row = self._state.row(
            "select t.*, i.username, i.subject from tokens t join identities i on i.id = t.identity "
            "where access_token = ?",
            request.form.get("token", ""),
        )
        return row if row is not None and row["expires"] >= time.time() else None


def _session(row: dict[str, Any]) -> dict[str, Any]:
    """Who has logged in for a token, and when; nobody has for a client's."""
    login = {"idp": PROVIDER, "auth_time": int(row["issued"]), "acr": None, "amr": None}
    return {"session_id": row["identity"], "authentications": {row["identity"]: login} if row["person"] else {}}


def known_client(state: State, request: Request) -> dict[str, Any]:
    """The client that a request comes from: its ``client_id``, and the row of its identity if it has one.

    One with a secret shows it; one that cannot keep a secret only says who it is.  Raises what Auth answers to others.
    """
    given = request.authorization
    shown = given is not None and given.type == "basic"
    name = str((given.username if given and shown else request.form.get("client_id")) or "")
    row = state.row("select *, client_secret as secret from identities where client_id = ?", name)
    row = row or state.row("select *, id as client_id, '' as username from clients where id = ?", name)
    if row is None or bool(row["secret"]) != shown:
        raise ServiceError(401, {"error": "invalid_client"})
    if shown and not secrets.compare_digest(row["secret"], str(given and given.password)):
        raise ServiceError(401, {"error": "invalid_client"})
    return row


def asked_for(state: State, scope: str) -> list[tuple[str, ...]]:
    """The ways to all scopes of a request; raises what Auth answers to none, and to one that it does not know.

    Only mapped collections have a scope for their data.
    """
    try:
        paths = scopes.paths(scope)
    except ValueError as error:
        raise ServiceError(400, {"error": "invalid_scope", "error_description": str(error)}) from error
    if not paths:
        raise ServiceError(400, {"error": "invalid_scope"})
    for path in paths:
        collection = scopes.guarded_collection(path[-1])
        known = "select 1 from collections where id = ? and entity_type = ?"
        if collection and not state.row(known, collection, MAPPED):
            described = f"Unknown Scope: {path[-1]}"
            raise ServiceError(400, {"error": "unknown_scope", "error_description": described})
    return paths


def _challenge(verifier: str) -> str:
    """The PKCE challenge of a verifier, method S256 (RFC 7636, section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
