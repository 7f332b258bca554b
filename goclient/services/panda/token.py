"""Token for the PanDA server: found in panda-client's order, checked, and mended where it can be."""

from __future__ import annotations

import base64
import json
import os
import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import field

from goclient.errors import LoginNeeded, RequestError
from goclient.errors.wording import quote, utc
from goclient.files.text import credential_in, decode
from goclient.model.frozen import Frozen
from goclient.secrets import register

STORED = ".token"  # panda-client's file, in PANDA_CONFIG_ROOT
RENEW_BEFORE = 300  # seconds before the end, as panda-client's openidc_utils.check_token
MAX_FILE = 1 << 20  # bytes
VARIABLES = ("PANDA_AUTH_ID_TOKEN", "OIDC_AUTH_TOKEN_FILE", "OIDC_AUTH_ID_TOKEN")  # panda-client's, in its order
PILOT_FILE = "GOCLIENT_PILOT_TOKEN_FILE"
_LOGIN = "from pandaclient.Client import get_new_token; get_new_token()"


class Token(Frozen):
    """A token with its VO, and the variable, or panda-client's file, that it is from.

    ``file`` holds nothing else, and is read again for each call; ``stored`` is panda-client's file, if it has a refresh
    token, too.
    """

    text: str = field(repr=False)
    vo: str
    source: str
    file: str | None = None
    stored: str | None = None


def find_token(env: Mapping[str, str], *, pilot: bool = False, optional: bool = False) -> Token | None:
    """Return the token that an environment names, None without PANDA_AUTH=oidc.

    ``pilot``: that of GOCLIENT_PILOT_TOKEN_FILE, if set, comes first.  ``optional``: there may be none, because a login
    follows then.  Raises LoginNeeded for a token that is missing or cannot be sent, RequestError without a VO.
    """
    if env.get("PANDA_AUTH") != "oidc":
        return None
    vo = env.get("PANDA_AUTH_VO") or env.get("OIDC_AUTH_VO")
    if not vo:
        raise RequestError("PANDA_AUTH=oidc needs PANDA_AUTH_VO", hint="export PANDA_AUTH_VO=<your VO>", code="config")
    if not (vo.isascii() and vo.isprintable() and " " not in vo):
        raise RequestError(f"PANDA_AUTH_VO={quote(vo)} is not the name of a VO", hint="such as atlas", code="config")
    name = next((one for one in (*([PILOT_FILE] if pilot else []), *VARIABLES) if env.get(one)), "")
    if not name:
        path = os.path.expanduser(os.path.join(env.get("PANDA_CONFIG_ROOT") or ".", STORED))  # as panda-client does
        if os.path.lexists(path):
            texts = load_login(path)
            renewable = path if texts.get("refresh_token") else None
            text = _check(texts["id_token"], f"the token of {quote(path)}", path, renewable=renewable is not None)
            return Token(text, vo, path, stored=renewable)
        if optional:
            return None
        message = f"there is no PanDA token: no variable has one, and there is no file {quote(path)}"
        raise LoginNeeded(message, hint=login_hint(path))
    if not name.endswith("_FILE"):
        return Token(_check(env[name], f"the token of {name}", name), vo, name)
    path = os.path.expanduser(env[name])
    what = f"the token file {quote(path)} of {name}"
    return Token(_check(_read(path, what, name), what, name), vo, name, file=path)


def login_hint(source: str) -> str:
    """Return what to type for a new token, as a hint; ``source`` is the variable, or the file, that has the old one."""
    if source == PILOT_FILE:
        return "put a new token into that file: it is read again for each job"
    return f"type: unset {source} && {login_command()}" if source in VARIABLES else f"type: {login_command(source)}"


def login_command(stored: str = "") -> str:
    """Return the command that logs in with panda-client, which shows an address to open, and stores the token.

    ``stored`` is the file with a login that does not count any more.  panda-client has no command of its own for it:
    Python calls its function; where panda-client is another Python's, pbook does, which logs in without a token.
    """
    import shutil  # 5 ms, both: only a mistake pays for them
    from importlib.util import find_spec

    python = "python3" if shutil.which("python3") == sys.executable else shlex.quote(sys.executable)
    if find_spec("pandaclient") is not None:
        return f"{python} -c {shlex.quote(_LOGIN)}"
    if shutil.which("pbook"):
        return (f"rm -f {shlex.quote(stored)} && " if stored else "") + "pbook -c 'show()'"
    return f"{python} -m pip install 'panda-client>=2.0' && {python} -c {shlex.quote(_LOGIN)}"


def load_login(path: str) -> dict[str, str]:
    """Return the texts of panda-client's token file, by their names; raises LoginNeeded for any other file."""
    what = f"the stored login {quote(path)}"
    try:
        document = json.loads(_read(path, what, path))
        texts = {str(name): value for name, value in document.items() if isinstance(value, str)}
    except (ValueError, AttributeError, RecursionError):
        texts = {}
    if not texts.get("id_token"):
        raise LoginNeeded(f"{what} holds no id_token", hint=login_hint(path))
    register(texts["id_token"], texts.get("access_token"), texts.get("refresh_token"))
    return texts


def _read(path: str, what: str, source: str) -> str:
    """Return the text of a file that should hold a token; raises LoginNeeded, which never says what is in it."""
    try:
        with open(path, "rb") as file:
            return decode(file.read(MAX_FILE))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LoginNeeded(f"{what} cannot be read: {reason}", hint=login_hint(source)) from error


def _check(text: str, what: str, source: str, *, renewable: bool = False) -> str:
    """Return a token without the blanks and line breaks around it; raises LoginNeeded if it cannot be sent."""
    token = text.lstrip("\ufeff").strip()
    if kind := credential_in(text) if token.startswith(("-----", "{")) else "":
        wrong = f"has {kind} in it, and must be the token and nothing else" if kind == "a token" else f"is {kind}"
        raise LoginNeeded(f"{what} {wrong}", hint=login_hint(source))
    register(token)
    if not token:
        raise LoginNeeded(f"{what} is empty", hint=login_hint(source))
    if not (token.isascii() and token.isprintable()) or " " in token:
        register(*token.split())
        raise LoginNeeded(
            f"{what} is not a token: it has blanks, line breaks or other letters in it", hint=login_hint(source)
        )
    end = expiry(token)
    if end is not None and end < time.time() and not renewable:
        raise LoginNeeded(f"{what} expired at {utc(max(end, 0))}", hint=login_hint(source), code="token-expired")
    return token


def expiry(token: str) -> float | None:
    """Return the Unix time at which a token says that it ends, or None (it is not verified: the server does that)."""
    try:
        claims = token.split(".")[1]
        end = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
        return end if end < time.time() else float(end)
    except (LookupError, ValueError, TypeError, RecursionError, OverflowError):
        return None
