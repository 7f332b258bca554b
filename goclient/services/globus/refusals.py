"""Read a document that says what Globus refuses: the error for a user, with what to do next.

globus-sdk's client and that of a node share it.  Standard library only, of Python 3.9: this code travels to worker
nodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from goclient.errors import EndpointError, GoclientError, LoginNeeded
from goclient.errors.conditions import (
    ConsentNeeded,
    Disconnected,
    EndpointNotFound,
    GlobusUnreachable,
    NotADirectory,
    PathExists,
    PathNotFound,
    PermissionDenied,
    StorageDenied,
    TooLarge,
    TooManyTasks,
)
from goclient.errors.wording import cite, quote
from goclient.services import loopback
from goclient.services.globus.calls import AUTH, Answer, Subject
from goclient.services.globus.documents import Document
from goclient.services.retry import AWAY, TOO_MANY, explain_limit, retry_after

UNAUTHORIZED, FORBIDDEN = 401, 403


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
    _Meaning(f"{_LISTING}GCDisconnected", Disconnected, _CONNECT, _START),
    _Meaning(f"{_LISTING}LoginFailed", EndpointError, "the storage refused the login", "", "storage-login"),
    _Meaning(f"{_LISTING}PermissionDenied", StorageDenied, "the storage denies it", _OWNER),
    _Meaning(f"{_LISTING}SizeLimit", TooLarge, "the directory is too large to list"),
    _Meaning(
        "ClientError.Conflict.TooManyPendingJobs", TooManyTasks, "too many transfer tasks wait", "type it again later"
    ),
    _Meaning("ExternalError.MkdirFailed.Exists", PathExists, "it exists already"),
    _Meaning("ExternalError.RenameFailed.Exists", PathExists, "it exists already"),
    _Meaning("GCDisconnectedException", Disconnected, _CONNECT, _START),
)
_DATA_ACCESS = re.compile(r"https://auth\.globus\.org/scopes/([0-9A-Fa-f-]{36})/data_access")
_NETWORK = "check the network (status.globus.org tells if it is Globus), then type the command again"
_TRANSIENT = ("EndpointError", "OperationPaused", "ServiceUnavailable", "TooManyRequests")
_STORAGE = ("EndpointError", "ExternalError")


def refusal(answer: Answer, subject: Subject) -> GoclientError:
    """Return the error of an answer whose status is not good."""
    document = answer.document
    if document is None:
        return _service_error(
            answer, f"HTTP {answer.status}: {quote(answer.content.decode('utf-8', 'replace'))}", subject
        )
    code, message = cite(_code(document), 100), cite(_message(document))
    if answer.service == AUTH:
        return _login_error(answer, cite(document.get("error") or message or f"HTTP {answer.status}"), subject)
    if code == "ConsentRequired" or isinstance(document.get("authorization_parameters"), dict):
        return _more_needed(document, message or code, subject)
    if answer.status == UNAUTHORIZED or code.endswith("AuthenticationFailed"):
        return LoginNeeded.to_globus(f"Globus refused the login: {message}", subject=subject.name)
    for known in _MEANINGS:
        if code.startswith(known.begins):
            told = f"{quote(subject.name)}: {known.message} ({message})"
            passing = known.kind is TooManyTasks
            return known.kind(told, code=known.code, subject=subject.name, hint=known.hint, transient=passing)
    what = f"{code or f'HTTP {answer.status}'}: {message or quote(answer.content.decode('utf-8', 'replace'))}"
    return _service_error(answer, what, subject)


def is_later(answer: Answer) -> bool:
    """Return True for a service that is too busy, or that says when it wants to be asked again."""
    return answer.status == TOO_MANY or (answer.status == 503 and retry_after(answer.headers) is not None)


def may_pass(answer: Answer) -> bool:
    """Return True if a service, and not the storage behind a collection, may answer the same request soon."""
    code = _code(answer.document or {})
    return answer.status == 503 or (answer.status in AWAY and not any(one in code for one in _STORAGE))


def read_scopes(answer: Answer) -> tuple[str, ...]:
    """Return the scopes that an answer asks a consent for, none if it asks for nothing else, or for more."""
    document = answer.document or {}
    return _scopes(document) if answer.status == FORBIDDEN and not _session(_read_parameters(document)) else ()


def refuse_redirect(where: str, subject: Subject) -> EndpointError:
    """Return the error of an answer that points to ``where``, which nothing is sent to."""
    location = quote(where.partition("?")[0]) if where else "another place"
    return EndpointError(
        f"{quote(subject.name)}: Globus redirected to {location}, which is not followed",
        hint="look at the network, and at the variables GLOBUS_SDK_SERVICE_URL_*: nothing was sent there",
        code="redirected",
        subject=subject.name,
    )


def unreachable(what: str, subject: Subject, *, url: str, hint: str = "") -> GlobusUnreachable:
    """Return the error of a service, at a URL if that is known, that gave no answer; ``hint``: a better one."""
    return GlobusUnreachable(
        f"Globus could not be reached for {quote(subject.name)}: {what}",
        hint=hint or loopback.remedy(url, _NETWORK),
        subject=subject.name,
        transient=True,
    )


def refuse_undocumented(what: str, subject: Subject) -> EndpointError:
    """Return the error of an answer that no service documents."""
    return EndpointError(
        f"Globus answered what it does not document for {quote(subject.name)}: {cite(what)}",
        hint="type the command again later",
        code="globus-answer",
        subject=subject.name,
        transient=True,
    )


@contextmanager
def check_document(name: str) -> Iterator[None]:
    """Run the body, which reads a document about something; a value of a wrong type is the service's fault."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise refuse_undocumented(repr(error), Subject(name)) from error


