"""Where services are and what endpoints are called: from the environment and the catalogue.

The environment is PanDA's, globus-sdk's and ``GOCLIENT_*``; ``docs/configuration.md`` lists every variable.
Only verbs and commands read this module: services are given what they need.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from goclient.errors import LoginNeeded, RequestError, quoted
from goclient.model.location import is_uuid

if TYPE_CHECKING:
    from goclient.model.access import GlobusAccess, PandaAccess, QueueSource

DEFAULT_PANDA_URL = "https://pandaserver.cern.ch/server/panda"  # panda-client's own default
SITE_CATALOGUE = "/etc/goclient/endpoints.toml"
GLOBUS_URLS = ("GLOBUS_SDK_SERVICE_URL_AUTH", "GLOBUS_SDK_SERVICE_URL_TRANSFER")  # globus_sdk.config's
GRID_AUTHORITIES = "/etc/grid-security/certificates"


# --- PanDA --------------------------------------------------------------------------------------------------


def panda_access(env: Mapping[str, str] = os.environ, *, pilot: bool = False) -> PandaAccess:
    """The access that panda-client would use with this environment; no prompt, no look-up on the network.

    ``pilot``: the token of ``GOCLIENT_PILOT_TOKEN_FILE``, if set, stands in for the user's.
    Raises RequestError for a bad variable, LoginNeeded without a credential.
    """
    from goclient.model.access import PandaAccess  # not needed where nothing is sent

    url = env.get("PANDA_URL_SSL") or DEFAULT_PANDA_URL
    parts = _url("PANDA_URL_SSL", url)
    token, token_file, vo = _panda_token(env, pilot=pilot)
    timeout = seconds(env, "GOCLIENT_TIMEOUT", 60.0)
    if token:
        _check_encrypted("PANDA_URL_SSL", url)
    certificate = None if token else _certificate(env)
    if parts.scheme == "https" and not (token or certificate):
        raise LoginNeeded(
            "no credential for the PanDA server: no token, and no proxy certificate",
            hint="run voms-proxy-init, or set PANDA_AUTH=oidc, PANDA_AUTH_VO and OIDC_AUTH_TOKEN_FILE",
        )
    return PandaAccess(
        url=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
        connect_timeout=min(10.0, timeout),
        answer_timeout=timeout,
        token=token,
        token_file=token_file,
        vo=vo,
        certificate=certificate,
        ca=_authorities(env),
    )


def queue_source(env: Mapping[str, str] = os.environ) -> QueueSource:
    """Return where the PanDA server tells its queues, which takes no credential, and the file that keeps them.

    Raises RequestError for a bad variable.
    """
    import hashlib

    from goclient.model.access import PandaAccess, QueueSource

    parts = _url("PANDA_URL_SSL", env.get("PANDA_URL_SSL") or DEFAULT_PANDA_URL)
    timeout = seconds(env, "GOCLIENT_TIMEOUT", 60.0)
    url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    access = PandaAccess(url, min(10.0, timeout), timeout, ca=_authorities(env))
    name = f"queues-{hashlib.sha256(url.encode()).hexdigest()[:16]}.json"
    return QueueSource(access, journal_path(env).with_name(name))


def seconds(env: Mapping[str, str], name: str, default: float) -> float:
    """The positive number of seconds in a variable, or the default; raises RequestError for anything else."""
    text = env.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e7:
        raise RequestError(
            f"{name}={quoted(text)} is not a number of seconds", hint=f"such as {name}=60", code="config"
        )
    return value


def _panda_token(env: Mapping[str, str], *, pilot: bool) -> tuple[str | None, str | None, str | None]:
    """The identity token, its file and its VO, found in panda-client's order; nothing without PANDA_AUTH=oidc."""
    if env.get("PANDA_AUTH") != "oidc":
        return None, None, None
    vo = env.get("PANDA_AUTH_VO") or env.get("OIDC_AUTH_VO")
    if not vo:
        raise RequestError("PANDA_AUTH=oidc needs PANDA_AUTH_VO", hint="export PANDA_AUTH_VO=<your VO>", code="config")
    if not (vo.isascii() and vo.isprintable() and " " not in vo):
        raise RequestError(f"PANDA_AUTH_VO={quoted(vo)} is not the name of a VO", hint="such as atlas", code="config")
    path = (pilot and env.get("GOCLIENT_PILOT_TOKEN_FILE")) or None
    if not path and not env.get("PANDA_AUTH_ID_TOKEN"):
        path = env.get("OIDC_AUTH_TOKEN_FILE")
    if path:
        token = _read_token(path)
    else:
        token = env.get("PANDA_AUTH_ID_TOKEN") or env.get("OIDC_AUTH_ID_TOKEN") or _stored_token(env)
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise LoginNeeded("the PanDA token is empty or not a token", hint=_LOGIN_HINT)
    _check_expiry(token)
    return token, path, vo


_LOGIN_HINT = "get a new token with panda_auth (of panda-client), or set OIDC_AUTH_TOKEN_FILE to a file that has one"


def _read_token(path: str) -> str:
    try:
        return Path(path).expanduser().read_text()
    except (OSError, UnicodeDecodeError, RuntimeError) as error:  # RuntimeError: ~ without a home
        reason = getattr(error, "strerror", None) or ("not text" if isinstance(error, ValueError) else str(error))
        raise LoginNeeded(f"the token file {quoted(path)} cannot be read: {reason}", hint=_LOGIN_HINT) from error


