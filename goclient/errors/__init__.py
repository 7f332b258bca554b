"""Errors fit to show: the families by exit code, and several errors at once.  Conditions are in ``conditions.py``.

Whatever goes wrong in goclient is raised as a :class:`GoclientError`, is caught in one place (``cli/run.py``) and
printed there.  The message quotes the value that is wrong; the hint says what to type next.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from goclient.errors.findings import ExitCode, Finding, Login, exit_code, login_command
from goclient.secrets import hide

if TYPE_CHECKING:
    from typing import Self  # Python 3.11: this code travels to worker nodes, which have 3.9


class GoclientError(Exception):
    """An error fit to show, and immutable: it holds one :class:`Finding`, or several (:class:`Several`).

    No credential that the process holds is in its message or hint, whatever a service echoed.
    ``transient`` is True if the same call may succeed later without a change.
    ``extra`` are the keys that the error's JSON document has beside ``error``.
    """

    exit_code = ExitCode.UNEXPECTED
    code = "unexpected"

    def __init__(  # noqa: PLR0913  # what a finding has beside its message
        self,
        message: str,
        *,
        hint: str = "",
        code: str = "",
        subject: str = "",
        transient: bool = False,
        login: Login | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(hide(message))
        # Not the class's exit code: an error that holds several findings has that of the first by precedence.
        self.finding = Finding(
            "error", code or type(self).code, subject, hide(message), hide(hint), self.exit_code, login
        )
        self.code = self.finding.code
        self.transient = transient
        self.extra: Mapping[str, Any] = {} if extra is None else extra

    def __setattr__(self, name: str, value: object) -> None:
        if name in _FIXED and name in self.__dict__:
            raise AttributeError(f"an error is not edited: replace() makes another one with a new {name}")
        super().__setattr__(name, value)

    @property
    def message(self) -> str:
        """Problem, with the value."""
        return self.finding.message

    @property
    def hint(self) -> str:
        """Command or words to type next, or the empty string."""
        return self.finding.hint

    @property
    def subject(self) -> str:
        """Subject as typed: an option, an endpoint, a path."""
        return self.finding.subject

    @property
    def login(self) -> Login | None:
        """Options of ``goclient login`` that mend it, None if it takes another command."""
        return self.finding.login

    @property
    def parts(self) -> tuple[GoclientError, ...]:
        """Single errors that this one consists of: itself, unless it is :class:`Several`."""
        return (self,)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Findings that it holds, one for each part."""
        return tuple(part.finding for part in self.parts)

    def replace(
        self,
        *,
        message: str | None = None,
        hint: str | None = None,
        code: str | None = None,
        subject: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Self:
        """Return an error of the same class and cause, with the values given in place of its own."""
        finding = self.finding._replace(
            message=self.message if message is None else hide(message),
            hint=self.hint if hint is None else hide(hint),
            code=self.code if code is None else code,
            subject=self.subject if subject is None else subject,
        )
        made = type(self).__new__(type(self))
        Exception.__init__(made, finding.message)
        made.__dict__.update(self.__dict__, finding=finding, code=finding.code)
        if extra is not None:
            made.__dict__["extra"] = extra
        made.__cause__, made.__suppress_context__ = self.__cause__, self.__suppress_context__
        return made.with_traceback(self.__traceback__)

    def reword(self, reword: Callable[[str], str]) -> GoclientError:
        """Return the error with other words for the same: ``reword`` makes them of its messages and hints."""
        return self.replace(message=reword(self.message), hint=reword(self.hint))


_FIXED = frozenset({"finding", "code", "exit_code", "transient", "args"})


class UsageError(GoclientError):
    """One option as typed is wrong: unknown, twice, empty, not a number, out of range."""

    exit_code = ExitCode.USAGE
    code = "usage"


class LoginNeeded(GoclientError):
    """A login or a consent is missing; the hint holds the command that gives it."""

    exit_code = ExitCode.LOGIN
    code = "login-needed"

    @classmethod
    def to_globus(
        cls, message: str, *, options: Iterable[tuple[str, str]] = (), code: str = "", subject: str = ""
    ) -> Self:
        """Return the error that ``goclient login`` with these options, each with its value, mends."""
        login = tuple(dict.fromkeys(options))
        return cls(message, hint=f"type: {login_command(login)}", code=code, subject=subject, login=login)


class RequestError(GoclientError):
    """Values whose meaning is wrong: paths, lists, widths, combinations, configuration."""

    exit_code = ExitCode.REQUEST
    code = "request"


class EndpointError(GoclientError):
    """An endpoint, a path or a permission is wrong, or a transfer failed."""

    exit_code = ExitCode.ENDPOINT
    code = "endpoint"


class MyproxyError(GoclientError):
    """A certificate, a MyProxy server or what is deposited there is wrong."""

    exit_code = ExitCode.MYPROXY
    code = "myproxy"


class ServerError(GoclientError):
    """PanDA server refused, could not be reached, or did not say what it did."""

    exit_code = ExitCode.SERVER
    code = "server"


class Interrupted(GoclientError):
    """User, or the batch system, stopped the command."""

    exit_code = ExitCode.INTERRUPTED
    code = "interrupted"


class _Joined(GoclientError):
    """Holds several findings: its words are those of the errors among them, its exit code the first by precedence."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self._findings = tuple(findings)
        self.exit_code = exit_code(self._findings)
        errors = [one for one in self._findings if one.is_error]
        first = next(one for one in errors if one.exit_code == self.exit_code)
        message = "; ".join(one.message for one in errors)
        super().__init__(message, hint=first.hint, code=first.code, subject=first.subject)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All that was found, in order, warnings included."""
        return self._findings

    def replace(self, **new: Any) -> Self:
        """Return the same findings; in new words, the errors among them are one."""
        made = super().replace(**new)
        if made.finding != self.finding:
            rest = (one for one in self._findings if not one.is_error)
            made.__dict__.update(_findings=(*rest, made.finding), _parts=(made,))
        return made


class PreflightFailed(_Joined):
    """A check found what would fail."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        super().__init__(findings)
        self.extra = {"findings": [one.document() for one in self.findings]}

    def reword(self, reword: Callable[[str], str]) -> GoclientError:
        """Return the error with other words for each of its findings."""
        return PreflightFailed(one.reword(reword) for one in self.findings)


class Several(_Joined):
    """More than one error, reported together; what two parts of the program say in the same words is said once."""

    def __init__(self, errors: Iterable[GoclientError]) -> None:
        found = [part for error in errors for part in error.parts]
        self._parts = tuple({(part.message, part.hint): part for part in reversed(found)}.values())[::-1]
        super().__init__(part.finding for part in self._parts)

    @property
    def parts(self) -> tuple[GoclientError, ...]:
        """Single errors, in the order in which they were found."""
        return self._parts

    def reword(self, reword: Callable[[str], str]) -> GoclientError:
        """Return the error with other words for each of its parts."""
        return Several(part.reword(reword) for part in self._parts)


class TransferFailed(_Joined):
    """A transfer of a job failed: ``error`` in its ``phase``, which its messages and codes begin with."""

    def __init__(self, phase: str, error: GoclientError) -> None:
        self.phase = phase
        self.error = error
        super().__init__(
            one._replace(message=f"{phase}: {one.message}", code=f"{phase}:{one.code}") for one in error.findings
        )


_OF_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}


def choose_write_error(error: OSError) -> type[GoclientError]:
    """Return the class of the error that tells of it: whether the name of the file is wrong, or the machine fails."""
    return GoclientError if error.errno in _OF_MACHINE else RequestError


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
    """Raise the only error, or all of them as :class:`Several`; do nothing if there are none."""
    found = tuple(errors)
    if len(found) == 1:
        raise found[0]
    if found:
        raise Several(found)
