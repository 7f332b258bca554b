"""OpenID Connect in miniature: the key of a sandbox, and the identity tokens that it signs."""

from __future__ import annotations

import threading
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from goclient.sandbox.http import Document
from goclient.sandbox.routes import Call, Routes
from goclient.sandbox.state import Row, State

ALGORITHM = "RS512"  # the service's
BITS = 2048
PROVIDER = "3f6ad0f4-9d1c-4f5b-8a52-5a0d6b0c2a11"  # the identity provider of all identities here
LIFETIME = 172_800  # seconds

routes = Routes()
_making = threading.Lock()


@routes.on("GET", "/.well-known/openid-configuration")
def configuration(call: Call) -> Document:
    """Answer OpenID Connect discovery."""
    url = call.state.fact("url")
    return {
        "issuer": url,
        "authorization_endpoint": f"{url}/v2/oauth2/authorize",
        "token_endpoint": f"{url}/v2/oauth2/token",
        "userinfo_endpoint": f"{url}/v2/oauth2/userinfo",
        "revocation_endpoint": f"{url}/v2/oauth2/token/revoke",
        "jwks_uri": f"{url}/jwk.json",
        "scopes_supported": ["openid", "email", "profile"],
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "claims_supported": ["aud", "email", "exp", "iat", "iss", "name", "preferred_username", "sub"],
    }


@routes.on("GET", "/jwk.json")
def keys(call: Call) -> Document:
    """Show the public key with which identity tokens are checked."""
    public: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(_load_key(call.state).public_key(), as_dict=True)
    return {"keys": [{**public, "alg": ALGORITHM, "use": "sig", "kid": "sandbox"}]}


def id_token(state: State, identity: Row, client: str) -> str:
    """Sign a statement for a client of who has logged in."""
    now = int(time.time())
    claims = {**claims_of(identity), "iss": state.fact("url"), "aud": client, "iat": now, "exp": now + LIFETIME}
    return jwt.encode(claims, _load_key(state), ALGORITHM, {"kid": "sandbox"})


def _load_key(state: State) -> rsa.RSAPrivateKey:
    """Return the key of the sandbox, made when it is first asked for: that takes a moment."""
    with _making:
        text = state.fact("signing_key")
        if text:
            key = serialization.load_pem_private_key(text.encode(), None, unsafe_skip_rsa_key_validation=True)
            assert isinstance(key, rsa.RSAPrivateKey)
            return key
        key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
        state.set_fact("signing_key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
        return key


def claims_of(identity: Row) -> dict[str, Any]:
    """Return what Globus Auth tells of an identity."""
    return {
        "sub": identity["id"],
        "preferred_username": identity["username"],
        "name": identity["subject"].rpartition("=")[2],
        "email": identity["username"],
        "organization": "Sandbox",
        "identity_provider": PROVIDER,
        "identity_provider_display_name": "Sandbox",
        "last_authentication": None,
    }
