"""Findings: the judgements of checks, and of whatever raised an error; and the exit codes that they stand for.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Any, Literal, NamedTuple


class ExitCode(IntEnum):
    """Exit codes of all commands; 10, 80 and 90 are panda-client's EC_Config, EC_MyProxy, EC_Submit."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    NO_JOB = 3  # of goclient pilot --once: the queue has no job now
    LOGIN = 4
    JOBS_FAILED = 5  # of goclient advance, and of status --exit-status: a job failed, or was cancelled
    JOBS_RUNNING = 6  # of status --exit-status: none has, and not all are over; of probe: its jobs are not over
    REQUEST = 10
    ENDPOINT = 40
    MYPROXY = 80
    SERVER = 90
    INTERRUPTED = 130


# Of several errors at once, the first of these decides the exit code.
_PRECEDENCE = (
    ExitCode.USAGE,
    ExitCode.REQUEST,
    ExitCode.LOGIN,
    ExitCode.ENDPOINT,
    ExitCode.MYPROXY,
    ExitCode.SERVER,
    ExitCode.UNEXPECTED,
    ExitCode.INTERRUPTED,
    ExitCode.JOBS_FAILED,
    ExitCode.JOBS_RUNNING,
)

SHOWN = 5  # findings of one kind, of thousands of jobs or files maybe

Level = Literal["ok", "warning", "error"]
Login = tuple[tuple[str, str], ...]  # options of ``goclient login``, each with its value


class Finding(NamedTuple):  # a dataclass would load inspect, a quarter of the time that --version takes
    """One judgement: of a check, or of whatever raised an error.

    ``subject`` is what it is about, as typed (an option, an endpoint, a path); ``hint`` is what to type next.
    ``exit_code`` is that of a command which this finding stops.  ``login``: the options of ``goclient login`` that
    mend it, which may be joined with those of other findings by :func:`login_command`; None if another command does.
    """

    level: Level
    code: str
    subject: str
    message: str
    hint: str = ""
    exit_code: ExitCode = ExitCode.DONE
    login: Login | None = None

    @property
    def is_error(self) -> bool:
        """True if it stops a submission."""
        return self.level == "error"

    def as_warning(self) -> Finding:
        """Return the finding, an error as a warning: it stops nothing."""
        return self._replace(level="warning", exit_code=ExitCode.DONE, login=None) if self.is_error else self

    def reword(self, reword: Callable[[str], str]) -> Finding:
        """Return the finding with other words for the same."""
        return self._replace(message=reword(self.message), hint=reword(self.hint))

    def document(self) -> dict[str, Any]:
        """Return the contract's JSON object: level, code, subject, message, hint."""
        return {
            "level": self.level,
            "code": self.code,
            "subject": self.subject,
            "message": self.message,
            "hint": self.hint,
        }


def exit_code(findings: Iterable[Finding]) -> ExitCode:
    """Return the exit code of the errors among the findings, by their precedence; DONE if there are none."""
    return min((one.exit_code for one in findings if one.is_error), key=_PRECEDENCE.index, default=ExitCode.DONE)


def login_command(options: Iterable[tuple[str, str]] = ()) -> str:
    """Return the command line that logs in to Globus with these options, each of which counts once."""
    import shlex  # only a mistake pays for it

    words = ((name, value) if not value.startswith("-") else (f"{name}={value}",) for name, value in options)
    return shlex.join(["goclient", "login", *(word for pair in dict.fromkeys(words) for word in pair)])
