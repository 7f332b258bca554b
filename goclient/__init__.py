"""Submit PanDA jobs whose files Globus transfers.

``Client`` does what the commands do: check, submit, explain; status, watch, page, wait, results; retry, kill, advance;
probe; and what there is about endpoints, credentials, settings and the journal.  ``prun(args)`` and ``pathena(args)``
submit tasks, and give back a ``TaskResult``.  Whatever goes wrong is a ``GoclientError``, with a ``message``, a
``hint``, an ``exit_code`` and ``findings``.
"""

TYPE_CHECKING = False  # as type checkers have it; to import typing takes longer than all of this
if TYPE_CHECKING:
    from goclient.client import Client as Client
    from goclient.errors import EndpointError as EndpointError
    from goclient.errors import GoclientError as GoclientError
    from goclient.errors import Interrupted as Interrupted
    from goclient.errors import LoginNeeded as LoginNeeded
    from goclient.errors import MyproxyError as MyproxyError
    from goclient.errors import PreflightFailed as PreflightFailed
    from goclient.errors import RequestError as RequestError
    from goclient.errors import ServerError as ServerError
    from goclient.errors import Several as Several
    from goclient.errors import UsageError as UsageError
    from goclient.errors.findings import Finding as Finding
    from goclient.errors.sent import ReplyLost as ReplyLost
    from goclient.errors.sent import SentBefore as SentBefore
    from goclient.errors.sent import StillRunning as StillRunning
    from goclient.errors.sent import UnknownJobs as UnknownJobs
    from goclient.model.spec import TransferSpec as TransferSpec
    from goclient.preflight.base import Report as Report
    from goclient.submission import Submission as Submission
    from goclient.tasks.api import TaskResult as TaskResult
    from goclient.tasks.api import pathena as pathena
    from goclient.tasks.api import prun as prun

__version__ = "0.1.0"

# Each name and the module that has it, loaded when the name is first used: importing goclient costs nothing.
_PUBLIC = {
    "Client": "goclient.client",
    "Report": "goclient.preflight.base",
    "Submission": "goclient.submission",
    "TransferSpec": "goclient.model.spec",
    **dict.fromkeys(("TaskResult", "pathena", "prun"), "goclient.tasks.api"),
    **dict.fromkeys(
        (
            "EndpointError",
            "GoclientError",
            "Interrupted",
            "LoginNeeded",
            "MyproxyError",
            "PreflightFailed",
            "RequestError",
            "ServerError",
            "Several",
            "UsageError",
        ),
        "goclient.errors",
    ),
    "Finding": "goclient.errors.findings",
    **dict.fromkeys(("ReplyLost", "SentBefore", "StillRunning", "UnknownJobs"), "goclient.errors.sent"),
}
__all__ = [*_PUBLIC]


def __getattr__(name: str) -> object:
    """Load a public name when it is first used."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # a command line loads the modules that it needs itself

    found: object = getattr(import_module(_PUBLIC[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted([*_PUBLIC, "__version__"])
