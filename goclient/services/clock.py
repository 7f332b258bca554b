"""Clock of a server, compared with this node's.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping


def clock_ahead(headers: Mapping[str, str]) -> float | None:
    """Return the seconds by which the clock of a server is ahead; None if its answer does not say."""
    from email.utils import parsedate_to_datetime  # a command that asks nobody need not load it

    try:
        return parsedate_to_datetime(headers.get("Date", "")).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return None
