"""Credential of a carried job, handed out by the site as a PanDA secret: a service client, or tokens.

Nothing of it is on disk any more (``start.py``).  What a service client mints is revoked when the job ends.
Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from goclient.carrier.plan import FILE_KEY
from goclient.errors import Collector, LoginNeeded, raise_all
from goclient.errors.conditions import NodeFault
from goclient.errors.wording import quote
from goclient.secrets import register
from goclient.services.globus.rest import RestAuth, Token

TRANSFER = "transfer.api.globus.org"  # the resource server of Transfer's tokens
ALL_SECRETS = "panda_secrets.json"  # what a pilot hands out, in one file
CLOCK_WITHIN = 300.0  # seconds: deadlines of transfer tasks, and certificates, are judged by the clock


@dataclass(frozen=True)
class ClientSecret:
    """Id and secret of a service client."""

    client_id: str
    client_secret: str = field(repr=False)


def find_secret(content: bytes, name: str) -> bytes:
    """Return a file secret among all secrets of a user, as a pilot hands them out; no bytes if it is not there.

    runGen makes files of them, runAthena leaves them as they came.
    """
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        return base64.b64decode(json.loads(content)[FILE_KEY + name])
    return b""


@dataclass(frozen=True)
class HandedTokens:
    """Access tokens for the HTTPS servers of single collections, which know nothing of Transfer.

    All jobs of a submission have the same: no carrier revokes them.  ``servers`` are the URLs, by the collections' ids.
    """

    tokens: Mapping[str, str] = field(repr=False)
    servers: Mapping[str, str] = field(default_factory=dict)

    def https_server(self, collection_id: str) -> str:
        """Return the URL of a collection's HTTPS server, as it was found at submission."""
        return self._of(self.servers, collection_id)

    def https(self, collection_id: str) -> str:
        """Return the token for a collection."""
        return self._of(self.tokens, collection_id)

    def _of(self, known: Mapping[str, str], collection_id: str) -> str:
        if collection_id not in known:
            message = f"the job has no token for the collection {quote(collection_id)}"
            raise LoginNeeded(message, hint="submit the job again", code="credential", subject=collection_id)
        return known[collection_id]


def read_secret(content: bytes) -> ClientSecret | HandedTokens | None:
    """Return the service client, or the tokens, in a file, None if there is neither."""
    with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):
        found = json.loads(content)
        if "tokens" in found:
            tokens = {str(one): str(token) for one, token in found["tokens"].items()}
            register(*tokens.values())
            return HandedTokens(tokens)
        register(found["client_secret"])
        return ClientSecret(str(found["client_id"]), str(found["client_secret"]))
    return None


class ServiceClient:
    """A service client, whose token is minted at once; raise GoclientError if Globus does not give it."""

    def __init__(self, auth: RestAuth, secret: ClientSecret, scopes: Sequence[str]) -> None:
        self._auth, self._secret, self._scopes = auth, secret, tuple(scopes)
        self._lock = threading.Lock()
        self._tokens: dict[str, str] = {}
        self._minted: list[str] = []
        self._mint()
        if auth.clock is not None and abs(auth.clock) > CLOCK_WITHIN:
            self.close()
            ahead = "behind" if auth.clock > 0 else "ahead of"
            raise NodeFault(
                f"the clock of this node is {abs(auth.clock):.0f} s {ahead} that of Globus",
                hint="tell the site: certificates and deadlines are judged by it", code="clock",
            )  # fmt: skip

    def _mint(self) -> None:
        try:
            self._tokens = self._auth.client_token(self._secret.client_id, self._secret.client_secret, self._scopes)
        except LoginNeeded as error:
            raise LoginNeeded(
                f"the job's credential is not valid: {error.message}",
                hint="its owner has deleted it, or it never was one: look at GOCLIENT_CARRY_CLIENT_ID",
                code="credential",
            ) from error
        register(*self._tokens.values())
        self._minted += self._tokens.values()

    def token_of(self, server: str) -> Token:
        """Return what gives the token for a resource server."""
        return partial(self._token, server)

    def _token(self, server: str, *, refused: str = "", scopes: Sequence[str] = ()) -> str:  # noqa: ARG002
        """Return the token; one that was ``refused`` is over, and another one is minted.  Nobody gives consents."""
        with self._lock:
            if refused and refused == self._tokens.get(server):
                self._mint()
            if not self._tokens.get(server):
                raise LoginNeeded(f"Globus gave no token for {quote(server)}", code="credential", subject=server)
            return self._tokens[server]

    def close(self) -> None:
        """Revoke all that was minted; raise GoclientError if that is not certain."""
        with self._lock:  # another thread may mint one just now
            minted, self._minted = self._minted, []
            self._tokens = dict.fromkeys(self._tokens, "")
            collector = Collector()
            for token in dict.fromkeys(minted):
                with collector:
                    self._auth.revoke(token, client_id=self._secret.client_id, secret=self._secret.client_secret)
        raise_all(collector.errors)
