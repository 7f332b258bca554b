"""One way to ask a web server for a payload: the pilot fetches it so, and the preflight looks at it so.

Redirects are followed, and CAs and proxies are those of ``requests`` and its variables.  No password goes to whoever
serves a payload: neither one of the user's ``.netrc``, also not after a redirect, nor one in the URL.
"""

from __future__ import annotations

import requests

CONNECT_WITHIN = 20.0  # seconds


def opened(url: str, *, connect: float = CONNECT_WITHIN, silence: float) -> requests.Response:
    """Return the answer for a URL, to be read in parts and closed; ``silence``: seconds without a byte that end it.

    Raises requests.exceptions.RequestException, also for a status that is an error.
    """
    response = Anonymous().get(url, stream=True, timeout=(connect, silence))
    try:
        response.raise_for_status()
    except requests.exceptions.RequestException:
        response.close()
        raise
    return response


class Anonymous(requests.Session):
    """A session that shows no credential to anybody."""

    def __init__(self) -> None:
        super().__init__()
        self.auth = lambda request: request

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Add nothing: after a redirect, requests would look into .netrc for the new host."""
