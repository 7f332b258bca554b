"""Whom a session of requests believes: authorities of more than one file or folder."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.ssl_ import create_urllib3_context

from goclient.model.access import LOOPBACK


class _Trusting(HTTPAdapter):
    """Connects to servers whose authority is in a context, or in what requests is told to ``verify`` with."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **more: Any) -> None:  # HTTPAdapter's arguments
        """Make the pool of connections."""
        super().init_poolmanager(*args, **more, ssl_context=self._context)

    def proxy_manager_for(self, *args: Any, **more: Any) -> Any:
        """Return the pool of connections through a proxy."""
        return super().proxy_manager_for(*args, **more, ssl_context=self._context)


def session_for(host: str | None, places: Iterable[str]) -> requests.Session:
    """Return a session that believes the authorities in these files and folders, beside those of its ``verify``.

    No proxy stands before this machine.
    """
    made = requests.Session()
    made.trust_env = host not in LOOPBACK
    found = list(places)
    if found:
        context = create_urllib3_context()
        for place in found:
            folder = os.path.isdir(place)
            context.load_verify_locations(None if folder else place, place if folder else None)
        made.mount("https://", _Trusting(context))
    return made
