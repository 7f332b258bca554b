"""Tokens that a pilot gets through globus-sdk: for Transfer, and for the HTTPS servers of collections."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import globus_sdk
from globus_sdk.gare import GlobusAuthorizationParameters
from globus_sdk.scopes import GCSCollectionScopes, TransferScopes
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from goclient.model.endpoint import GlobusEndpoint
from goclient.services.globus.access import GlobusAccess
from goclient.services.globus.app import app
from goclient.services.globus.collection import Collection, https_consent
from goclient.services.globus.consents import Consents, has_https_token
from goclient.services.globus.errors import check_settings, translate
from goclient.services.globus.json_service import Manner
from goclient.services.globus.rest import RestTransfer
from goclient.services.globus.sdk import Globus
from goclient.services.https.proxies import ProxiedTls


class TransferToken:
    """Access token for Transfer of one identity, renewed when it is over or refused; threads may share it.

    A service gets itself the consents that a collection asks for; a person has to give them.
    """

    def __init__(self, access: GlobusAccess) -> None:
        with check_settings():
            self._app = app(access)
        self._lock = threading.Lock()

    def __call__(self, *, refused: str = "", scopes: Sequence[str] = ()) -> str:
        """Return the token, as :class:`goclient.services.globus.rest.Token` says; raise GoclientError."""
        with self._lock, translate("the login"):
            if scopes and isinstance(self._app, globus_sdk.ClientApp):
                self._app.login(auth_params=GlobusAuthorizationParameters(required_scopes=list(scopes)))
            authorizer = self._app.get_authorizer(TransferScopes.resource_server)
            if authorizer.get_authorization_header() == f"Bearer {refused}":
                authorizer.handle_missing_authorization()  # of a person who cannot renew it, it does nothing
            return str(authorizer.get_authorization_header()).removeprefix("Bearer ")


def transfer_service(access: GlobusAccess, *, authorities: Iterable[str] = (), patience: float = 60.0) -> RestTransfer:
    """Return the Transfer service as a pilot asks it; ``authorities`` are files and directories of further CAs.

    While it is too busy it is asked again, for ``patience`` seconds.
    """
    with check_settings():
        url, own = globus_sdk.config.get_service_url("transfer"), globus_sdk.config.get_ssl_verify()
        bundles = [own] if isinstance(own, str) else [DEFAULT_CA_BUNDLE_PATH, *authorities]
        manner = Manner(access.timeout, patience, access.reporter, partial(ProxiedTls, *bundles))
        return RestTransfer(url, TransferToken(access), manner)


class CollectionTokens:
    """Tokens of one identity, a service or a person who has logged in; threads may share it.

    Where a server is comes from Globus, or from ``servers``, the site's own settings by the ids of collections: a
    token goes there, so what a job says of it does not count.
    """

    def __init__(self, access: GlobusAccess, servers: Mapping[str, str] | None = None) -> None:
        self._access = access
        with check_settings():
            self._app = app(access)
        self._servers = dict(servers or {})
        self._collections: dict[str, Collection] = {}
        self._lock = threading.Lock()

    @property
    def may_transfer(self) -> bool:
        """Return True unless the identity has tokens for HTTPS servers alone; nobody is asked."""
        if self._access.client_secret:
            return True
        with check_settings():
            return self._app.token_storage.token_storage.get_token_data(TransferScopes.resource_server) is not None

    def https_server(self, collection_id: str) -> str:
        """Return the URL of a collection's HTTPS server; raise EndpointError if it has none."""
        with self._lock:
            return self._servers.get(collection_id) or self._collection(collection_id).https_url(collection_id)

    def https(self, collection_id: str) -> str:
        """Return an access token for a collection's HTTPS server, valid for a minute or more; raise LoginNeeded.

        A service gets itself one, with the consents that the collection asks for.
        """
        with self._lock, translate(collection_id):
            if self._access.client_secret:
                self._require(collection_id)
            elif not has_https_token(self._app, collection_id):
                raise https_consent(collection_id)
            authorizer = self._app.get_authorizer(GCSCollectionScopes(collection_id).resource_server)
            return str(authorizer.get_authorization_header()).removeprefix("Bearer ")

    def _require(self, collection_id: str) -> None:
        if collection_id not in self._app.scope_requirements:
            own = Consents(self._collection(collection_id), https=True).own
            self._app.add_scope_requirements({collection_id: own})

    def _collection(self, collection_id: str) -> Collection:
        """Return what Globus says of a collection, which is asked once."""
        if collection_id not in self._collections:
            self._collections[collection_id] = Globus(self._access).collection(GlobusEndpoint(collection_id))
        return self._collections[collection_id]
