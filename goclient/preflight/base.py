"""The values that cross the preflight's border: the options that a user gives it, and its report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from goclient.errors import ExitCode, Finding, exit_code
from goclient.model.spec import TransferSpec


@dataclass(frozen=True, slots=True)
class PreflightOptions:
    """Say how thorough the checks are, and what they may do.

    ``make_directories``: make those that are missing at a destination, with ``make_numbered`` also those whose names
    have placeholders.  ``allow_personal``: files may go between two Globus Connect Personal endpoints.
    ``pilot_identity``: the id or user name of the pilot's Globus identity, if it is known.  ``probe``: make a directory
    at each destination, and remove it.  ``hours``: how long the login should last.  ``seconds``: the time-out of all
    checks together.  ``pilot``: the DN that retrieves the proxy of a MyProxy account.  ``deposit``: the submission
    makes the deposit if it is missing.
    """

    make_directories: bool = False
    make_numbered: bool = True
    allow_personal: bool = False
    pilot_identity: str | None = None
    probe: bool = False
    hours: int = 24
    seconds: float = 30.0
    pilot: str | None = None
    deposit: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """Hold what the checks found, and the spec with its endpoints resolved.

    ``deposit_due``: a proxy has to be deposited at the spec's MyProxy account before the job is sent.
    """

    spec: TransferSpec
    findings: tuple[Finding, ...]
    deposit_due: bool = False

    @property
    def ok(self) -> bool:
        """True if no finding is an error."""
        return not any(one.is_error for one in self.findings)

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the worst finding."""
        return exit_code(self.findings)

    def document(self) -> dict[str, Any]:
        """Return the contract's JSON object: ok, findings."""
        return {"ok": self.ok, "findings": [one.document() for one in self.findings]}
