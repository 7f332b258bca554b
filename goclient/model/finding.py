"""One judgement of a check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from goclient.errors import GoclientError

Level = Literal["ok", "warning", "error"]
TO_DEPOSIT = "myproxy-to-deposit"  # the code of the finding that a deposit has to be made, and will be


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found about ``subject``; ``error`` is what it raised, if its level is error."""

    level: Level
    code: str
    subject: str
    message: str
    hint: str = ""
    error: GoclientError | None = None

    @classmethod
    def failed(cls, error: GoclientError) -> Finding:
        """The finding that an error makes."""
        return cls("error", error.code, error.subject, error.message, error.hint, error)

    def document(self) -> dict[str, Any]:
        """The contract's JSON object: level, code, subject, message, hint."""
        return {
            "level": self.level,
            "code": self.code,
            "subject": self.subject,
            "message": self.message,
            "hint": self.hint,
        }
