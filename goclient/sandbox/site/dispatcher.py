"""Ask the PanDA server in miniature for a job, and report of it, in the old protocol of pilots."""

from __future__ import annotations

import gzip
import json
import logging
import time
import urllib.request
from dataclasses import dataclass
from typing import Any

WITHIN = 60.0  # seconds, for an answer
TRIES, PAUSE = 10, 1.0  # of the report of an end, and the seconds between them
NO_JOBS = 20  # a StatusCode


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Address of the server, and the token of the pilot."""

    url: str
    token: str

    def get_job(self, queue: str, node: str) -> dict[str, Any] | None:
        """Return a job of a queue, None if there is none; raise OSError or ValueError."""
        answer = self._ask("getJob", {"siteName": queue, "prodSourceLabel": "user", "node": node})
        if answer.get("StatusCode") == NO_JOBS:
            return None
        if answer.get("StatusCode"):
            raise ValueError(f"getJob: {answer}")
        return answer

    def report(self, document: dict[str, Any], *, last: bool = False) -> str:
        """Report of a job; return the command to the pilot, the empty string if the server cannot be asked."""
        for _ in range(TRIES if last else 1):
            try:
                return str(self._ask("updateJob", document).get("command", ""))
            except (OSError, ValueError) as error:
                logging.getLogger(__name__).warning("updateJob failed: %s", error)
            if last:
                time.sleep(PAUSE)
        return ""

    def _ask(self, method: str, document: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}", "Origin": "sandbox", "Content-Type": "application/json"}
        body = gzip.compress(json.dumps(document).encode())
        request = urllib.request.Request(f"{self.url}/server/panda/{method}", body, headers)
        with urllib.request.urlopen(request, timeout=WITHIN) as answer:
            parsed = json.load(answer)
        if not isinstance(parsed, dict):
            raise ValueError(f"{method}: {parsed!r}")
        return parsed
