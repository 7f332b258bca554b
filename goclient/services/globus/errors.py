"""Translate what globus-sdk raises into errors for a user: what is wrong, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import globus_sdk
from globus_sdk.token_storage import TokenValidationError
from globus_sdk.token_storage.validating_token_storage import MissingIdentityError, MissingTokenError

from goclient.errors import LoginNeeded, RequestError
from goclient.errors.conditions import NotLoggedIn
from goclient.errors.wording import cite, innermost
from goclient.services.exchange import BadAnswer
from goclient.services.globus.calls import AUTH, TRANSFER, Answer, Subject
from goclient.services.globus.refusals import refusal, refuse_redirect, refuse_undocumented, unreachable

_TRANSFER_PATH = "/v0.10/"  # in every path of Transfer, and none of Auth


class Redirected(globus_sdk.GlobusError):
    """An answer that points to ``where``, which nothing is sent to."""

    def __init__(self, where: str) -> None:
        super().__init__("Globus redirected to another place, which is not followed")
        self.where = where


@contextmanager
def check_settings() -> Iterator[None]:
    """Run the body, which reads the SDK's settings; raise RequestError for one that the SDK cannot use."""
    try:
        yield
    except ValueError as error:
        hint = "look at the variables GLOBUS_SDK_ENVIRONMENT, GLOBUS_SDK_SERVICE_URL_* and GLOBUS_SDK_VERIFY_SSL"
        raise RequestError(f"globus-sdk cannot be set up: {error}", hint=hint, code="config") from error


@contextmanager
def translate(name: str, collection: str = "") -> Iterator[None]:
    """Run the body; whatever the SDK raises there becomes a GoclientError about a subject called ``name``.

    ``collection`` is what the user calls the collection, if the body asks for something in one.
    """
    subject = Subject(name, collection)
    try:
        yield
    except globus_sdk.GlobusAPIError as error:
        service = AUTH if isinstance(error, globus_sdk.AuthAPIError) else TRANSFER
        raise refusal(Answer(service, error.http_status, error.headers, error.binary_content), subject) from error
    except globus_sdk.NetworkError as error:
        if isinstance(error.underlying_exception, BadAnswer):
            raise refuse_undocumented(str(error.underlying_exception), subject) from error
        url = str(getattr(getattr(error.underlying_exception, "request", None), "url", ""))  # if it is known
        asked = f"{TRANSFER if _TRANSFER_PATH in urlsplit(url).path else AUTH}: " if url else ""
        raise unreachable(f"{asked}{cite(innermost(error))}", subject, url=url) from error
    except Redirected as error:
        raise refuse_redirect(error.where, subject) from error
    except TokenValidationError as error:  # some of these are ValueErrors, too
        raise _not_logged_in(error, subject) from error
    except BadAnswer as error:
        raise refuse_undocumented(str(error), subject) from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise refuse_undocumented(repr(error), subject) from error
    except globus_sdk.GlobusError as error:
        raise _not_logged_in(error, subject) from error


def _not_logged_in(error: globus_sdk.GlobusError, subject: Subject) -> LoginNeeded:
    if isinstance(error, MissingTokenError | MissingIdentityError):
        return NotLoggedIn.to_globus("nobody is logged in to Globus", subject=subject.name)
    reason = cite(str(error) or type(error).__name__)
    return LoginNeeded.to_globus(f"there is no valid Globus login: {reason}", subject=subject.name)
