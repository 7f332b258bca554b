"""Consents for the data of a collection: those that a login asks for, and the tokens that come of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import globus_sdk
from globus_sdk.scopes import GCSCollectionScopes, Scope, TransferScopes

from goclient.services.globus.collection import Collection


@dataclass(frozen=True, slots=True)
class Consents:
    """Consents that goclient needs for a collection: for Transfer, and with ``https`` for its HTTPS server, too."""

    collection: Collection
    https: bool = False

    @property
    def transfer(self) -> list[Scope]:
        """Scopes below that of Transfer."""
        data = GCSCollectionScopes(self.collection.id).data_access
        return [data.with_optional(True)] if self.collection.may_ask_consent else []

    @property
    def own(self) -> list[Scope]:
        """Scopes of the collection's own tokens: where Transfer asks a consent, the HTTPS server asks the same one.

        So does the SDK itself: GCSDownloader of globus-sdk 4.9.
        """
        scopes = GCSCollectionScopes(self.collection.id)
        more = [scopes.data_access] if self.collection.may_ask_consent else []
        return [scopes.https, *more] if self.https else []

    def are_given(self, consents: Iterable[str]) -> bool:
        """Return True if all are among the names of the scopes that an identity has consented to."""
        return {one.scope_string for one in (*self.transfer, *self.own)}.issubset(consents)

    def has_token(self, app: globus_sdk.GlobusApp) -> bool:
        """Return True unless a token for the HTTPS server is needed, and an app has none."""
        return not self.https or has_https_token(app, self.collection.id)

    def __bool__(self) -> bool:
        return bool(self.transfer or self.own)


def list_scopes(wanted: Iterable[Consents]) -> list[str]:
    """Return the scopes that a login asks for, one for each service."""
    wanted = list(wanted)
    data = [scope for one in wanted for scope in one.transfer]
    transfer = [TransferScopes.all.with_dependencies(data)] if data else []
    return [str(scope) for scope in (*transfer, *(scope for one in wanted for scope in one.own))]


def has_https_token(app: globus_sdk.GlobusApp, collection_id: str) -> bool:
    """Return True if an app has a token for the HTTPS server of a collection, or is a service, which gets itself one.

    Nobody is asked: a token that is over, and cannot be renewed, counts.
    """
    if not isinstance(app, globus_sdk.UserApp):
        return True
    scopes = GCSCollectionScopes(collection_id)
    stored = app.token_storage.token_storage.get_token_data(scopes.resource_server)
    return stored is not None and scopes.https.scope_string in stored.scope.split()
