"""Every error a user can meet: what is wrong, what to do next, and the exit code.

Whatever goes wrong in goclient is raised as a :class:`GoclientError`, is caught in one place
(``cli/run.py``) and printed there.  The message quotes the value that is wrong; the hint says what
to type next.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from types import TracebackType
from typing import Any

from goclient.secrets import hidden


class ExitCode(IntEnum):
    """The exit codes of all commands; 10, 80 and 90 are panda-client's EC_Config, EC_MyProxy, EC_Submit."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    LOGIN = 4
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
)


class GoclientError(Exception):
    """An error fit to show: ``message``, ``hint``, ``code`` (for programs), ``exit_code``, ``transient``.

    No credential that the process holds is in its message or hint, whatever a service echoed.
    ``subject`` is what the error is about, as typed (an option, an endpoint, a path).
    ``transient`` is True if the same call may succeed later without a change.
    ``extra`` are the keys that the error's JSON document has beside ``error``.
    """

    exit_code = ExitCode.UNEXPECTED
    code = "unexpected"

    def __init__(
        self, message: str, *, hint: str = "", code: str = "", subject: str = "", transient: bool = False
    ) -> None:
        super().__init__(hidden(message))
        self.message = hidden(message)
        self.hint = hidden(hint)
        self.code = code or type(self).code
        self.subject = subject
        self.transient = transient
        self.extra: dict[str, Any] = {}

    @property
    def parts(self) -> tuple[GoclientError, ...]:
        """The single errors that this one consists of: itself, unless it is :class:`Several`."""
        return (self,)


class UsageError(GoclientError):
    """One option as typed is wrong: unknown, twice, empty, not a number, out of range."""

    exit_code = ExitCode.USAGE
    code = "usage"


class UntakenWord(UsageError):
    """A word that no option takes, or an unknown option; ``meant`` is the option that it may have been, or empty."""

    def __init__(self, message: str, *, hint: str, code: str, subject: str, meant: str) -> None:
        super().__init__(message, hint=hint, code=code, subject=subject)
        self.meant = meant


class LoginNeeded(GoclientError):
    """A login or a consent is missing; the hint holds the command that gives it.

    ``login``: the options of ``goclient login`` that give it, which may be joined with those of other errors by
    :func:`login_command`; None if it takes another command.
    """

    exit_code = ExitCode.LOGIN
    code = "login-needed"
    login: tuple[tuple[str, str], ...] | None = None

    @classmethod
    def to_globus(
        cls, message: str, *, options: Iterable[tuple[str, str]] = (), code: str = "", subject: str = ""
    ) -> LoginNeeded:
        """The error of somebody whom ``goclient login`` with these options, each with its value, helps."""
        login = tuple(dict.fromkeys(options))
        error = cls(message, hint=f"type: {login_command(login)}", code=code, subject=subject)
        error.login = login
        return error


class RequestError(GoclientError):
    """What the values mean is wrong: paths, lists, widths, combinations, configuration."""

    exit_code = ExitCode.REQUEST
    code = "request"


class EndpointError(GoclientError):
    """An endpoint, a path or a permission is wrong, or a transfer failed."""

    exit_code = ExitCode.ENDPOINT
    code = "endpoint"


class StorageDenied(EndpointError):
    """The storage behind a collection denies a path, which says nothing of the paths below it."""

    code = "permission"


class MyproxyError(GoclientError):
    """A certificate, a MyProxy server or what is deposited there is wrong."""

    exit_code = ExitCode.MYPROXY
    code = "myproxy"


class ServerError(GoclientError):
    """The PanDA server refused, could not be reached, or did not say what it did."""

    exit_code = ExitCode.SERVER
    code = "server"


class SandboxRuns(GoclientError):
    """A sandbox runs in the directory already."""

    code = "runs-already"


class Interrupted(GoclientError):
    """The user, or the batch system, stopped the command."""

    exit_code = ExitCode.INTERRUPTED
    code = "interrupted"


class Several(GoclientError):
    """More than one error, reported together; the exit code is the first in order of precedence.

    What two parts of the program say in the same words is said once.
    """

    def __init__(self, errors: Iterable[GoclientError]) -> None:
        found = [part for error in errors for part in error.parts]
        self.exit_code = min((part.exit_code for part in found), key=_PRECEDENCE.index)
        first = next(part for part in found if part.exit_code == self.exit_code)
        self._parts = tuple({(part.message, part.hint): part for part in reversed(found)}.values())[::-1]
        super().__init__(
            "; ".join(part.message for part in self._parts), hint=first.hint, code=first.code, subject=first.subject
        )

    @property
    def parts(self) -> tuple[GoclientError, ...]:
        """The single errors, in the order in which they were found."""
        return self._parts


class Collector:
    """Keeps the errors that its ``with`` blocks raise, so that they are reported together."""

    def __init__(self, errors: Iterable[GoclientError] = ()) -> None:
        self.errors = list(errors)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, GoclientError):
            self.errors.append(error)
            return True
        return False


def raise_all(errors: Iterable[GoclientError]) -> None:
    """None if there are no errors; raises the only one, or all of them as :class:`Several`."""
    found = tuple(errors)
    if len(found) == 1:
        raise found[0]
    if found:
        raise Several(found)


def login_command(options: Iterable[tuple[str, str]] = ()) -> str:
    """The command line that logs in to Globus with these options, each of which counts once."""
    import shlex  # only a mistake pays for it

    words = ((name, value) if not value.startswith("-") else (f"{name}={value}",) for name, value in options)
    return shlex.join(["goclient", "login", *(word for pair in dict.fromkeys(words) for word in pair)])


def quoted(value: object, limit: int = 200) -> str:
    """Return the value in double quotes on one line, control characters escaped, cut after ``limit`` characters."""
    return f'"{said(value, limit)}"'


def said(value: object, limit: int = 600) -> str:
    """Return what somebody else wrote, without quotes, on one line, cut after ``limit`` characters."""
    text = hidden(str(value))  # before it is cut: half a credential is not recognised
    return printable(text if len(text) <= limit else text[:limit] + "…")


def printable(text: str) -> str:
    """The text with what does not print, such as control characters, written as an escape."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def innermost(error: BaseException) -> str:
    """The words of the error at the bottom of a chain, which are the ones that say something."""
    for _ in range(20):
        inside = [
            getattr(error, "reason", None),
            getattr(error, "underlying_exception", None),
            error.__cause__,
            *error.args,
        ]
        below = next((one for one in inside if isinstance(one, BaseException)), None)
        if below is None:
            break
        error = below
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
