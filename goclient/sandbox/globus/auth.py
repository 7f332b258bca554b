"""Token endpoint of Globus Auth in miniature: tokens for clients, for people who have logged in, and renewed."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass

from goclient.sandbox.globus import consents, oidc, scopes
from goclient.sandbox.globus.storage import GUEST, MAPPED
from goclient.sandbox.http import Document, ServiceError
from goclient.sandbox.routes import Call, Routes
from goclient.sandbox.state import Row, State

LIFETIME = 172_800  # seconds, as the service's; the fact "token_lifetime" is another one

routes = Routes("/v2/oauth2")


@dataclass(frozen=True, slots=True)
class Grant:
    """Identity that gets tokens, client through which it gets them, and whether a person is behind them."""

    identity: Row
    client: str
    person: bool

    def issue(self, state: State, server: str, scope: str) -> Document:
        """Return a new access token for one resource server."""
        return {
            "access_token": self.store_token(state, server, scope),
            "scope": " ".join(one.partition("[")[0] for one in scopes.outermost(scope)),
            "expires_in": _lifetime(state),
            "token_type": "Bearer",
            "resource_server": server,
        }

    def issue_all(self, state: State, scope: str, *, offline: bool = False) -> Document:
        """Return new tokens, one for each resource server of a scope, each with a refresh token if ``offline``."""
        by_server: dict[str, list[str]] = {}
        for one in scopes.outermost(scope):
            by_server.setdefault(scopes.resource_server(one), []).append(one)
        issued = []
        for server, ours in by_server.items():
            document = self.issue(state, server, " ".join(ours))
            if offline:
                document["refresh_token"] = self.store_token(state, server, " ".join(ours), refreshes=True)
            issued.append(document)
        first, *others = issued
        if "openid" in scopes.outermost(scope):
            first["id_token"] = oidc.id_token(state, self.identity, self.client)
        return {**first, "other_tokens": others}

    def store_token(self, state: State, server: str, scope: str, *, refreshes: bool = False) -> str:
        """Store a new token; return its text."""
        now = time.time()
        values = {
            "access_token": "sandbox." + secrets.token_urlsafe(32),
            "identity": self.identity["id"],
            "scope": scope,
            "issued": now,
            "expires": now + (LIFETIME * 1000 if refreshes else _lifetime(state)),
            "client": self.client,
            "server": server,
            "refreshes": refreshes,
            "person": self.person,
        }
        state.insert("tokens", values)
        return str(values["access_token"])


def _lifetime(state: State) -> int:
    return int(state.fact("token_lifetime") or LIFETIME)


@routes.on("POST", "/token")
def token(call: Call) -> Document:
    """Give tokens, one for each resource server that the scopes name."""
    client = find_client(call)
    grants = {"client_credentials": _for_client, "authorization_code": _for_code, "refresh_token": _renew}
    grant = grants.get(call.form.get("grant_type", ""))
    if grant is None:
        raise ServiceError(400, {"error": "unsupported_grant_type"})
    return grant(call, client)


def _for_client(call: Call, client: Row) -> Document:
    if not client["username"]:
        raise ServiceError(401, {"error": "unauthorized_client"})
    scope = call.form.get("scope", "")
    paths = read_paths(call.state, scope)
    consents.record(call.state, client["id"], client=client["client_id"], paths=paths)
    return Grant(client, client["client_id"], person=False).issue_all(call.state, scope)


def _for_code(call: Call, client: Row) -> Document:
    """Give tokens to the person who has logged in and got this code; it works once."""
    form, state = call.form, call.state
    with state.transaction():
        row = state.row("select * from codes where code = ?", form.get("code", ""))
        state.run("delete from codes where code = ?", form.get("code", ""))
    if row is None or row["expires"] < time.time() or row["client"] != client["client_id"]:
        raise ServiceError(401, {"error": "invalid_grant"})
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()  # PKCE, method S256: RFC 7636, 4.2
    proven = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    if row["challenge"] not in ("", proven) or form.get("redirect_uri") != row["redirect_uri"]:
        raise ServiceError(401, {"error": "invalid_grant"})
    person = state.rows("select * from identities where id = ?", row["identity"])[0]
    grant = Grant(person, row["client"], person=True)
    return {**grant.issue_all(state, row["scope"], offline=bool(row["offline"])), "state": row["state"]}


def _renew(call: Call, client: Row) -> Document:
    """Give a new access token for the same resource server, with the same refresh token."""
    text = call.form.get("refresh_token", "")
    row = call.state.row("select * from tokens where access_token = ? and refreshes", text)
    if row is None or row["client"] != client["client_id"]:
        raise ServiceError(401, {"error": "invalid_grant"})
    grant = Grant({"id": row["identity"]}, row["client"], person=True)
    return {**grant.issue(call.state, row["server"], row["scope"]), "refresh_token": text, "other_tokens": []}


@routes.on("POST", "/token/validate")
def validate(call: Call) -> Document:
    """Tell if a token is valid."""
    find_client(call)
    return {"active": _find_token(call) is not None}


@routes.on("POST", "/token/introspect")
def introspect(call: Call) -> Document:
    """Tell what a token stands for."""
    find_client(call)
    row = _find_token(call)
    if row is None:
        return {"active": False}
    issued = int(row["issued"])
    login = {"idp": oidc.PROVIDER, "auth_time": issued, "acr": None, "amr": None}
    authentications = {row["identity"]: login} if row["person"] else {}  # nobody has logged in for a client's token
    return {
        "active": True,
        "token_type": "Bearer",
        "scope": row["scope"],
        "client_id": row["client"],
        "sub": row["identity"],
        "username": row["username"],
        "name": row["subject"].rpartition("=")[2],
        "email": row["username"],
        "aud": [row["server"], row["client"]],
        "iss": call.state.fact("url"),
        "session_info": {"session_id": row["identity"], "authentications": authentications},
        "exp": int(row["expires"]),
        "iat": issued,
        "nbf": issued,
    }


@routes.on("POST", "/token/revoke")
def revoke(call: Call) -> Document:
    """End a token; with a refresh token, also end the access tokens that it could renew."""
    find_client(call)
    row = _find_token(call)
    if row is not None and row["refreshes"]:
        same = "identity = ? and client = ? and server = ? and person"
        call.state.run(f"delete from tokens where {same}", row["identity"], row["client"], row["server"])
    call.state.run("delete from tokens where access_token = ?", call.form.get("token", ""))
    return {"active": False}


def _find_token(call: Call) -> Row | None:
    row = call.state.row(
        "select t.*, i.username, i.subject from tokens t join identities i on i.id = t.identity where access_token = ?",
        call.form.get("token", ""),
    )
    return row if row is not None and row["expires"] >= time.time() else None


def find_client(call: Call) -> Row:
    """Return the client that sends a request: its ``client_id``, and the row of its identity if it has one.

    A client with a secret must show it; one that cannot keep a secret only gives its id.  Raise what Auth answers to
    others.
    """
    given, state = call.authorization, call.state
    shown = given is not None and given.type == "basic"
    name = str((given.username if given and shown else call.form.get("client_id")) or "")
    row = state.row("select *, client_secret as secret from identities where client_id = ?", name)
    row = row or state.row("select *, id as client_id, '' as username from clients where id = ?", name)
    if row is None or bool(row["secret"]) != shown:
        raise ServiceError(401, {"error": "invalid_client"})
    if shown and not secrets.compare_digest(row["secret"], str(given and given.password)):
        raise ServiceError(401, {"error": "invalid_client"})
    return row


def read_paths(state: State, scope: str) -> list[tuple[str, ...]]:
    """Return the ways to all scopes of a request; raise what Auth answers to none, and to one that it does not know.

    Only mapped collections have a scope for Transfer's use of their data, and only those of a server one for HTTPS.
    """
    try:
        paths = scopes.paths(scope)
    except ValueError as error:
        raise ServiceError(400, {"error": "invalid_scope", "error_description": str(error)}) from error
    if not paths:
        raise ServiceError(400, {"error": "invalid_scope"})
    for path in paths:
        collection, how = scopes.of_collection(path[-1])
        known = "select 1 from collections where id = ? and entity_type in (?, ?)"
        if collection and not state.row(known, collection, MAPPED, GUEST if how == "https" else MAPPED):
            described = f"Unknown Scope: {path[-1]}"
            raise ServiceError(400, {"error": "unknown_scope", "error_description": described})
    return paths
