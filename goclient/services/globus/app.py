"""globus-sdk's app: the identity that asks Globus, where its tokens are, and how requests are sent."""

from __future__ import annotations

import threading
import time
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import globus_sdk
import requests
from globus_sdk.authorizers import GlobusAuthorizer
from globus_sdk.login_flows import LoginFlowManager
from globus_sdk.scopes import AuthScopes, TransferScopes
from globus_sdk.transport import (
    JSONRequestEncoder,
    RequestsTransport,
    RetryCheckCollection,
    RetryCheckResult,
    RetryConfig,
    RetryContext,
)

from goclient import secrets
from goclient.reporter.base import Reporter
from goclient.reporter.waiting import GLOBUS
from goclient.services.deadline import get_left, one_end
from goclient.services.exchange import BadAnswer, limit
from goclient.services.globus.access import GlobusAccess
from goclient.services.globus.documents import MAX_RUN, parse
from goclient.services.globus.errors import Redirected
from goclient.services.globus.token_file import TokenFile, path_of
from goclient.services.retry import TOO_MANY, retry_after

APP_NAME = "goclient"
RETRIES = 3
SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 60.0  # seconds between tries; a service may ask for another time within these
_DISCONNECTED = b"DirListingFailed.GCDisconnected"

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


class _OneToken:
    """An app whose threads wait for one token, or one refusal, where the SDK lets each of them ask for its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # the SDK's own
        self._lock = threading.RLock()
        self._refused: tuple[float, Exception] | None = None
        super().__init__(*args, **kwargs)

    def get_authorizer(self, resource_server: str) -> GlobusAuthorizer:
        """Return what has the token for a service, which is got first if there is none."""
        began = time.monotonic()
        with self._lock:
            if self._refused is not None and began < self._refused[0]:
                raise self._refused[1]  # to somebody else, while this thread waited
            try:
                return super().get_authorizer(resource_server)  # type: ignore[misc,no-any-return]  # an app's, below
            except Exception as error:
                self._refused = time.monotonic(), error
                raise


class _Service(_OneToken, globus_sdk.ClientApp):
    pass


class _Person(_OneToken, globus_sdk.UserApp):
    pass


def service_app(access: GlobusAccess) -> globus_sdk.ClientApp:
    """Return the SDK's app of a service, which keeps its tokens in memory, and gets a consent by asking for it."""
    client = globus_sdk.ConfidentialAppAuthClient(
        access.client_id, access.client_secret or "", transport=transport(access), retry_config=retry()
    )
    config = globus_sdk.GlobusAppConfig(
        token_storage="memory",  # noqa: S106  # a kind of storage, no token
        auto_redrive_gares=True,
    )
    return _Service(APP_NAME, login_client=client, scope_requirements=_TRANSFER, config=config)


def person_app(access: GlobusAccess, *, flow: Flow | None = None) -> globus_sdk.UserApp:
    """Return the SDK's app of a person who has logged in, or who logs in now by a flow.

    Nobody is asked in the middle of a command.  Raises an error that says how to mend a damaged token file.
    """
    file = token_file(access)
    client = native_client(access)
    if flow is not None:
        client.retry_config.max_retries = 0  # a code counts once: sent again, it would be refused
    stored = file.get_token_data_by_resource_server().values()
    config = globus_sdk.GlobusAppConfig(
        token_storage=file,
        token_validation_error_handler=None,
        request_refresh_tokens=flow is not None or all(one.refresh_token for one in stored),
        login_flow_manager=flow(client) if flow else None,
    )
    return _Person(APP_NAME, login_client=client, scope_requirements={**_TRANSFER, **_AUTH}, config=config)


def app(access: GlobusAccess) -> globus_sdk.GlobusApp:
    """Return the SDK's app of the identity that an access is for."""
    return service_app(access) if access.client_secret else person_app(access)


@dataclass(frozen=True)
class Caller:
    """Identity that asks, as far as it is known without asking.

    ``login_end``: when a login ends that cannot be renewed, with the first of its access tokens; None for any other.
    """

    description: str
    identity: str  # its id, empty if that is not known
    login_end: datetime | None

    @classmethod
    def of(cls, asking: globus_sdk.GlobusApp) -> Caller:
        """Return the identity of an app: a service's is its client id."""
        if not isinstance(asking, globus_sdk.UserApp):
            return cls(f"the service {asking.client_id}", str(asking.client_id), None)
        tokens = asking.token_storage.get_token_data_by_resource_server().values()
        known = next((one.identity_id for one in tokens if one.identity_id), "")
        ends = [one.expires_at_seconds for one in tokens if not one.refresh_token]
        end = datetime.fromtimestamp(min(ends), UTC) if ends else None
        return cls(f"the person {known}" if known else "the person who has logged in", known, end)


