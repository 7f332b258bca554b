"""Queues of a PanDA server, which it tells anybody (server 1.0.4, ``metaconfig_api.get_site_specs``).

The answer is ``{"success": true, "message": "", "data": {queue: {…44 fields}}}``, about 1 kB a queue, and the server
makes it anew each time: who asks keeps it.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import requests

from goclient.errors import ServerError
from goclient.errors.wording import innermost, quote
from goclient.services.exchange import allow
from goclient.services.globus.documents import parse
from goclient.services.panda.access import PandaAccess, Queue
from goclient.services.trust import session_for

PATH = "/api/v1/metaconfig/get_site_specs?type=all"
MAX_ANSWER = 8 << 20  # bytes; ATLAS's is 2 MB


class QueuesUnknown(ServerError):
    """A server did not tell its queues."""

    code = "queue-unchecked"


def fetch(access: PandaAccess, seconds: float) -> dict[str, Queue]:
    """Return the queues of a server by name, within so many seconds; raise QueuesUnknown.

    No credential is sent: the call needs none.
    """
    try:
        session = session_for(urlsplit(access.url).hostname, access.bundles)
        session.auth = lambda request: request  # no .netrc
        with session, allow(MAX_ANSWER):
            response = session.get(
                f"{access.url}{PATH}",
                headers={"Accept": "application/json"},
                timeout=seconds,
                verify=access.ca or next(iter(access.bundles), True),
                allow_redirects=False,
            )
    except requests.exceptions.Timeout as error:
        raise _queue_error(access, f"no answer within {seconds:.0f} s") from error
    except (requests.exceptions.RequestException, OSError, ValueError) as error:
        raise _queue_error(access, innermost(error)) from error
    if response.status_code != 200:
        raise _queue_error(access, f"HTTP {response.status_code}")
    try:
        answer = parse(response.content)
    except ValueError as error:
        raise _queue_error(access, "its answer is not JSON") from error
    if not isinstance(answer, dict) or answer.get("success") is not True:
        said = answer.get("message") if isinstance(answer, dict) else answer
        raise _queue_error(access, f"it says {quote(said or 'nothing')}")
    data = answer.get("data")
    found = {}
    for name, fields in data.items() if isinstance(data, dict) else ():
        if isinstance(fields, dict):  # any of which may be missing
            status, size = fields.get("status"), fields.get("maxwdir")
            known = isinstance(size, int | float) and not isinstance(size, bool) and 0 < size < 1e12
            found[name] = Queue(
                status if isinstance(status, str) else "", int(size) if known and size is not None else 0
            )
    if not found:
        raise _queue_error(access, "its answer has no queues")
    return found


def _queue_error(access: PandaAccess, why: str) -> QueuesUnknown:
    return QueuesUnknown(f"the PanDA server {access.url} did not tell its queues: {why}", transient=True)
