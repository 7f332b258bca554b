"""A stored login of panda-client, renewed as its openidc_utils does it, when its token is about to end.

As there: the server names its identity provider in ``/auth/<VO>_auth_config.json``, that names its token endpoint,
which gives a new token for the refresh token.  Not as there: every server must prove who it is, nothing is followed
elsewhere, all of it has one end, one process at a time renews, and the file is replaced as a whole, for its owner only.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import requests

from goclient.errors import LoginNeeded
from goclient.errors.wording import innermost, quote
from goclient.files.private import replacing
from goclient.secrets import register_answer
from goclient.services.deadline import within
from goclient.services.exchange import allow
from goclient.services.loopback import LOOPBACK
from goclient.services.panda.access import PandaAccess
from goclient.services.panda.token import RENEW_BEFORE, expiry, load_login, login_hint
from goclient.services.trust import session_for

WITHIN = 30.0  # seconds for all of it
MAX_ANSWER = 1 << 20  # bytes


class _NotRenewed(Exception):
    """Reason why there is no new token."""


def current_token(path: str, access: PandaAccess) -> str:
    """Return the token of panda-client's file, a new one if it ends within five minutes; raises LoginNeeded."""
    texts = load_login(path)
    if not _ends(texts):
        return texts["id_token"]
    try:
        return within(WITHIN, lambda: _renew(path, access))
    except (_NotRenewed, TimeoutError, OSError, ValueError) as error:  # requests' errors are OSErrors
        if not _ends(texts, within=0):
            return texts["id_token"]
        reason = (
            f"no answer within {WITHIN:.0f} s"
            if isinstance(error, TimeoutError | requests.exceptions.Timeout)
            else innermost(error)
        )
        raise LoginNeeded(
            f"the PanDA token of {quote(path)} has expired, and could not be renewed: {reason}; nothing was sent",
            hint=login_hint(path),
            code="token-expired",
        ) from error


def _ends(texts: dict[str, str], within: float = RENEW_BEFORE) -> bool:
    end = expiry(texts["id_token"])
    return end is not None and end < time.time() + within and bool(texts.get("refresh_token"))


def _renew(path: str, access: PandaAccess) -> str:
    """Return the token of the file once nobody else renews it, renewed if it still has to be."""
    with _lock(path):
        texts = load_login(path)
        if not _ends(texts):
            return texts["id_token"]  # somebody else has renewed it meanwhile
        with replacing(path) as file:  # before anything is sent: the old one is void then
            answer = _ask(access, texts["refresh_token"])
            file.write(json.dumps({**texts, **answer}).encode())
        return str(answer["id_token"])


@contextmanager
def _lock(path: str) -> Iterator[None]:
    """Hold the lock on the file itself; no lock file stays behind."""
    while True:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                yield
                return
        finally:
            os.close(descriptor)


def _ask(access: PandaAccess, refresh_token: str) -> dict[str, Any]:
    """Return what the identity provider answers to the refresh token, which is sent once."""
    session = session_for(
        urlsplit(access.url).hostname, [location for location in (access.ca, *access.bundles) if location]
    )
    session.auth = lambda request: request  # no .netrc is read
    config = _document(session, f"{access.url}/auth/{access.vo}_auth_config.json")
    endpoints = _document(session, _text(config, "oidc_config_url"))
    form = {
        "client_id": _text(config, "client_id"),
        "client_secret": str(config.get("client_secret") or ""),
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
    }
    answer = _document(session, _text(endpoints, "token_endpoint"), form)
    _text(answer, "id_token")
    return answer


def _document(session: requests.Session, url: str, form: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the JSON document at a URL; raises _NotRenewed, or what requests raises, if there is none."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise _NotRenewed(f"{quote(url)} would be sent the login unencrypted")
    method = "GET" if form is None else "POST"
    with allow(MAX_ANSWER):
        response = session.request(method, url, data=form, timeout=WITHIN, allow_redirects=False)
    content = response.content
    if response.status_code != 200:
        raise _NotRenewed(
            f"{quote(url)} answered HTTP {response.status_code}: {quote(content.decode(errors='replace'))}"
        )
    register_answer(content)
    with suppress(ValueError, RecursionError):
        document = json.loads(content)
        if isinstance(document, dict):
            return document
    raise _NotRenewed(f"{quote(url)} did not answer with a JSON object")


def _text(document: dict[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise _NotRenewed(f"an answer has no {key}")
    return value
