"""Findings, and every error a user can meet: what is wrong, what to do next, and the exit code.

Whatever goes wrong in goclient is raised as a :class:`GoclientError`, is caught in one place
(``cli/run.py``) and printed there.  The message quotes the value that is wrong; the hint says what
to type next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from goclient.secrets import hidden

if TYPE_CHECKING:
    from typing import Self  # Python 3.11: this code travels to worker nodes, which have 3.9


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

    def document(self) -> dict[str, Any]:
        """Return the contract's JSON object: level, code, subject, message, hint."""
        return {
            "level": self.level,
            "code": self.code,
            "subject": self.subject,
            "message": self.message,
            "hint": self.hint,
        }


class MissingDirectory(Finding):
    """Warn that a directory of a destination does not exist yet."""

    __slots__ = ()


def exit_code(findings: Iterable[Finding]) -> ExitCode:
    """Return the exit code of the errors among the findings, by their precedence; DONE if there are none."""
    return min((one.exit_code for one in findings if one.is_error), key=_PRECEDENCE.index, default=ExitCode.DONE)


class GoclientError(Exception):
    """An error fit to show, and immutable: it holds one :class:`Finding`, or several (:class:`Several`).

    No credential that the process holds is in its message or hint, whatever a service echoed.
    ``transient`` is True if the same call may succeed later without a change.
    ``extra`` are the keys that the error's JSON document has beside ``error``.
    """

    exit_code = ExitCode.UNEXPECTED
    code = "unexpected"

    def __init__(
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
        super().__init__(hidden(message))
        kind = type(self)
        self.finding = Finding(
            "error", code or kind.code, subject, hidden(message), hidden(hint), kind.exit_code, login
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
        """What is wrong, with the value."""
        return self.finding.message

    @property
    def hint(self) -> str:
        """What to type next, or the empty string."""
        return self.finding.hint

    @property
    def subject(self) -> str:
        """What it is about, as typed."""
        return self.finding.subject

    @property
    def login(self) -> Login | None:
        """The options of ``goclient login`` that mend it, None if it takes another command."""
        return self.finding.login

    @property
    def parts(self) -> tuple[GoclientError, ...]:
        """The single errors that this one consists of: itself, unless it is :class:`Several`."""
        return (self,)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings that it holds, one for each part."""
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
            message=self.message if message is None else hidden(message),
            hint=self.hint if hint is None else hidden(hint),
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


_FIXED = frozenset({"finding", "code", "exit_code", "transient", "args"})


class UsageError(GoclientError):
    """One option as typed is wrong: unknown, twice, empty, not a number, out of range."""

    exit_code = ExitCode.USAGE
    code = "usage"


class UntakenWord(UsageError):
    """A word that no option takes, or an unknown option; ``meant`` is the option that it may have been, or empty."""

    def __init__(self, message: str, *, hint: str, code: str, subject: str, meant: str) -> None:
        super().__init__(message, hint=hint, code=code, subject=subject)
        self.meant = meant


class UnknownOption(UntakenWord):
    """An option that the command does not have."""

    code = "unknown-option"


class RepeatedOption(UsageError):
    """An option that may be given once is given again."""

    code = "twice"


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


class NotLoggedIn(LoginNeeded):
    """Nobody is logged in to Globus."""

    code = "not-logged-in"


class ConsentNeeded(LoginNeeded):
    """A consent to use a collection's data is missing."""

    code = "consent-needed"


class RequestError(GoclientError):
    """What the values mean is wrong: paths, lists, widths, combinations, configuration."""

    exit_code = ExitCode.REQUEST
    code = "request"


class NotALocation(RequestError):
    """A text is not a location, or names one that cannot be."""

    code = "location"


class NotAName(RequestError):
    """A text is not the name of a file in the job's directory."""

    code = "name"


class UnbalancedQuote(RequestError):
    """A text cannot be split into words, because a quote has no end."""

    code = "unbalanced-quote"


class ListRuleError(RequestError):
    """Two lists do not go together, such as three destinations for two sources."""

    code = "list-rule"


class UnreadWord(RequestError):
    """A word cannot be read, so that nothing is known of the list that it gives."""


class EndpointError(GoclientError):
    """An endpoint, a path or a permission is wrong, or a transfer failed."""

    exit_code = ExitCode.ENDPOINT
    code = "endpoint"


class EndpointNotFound(EndpointError):
    """No endpoint has this id or name, as far as the identity that asks can see."""

    code = "endpoint-not-found"


class AmbiguousEndpoint(EndpointError):
    """Several endpoints have this name."""

    code = "ambiguous-endpoint"


class PathNotFound(EndpointError):
    """Nothing is at a path."""

    code = "path-not-found"


class PathExists(EndpointError):
    """Something is at a path where nothing may be."""

    code = "exists"


class NotADirectory(EndpointError):
    """A path is not a directory."""

    code = "not-a-directory"


class TooLarge(EndpointError):
    """A directory has too many entries to be listed."""

    code = "too-large"


class PermissionDenied(EndpointError):
    """The roles, the rules or the storage of a collection deny a path."""

    code = "permission"


class StorageDenied(PermissionDenied):
    """The storage behind a collection denies a path, which says nothing of the paths below it."""


class GlobusSilent(EndpointError):
    """Globus gave no answer, and may or may not have done what it was asked to do."""


class GlobusTimeout(GlobusSilent):
    """Globus did not answer in time."""

    code = "globus-timeout"


class GlobusUnreachable(GlobusSilent):
    """Globus could not be reached, or the connection broke."""

    code = "globus-unreachable"


class MyproxyError(GoclientError):
    """A certificate, a MyProxy server or what is deposited there is wrong."""

    exit_code = ExitCode.MYPROXY
    code = "myproxy"


class IdentityError(MyproxyError):
    """The user's certificate, key or proxy cannot be used, at no server."""

    code = "identity"


class IdentityRefused(MyproxyError):
    """A MyProxy server does not accept the user's certificate."""

    code = "myproxy-identity-refused"


class ConnectionClosed(MyproxyError):
    """A MyProxy server closed the connection."""

    code = "myproxy-closed"


class NoDeposit(MyproxyError):
    """Nothing of the user is deposited where it was looked for."""

    code = "myproxy-none"


class LifetimeTooLong(MyproxyError):
    """A deposit would last longer than its certificate, or than the server allows: ``allowed`` hours, if it says so."""

    code = "myproxy-lifetime"

    def __init__(
        self, message: str, *, hint: str, subject: str = "", allowed: int | None = None, **more: Any
    ) -> None:  # ``more`` as for any other error
        super().__init__(message, hint=hint, subject=subject, **more)
        self.allowed = allowed


class ServerError(GoclientError):
    """The PanDA server refused, could not be reached, or did not say what it did."""

    exit_code = ExitCode.SERVER
    code = "server"


class SandboxRuns(GoclientError):
    """A sandbox runs in the directory already."""

    code = "runs-already"


class ReplyLost(ServerError):
    """The request may have reached the server, but its answer is unknown: never send it again."""

    code = "reply-lost"


class StillRunning(GoclientError):
    """Jobs are not done after the time that somebody was ready to wait; ``panda_ids`` are their numbers."""

    code = "still-running"

    def __init__(self, panda_ids: Iterable[int]) -> None:
        self.panda_ids = tuple(panda_ids)
        jobs = f"{len(self.panda_ids)} job{'s are' if len(self.panda_ids) > 1 else ' is'}"
        message = f"{jobs} not done yet: PandaID {', '.join(map(str, self.panda_ids))}"
        super().__init__(message, hint="wait again, or look with: goclient status", transient=True)


class Interrupted(GoclientError):
    """The user, or the batch system, stopped the command."""

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


class PreflightFailed(_Joined):
    """A check found what would fail."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        super().__init__(findings)
        self.extra = {"findings": [one.document() for one in self.findings]}


class Several(_Joined):
    """More than one error, reported together; what two parts of the program say in the same words is said once."""

    def __init__(self, errors: Iterable[GoclientError]) -> None:
        found = [part for error in errors for part in error.parts]
        self._parts = tuple({(part.message, part.hint): part for part in reversed(found)}.values())[::-1]
        super().__init__(part.finding for part in self._parts)

    @property
    def parts(self) -> tuple[GoclientError, ...]:
        """The single errors, in the order in which they were found."""
        return self._parts


class TransferFailed(_Joined):
    """A transfer of a job failed: ``error`` in its ``phase``, which its messages and codes begin with."""

    def __init__(self, phase: str, error: GoclientError) -> None:
        self.phase = phase
        self.error = error
        super().__init__(
            one._replace(message=f"{phase}: {one.message}", code=f"{phase}:{one.code}") for one in error.findings
        )


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


def counted(number: int, noun: str) -> str:
    """Return the number with its noun, as in ``1 file`` or ``2 files``."""
    return f"{number} {noun}{'s' * (number != 1)}"


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
