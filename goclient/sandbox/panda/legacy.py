"""Methods of the old protocol for pilots, which pilot 3 speaks up to 3.11: as JobDispatcher.py of server 0.8.1.

A body is JSON, gzipped without a Content-Encoding (3.11), or a form (3.7, which asks through curl).  Every answer is
JSON with a ``StatusCode``.
"""

from __future__ import annotations

import gzip
import json
from typing import Any
from urllib.parse import parse_qsl

from goclient.sandbox.http import Document, ServiceError
from goclient.sandbox.panda import pilots, reports
from goclient.sandbox.panda.api import caller_of, in_range
from goclient.sandbox.routes import Call, Routes

# Codes of jobdispatcher/Protocol.py.
SUCCESS, NO_JOBS, WRONG_ROLE = 0, 20, 60
GZIPPED = b"\x1f\x8b"
# The arguments of updateJob that the sandbox keeps, by those of update_job of the API v1.
_DETAILS = {
    "trans_exit_code": "transExitCode",
    "pilot_error_code": "pilotErrorCode",
    "pilot_error_diag": "pilotErrorDiag",
    "exe_error_code": "exeErrorCode",
    "exe_error_diag": "exeErrorDiag",
    "job_metrics": "jobMetrics",
    "node": "node",
    "job_output_report": "xml",
    "meta_data": "metaData",
}

routes = Routes("/server/panda")


@routes.on("POST", "/getJob")
def get_job(call: Call) -> Document:
    """Give the caller one activated job of a queue, its fields beside the status."""
    caller, given = caller_of(call), _arguments(call, "siteName")
    if not pilots.may_take(caller, given.get("prodSourceLabel")):
        return {"StatusCode": WRONG_ROLE, "errorDialog": pilots.NO_ROLE}
    job = pilots.hand_out(caller, str(given["siteName"]))
    return {"StatusCode": NO_JOBS, "errorDialog": "no jobs in PanDA"} if job is None else {"StatusCode": SUCCESS, **job}


@routes.on("POST", "/updateJob")
def update_job(call: Call) -> Document:
    """Take a pilot's report of a job; answer with the command to the pilot."""
    caller, given = caller_of(call), _arguments(call, "jobId", "state")
    if not caller.is_production:
        return {"StatusCode": WRONG_ROLE, "errorDialog": pilots.NO_ROLE}
    if given["state"] not in reports.STATES:
        return {"StatusCode": SUCCESS}
    attempt, number = str(given.get("attemptNr", "")), str(given["jobId"])
    command = reports.take(
        caller,
        in_range(int(number)) if number.isdecimal() else -1,
        given["state"],
        attempt=int(attempt) if attempt.isdecimal() else None,
        details={name: given.get(old) for name, old in _DETAILS.items()},
    )
    return {"StatusCode": SUCCESS, "command": command}


def _arguments(call: Call, *needed: str) -> dict[str, Any]:
    """Return the arguments of a call, whatever its type says; raise what the server answers where one is missing."""
    body = call.get_data()
    try:
        body = gzip.decompress(body) if body.startswith(GZIPPED) else body
        parsed = json.loads(body)
    except (ValueError, OSError, EOFError):
        parsed = dict(parse_qsl(body.decode(errors="replace")))
    missing = [name for name in needed if not isinstance(parsed, dict) or name not in parsed]
    if missing:
        text = f"{call.path.rsplit('/', 1)[-1]}() missing a required positional argument: '{missing[0]}'"
        raise ServiceError(500, text)
    return dict(parsed)
