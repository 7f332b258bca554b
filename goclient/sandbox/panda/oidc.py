"""OpenID Connect in miniature: the key of a sandbox, and the identity tokens that it signs."""

from __future__ import annotations

import threading
import time
from typing import Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from goclient.sandbox.http import answer
from goclient.sandbox.state import State

ALGORITHM = "RS512"  # the service's
BITS = 2048
PROVIDER = "3f6ad0f4-9d1c-4f5b-8a52-5a0d6b0c2a11"  # the identity provider of all identities here
LIFETIME = 172_800  # seconds


class OpenID:
    """The routes that tell how identity tokens are checked."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._making = threading.Lock()

    def rules(self) -> list[Rule]:
        """The routes and their handlers."""
        return [
            Rule("/.well-known/openid-configuration", endpoint=self.configuration, methods=["GET"]),
            Rule("/jwk.json", endpoint=self.keys, methods=["GET"]),
        ]

    def configuration(self, request: Request) -> Response:
        """What OpenID Connect discovery asks for."""
        url = self._state.fact("url")
        return answer(
            {
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
        )

    def keys(self, request: Request) -> Response:
        """The public key with which identity tokens are checked."""
        import jwt

        public: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(self._key().public_key(), as_dict=True)
        return answer({"keys": [{**public, "alg": ALGORITHM, "use": "sig", "kid": "sandbox"}]})

    def id_token(self, identity: dict[str, Any], client: str) -> str:
        """A signed statement for a client of who has logged in."""
        import jwt

        now = int(time.time())
        claims = {**claims_of(identity), "iss": self._state.fact("url"), "aud": client, "iat": now}
        return jwt.encode({**claims, "exp": now + LIFETIME}, self._key(), ALGORITHM, {"kid": "sandbox"})

    def _key(self) -> Any:  # an RSAPrivateKey, whose module is not imported before it is needed
        """The key of the sandbox, made when it is first asked for: that takes a moment."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        with self._making:
            text = self._state.fact("signing_key")
            if text:
                return serialization.load_pem_private_key(text.encode(), None)
            key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
            form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            self._state.set_fact("signing_key", key.private_bytes(*form).decode())
            return key


def claims_of(identity: dict[str, Any]) -> dict[str, Any]:
    """What Globus Auth tells of an identity."""
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
