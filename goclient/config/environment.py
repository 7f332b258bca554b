"""Read where services are, and what endpoints are called, from the environment and the catalogue.

The environment is PanDA's, globus-sdk's and ``GOCLIENT_*``; ``docs/configuration.md`` lists every variable.  Services
do not read this module: they are given what they need.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from goclient.errors import LoginNeeded, RequestError
from goclient.errors.findings import login_command
from goclient.errors.wording import quote
from goclient.model.endpoint import Endpoint, is_uuid
from goclient.reporter.base import SILENT, Reporter
from goclient.secrets import WEB_PROXIES, register, register_misplaced, register_url
from goclient.services.loopback import LOOPBACK

if TYPE_CHECKING:
    from goclient.services.globus.access import GlobusAccess
    from goclient.services.panda.access import PandaAccess, QueueSource

DEFAULT_PANDA_URL = "https://pandaserver.cern.ch/server/panda"  # panda-client's own default
TIMEOUT = 60.0  # seconds, in which each call to PanDA and Globus ends
SITE_CATALOGUE = "/etc/goclient/endpoints.toml"
GLOBUS_URLS = ("GLOBUS_SDK_SERVICE_URL_AUTH", "GLOBUS_SDK_SERVICE_URL_TRANSFER")  # globus_sdk.config's
GRID_AUTHORITIES = "/etc/grid-security/certificates"
SECRETS = ("GOCLIENT_CLIENT_SECRET", "GOCLIENT_CARRY_CLIENT_SECRET")
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")  # of requests and of OpenSSL


# --- goclient's own variables -------------------------------------------------------------------------------


def own(env: Mapping[str, str], name: str) -> str:
    """Return the value of a variable of goclient's own; raises RequestError if a shell should have expanded it."""
    value = env.get(name, "")
    if not value.startswith(("~", "$")):
        return value
    shown = value
    if name in SECRETS and not _is_variable(value):
        register(value)
        shown = "…"
    raise RequestError(
        f"{name}={quote(shown)} begins with a {value[0]} that no shell has expanded",
        hint=f"type: export {name}={_quote_word(shown)}",
        code="config",
        subject=name,
    )


def _is_variable(value: str) -> bool:
    """Return True for what looks as a shell's variable or command that was not expanded."""
    return re.match(r"\$[({A-Za-z_]", value) is not None


def _quote_word(value: str) -> str:
    """Return a value as a word of a shell, whose ~ or $ at its beginning is expanded."""
    if value.startswith("~"):
        user, slash, rest = value.partition("/")
        return user + slash + (shlex.quote(rest) if rest else "")
    inner = re.sub(r'([\\"`])', r"\\\1", value)
    return f'"{inner}"'


# --- PanDA --------------------------------------------------------------------------------------------------


def panda_url(env: Mapping[str, str] = os.environ) -> str:
    """Return the URL of the PanDA server, as panda-client has it."""
    return env.get("PANDA_URL_SSL") or DEFAULT_PANDA_URL


def panda_access(
    env: Mapping[str, str] = os.environ, *, pilot: bool = False, reporter: Reporter = SILENT
) -> PandaAccess:
    """Return the access that panda-client would use with this environment; nobody is asked.

    ``pilot``: the token of ``GOCLIENT_PILOT_TOKEN_FILE``, if set, stands in for the user's.
    Raises RequestError for a bad variable, LoginNeeded without a credential that the server can be shown.
    """
    from goclient.config.proxy import find_proxy  # not needed where nothing is sent
    from goclient.services.panda.token import PILOT_FILE, find_token

    url = panda_url(env)
    parse_url("PANDA_URL_SSL", url)
    if pilot:
        own(env, PILOT_FILE)
    token = find_token(env, pilot=pilot)
    server = replace(_panda_server(env), reporter=reporter)
    _register_passwords(env)
    if token is None:
        return replace(server, certificate=find_proxy(env, urlsplit(url).scheme))
    check_encrypted("PANDA_URL_SSL", url)
    return replace(
        server, token=token.text, token_file=token.file, stored=token.stored, source=token.source, vo=token.vo
    )


