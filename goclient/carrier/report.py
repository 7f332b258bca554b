"""Report of a job's end, where a pilot that knows nothing of goclient looks, in a way that survives runGen.

runGen writes ``payload_error_report.json`` itself when the payload fails: what is there and cannot be written stays.
Root can write anything: there the carrier ends with 0 where the pilot fails a job for its report, whatever the exit
code.  Older pilots, and the job's log, have the line with ``CRITICAL``.
Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from typing import Any

from goclient.errors import (
    EndpointError,
    GoclientError,
    Interrupted,
    LoginNeeded,
    RequestError,
    TransferFailed,
    UsageError,
)
from goclient.errors.conditions import NodeFault, may_pass
from goclient.errors.wording import printable
from goclient.files.private import regular, replace
from goclient.journal import Journal
from goclient.node.engines.base import Transferred
from goclient.node.payload import PayloadError
from goclient.secrets import hide

EXIT = 77  # exit code for all that is not the payload's own failure
LONGEST = 250  # characters that every pilot and the server keep
_SHOWN = 24  # characters at both ends of a long value
_LONG = re.compile(rf'"[^"]{{{2 * _SHOWN},}}"')
REPORT = "payload_error_report.json"  # pilot 3, control/payload.py
METADATA = "userJobMetadata.json"  # panda-wnscript, misc_utils.add_user_job_metadata
_MOST_METADATA = 1 << 20  # bytes that runGen takes
# runGen and the pilots make success of these: N % 255, and what Athena calls a benign failure.
_TAKEN_FOR_SUCCESS = (0, 160, 255)
_INSTEAD = 254


class CarrierCode(IntEnum):
    """Values of exeErrorCode; those from 5101 to 5721 are runGen's and its sisters'."""

    GENERAL = 5901
    STAGE_IN = 5902
    STAGE_OUT = 5903
    CREDENTIAL = 5904
    REQUEST = 5905
    STOPPED = 5906
    PAYLOAD = 5907
    NODE = 5908
    STAGE_IN_PASSES = 5912  # a second try may succeed
    STAGE_OUT_PASSES = 5913


def exit_code(error: GoclientError | None) -> int:
    """Return the carrier's exit code: the payload's own if that has failed, but none that would count as success."""
    if error is None:
        return 0
    if not isinstance(error, PayloadError) or error.status is None:
        return EXIT
    return error.status if 0 < error.status < 255 and error.status not in _TAKEN_FOR_SUCCESS else _INSTEAD


def diagnosis(error: GoclientError) -> str:
    """Return why a job failed in one short line, the cause first; what is quoted is cut in its middle."""
    first, *others = (one.message for one in error.findings)
    more = f" (and {len(others)} more)" if others else ""
    text, room = hide(printable(first)), LONGEST - len("goclient: ") - len(more)
    if len(text) > room:
        text = _LONG.sub(lambda found: f"{found[0][:_SHOWN]}…{found[0][-_SHOWN:]}", text)
    return f"goclient: {text if len(text) <= room else text[: room - 1] + '…'}{more}"


def write_report(error: GoclientError, home: Path) -> bool:
    """Put the report of a failed job where the pilot looks, so that nobody but root can write it again.

    Return False if there is none: runGen and the pilot report the exit code of a payload themselves.
    """
    if isinstance(error, PayloadError) and error.status is not None:
        return False
    document = {"error_code": int(_code(error)), "error_diag": diagnosis(error)}
    with suppress(OSError):
        replace(home / REPORT, json.dumps(document).encode(), mode=0o444)
        return True
    return False


def _code(error: GoclientError) -> CarrierCode:
    cause = error.error if isinstance(error, TransferFailed) else error
    if isinstance(cause, Interrupted):
        return CarrierCode.STOPPED
    if isinstance(cause, LoginNeeded):
        return CarrierCode.CREDENTIAL
    if isinstance(cause, NodeFault):
        return CarrierCode.NODE
    if isinstance(error, TransferFailed):
        if may_pass(cause):
            return CarrierCode.STAGE_IN_PASSES if error.phase == "stage-in" else CarrierCode.STAGE_OUT_PASSES
        return CarrierCode.STAGE_IN if error.phase == "stage-in" else CarrierCode.STAGE_OUT
    for kind, code in (
        (PayloadError, CarrierCode.PAYLOAD), (EndpointError, CarrierCode.NODE),
        (RequestError, CarrierCode.REQUEST), (UsageError, CarrierCode.REQUEST),
    ):  # fmt: skip
        if isinstance(error, kind):
            return code
    return CarrierCode.GENERAL


def write_metadata(journal: Journal, directory: Path) -> None:
    """Put what the job has transferred beside what its program says there of itself: runGen takes it to the server."""
    path = directory / METADATA
    with suppress(OSError, ValueError, GoclientError, RecursionError):
        found: Any = {}
        if os.path.lexists(path) and not os.path.isfile(path):
            path.unlink()  # runGen would wait for a pipe for ever
        if os.path.lexists(path):
            with open(path, "rb", opener=regular) as one:
                found = json.loads(one.read(_MOST_METADATA))
        if not isinstance(found, dict):
            return
        data = json.dumps({**found, "goclient": {"transfers": _transfers(journal)}}).encode()
        if len(data) <= _MOST_METADATA:
            replace(path, data, mode=0o644)


def _transfers(journal: Journal) -> list[dict[str, Any]]:
    """Return a row for each transfer task, with the keys that ``goclient status`` has."""
    rows = []
    for entry in journal.latest("transfer"):
        done = Transferred.read(entry) or Transferred(0, 0)
        task_id = entry.subjects[1] if len(entry.subjects) == 2 else None
        row = {"task_id": task_id, "phase": entry.key.partition(".")[0], "state": entry.state}
        rows.append({**row, "files": done.files, "bytes": done.bytes})
    return rows