def _code(document: Document) -> str:
    """Return the code of a document, else that of its errors if they have one; empty without it."""
    own = document.get("code")
    if isinstance(own, str):
        return own
    codes = {code for one in _errors(document) if isinstance(code := one.get("code"), str)}
    return codes.pop() if len(codes) == 1 else ""


def _message(document: Document) -> str:
    """Return the words of a document, or of the errors in it."""
    found = []
    for one in [document] if isinstance(document.get("message"), str) else _errors(document) or [document]:
        words = (one.get(key) for key in ("message", "detail", "title"))
        found.append(next((word for word in words if isinstance(word, str)), ""))
    return "; ".join(filter(None, found))


def _errors(document: Document) -> list[Document]:
    """Return the errors in a document (JSON:API)."""
    errors = document.get("errors")
    return [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []


def _login_error(answer: Answer, reason: str, subject: Subject) -> GoclientError:
    if answer.status >= 500 or answer.status == TOO_MANY:
        return _service_error(answer, reason, subject)
    over = "; it is over, or was taken back" if reason == "invalid_grant" else ""
    message = f"Globus Auth refused the login: {reason}{over}"
    if reason == "invalid_client":
        hint = "check GOCLIENT_CLIENT_ID and GOCLIENT_CLIENT_SECRET: no Globus client has them"
        return LoginNeeded(message, hint=hint, code="no-client", subject=subject.name)
    return LoginNeeded.to_globus(message, subject=subject.name)


def _service_error(answer: Answer, what: str, subject: Subject) -> EndpointError:
    message = f"{quote(subject.name)}: {answer.service}: {what}"
    passing = answer.status in (TOO_MANY, *AWAY) or _code(answer.document or {}).startswith(_TRANSIENT)
    hint = "it may pass: type the command again later" if passing else "ask the endpoint's owner, with this message"
    if limit := explain_limit(answer.status, answer.headers):
        message = f"{message}; {limit}"
    return EndpointError(message, code="globus", subject=subject.name, transient=passing, hint=hint)


# --- a consent, or another login --------------------------------------------------------------------------------


def _read_parameters(document: Document) -> Document:
    asked = document.get("authorization_parameters")
    return asked if isinstance(asked, dict) else {}


def _read_texts(value: object) -> list[str]:
    """Return the texts of a list, or of a text with commas between them; none of anything else."""
    if isinstance(value, str):
        return value.split(",")
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _scopes(document: Document) -> tuple[str, ...]:
    """Return the scopes that a document requires, in the place of a new one, and in those of older ones."""
    asked = _read_parameters(document).get("required_scopes") or document.get("required_scopes") or []
    single = document.get("required_scope")
    return tuple(_read_texts(asked)) or ((single,) if isinstance(single, str) else ())


def _session(asked: Document) -> list[str]:
    """Return what a session needs, as values of ``goclient login --session``."""
    return [
        *(f"identity={one}" for one in _read_texts(asked.get("session_required_identities"))),
        *(f"domain={one}" for one in _read_texts(asked.get("session_required_single_domain"))),
        *(f"policy={one}" for one in _read_texts(asked.get("session_required_policies"))),
        *(["mfa"] if asked.get("session_required_mfa") is True else []),
    ]


def _more_needed(document: Document, message: str, subject: Subject) -> LoginNeeded:
    """Return the error for a missing consent, a login that must be newer or somebody else's, or both."""
    asked, scopes, session = _read_parameters(document), _scopes(document), _session(_read_parameters(document))
    ids = list(dict.fromkeys(_DATA_ACCESS.findall(" ".join(scopes))))
    typed = [subject.collection] if subject.collection and len(ids) == 1 else ids
    options = [("--endpoint", name) for name in typed]
    if scopes and not session:
        others = [one for one in scopes if not _DATA_ACCESS.search(one)]
        needed = f": {cite(', '.join(others))}" if others else ", to its data (data_access)"
        told = f"{quote(subject.name)} needs a consent that you have not given{needed}"
        return ConsentNeeded.to_globus(told, options=options, subject=subject.name)
    own = asked.get("session_message")
    reason = cite(own if isinstance(own, str) and own else message)
    wanted = [*options, *(("--session", value) for value in session)]
    return LoginNeeded.to_globus(
        f"{quote(subject.name)} needs another login: {reason}", options=wanted, subject=subject.name
    )
