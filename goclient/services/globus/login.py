"""Log in to Globus, log out, and tell who is logged in; a service needs no login, but can test its credential."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import globus_sdk
import jwt
from globus_sdk.gare import GlobusAuthorizationParameters
from globus_sdk.scopes import AuthScopes
from globus_sdk.token_storage.validating_token_storage import IdentityMismatchError
from globus_sdk.transport import RetryConfig

from goclient.errors import Collector, GoclientError, LoginNeeded, RequestError, raise_all
from goclient.errors.conditions import ConsentNeeded, NotLoggedIn
from goclient.errors.wording import cite, innermost, quote
from goclient.model.endpoint import GlobusEndpoint, is_uuid
from goclient.services.deadline import LONGEST_WAIT, Background
from goclient.services.globus.access import GlobusAccess
from goclient.services.globus.app import (
    Caller,
    app,
    native_client,
    person_app,
    retry,
    service_app,
    token_file,
    transport,
)
from goclient.services.globus.consents import Consents, list_scopes
from goclient.services.globus.documents import Document, documents, text, uuid
from goclient.services.globus.errors import check_settings, translate
from goclient.services.globus.login_flow import LoginFlow, Person
from goclient.services.globus.sdk import Globus

SESSION_KINDS = ("identity", "domain", "policy")
ASKED = "the login"  # what errors are about


@dataclass(frozen=True, slots=True)
class Identity:
    """Identity that asks Globus.

    ``expires``: None for a login that lasts while it is used, or as long as a service's secret.  ``consents`` are the
    scopes that Globus Auth has on record for the registered client.
    """

    username: str
    id: str
    kind: str  # person or service
    expires: datetime | None
    consents: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return the contract's JSON object: username, id, kind, expires, consents."""
        expires = self.expires.isoformat() if self.expires else None
        who = {"username": self.username, "id": self.id, "kind": self.kind}
        return {**who, "expires": expires, "consents": list(self.consents)}


@dataclass(frozen=True, slots=True)
class Logout:
    """Result of a logout: True if tokens were removed, and the reason if they could not be revoked."""

    removed: bool
    problem: str = ""
    is_service: bool = False  # which has no login

    @property
    def revoked(self) -> bool:
        """Return True if Globus Auth accepts none of the removed tokens any more."""
        return self.removed and not self.problem


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """Request for a login: consents for ``endpoints``, by what was typed for each id or name, and a session.

    ``https``: those of the endpoints whose HTTPS servers are used, too, as typed.
    ``session``: ``identity=ID``, ``domain=NAME``, ``policy=ID`` or ``mfa``.
    """

    endpoints: Mapping[str, str]
    session: Sequence[str] = ()
    https: Collection[str] = ()

    @property
    def options(self) -> list[tuple[str, str]]:
        """Return the options of ``goclient login`` that ask for it."""
        return [*map(self.option, self.endpoints), *(("--session", one) for one in self.session)]

    def option(self, typed: str) -> tuple[str, str]:
        """Return the option that asks for the consents of an endpoint."""
        return ("--https" if typed in self.https else "--endpoint", typed)

    def parameters(self, consents: Iterable[Consents]) -> GlobusAuthorizationParameters:
        """Return what Globus Auth is asked for, with these consents."""
        of_kind: dict[str, list[str]] = {kind: [] for kind in (*SESSION_KINDS, "mfa")}
        for one in self.session:
            kind, _, what = one.partition("=")
            of_kind[kind].append(what)
        return GlobusAuthorizationParameters(
            required_scopes=list_scopes(consents) or None,
            session_required_identities=of_kind["identity"] or None,
            session_required_single_domain=of_kind["domain"] or None,
            session_required_policies=of_kind["policy"] or None,
            session_required_mfa=bool(of_kind["mfa"]) or None,
        )


# --- login --------------------------------------------------------------------------------------------------


def login(access: GlobusAccess, wanted: LoginRequest, person: Person) -> Identity:
    """Log in, and return the identity; raise LoginNeeded if not all that was asked for is given.

    A person logs in once, and once more only if it takes a login to know which consents there are to ask for.
    A service is asked nothing.
    """
    if access.client_secret:
        return _service_login(access, wanted)
    with check_settings():
        flow = partial(LoginFlow, person=person, options=wanted.options, reporter=access.reporter)
        asking = person_app(access, flow=flow)
    known = _collections_if_known(asking, access, wanted)
    _log_in(asking, wanted.parameters((known or {}).values()))
    identity = _identity(asking, access)
    if known is None:
        known = _collections(access, wanted)
        missing = [one for one in known.values() if not (one.are_given(identity.consents) and one.has_token(asking))]
        if missing:
            access.reporter.progress("Globus knows you now; once more, for the consents that the endpoints need")
            _log_in(asking, wanted.parameters(missing))
            identity = _identity(asking, access)
    _check_given(identity, known, wanted)
    return identity


def _service_login(access: GlobusAccess, wanted: LoginRequest) -> Identity:
    """Return the identity of a service, once it has the consents; raise LoginNeeded if its credential is not good."""
    if wanted.session:
        hint = "leave out --session; a collection that needs one must be used by a person"
        raise RequestError("a service has no session: nobody logs in for it", hint=hint, code="session")
    with check_settings():
        asking = service_app(access)
    identity = _identity(asking, access)
    known = _collections(access, wanted)
    if known:
        with translate(ASKED):
            asking.login(auth_params=wanted.parameters(known.values()))
        identity = _identity(asking, access)
    _check_given(identity, known, wanted)
    return identity