def _stored_token(env: Mapping[str, str]) -> str:
    import json

    folder = env.get("PANDA_CONFIG_ROOT", ".")
    text = _read_token(os.path.join(folder, ".token"))
    try:
        return str(json.loads(text)["id_token"])
    except (ValueError, KeyError, TypeError) as error:
        raise LoginNeeded(f"{quoted(folder + '/.token')} holds no id_token", hint=_LOGIN_HINT) from error


def _check_expiry(token: str) -> None:
    """None; raises LoginNeeded if the token says that it has expired (it is not verified: the server does that)."""
    import base64
    import json

    try:
        claims = token.split(".")[1]
        expiry = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
        expired = expiry < time.time()
    except (LookupError, ValueError, TypeError, RecursionError):
        return
    if expired:
        ended = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(max(expiry, 0)))
        raise LoginNeeded(f"the PanDA token expired at {ended}", hint=_LOGIN_HINT, code="token-expired")


def _certificate(env: Mapping[str, str]) -> str | None:
    named = env.get("X509_USER_PROXY")
    if named:
        if not os.access(named, os.R_OK):
            raise LoginNeeded(f"X509_USER_PROXY={quoted(named)} cannot be read", hint="run voms-proxy-init")
        return named
    default = f"/tmp/x509up_u{os.getuid()}"  # noqa: S108  # where all grid tools put it
    return default if os.access(default, os.R_OK) else None


def _authorities(env: Mapping[str, str]) -> str | None:
    named = env.get("X509_CERT_DIR")
    if named and not os.path.isdir(named):
        raise RequestError(
            f"X509_CERT_DIR={quoted(named)} is not a folder", hint="name the folder of the authorities", code="config"
        )
    return named or (GRID_AUTHORITIES if os.path.isdir(GRID_AUTHORITIES) else None)


def _url(name: str, url: str) -> SplitResult:
    """The parts of an http or https URL; raises RequestError for anything else."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        valid = valid and url.isprintable() and "\\" not in url  # a backslash ends the host for some, not for all
    except ValueError:
        valid = False
    if not valid:
        raise RequestError(f"{name}={quoted(url)} is not a URL", hint="such as https://host:port", code="config")
    return parts


def _check_encrypted(name: str, url: str) -> None:
    """None; raises RequestError for a URL that would send a token over the network as it is."""
    from goclient.model.access import LOOPBACK

    parts = _url(name, url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        message = f"{name}={quoted(url)} would send your token unencrypted"
        raise RequestError(message, hint="use its https URL", code="config")


# --- Globus -------------------------------------------------------------------------------------------------


def globus_access(env: Mapping[str, str] = os.environ) -> GlobusAccess:
    """The client of ``GOCLIENT_CLIENT_ID`` and ``GOCLIENT_CLIENT_SECRET``.

    Raises LoginNeeded without an id, RequestError if globus-sdk's variables would send a secret unencrypted.
    """
    from goclient.model.access import GlobusAccess  # not needed where nothing is asked

    client_id = env.get("GOCLIENT_CLIENT_ID", "")
    if not is_uuid(client_id):
        given = f"GOCLIENT_CLIENT_ID={quoted(client_id)} is not a UUID" if client_id else "no Globus client is set"
        first = "copy the client's UUID from" if client_id else "register a client at"
        raise LoginNeeded(
            given,
            hint=f"{first} app.globus.org/settings/developers, export GOCLIENT_CLIENT_ID (and "
            "GOCLIENT_CLIENT_SECRET for a service), then type: goclient login",
            code="no-client",
        )
    for name in GLOBUS_URLS:
        if env.get(name):
            _check_encrypted(name, env[name])
    return GlobusAccess(client_id, env.get("GOCLIENT_CLIENT_SECRET") or None)


# --- the catalogue ------------------------------------------------------------------------------------------


def catalogue(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The endpoints that have a name: name to collection id or ``gsiftp://host[:port]``.

    Read from ``$GOCLIENT_ENDPOINTS``, else from the user's file; then the site's, whose entries yield to the
    user's.  Raises RequestError for a file that is no catalogue, or that others may change; a file that does not
    exist has no entries.
    """
    from goclient.catalogue import merged  # not needed where no endpoint is named

    return merged(user_catalogue(env), SITE_CATALOGUE)


def user_catalogue(env: Mapping[str, str] = os.environ) -> str:
    """The path of the user's own catalogue: ``$GOCLIENT_ENDPOINTS``, else in the platform's configuration folder."""
    if env.get("GOCLIENT_ENDPOINTS"):
        return env["GOCLIENT_ENDPOINTS"]
    import platformdirs  # only needed where nothing is set

    return str(platformdirs.user_config_path("goclient") / "endpoints.toml")


# --- the journal --------------------------------------------------------------------------------------------


def journal_path(env: Mapping[str, str] = os.environ) -> Path:
    """The file of the user's journal: in ``$GOCLIENT_STATE``, else the platform's folder for state."""
    if env.get("GOCLIENT_STATE"):
        return Path(env["GOCLIENT_STATE"]) / "journal.jsonl"
    import platformdirs

    return platformdirs.user_state_path("goclient") / "journal.jsonl"
