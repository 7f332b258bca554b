"""Errors that code branches on: one class for each condition, in the family whose exit code it has.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

from goclient.errors import EndpointError, GoclientError, LoginNeeded, RequestError, UsageError
from goclient.errors.wording import quote


class UntakenWord(UsageError):
    """A word that no option takes, or an unknown option; ``option`` is the option that it may have been, or empty."""

    def __init__(self, message: str, *, hint: str, code: str, subject: str, option: str) -> None:
        super().__init__(message, hint=hint, code=code, subject=subject)
        self.option = option


class UnknownOption(UntakenWord):
    """An option that the command does not have."""

    code = "unknown-option"


class NotLoggedIn(LoginNeeded):
    """Nobody is logged in to Globus."""

    code = "not-logged-in"


class ConsentNeeded(LoginNeeded):
    """A consent to use a collection's data is missing."""

    code = "consent-needed"


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
    """Lists do not go together, such as three destinations for two sources, or have nothing that is to be dealt."""

    code = "list-rule"


class OutputNotNamed(ListRuleError):
    """A directory for the output is given, and no output."""


class UnreadWord(RequestError):
    """A word cannot be read, so that nothing is known of the list that it gives."""


class EndpointNotFound(EndpointError):
    """No endpoint has this id or name, as far as the identity that asks can see."""

    code = "endpoint-not-found"


class AmbiguousEndpoint(EndpointError):
    """Several endpoints have this name."""

    code = "ambiguous-endpoint"


class NodeFault(EndpointError):
    """A node cannot do what a job needs, and another one may: nothing of the job is wrong."""


class PathNotFound(EndpointError):
    """Nothing is at a path."""

    code = "path-not-found"


class PathExists(EndpointError):
    """Something is at a path where nothing may be."""

    code = "exists"

    @classmethod
    def by_now(cls, path: object) -> PathExists:
        """Return the error of a path at which nothing was when the job was submitted."""
        hint = "submit again with another destination, or with --goOverwrite"
        return cls(f"{quote(path)} exists by now, and would be overwritten", hint=hint, subject=str(path))


class NotADirectory(EndpointError):
    """A path is not a directory."""

    code = "not-a-directory"

    @classmethod
    def from_path(cls, path: object) -> NotADirectory:
        """Return the error of a file that was typed as a directory."""
        return cls(f"{quote(path)}: it is a file, not a directory", hint="leave out the final /", subject=str(path))


class TooLarge(EndpointError):
    """A directory has too many entries to be listed."""

    code = "too-large"


class PermissionDenied(EndpointError):
    """Roles, rules or the storage of a collection deny a path."""

    code = "permission"


class StorageDenied(PermissionDenied):
    """Storage behind a collection denies a path, which says nothing of the paths below it."""


class Disconnected(EndpointError):
    """Globus Connect Personal does not run at a collection, which may be so until somebody starts that computer."""

    code = "disconnected"


class GlobusSilent(EndpointError):
    """Globus gave no answer, and may or may not have done what it was asked to do."""


class GlobusTimeout(GlobusSilent):
    """Globus did not answer in time."""

    code = "globus-timeout"


class GlobusUnreachable(GlobusSilent):
    """Globus could not be reached, or the connection broke."""

    code = "globus-unreachable"


class TooManyTasks(EndpointError):
    """An identity has as many transfer tasks that are not done as Globus lets it have."""

    code = "too-many-tasks"


class StaleAttempt(EndpointError):
    """A later attempt of the same job is there, so that this one must not touch anything any more."""

    code = "stale-attempt"


class CertificateRefused(EndpointError):
    """A server that holds files does not accept the user's certificate or proxy."""


class NotMapped(EndpointError):
    """A server that holds files has no account for the user's DN."""


class SessionClosed(EndpointError):
    """A server that holds files closed the connection."""


class ServerFailed(EndpointError):
    """A server that holds files says that it has failed, which may pass or not."""

    code = "server-failed"


class ChecksumDiffers(EndpointError):
    """Content that was read or written differs from that at its server, in size or checksum."""

    code = "checksum"


class SourceChanged(EndpointError):
    """A file was changed while it was copied."""

    code = "changed"


class LeftForGood(EndpointError):
    """Hidden directories of a job that stay at a server, because nobody can ask it for the job's owner any more."""

    code = "left"


class SandboxRuns(GoclientError):
    """A sandbox runs in the directory already."""

    code = "runs-already"


def may_pass(error: GoclientError) -> bool:
    """Return True if the same work, done anew, may succeed: all that went wrong passes, or was an accident."""
    return all(part.transient or isinstance(part, (ChecksumDiffers, SourceChanged)) for part in error.parts)
