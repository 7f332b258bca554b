"""PanDA job submission with Globus transfers on the command line.

``goclient.prun(args)`` and ``goclient.pathena(args)`` submit tasks as the commands do, and give back a ``TaskResult``.
"""

TYPE_CHECKING = False  # as type checkers have it; to import typing takes longer than all of this
if TYPE_CHECKING:
    from goclient.tasks.api import TaskResult as TaskResult
    from goclient.tasks.api import pathena as pathena
    from goclient.tasks.api import prun as prun

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """What is loaded only by those who use it."""
    if name not in ("TaskResult", "pathena", "prun"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module("goclient.tasks.api"), name)
    return found
