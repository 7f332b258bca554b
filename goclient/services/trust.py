"""Whom a session of requests believes: authorities of more than one file or directory."""

from __future__ import annotations

import os
from collections.abc import Iterable

import requests
from urllib3.util.ssl_ import create_urllib3_context

from goclient.services.exchange import Bounded, limit
from goclient.services.loopback import LOOPBACK


def session_for(host: str | None, locations: Iterable[str]) -> requests.Session:
    """Return a session that believes the authorities in these files and directories, beside those of its ``verify``.

    Its exchanges have their bounds.  No proxy stands before this machine.
    """
    made = requests.Session()
    made.trust_env = host not in LOOPBACK
    found = list(locations)
    context = create_urllib3_context() if found else None
    for location in found:
        directory = os.path.isdir(location)
        assert context is not None, "it is made for the first place"
        context.load_verify_locations(None if directory else location, location if directory else None)
    limit(made, Bounded(context=context))
    return made
