"""TLS as the web has it, through the web proxy that stands before this node, if there is one.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import socket
from base64 import b64encode
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from goclient import secrets
from goclient.errors import GoclientError
from goclient.errors.wording import cite, quote
from goclient.services.deadline import Deadline
from goclient.services.gsi.dial import dial
from goclient.services.gsi.server import Server
from goclient.services.https.web import WebTls
from goclient.services.loopback import LOOPBACK

_MOST_HEADER = 1 << 14  # bytes of a proxy's answer
_VARIABLES = "look at the variables HTTPS_PROXY and NO_PROXY"


def web_proxy(host: str) -> str:
    """Return the URL of the web proxy for https that stands before a host; empty if none does, or for this machine."""
    proxies = getproxies()  # HTTPS_PROXY and the others, in lower case, too
    if host in LOOPBACK or proxy_bypass(host, proxies):
        return ""
    return proxies.get("https") or proxies.get("all") or ""


class ProxiedTls(WebTls):
    """Trust as WebTls does; a server that a web proxy stands before is reached through it (HTTP's CONNECT)."""

    def connect(self, server: Server, deadline: Deadline) -> socket.socket:
        """Return a connected socket to a server, on which nothing was sent yet; raise GoclientError."""
        if not (url := web_proxy(server.host)):
            return dial(server, deadline)
        secrets.register_url(url)
        proxy, authorization = _proxy(url, server)
        sock = dial(proxy, deadline)
        try:
            host = f"[{server.host}]" if ":" in server.host else server.host
            lines = [f"CONNECT {host}:{server.port} HTTP/1.1", f"Host: {host}:{server.port}", *authorization]
            sock.settimeout(deadline.remaining())
            sock.sendall("\r\n".join([*lines, "", ""]).encode())
            head = bytearray()
            while not head.endswith(b"\r\n\r\n") and len(head) < _MOST_HEADER:
                sock.settimeout(deadline.remaining())
                byte = sock.recv(1)  # what follows is the server's, and TLS reads it
                if not byte:
                    break
                head += byte
        except BaseException:
            sock.close()
            raise
        status = head.split(b"\r\n", 1)[0].decode("latin-1")
        if status[:5] != "HTTP/" or status[8:10] != " 2" or not head.endswith(b"\r\n\r\n"):
            sock.close()
            raise _proxy_error(server, f"{proxy} answers {quote(cite(status, 100))}")
        return sock


def _proxy(url: str, server: Server) -> tuple[Server, list[str]]:
    """Return the proxy at a URL, and the line of a request that says who asks, if the URL has a name."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname or "", parts.port or 80
    except ValueError:
        raise _proxy_error(server, "its URL is not one") from None
    if parts.scheme != "http" or not host:
        raise _proxy_error(server, f"its URL begins with {quote(parts.scheme)}, and only http:// can be used here")
    if parts.username is None:
        return server._replace(host=host, port=port), []
    words = b64encode(f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()).decode()
    secrets.register(words)
    return server._replace(host=host, port=port), [f"Proxy-Authorization: Basic {words}"]


def _proxy_error(server: Server, why: str) -> GoclientError:
    """Return the error of a server that cannot be reached through the proxy."""
    return server.kind.error(
        f"the {server.named} cannot be reached through the web proxy: {why}",
        hint=_VARIABLES, code=f"{server.kind.code}-proxy", subject=str(server),
    )  # fmt: skip