def native_client(access: GlobusAccess) -> globus_sdk.NativeAppAuthClient:
    """Return the client of Globus Auth for the registered program, which cannot keep a secret."""
    return globus_sdk.NativeAppAuthClient(access.client_id, transport=transport(access), retry_config=retry())


def token_file(access: GlobusAccess, *, lenient: bool = False) -> TokenFile:
    """Return the file that has the tokens of the person who uses a registered program."""
    return TokenFile(path_of(access.client_id, APP_NAME, globus_sdk.GlobusAppConfig().environment), lenient=lenient)


def retry() -> RetryConfig:
    """Return how often a request is repeated where that is safe, and where its answer can come in time."""
    checks = RetryCheckCollection()
    checks.register_check(_in_time)
    return RetryConfig(max_retries=RETRIES, max_sleep=LONGEST_PAUSE, checks=checks)


def _in_time(context: RetryContext) -> RetryCheckResult:
    """Decide that a request is not repeated after the end of the call, nor after an answer that no service sends."""
    if isinstance(context.exception, BadAnswer):
        return RetryCheckResult.do_not_retry
    if context.response is not None and _DISCONNECTED in context.response.content:  # a 502 that does not pass by itself
        return RetryCheckResult.do_not_retry
    busy = context.response is not None and context.response.status_code in (TOO_MANY, 503)
    asked = retry_after(context.response.headers) if busy and context.response is not None else None
    if asked is None:
        asked = min(2.0**context.attempt * SHORTEST_PAUSE, LONGEST_PAUSE)
    context.backoff = asked
    if asked >= get_left():
        return RetryCheckResult.do_not_retry
    return RetryCheckResult.do_retry if busy else RetryCheckResult.no_decision  # the SDK would sleep for -5 s


def transport(access: GlobusAccess) -> RequestsTransport:
    """Return how requests are sent: with an end, to servers that prove who they are only, and nowhere else."""
    made = _Transport(access.timeout, access.reporter)
    made.session = _Straight()
    limit(made.session)
    if made.verify_ssl is False:  # GLOBUS_SDK_VERIFY_SSL=no: a token is not sent to anyone who answers
        made.verify_ssl = True
    return made


class _Transport(RequestsTransport):
    """A transport whose requests have one end for all tries, the pauses between them, and the tokens that they need."""

    def __init__(self, http_timeout: float, reporter: Reporter) -> None:
        super().__init__(http_timeout=http_timeout)
        self._reporter = reporter
        self.representation_providers["json"] = _Json()

    def request(self, method: str, url: str, **kwargs: Any) -> requests.Response:  # the SDK's own keywords
        """Return the answer; report the wait for it if it takes long."""
        with one_end(self.http_timeout or 60.0) as end, self._reporter.waiting(GLOBUS, end.seconds):
            return super().request(method, url, **kwargs)


class _Json(JSONRequestEncoder):
    """JSON of the SDK, read with bounds."""

    def decode_body(self, response: requests.Response) -> Any:
        """Return the value of a body; raise BadAnswer for anything else, or ValueError: an error may be HTML."""
        try:
            return parse(response.content, longest=MAX_RUN)
        except ValueError as error:
            if response.status_code < 400:
                raise BadAnswer(f"its answer is not JSON: {error}", request=response.request) from error
            raise


class _Straight(requests.Session):
    """A session that follows no redirect: a token, a code and a secret go where they are sent, and nowhere else."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: no redirect is followed."""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # requests' own keywords
        """Return the answer; raise Redirected for one that points elsewhere.  Credentials in both are registered."""
        scheme, _, value = (request.headers.get("Authorization") or "").partition(" ")
        secrets.register(value)
        if scheme == "Basic":
            with suppress(ValueError):
                password = b64decode(value).decode().partition(":")[2]
                secrets.register(password, unquote_plus(password))
        form = request.headers.get("Content-Type") == "application/x-www-form-urlencoded"
        if form and isinstance(request.body, str):
            secrets.register_form(dict(parse_qsl(request.body)))
        response = super().send(request, **kwargs)
        if "/oauth2/token" in request.path_url:
            secrets.register_answer(response.content)
        if 300 <= response.status_code < 400:
            raise Redirected(response.headers.get("Location", ""))
        return response
