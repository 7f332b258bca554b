"""Judge what became of a payload, as pilot 3 does: only what it left behind counts.

The codes and texts are those of pilot/common/errorcodes.py and control/payload.py, pilots 3.7.0.36 and 3.11.5.1.
"""

from __future__ import annotations

import json
import re
import signal
from dataclasses import asdict, dataclass
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

STDOUT, STDERR, REPORT = "payload.stdout", "payload.stderr", "payload_error_report.json"
CRITICAL = "CRITICAL"
WIDTH = 256  # of a diagnosis that is not cut
FAILED, UNKNOWN, NO_PROGRAM, NO_OUTPUT, BY_SIGNAL, BY_SERVER = 1305, 1315, 1149, 1165, 1201, 1144
NO_INPUT = 1099
CODES = {2: 1378, 3: 1368, 251: UNKNOWN}  # of a transformation that says no more than its exit code, since 3.11
OLD_CODES = {251: UNKNOWN}
TEXTS = {
    FAILED: "Failed to execute payload",
    UNKNOWN: "Unknown transform failure",
    NO_PROGRAM: "Transform could not be downloaded",
    NO_INPUT: "Failed to stage-in file",
    NO_OUTPUT: "Local output file is missing",
    BY_SERVER: "This job was killed by panda server",
}
_SAID = (r"ERROR\s*:\s*(.*)", r"Error\s*:\s*(.*)", r"error\s*:\s*(.*)", r"[Ww](?:ARNING|arning)\s*:\s*(.*)")


class Version(StrEnum):
    """Pilots that differ in what they make of a payload, and in what they log."""

    OLD = "3.7"  # knows no payload_error_report.json, and logs no secrets
    NEW = "3.11"


class Killer(Enum):
    """Cause of the end of a payload before its time."""

    NOBODY = 0
    SERVER = 1
    BATCH = 2


@dataclass(frozen=True, slots=True)
class Ending:
    """End of a payload: its exit code, below 0 for a signal."""

    code: int
    killer: Killer = Killer.NOBODY


@dataclass(frozen=True, slots=True)
class Verdict:
    """Report of the pilot of the end of a job, under the names of ``updateJob``."""

    state: str
    transExitCode: int = 0
    pilotErrorCode: int = 0
    pilotErrorDiag: str = ""
    exeErrorCode: int = 0
    exeErrorDiag: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


def fail(code: int, text: str = "", *, trans: int = 0) -> Verdict:
    """Return the verdict of a job that failed with an error of the pilot's, worded as ``format_diagnostics`` does."""
    standard = TEXTS.get(code, "")
    if not (standard and text):
        return Verdict("failed", trans, code, text or standard)
    told = f"{standard}:"
    told += text if len(told) + len(text) <= WIDTH else text[: WIDTH + len(told)]
    return Verdict("failed", trans, code, re.sub(":+", ":", told) if "::" in told else told)


def judge(ending: Ending, directory: Path, version: Version) -> Verdict:
    """Return the verdict over a payload that ended in this directory."""
    if ending.killer is Killer.SERVER:
        return fail(BY_SERVER)
    if ending.killer is Killer.BATCH or (ending.code < 0 and version is Version.NEW):
        number = signal.SIGTERM if ending.killer is Killer.BATCH else signal.Signals(-ending.code)
        return fail(BY_SIGNAL, f"Job killed by signal: {number.name}")
    trans = ending.code % 255
    if version is Version.NEW and (report := _read_report(directory)):
        code, text = report
        return Verdict("failed", trans, FAILED, text, code, text)
    if not ending.code:
        return Verdict("finished")
    known = CODES if version is Version.NEW else OLD_CODES
    code = known.get(ending.code, FAILED)
    return fail(code, find_reason(directory), trans=trans)


def _read_report(directory: Path) -> tuple[int, str] | None:
    """Return the code and the text of the payload's own report, None if there is none that counts."""
    try:
        report = json.loads((directory / REPORT).read_text())
        code, text = int(report["error_code"]), str(report["error_diag"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return (code, text) if code else None


def find_reason(directory: Path) -> str:
    """Return what a payload says of its failure: its first critical line, else the first error on stderr."""
    with open(directory / STDOUT, errors="replace") as file:
        for line in file:
            if CRITICAL in line:
                return line.rstrip("\n")
    errors = (directory / STDERR).read_text(errors="replace")
    if "command not found" in errors:
        return errors
    return next((found[1] for pattern in _SAID if (found := re.search(pattern, errors))), "")
