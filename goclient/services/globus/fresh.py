"""Fresh access tokens for the HTTPS servers of single collections, which travel with jobs, and their end.

What is stored of a login never travels: neither its tokens nor what renews them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import globus_sdk
from globus_sdk.scopes import GCSCollectionScopes

from goclient import secrets
from goclient.errors import Collector, LoginNeeded, raise_all
from goclient.errors.wording import quote
from goclient.services.deadline import LONGEST_WAIT, Background
from goclient.services.globus.access import GlobusAccess
from goclient.services.globus.app import native_client, retry, token_file, transport
from goclient.services.globus.collection import Collection, https_consent
from goclient.services.globus.consents import Consents
from goclient.services.globus.errors import check_settings, translate


@dataclass(frozen=True, slots=True)
class Fresh:
    """Tokens by the ids of their collections, the identity whose they are, and when the first of them ends."""

    tokens: Mapping[str, str] = field(repr=False)
    identity: str
    until: datetime


def mint(access: GlobusAccess, collections: Sequence[Collection]) -> Fresh:
    """Return a new token for the HTTPS server of each collection; raise GoclientError, with all that is missing.

    Of a person the login must be one that can be renewed, with a consent for each collection.
    """
    found, collector = [], Collector()
    with check_settings(), _client(access) as client:
        for one in collections:
            with collector, translate(one.name or one.id):
                token = _service_token(client, one) if access.client_secret else _person_token(client, access, one)
                secrets.register(token.access_token)
                _check_scopes(token, one)
                found.append((one.id, token))
    raise_all(collector.errors)
    end = min(token.expires_at for _, token in found)
    identity = next((token.identity for _, token in found if token.identity), access.client_id)
    return Fresh({one: token.access_token for one, token in found}, identity, datetime.fromtimestamp(end, UTC))


@dataclass(frozen=True, slots=True)
class _Token:
    access_token: str = field(repr=False)
    scope: str
    expires_at: int
    identity: str = ""


def _client(access: GlobusAccess) -> globus_sdk.NativeAppAuthClient | globus_sdk.ConfidentialAppAuthClient:
    if access.client_secret:
        return globus_sdk.ConfidentialAppAuthClient(
            access.client_id, access.client_secret, transport=transport(access), retry_config=retry()
        )
    return native_client(access)


def _service_token(client: globus_sdk.AuthLoginClient, collection: Collection) -> _Token:
    assert isinstance(client, globus_sdk.ConfidentialAppAuthClient), "a service has a secret"
    wanted = [str(one) for one in Consents(collection, https=True).own]
    return _read(client.oauth2_client_credentials_tokens(requested_scopes=wanted), collection)


def _person_token(client: globus_sdk.AuthLoginClient, access: GlobusAccess, collection: Collection) -> _Token:
    """Return a token that the login of a person gives, if it has what renews the one for this collection."""
    assert isinstance(client, globus_sdk.NativeAppAuthClient), "a person's program has no secret"
    server, name = GCSCollectionScopes(collection.id).resource_server, collection.name or collection.id
    stored = token_file(access).get_token_data_by_resource_server().get(server)
    if stored is None:
        raise https_consent(name)
    if stored.refresh_token is None:
        message = f"your login cannot be renewed, so that there is no fresh token for {quote(name)}"
        raise LoginNeeded.to_globus(message, options=[("--https", name)], code="no-refresh", subject=name)
    token = _read(client.oauth2_refresh_token(stored.refresh_token), collection)
    return _Token(token.access_token, token.scope, token.expires_at, stored.identity_id or "")


def _read(answer: globus_sdk.OAuthTokenResponse, collection: Collection) -> _Token:
    found = answer.by_resource_server[GCSCollectionScopes(collection.id).resource_server]
    return _Token(str(found["access_token"]), str(found["scope"]), int(found["expires_at_seconds"]))


def _check_scopes(token: _Token, collection: Collection) -> None:
    """Check that a token opens the collection's own servers, and nothing else."""
    own = GCSCollectionScopes(collection.id)
    more = set(token.scope.split()) - {own.https.scope_string, own.data_access.scope_string}
    if more:
        shown = quote(" ".join(sorted(more)))
        message = f"the token for {quote(collection.name or collection.id)} would open more than it: {shown}"
        raise LoginNeeded(message, hint="type: goclient logout, and log in with --https alone", code="token-scope")


def revoke(access: GlobusAccess, tokens: Iterable[str]) -> None:
    """Make access tokens void; raise GoclientError if that is not certain."""
    with check_settings(), translate("the tokens of jobs"), _client(access) as client:
        asked = [Background(partial(client.oauth2_revoke_token, token)) for token in tokens]
        for one in asked:
            one.result(LONGEST_WAIT)  # it has an end of its own
