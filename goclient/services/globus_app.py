"""globus-sdk's app: in whose name Globus is asked, and where the tokens for it are."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import globus_sdk
import requests
from globus_sdk.login_flows import LoginFlowManager
from globus_sdk.scopes import AuthScopes, TransferScopes
from globus_sdk.transport import RequestsTransport, RetryConfig

from goclient import secrets
from goclient.model.access import GlobusAccess
from goclient.services.globus_errors import Redirected
from goclient.services.token_file import TokenFile, path_of

APP_NAME = "goclient"
RETRIES = 3

_TRANSFER = {TransferScopes.resource_server: [TransferScopes.all]}
# The globus command asks for the same; with the last one, others can be looked up by their user names.
_AUTH = {
    AuthScopes.resource_server: [
        AuthScopes.openid,
        AuthScopes.profile,
        AuthScopes.email,
        AuthScopes.view_identity_set,
    ]
}

Flow = Callable[[globus_sdk.NativeAppAuthClient], LoginFlowManager]


def service_app(access: GlobusAccess) -> globus_sdk.ClientApp:
    """The SDK's app of a service, which keeps its tokens in memory, and gets a consent by asking for it."""
    client = globus_sdk.ConfidentialAppAuthClient(
        access.client_id, access.client_secret or "", transport=transport(), retry_config=retry()
    )
    config = globus_sdk.GlobusAppConfig(
        token_storage="memory",  # noqa: S106  # a kind of storage, no token
        auto_redrive_gares=True,
    )
    return globus_sdk.ClientApp(APP_NAME, login_client=client, scope_requirements=_TRANSFER, config=config)


def person_app(access: GlobusAccess, *, flow: Flow | None = None) -> globus_sdk.UserApp:
    """The SDK's app of a person who has logged in, or who logs in now by a flow.

    Nobody is asked in the middle of a command.  Raises an error that says how to mend a damaged token file.
    """
    file = token_file(access)
    client = native_client(access)
    stored = file.get_token_data_by_resource_server().values()
    config = globus_sdk.GlobusAppConfig(
        token_storage=file,
        token_validation_error_handler=None,
        request_refresh_tokens=flow is not None or all(one.refresh_token for one in stored),
        login_flow_manager=flow(client) if flow else None,
    )
    return globus_sdk.UserApp(APP_NAME, login_client=client, scope_requirements={**_TRANSFER, **_AUTH}, config=config)


def app(access: GlobusAccess) -> globus_sdk.GlobusApp:
    """The SDK's app of whoever asks."""
    return service_app(access) if access.client_secret else person_app(access)


def acts_as(asking: globus_sdk.GlobusApp) -> str:
    """Who asks, in words, as far as that is known without asking: a service by its client id, a person by theirs."""
    if not isinstance(asking, globus_sdk.UserApp):
        return f"the service {asking.client_id}"
    known = identity_of(asking)
    return f"the person {known}" if known else "the person who has logged in"


def identity_of(asking: globus_sdk.GlobusApp) -> str:
    """The id of whoever asks, as far as that is known without asking; a service's is its client id."""
    if not isinstance(asking, globus_sdk.UserApp):
        return str(asking.client_id)
    tokens = asking.token_storage.get_token_data_by_resource_server().values()
    return next((one.identity_id for one in tokens if one.identity_id), "")


def login_end(asking: globus_sdk.GlobusApp) -> datetime | None:
    """When a login ends that cannot be renewed: with the first of its access tokens; None for any other."""
    if not isinstance(asking, globus_sdk.UserApp):
        return None
    tokens = asking.token_storage.get_token_data_by_resource_server().values()
    ends = [one.expires_at_seconds for one in tokens if not one.refresh_token]
    return datetime.fromtimestamp(min(ends), UTC) if ends else None


def native_client(access: GlobusAccess) -> globus_sdk.NativeAppAuthClient:
    """The registered program, which cannot keep a secret, as Globus Auth is asked by it."""
    return globus_sdk.NativeAppAuthClient(access.client_id, transport=transport(), retry_config=retry())


def token_file(access: GlobusAccess, *, lenient: bool = False) -> TokenFile:
    """The file that has the tokens of the person who uses a registered program."""
    return TokenFile(path_of(access.client_id, APP_NAME, globus_sdk.GlobusAppConfig().environment), lenient=lenient)


def retry() -> RetryConfig:
    """How often a request is repeated where that is safe."""
    return RetryConfig(max_retries=RETRIES)


def transport() -> RequestsTransport:
    """How requests are sent: with an end, to servers that prove who they are only, and nowhere else."""
    made = RequestsTransport(http_timeout=30)
    made.session = _Straight()
    if made.verify_ssl is False:  # GLOBUS_SDK_VERIFY_SSL=no: a token is not sent to whoever answers
        made.verify_ssl = True
    return made


class _Straight(requests.Session):
    """A session that follows no redirect: a token, a code and a secret go where they are sent, and nowhere else."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: there is nowhere to go on to."""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # requests' own keywords
        """Return the answer; raises Redirected for one that points elsewhere.  Credentials in both are registered."""
        _register_request(request)
        response = super().send(request, **kwargs)
        if "/oauth2/token" in request.path_url:
            secrets.register_answer(response.content)
        if 300 <= response.status_code < 400:
            raise Redirected(response.headers.get("Location", ""))
        return response


def _register_request(request: requests.PreparedRequest) -> None:
    """Register the credentials in the header and the form of a request."""
    scheme, _, value = (request.headers.get("Authorization") or "").partition(" ")
    secrets.register(value)
    if scheme == "Basic":
        with suppress(ValueError):
            password = b64decode(value).decode().partition(":")[2]
            secrets.register(password, unquote_plus(password))
    if request.headers.get("Content-Type") == "application/x-www-form-urlencoded" and isinstance(request.body, str):
        secrets.register_form(dict(parse_qsl(request.body)))