def queue_source(env: Mapping[str, str] = os.environ) -> QueueSource:
    """Return where the PanDA server tells its queues, which takes no credential, and the file that keeps them.

    Raises RequestError for a bad variable.
    """
    from goclient.services.panda.access import QueueSource  # as in panda_access

    access = _panda_server(env)
    name = f"queues-{hashlib.sha256(access.url.encode()).hexdigest()[:16]}.json"
    return QueueSource(access, journal_path(env).with_name(name))


def _panda_server(env: Mapping[str, str]) -> PandaAccess:
    """Return where the PanDA server is, without a credential; raises RequestError for a bad variable."""
    from goclient.services.panda.access import PandaAccess  # not needed where nothing is sent

    parts = parse_url("PANDA_URL_SSL", panda_url(env))
    timeout = seconds(env, "GOCLIENT_TIMEOUT", TIMEOUT)
    return PandaAccess(
        url=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
        connect_timeout=min(10.0, timeout),
        answer_timeout=timeout,
        ca=_authorities(env),
        bundles=bundles(env),
    )


def seconds(env: Mapping[str, str], name: str, default: float) -> float:
    """Return the positive number of seconds in a variable, or the default; raises RequestError for anything else."""
    text = own(env, name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e7:
        raise RequestError(f"{name}={quote(text)} is not a number of seconds", hint=f"such as {name}=60", code="config")
    return value


def _authorities(env: Mapping[str, str]) -> str | None:
    named = env.get("X509_CERT_DIR")
    if named and not os.path.isdir(named):
        message = f"X509_CERT_DIR={quote(named)} is not a directory"
        raise RequestError(message, hint="set it to the directory of your CAs", code="config")
    return named or (GRID_AUTHORITIES if os.path.isdir(GRID_AUTHORITIES) else None)


def bundles(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the files of authorities that variables name; raises RequestError for one that has none in it."""
    found = {env[name]: name for name in BUNDLES if env.get(name)}
    for path, name in found.items():
        import ssl  # only those who have a private authority pay for it

        try:
            paths = (None, path) if os.path.isdir(path) else (path,)
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(*paths)
        except (OSError, ValueError) as error:
            reason = "it has no certificate of an authority in it"
            if isinstance(error, FileNotFoundError | PermissionError):
                reason = str(error.strerror)
            raise RequestError(
                f"{name}={quote(path)} cannot be used: {reason}",
                hint=f"type: unset {name}",
                code="config",
                subject=name,
            ) from None
    return tuple(found)


def register_secrets(env: Mapping[str, str]) -> None:
    """Hide all credentials in the variables that are read here, whether they are used or not, from now on.

    A value that a shell should have expanded is not one of them: :func:`own` tells it.
    """
    register(*(value for name in SECRETS if not _is_variable(value := env.get(name, "").strip())))
    _register_passwords(env)


def _register_passwords(env: Mapping[str, str]) -> None:
    """Register the passwords of the web proxies, which stand before every server."""
    for name in WEB_PROXIES:
        register_url(env.get(name, ""))


def parse_url(name: str, url: str) -> SplitResult:
    """Return the parts of an http or https URL; raises RequestError for anything else."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        valid = valid and url.isprintable() and "\\" not in url  # a backslash ends the host for some, not for all
        register_url(url)
    except ValueError:
        valid = False
    if not valid:
        raise RequestError(f"{name}={quote(url)} is not a URL", hint="such as https://host:port", code="config")
    return parts


def check_encrypted(name: str, url: str) -> None:
    """Raise RequestError for a URL that would send a token over the network as it is."""
    parts = parse_url(name, url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        message = f"{name}={quote(url)} would send your token unencrypted"
        raise RequestError(message, hint="use its https URL", code="config")


# --- Globus -------------------------------------------------------------------------------------------------


def globus_access(env: Mapping[str, str] = os.environ, *, reporter: Reporter = SILENT) -> GlobusAccess:
    """Return the client of ``GOCLIENT_CLIENT_ID`` and ``GOCLIENT_CLIENT_SECRET``.

    Raises LoginNeeded without an id, RequestError for one that is not a UUID, or if globus-sdk's variables would send
    a secret unencrypted.
    """
    from goclient.services.globus.access import GlobusAccess  # not needed where nothing is asked

    client_id, client_secret = (own(env, name).strip() for name in ("GOCLIENT_CLIENT_ID", "GOCLIENT_CLIENT_SECRET"))
    register(client_secret)
    register_misplaced(client_id)
    _register_passwords(env)
    if not is_uuid(client_id):
        page = "app.globus.org/settings/developers, export GOCLIENT_CLIENT_ID"
        hint = f"(and GOCLIENT_CLIENT_SECRET for a service), then type: {login_command()}"
        if client_id:
            message = f"GOCLIENT_CLIENT_ID={quote(client_id)} is not a UUID"
            raise RequestError(message, hint=f"copy the client's UUID from {page} {hint}", code="no-client")
        raise LoginNeeded("no Globus client is set", hint=f"register a client at {page} {hint}", code="no-client")
    for name in GLOBUS_URLS:
        if env.get(name):
            check_encrypted(name, env[name])
    return GlobusAccess(client_id, client_secret or None, seconds(env, "GOCLIENT_TIMEOUT", TIMEOUT), reporter)


# --- the catalogue ------------------------------------------------------------------------------------------


def catalogue(env: Mapping[str, str] = os.environ) -> dict[str, Endpoint]:
    """Return the endpoints that have a name, by it.

    Read from ``$GOCLIENT_ENDPOINTS``, else from the user's file; then the site's, whose entries yield to the
    user's.  Raises RequestError for a file that is not a catalogue, or that others may change; a file that does not
    exist has no entries.
    """
    from goclient.config.catalogue import merge  # not needed where no endpoint is named

    return merge(user_catalogue(env), SITE_CATALOGUE)


def missing_catalogue(env: Mapping[str, str] = os.environ) -> tuple[str, str] | None:
    """Return a warning, and its hint, if GOCLIENT_ENDPOINTS names a file that does not exist; None if all is well."""
    path = user_catalogue(env)
    if not env.get("GOCLIENT_ENDPOINTS") or os.path.exists(path):
        return None
    message = f"GOCLIENT_ENDPOINTS={quote(path)} names a file that does not exist: no name in it is known"
    return message, "type: unset GOCLIENT_ENDPOINTS, or make the file: goclient endpoint add NAME UUID"


def user_catalogue(env: Mapping[str, str] = os.environ) -> str:
    """Return the path of the user's own catalogue: ``$GOCLIENT_ENDPOINTS``, else the platform's."""
    if named := own(env, "GOCLIENT_ENDPOINTS"):
        return named
    return str(_own_directory("config", ".config") / "endpoints.toml")


def _own_directory(kind: str, below_home: str) -> Path:
    """Return the user's directory for the configuration, or the state: where platformdirs has it."""
    if sys.platform != "linux":
        import platformdirs  # 7 ms, most of them for the directory of temporary files

        return Path(getattr(platformdirs, f"user_{kind}_dir")("goclient"))
    named = os.environ.get(f"XDG_{kind.upper()}_HOME", "")
    return Path(named if named.startswith("/") else os.path.expanduser(f"~/{below_home}"), "goclient")


# --- the journal --------------------------------------------------------------------------------------------


def journal_path(env: Mapping[str, str] = os.environ) -> Path:
    """Return the file of the user's journal: in ``$GOCLIENT_STATE``, else the platform's directory for state."""
    if named := own(env, "GOCLIENT_STATE"):
        return Path(named) / "journal.jsonl"
    return _own_directory("state", ".local/state") / "journal.jsonl"