def _collections_if_known(
    asking: globus_sdk.GlobusApp, access: GlobusAccess, wanted: LoginRequest
) -> dict[str, Consents] | None:
    """Return what :func:`_collections` does, or None if that takes a login first."""
    try:
        if not asking.login_required():
            return _collections(access, wanted)
    except GoclientError as error:
        if not any(isinstance(part, LoginNeeded) for part in error.parts):
            raise
    return None if wanted.endpoints else {}


def _collections(access: GlobusAccess, wanted: LoginRequest) -> dict[str, Consents]:
    """Return the consents that collections may ask for, by what was typed; tell which ask none; raise all errors."""
    if not wanted.endpoints:
        return {}
    globus, collected, found = Globus(access), Collector(), {}
    answers = {
        typed: Background(
            partial(globus.collection, GlobusEndpoint(name, typed)) if is_uuid(name) else partial(globus.resolve, name)
        )
        for typed, name in wanted.endpoints.items()
    }
    for typed, answer in answers.items():
        with collected:
            collection = answer.result(LONGEST_WAIT)  # each has an end of its own
            found[typed] = Consents(collection, https=typed in wanted.https)
            if typed in wanted.https:
                collection.https_url(typed)
    raise_all(collected.errors)
    for typed, one in found.items():
        if not one:
            secure = ", high assurance" if one.collection.high_assurance else ""
            access.reporter.progress(f"{quote(typed)} asks for no consent: it is {one.collection.kind}{secure}")
    return {typed: one for typed, one in found.items() if one}


def _log_in(asking: globus_sdk.GlobusApp, parameters: GlobusAuthorizationParameters) -> None:
    """Log in, and store the tokens; raise LoginNeeded without a login."""
    try:
        with translate(ASKED):
            asking.login(auth_params=parameters)
    except GoclientError as error:
        mismatch = error.__cause__
        if not isinstance(mismatch, IdentityMismatchError):
            raise
        raise LoginNeeded(
            f"you are logged in as the identity {mismatch.stored_id}, and have now logged in as {mismatch.new_id}",
            hint="nothing was changed; to be the other one type: goclient logout && goclient login",
            code="another-identity",
        ) from error
    except jwt.PyJWTError as error:
        hint = "look at this machine's clock, then type: goclient login"
        raise LoginNeeded(f"the identity that Globus Auth states is not valid: {error}", hint=hint) from error


def _check_given(identity: Identity, known: Mapping[str, Consents], wanted: LoginRequest) -> None:
    """Check that the consents for each collection were given; raise ConsentNeeded for those that were not."""
    refused = [typed for typed, one in known.items() if not one.are_given(identity.consents)]
    if refused:
        names = ", ".join(map(quote, refused))
        options = map(wanted.option, refused)
        raise ConsentNeeded.to_globus(f"no consent was given for {names}", options=options)


# --- who is logged in ---------------------------------------------------------------------------------------


def whoami(access: GlobusAccess) -> Identity:
    """Return the identity that asks Globus with this access; raise LoginNeeded without a login, or if it is over."""
    with check_settings():
        asking = app(access)
    if isinstance(asking, globus_sdk.UserApp) and asking.login_required():
        raise NotLoggedIn.to_globus("nobody is logged in to Globus")
    return _identity(asking, access)


def _identity(asking: globus_sdk.GlobusApp, access: GlobusAccess) -> Identity:
    with (
        translate(ASKED),
        globus_sdk.AuthClient(app=asking, transport=transport(access), retry_config=retry()) as client,
    ):
        asking.get_authorizer(AuthScopes.resource_server)  # the token first, once
        known = Caller.of(asking).identity
        approved = Background(lambda: client.get_consents(known)) if known else None
        claims: Document = client.userinfo().data
        identity_id = uuid(claims, "sub")
        if approved is not None and known == identity_id:
            consents = approved.result(LONGEST_WAIT)  # it has an end of its own
        else:
            consents = client.get_consents(identity_id)
        given = [(text(one, "scope_name"), text(one, "status")) for one in documents(consents.data, "consents")]
        return Identity(
            username=text(claims, "preferred_username"),
            id=identity_id,
            kind="person" if isinstance(asking, globus_sdk.UserApp) else "service",
            expires=Caller.of(asking).login_end,
            consents=tuple(dict.fromkeys(scope for scope, status in given if status == "approved")),
        )


# --- logout -------------------------------------------------------------------------------------------------


def logout(access: GlobusAccess) -> Logout:
    """Remove the tokens from the disk, even if Globus Auth cannot be told to revoke them."""
    if access.client_secret:
        return Logout(removed=False, is_service=True)
    with check_settings():
        file = token_file(access, lenient=True)
    problem = ""
    try:
        stored = file.get_token_data_by_resource_server().values()
        tokens = [token for one in stored for token in (one.refresh_token, one.access_token) if token]
        with check_settings(), native_client(access) as client:
            client.retry_config = RetryConfig(max_retries=0)  # nobody waits for a service that is down
            asked = [Background(partial(client.oauth2_revoke_token, token)) for token in tokens]
            for one in asked:
                one.result(LONGEST_WAIT)  # it has an end of its own
    except LoginNeeded as error:  # the file is damaged
        problem = error.message
    except globus_sdk.GlobusAPIError as error:
        problem = f"Globus Auth answered HTTP {error.http_status}"
    except globus_sdk.GlobusError as error:
        problem = cite(innermost(error))
    return Logout(file.remove(), problem)
