"""Carried jobs, which bring their own transfers: goclient's pilot treats them as the pilots of sites do (pilot 3)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from goclient.files.private import replace

SECRETS = "panda_secrets.json"  # where they put all secrets of the job's user (control/job.py)
_VERSION = "3.7.6.6"  # of PanDA's pilot, whose rules this one follows: a report fails the job, whatever the exit code


def site_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of such a job, which tells it how this pilot judges, not another one around it."""
    return {**env, "PILOT_VERSION": _VERSION}


def hand_out(secrets: str, directory: Path) -> None:
    """Put the secrets of a job's user into its directory."""
    replace(directory / SECRETS, secrets.encode())
