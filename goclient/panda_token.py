"""The token that the PanDA server is shown: found in panda-client's order, judged, and mended where it can be."""

from __future__ import annotations

import base64
import json
import os
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from goclient.errors import LoginNeeded, RequestError, quoted
from goclient.secrets import register
from goclient.text_files import credential_in, decoded

STORED = ".token"  # panda-client's file, in PANDA_CONFIG_ROOT
RENEW_BEFORE = 300  # seconds before the end, as panda-client's openidc_utils.check_token
MAX_FILE = 1 << 20  # bytes
VARIABLES = ("PANDA_AUTH_ID_TOKEN", "OIDC_AUTH_TOKEN_FILE", "OIDC_AUTH_ID_TOKEN")  # panda-client's, in its order
PILOT_FILE = "GOCLIENT_PILOT_TOKEN_FILE"
LOGIN = "pbook -c 'show()'"  # any command of panda-client's pbook logs in when it has no token


@dataclass(frozen=True, slots=True)
class Token:
    """A token: where it is from, and how to get another.

    ``file`` holds nothing else, and is read again for each call; ``stored`` is panda-client's file, which has a refresh
    token, too.  ``login`` is what gives a new one, after "type: " or on its own.
    """

    text: str = field(repr=False)
    vo: str
    login: str
    file: str | None = None
    stored: str | None = None


def find_token(env: Mapping[str, str], *, pilot: bool = False, optional: bool = False) -> Token | None:
    """Return the token that an environment says to show, None without PANDA_AUTH=oidc.

    ``pilot``: that of GOCLIENT_PILOT_TOKEN_FILE, if set, comes first.  ``optional``: there may be none, because whoever
    asks logs in then.  Raises LoginNeeded for a token that is missing or cannot be sent, RequestError without a VO.
    """
    if env.get("PANDA_AUTH") != "oidc":
        return None
    vo = _vo(env)
    name = next((one for one in (*([PILOT_FILE] if pilot else []), *VARIABLES) if env.get(one)), None)
    if name is None:
        return _stored(os.path.join(env.get("PANDA_CONFIG_ROOT") or ".", STORED), vo, optional=optional)
    login = "put a new token into that file" if name == PILOT_FILE else f"type: unset {name} && {LOGIN}"
    if not name.endswith("_FILE"):
        return Token(_judged(env[name], f"the token of {name}", login), vo, login)
    path = os.path.expanduser(env[name])
    what = f"the token file {quoted(path)} of {name}"
    return Token(_judged(read_token_file(path, what, login), what, login), vo, login, file=path)


def read_token_file(path: str, what: str, login: str) -> str:
    """Return the text of a file that should hold a token; raises LoginNeeded, which never says what is in it."""
    try:
        with open(path, "rb") as file:
            return decoded(file.read(MAX_FILE))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LoginNeeded(f"{what} cannot be read: {reason}", hint=login) from error


def stored_login(path: str) -> dict[str, str]:
    """Return the texts of panda-client's token file, by their names; raises LoginNeeded for any other file."""
    what = f"the stored login {quoted(path)}"
    login = f"type: rm {shlex.quote(path)} && {LOGIN}"
    try:
        document = json.loads(read_token_file(path, what, login))
        texts = {str(name): value for name, value in document.items() if isinstance(value, str)}
    except (ValueError, AttributeError, RecursionError):
        texts = {}
    if not texts.get("id_token"):
        raise LoginNeeded(f"{what} holds no id_token", hint=login)
    register(texts["id_token"], texts.get("access_token"), texts.get("refresh_token"))
    return texts


def _stored(path: str, vo: str, *, optional: bool) -> Token | None:
    path = os.path.expanduser(path)  # as panda-client does
    if not os.path.lexists(path):
        if optional:
            return None
        message = f"there is no PanDA token: no variable has one, and there is no file {quoted(path)}"
        raise LoginNeeded(message, hint=f"type: {LOGIN}")
    texts = stored_login(path)
    login = f"type: rm {shlex.quote(path)} && {LOGIN}"
    renewable = path if texts.get("refresh_token") else None
    token = _judged(texts["id_token"], f"the token of {quoted(path)}", login, renewable=renewable is not None)
    return Token(token, vo, login, stored=renewable)


def _judged(text: str, what: str, login: str, *, renewable: bool = False) -> str:
    """Return a token without the blanks and line breaks around it; raises LoginNeeded if it cannot be sent."""
    token = text.lstrip("\ufeff").strip()
    if kind := credential_in(text) if token.startswith(("-----", "{")) else "":
        wrong = f"has {kind} in it, and must be the token and nothing else" if kind == "a token" else f"is {kind}"
        raise LoginNeeded(f"{what} {wrong}", hint=login)
    register(token)
    if not token:
        raise LoginNeeded(f"{what} is empty", hint=login)
    if not (token.isascii() and token.isprintable()) or " " in token:
        register(*token.split())
        raise LoginNeeded(f"{what} is not a token: it has blanks, line breaks or other letters in it", hint=login)
    end = expiry(token)
    if end is not None and end < time.time() and not renewable:
        ended = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(max(end, 0)))
        raise LoginNeeded(f"{what} expired at {ended}", hint=login, code="token-expired")
    return token


def expiry(token: str) -> float | None:
    """Return the Unix time at which a token says that it ends, or None (it is not verified: the server does that)."""
    try:
        claims = token.split(".")[1]
        end = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
        return end if end < time.time() else float(end)
    except (LookupError, ValueError, TypeError, RecursionError, OverflowError):
        return None


def _vo(env: Mapping[str, str]) -> str:
    """Return the VO of the token; raises RequestError without one."""
    vo = env.get("PANDA_AUTH_VO") or env.get("OIDC_AUTH_VO")
    if not vo:
        raise RequestError("PANDA_AUTH=oidc needs PANDA_AUTH_VO", hint="export PANDA_AUTH_VO=<your VO>", code="config")
    if not (vo.isascii() and vo.isprintable() and " " not in vo):
        raise RequestError(f"PANDA_AUTH_VO={quoted(vo)} is not the name of a VO", hint="such as atlas", code="config")
    return vo
