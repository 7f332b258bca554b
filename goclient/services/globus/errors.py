"""Translate what globus-sdk raises into errors for a user: what is wrong, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import globus_sdk
from globus_sdk.gare import GlobusAuthorizationParameters, to_gare
from globus_sdk.token_storage import TokenValidationError
from globus_sdk.token_storage.validating_token_storage import MissingIdentityError, MissingTokenError

from goclient.errors import EndpointError, GoclientError, LoginNeeded, RequestError
from goclient.errors.conditions import (
    ConsentNeeded,
    EndpointNotFound,
    GlobusUnreachable,
    NotADirectory,
    NotLoggedIn,
    PathExists,
    PathNotFound,
    PermissionDenied,
    StorageDenied,
    TooLarge,
    TooManyTasks,
)
from goclient.errors.wording import innermost, quoted, said
from goclient.services import loopback
from goclient.services.exchange import BadAnswer
from goclient.services.retry import AWAY, TOO_MANY, limited


class _Meaning(NamedTuple):
    """Words for a user for the codes of the Transfer service that begin with ``begins``."""

    begins: str
    kind: type[EndpointError]
    message: str
    hint: str = ""
    code: str = ""


_MEMBERS = "check the id or the name; a private collection is seen only by its members"
_OWNER = "ask the collection's owner for access"
_PATH = "check the path, upper and lower case count"
_CONNECT = "Globus Connect Personal is not running there"
_START = "start Globus Connect Personal on that computer"
_NO_PATH = "there is no such path"
_LISTING = "ExternalError.DirListingFailed."
_MEANINGS = (  # the first that fits counts
    _Meaning("EndpointNotFound", EndpointNotFound, "there is no such collection, or you cannot see it", _MEMBERS),
    _Meaning("ClientError.NotFound", PathNotFound, _NO_PATH, _PATH),
    _Meaning("NotFound", PathNotFound, _NO_PATH, _PATH),
    _Meaning("EndpointPermissionDenied", StorageDenied, "the storage denies it", _OWNER),
    _Meaning("PermissionDenied", PermissionDenied, "the collection's roles or permissions deny it", _OWNER),
    _Meaning(
        f"{_LISTING}NotDirectory",
        NotADirectory,
        "it is not a directory",
        "leave out the final /, or name its directory",
    ),
    _Meaning(f"{_LISTING}GCDisconnected", EndpointError, _CONNECT, _START, "disconnected"),
    _Meaning(f"{_LISTING}LoginFailed", EndpointError, "the storage refused the login", "", "storage-login"),
    _Meaning(f"{_LISTING}PermissionDenied", StorageDenied, "the storage denies it", _OWNER),
    _Meaning(f"{_LISTING}SizeLimit", TooLarge, "the directory is too large to list"),
    _Meaning(
        "ClientError.Conflict.TooManyPendingJobs", TooManyTasks, "too many transfer tasks wait", "type it again later"
    ),
    _Meaning("ExternalError.MkdirFailed.Exists", PathExists, "it exists already"),
    _Meaning("ExternalError.RenameFailed.Exists", PathExists, "it exists already"),
    _Meaning("GCDisconnectedException", EndpointError, _CONNECT, _START, "disconnected"),
)
_DATA_ACCESS = re.compile(r"https://auth\.globus\.org/scopes/([0-9A-Fa-f-]{36})/data_access")
_NETWORK = "check the network (status.globus.org tells if it is Globus), then type the command again"
_TRANSFER_PATH = "/v0.10/"  # in every path of Transfer, and none of Auth
_TRANSIENT = ("EndpointError", "OperationPaused", "ServiceUnavailable", "TooManyRequests")


class Redirected(globus_sdk.GlobusError):
    """An answer that points to ``where``, which nothing is sent to."""

    def __init__(self, where: str) -> None:
        location = quoted(where.partition("?")[0]) if where else "another place"
        super().__init__(f"Globus redirected to {location}, which is not followed")


@contextmanager
def configured() -> Iterator[None]:
    """Run the body, which reads the SDK's settings; raise RequestError for one that the SDK cannot use."""
    try:
        yield
    except ValueError as error:
        hint = "look at the variables GLOBUS_SDK_ENVIRONMENT, GLOBUS_SDK_SERVICE_URL_* and GLOBUS_SDK_VERIFY_SSL"
        raise RequestError(f"globus-sdk cannot be set up: {error}", hint=hint, code="config") from error


@contextmanager
def translated(subject: str, collection: str = "") -> Iterator[None]:
    """Run the body; whatever the SDK raises there becomes a GoclientError about ``subject``.

    ``collection`` is what the user calls the collection, if the body asks for something in one.
    """
    try:
        yield
    except globus_sdk.GlobusAPIError as error:
        raise _api_error(error, subject, collection) from error
    except globus_sdk.NetworkError as error:
        if isinstance(error.underlying_exception, BadAnswer):
            raise _undocumented(str(error.underlying_exception), subject) from error
        url = str(getattr(getattr(error.underlying_exception, "request", None), "url", ""))  # if it is known
        asked = ("Globus Transfer: " if _TRANSFER_PATH in urlsplit(url).path else "Globus Auth: ") if url else ""
        raise GlobusUnreachable(
            f"Globus could not be reached for {quoted(subject)}: {asked}{said(innermost(error))}",
            hint=loopback.remedy(url, _NETWORK),
            subject=subject,
            transient=True,
        ) from error
    except Redirected as error:
        hint = "look at the network, and at the variables GLOBUS_SDK_SERVICE_URL_*: nothing was sent there"
        raise EndpointError(f"{quoted(subject)}: {error}", hint=hint, code="redirected", subject=subject) from error
    except TokenValidationError as error:  # some of these are ValueErrors, too
        raise _not_logged_in(error, subject) from error
    except BadAnswer as error:
        raise _undocumented(str(error), subject) from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _undocumented(repr(error), subject) from error
    except globus_sdk.GlobusError as error:
        raise _not_logged_in(error, subject) from error


