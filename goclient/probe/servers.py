"""Servers that a worker node reaches, for the program of a probe: the web proxy before them, and whom Python trusts.

A request has no token, and nothing else is sent.  Standard library only, of Python 3.9; ASCII only.
"""

from __future__ import annotations

import http.client
import os
import socket
import time
from base64 import b64encode
from contextlib import closing
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

LONGEST = 300  # characters of an error


def describe(error: BaseException) -> str:
    """Return the words of an error."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__)[:LONGEST]


def count_authorities() -> int:
    """Return how many authorities' certificates Python trusts, or the files of the directory that has them."""
    import ssl  # a Python without it has no network that is of use, and can tell that

    found = ssl.create_default_context().cert_store_stats()["x509_ca"]
    directory = ssl.get_default_verify_paths().capath
    return found or (len(os.listdir(directory)) if directory else 0)


def web_proxy(host: str) -> str:
    """Return the URL of the web proxy before a host, as a carrier finds it; empty if there is none."""
    proxies = getproxies()
    if host in ("localhost", "127.0.0.1", "::1") or (host and proxy_bypass(host)):
        return ""
    url = proxies.get("https") or proxies.get("all") or ""
    return url if "://" in url or not url else f"http://{url}"


def find_proxy() -> dict[str, str] | None:
    """Return the web proxy of the node, and why it cannot be reached, if so; None without one."""
    parts = urlsplit(web_proxy(""))
    if not parts.hostname:
        return None
    found = {"of": f"{parts.hostname}:{parts.port or 80}", "error": ""}
    try:
        socket.create_connection((parts.hostname, parts.port or 80), 5.0).close()
    except OSError as error:
        found["error"] = describe(error)
    return found


def reach(target: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return how a server answers a request without a token: its status, or the step at which that failed, and why."""
    found: dict[str, Any] = {**target, "error": "", "step": "", "status": 0, "clock": None}
    started = time.monotonic()
    try:
        with closing(connect(target, seconds)) as connection:
            path = urlsplit(target["url"]).path or "/"
            connection.request("GET", path, headers={"Accept": "application/json", "Connection": "close"})
            before = time.time()
            with connection.getresponse() as answer:
                found["status"] = answer.status
                if answer.headers["Date"]:
                    server = parsedate_to_datetime(answer.headers["Date"]).timestamp()
                    found["clock"] = (before + time.time()) / 2 - server
    except Exception as error:  # of http.client, of ssl, of a thread that cannot be
        found.update(error=describe(error), step=step_of(error))
    found["seconds"] = round(time.monotonic() - started, 3)
    return found


def connect(target: dict[str, Any], seconds: float) -> http.client.HTTPConnection:
    """Return a connection to the server of a target, which is not open yet."""
    parts = urlsplit(target["url"])
    host = parts.hostname or ""
    if parts.scheme != "https":
        return http.client.HTTPConnection(host, parts.port, timeout=seconds)
    import ssl  # as above

    context = ssl.create_default_context()
    if not target["verified"]:  # runGen does not look either, and nothing is sent
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    proxy = urlsplit(web_proxy(host))
    if not proxy.hostname:
        return http.client.HTTPSConnection(host, parts.port, timeout=seconds, context=context)
    connection = http.client.HTTPSConnection(proxy.hostname, proxy.port or 80, timeout=seconds, context=context)
    words = b64encode(f"{unquote(proxy.username or '')}:{unquote(proxy.password or '')}".encode()).decode()
    connection.set_tunnel(host, parts.port, {"Proxy-Authorization": f"Basic {words}"} if proxy.username else {})
    return connection


def step_of(error: Exception) -> str:
    """Return at which step a request failed: at the name, the connection, the certificate, or the answer."""
    names = {one.__name__ for one in type(error).__mro__}
    for name, step in (("gaierror", "name"), ("SSLCertVerificationError", "certificate"), ("SSLError", "tls")):
        if name in names:
            return step
    return "connect" if "OSError" in names else "answer"
