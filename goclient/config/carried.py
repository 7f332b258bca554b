"""Read from the environment who acts for carried jobs, where their archive goes, and which Globus they ask."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from goclient.config.environment import GLOBUS_URLS, TIMEOUT, check_encrypted, own, parse_url, seconds
from goclient.errors import RequestError
from goclient.errors.wording import quote
from goclient.model.endpoint import is_uuid
from goclient.reporter.base import SILENT, Reporter
from goclient.secrets import register, register_misplaced
from goclient.services.deadline import within
from goclient.services.globus.access import GlobusAccess

NAMES_WITHIN = 5.0  # seconds
DEFAULT_CACHE_URL = "https://pandacache.cern.ch/server/panda"  # panda-client's own default


def carry_access(env: Mapping[str, str], *, reporter: Reporter = SILENT) -> GlobusAccess | None:
    """Return the service that acts for carried jobs, of ``GOCLIENT_CARRY_CLIENT_ID`` and ``…_SECRET``; None if not set.

    Its secret travels with the jobs.  Raises RequestError if one of the two is missing, for an id that is not a UUID,
    and for the client that acts for the user, whose rights must not travel.
    """
    names = ("GOCLIENT_CARRY_CLIENT_ID", "GOCLIENT_CARRY_CLIENT_SECRET")
    client_id, secret = (own(env, name).strip() for name in names)
    register(secret)
    register_misplaced(client_id)
    if not (client_id or secret):
        return None
    problem, hint = "", "copy the client's UUID from app.globus.org/settings/developers"
    if not (client_id and secret):
        there, missing = names if client_id else names[::-1]
        problem, hint = f"{there} is set, and {missing} is not", f"set both, or type: unset {there}"
    elif not is_uuid(client_id):
        problem = f"{names[0]}={quote(client_id)} is not a UUID"
    elif (
        client_id.lower() == own(env, "GOCLIENT_CLIENT_ID").strip().lower()
        or secret == own(env, "GOCLIENT_CLIENT_SECRET").strip()
    ):
        problem = f"{names[0]} is the client of GOCLIENT_CLIENT_ID, whose secret must not travel with a job"
        hint = "register a client of its own, which owns nothing, at app.globus.org/settings/developers"
    if problem:
        raise RequestError(problem, hint=hint, code="carry-client", subject=names[0])
    return GlobusAccess(client_id, secret, seconds(env, "GOCLIENT_TIMEOUT", TIMEOUT), reporter)


@dataclass(frozen=True)
class GlobusUrls:
    """Base URLs of Globus Auth and of Transfer."""

    auth: str
    transfer: str


def globus_urls(env: Mapping[str, str]) -> GlobusUrls:
    """Return the base URLs of the Globus that globus-sdk's variables name, without a final slash."""
    if all(env.get(name) for name in GLOBUS_URLS):
        return GlobusUrls(*(env[name].rstrip("/") for name in GLOBUS_URLS))
    from globus_sdk.config import get_service_url  # 0.1 s, which a sandbox need not pay for

    return GlobusUrls(*(get_service_url(name).rstrip("/") for name in ("auth", "transfer")))


def file_server_url(env: Mapping[str, str]) -> str:
    """Return the URL of PanDA's file server as panda-client finds it: of one host, from which the jobs will fetch.

    It is that of ``PANDACACHE_URL``, else the PanDA server that is set, else panda-client's own default.  A name of
    several hosts becomes that of the first, unless ``PANDA_BEHIND_REAL_LB`` is set.
    """
    name = "PANDACACHE_URL" if env.get("PANDACACHE_URL") else "PANDA_URL_SSL"
    url = env.get(name) or DEFAULT_CACHE_URL
    check_encrypted(name, url)
    parts = parse_url(name, url)
    host = parts.hostname or ""
    if "PANDA_BEHIND_REAL_LB" not in env:
        host = _one_host(host)
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{parts.port}" if parts.port else "")


def _one_host(name: str) -> str:
    """Return the name of the first host of several that share one name; the name itself if nothing is known in time."""
    try:
        found = within(NAMES_WITHIN, lambda: _first_host(name))
        ipaddress.ip_address(found)
    except (TimeoutError, OSError, UnicodeError):
        return name
    except ValueError:
        return found if "." in found else name
    return name


def _first_host(name: str) -> str:
    """Return the name, or the address, of the first of several hosts; the name itself if it has one address."""
    addresses = dict.fromkeys(one[4][0] for one in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM))
    return name if len(addresses) < 2 else socket.getfqdn(str(next(iter(addresses))))