def _undocumented(what: str, subject: str) -> EndpointError:
    return EndpointError(
        f"Globus answered what it does not document for {quoted(subject)}: {said(what)}",
        hint="type the command again later",
        code="globus-answer",
        subject=subject,
        transient=True,
    )


def _api_error(error: globus_sdk.GlobusAPIError, subject: str, collection: str) -> GoclientError:
    document: Any = error.raw_json  # whatever the service sent, though the SDK takes it for an object
    if not isinstance(document, dict | None):
        return _service_error(error, f"HTTP {error.http_status}: {quoted(error.text)}", subject)
    if isinstance(error, globus_sdk.AuthAPIError):
        reason = said((error.raw_json or {}).get("error") or error.message or f"HTTP {error.http_status}")
        if error.http_status < 500 and error.http_status != TOO_MANY:
            over = "; it is over, or was taken back" if reason == "invalid_grant" else ""
            message = f"Globus Auth refused the login: {reason}{over}"
            if reason == "invalid_client":
                hint = "check GOCLIENT_CLIENT_ID and GOCLIENT_CLIENT_SECRET: no Globus client has them"
                return LoginNeeded(message, hint=hint, code="no-client", subject=subject)
            return LoginNeeded.to_globus(message, subject=subject)
        return _service_error(error, reason, subject)
    code, message = said(error.code or "", 100), said(error.message or "")
    required = to_gare(error)
    if required is not None or code == "ConsentRequired" or error.info.authorization_parameters:
        asked = required.authorization_parameters if required else GlobusAuthorizationParameters()
        return _more_needed(asked, message or code, subject, collection)
    if error.http_status == 401 or code.endswith("AuthenticationFailed"):
        return LoginNeeded.to_globus(f"Globus refused the login: {message}", subject=subject)
    for known in _MEANINGS:
        if code.startswith(known.begins):
            told = f"{quoted(subject)}: {known.message} ({message})"
            passing = known.kind is TooManyTasks
            return known.kind(told, code=known.code, subject=subject, hint=known.hint, transient=passing)
    what = f"{code or f'HTTP {error.http_status}'}: {message or quoted(error.text)}"
    return _service_error(error, what, subject)


def _service_error(error: globus_sdk.GlobusAPIError, what: str, subject: str) -> EndpointError:
    service = "Globus Auth" if isinstance(error, globus_sdk.AuthAPIError) else "Globus Transfer"
    message = f"{quoted(subject)}: {service}: {what}"
    passing = error.http_status in (TOO_MANY, *AWAY) or (error.code or "").startswith(_TRANSIENT)
    hint = "it may pass: type the command again later" if passing else "ask the endpoint's owner, with this message"
    if limit := limited(error.http_status, error.headers):
        message = f"{message}; {limit}"
    return EndpointError(message, code="globus", subject=subject, transient=passing, hint=hint)


def _not_logged_in(error: globus_sdk.GlobusError, subject: str) -> LoginNeeded:
    if isinstance(error, MissingTokenError | MissingIdentityError):
        return NotLoggedIn.to_globus("nobody is logged in to Globus", subject=subject)
    reason = said(str(error) or type(error).__name__)
    return LoginNeeded.to_globus(f"there is no valid Globus login: {reason}", subject=subject)


def _more_needed(asked: GlobusAuthorizationParameters, message: str, subject: str, collection: str) -> LoginNeeded:
    """Return the error for a missing consent, a login that must be newer or somebody else's, or both."""
    scopes = asked.required_scopes or ()
    ids = list(dict.fromkeys(_DATA_ACCESS.findall(" ".join(scopes))))
    typed = [collection] if collection and len(ids) == 1 else ids
    options = [("--endpoint", name) for name in typed]
    wanted = [  # of a session, as values of goclient login --session
        *(f"identity={one}" for one in asked.session_required_identities or ()),
        *(f"domain={one}" for one in asked.session_required_single_domain or ()),
        *(f"policy={one}" for one in asked.session_required_policies or ()),
        *(["mfa"] if asked.session_required_mfa else []),
    ]
    session = [("--session", value) for value in wanted]
    reason = said(asked.session_message or message)
    if scopes and not session:
        others = [one for one in scopes if not _DATA_ACCESS.search(one)]
        needed = f": {said(', '.join(others))}" if others else ", to its data (data_access)"
        message = f"{quoted(subject)} needs a consent that you have not given{needed}"
        return ConsentNeeded.to_globus(message, options=options, subject=subject)
    message = f"{quoted(subject)} needs another login: {reason}"
    return LoginNeeded.to_globus(message, options=[*options, *session], subject=subject)
