"""Carried jobs, which bring their own transfers: goclient's pilot treats them as the pilots of sites do (pilot 3)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from goclient.carrier.report import REPORT
from goclient.errors.wording import said
from goclient.files.private import regular, replace
from goclient.model.records.answers import MAX_DIAGNOSIS
from goclient.node.payload import PayloadError

SECRETS = "panda_secrets.json"  # where they put all secrets of the job's user (control/job.py)
_VERSION = "3.7.6.6"  # of PanDA's pilot, whose rules this one follows: a report fails the job, whatever the exit code
_MOST = 1 << 16  # bytes of a report


def site_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of such a job, which tells it how this pilot judges, not another one around it."""
    return {**env, "PILOT_VERSION": _VERSION}


def hand_out(secrets: str, directory: Path) -> None:
    """Put the secrets of a job's user into its directory."""
    replace(directory / SECRETS, secrets.encode())


@contextmanager
def reported(directory: Path) -> Iterator[None]:
    """Run the body, which runs the job; raise what the job reports of its failure, whatever its exit code is."""
    try:
        yield
    except PayloadError as error:
        if (reason := _reason(directory)) is None:
            raise
        raise PayloadError(reason, status=error.status) from error
    if (reason := _reason(directory)) is not None:
        raise PayloadError(reason)


def _reason(directory: Path) -> str | None:
    """Return why a job has failed, as its report says; None if it reports no failure (control/payload.py)."""
    with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        with open(directory / REPORT, "rb", opener=regular) as file:
            found = json.loads(file.read(_MOST))
        if found["error_code"] and isinstance(found["error_diag"], str):
            return said(found["error_diag"], MAX_DIAGNOSIS)
    return None
