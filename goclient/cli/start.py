"""Programs ``goclient`` and ``sendJob``: from its first line to its last, Ctrl-C ends one without a traceback.

At first it ends the process at once: nothing was done yet.  Once a command runs it raises KeyboardInterrupt, which
``run.py`` catches, but never in the middle of an import: Python turns it into other errors there.  The programs
(``_goclient.py``) block SIGINT until this module is loaded.
"""

from __future__ import annotations

import _signal  # signal itself makes enumerations first, which takes as long as all else here
import atexit
import gc
import os
import sys

from goclient import __version__
from goclient.cli.interrupts import end_at_once

TYPE_CHECKING = False  # as type checkers have it; to import typing takes longer than all of this
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def goclient() -> int:
    """Return the exit code of ``goclient``, its arguments those of the process."""

    def main(argv: Sequence[str]) -> int:
        from goclient.cli.main import main  # SIGINT is held while it loads

        return main(argv)

    return _program(main)


def send_job() -> int:
    """Return the exit code of ``sendJob``, its arguments those of the process."""

    def main(argv: Sequence[str]) -> int:
        from goclient.cli.commands.sendjob import main  # SIGINT is held while it loads

        return main(argv)

    # For plugins pydantic looks through all that is installed: 8 ms, and what it finds would run in this program.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # sendJob starts no other program, which would have it
    return _program(main)


def _program(main: Callable[[Sequence[str]], int]) -> int:
    gc.disable()  # most commands are short: to look for garbage among what they import is a tenth of their time
    if sys.argv[1:] == ["--version"] and _write_version():
        return 0
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:  # in the background it is ignored
        _signal.signal(_signal.SIGINT, end_at_once)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, {_signal.SIGINT})
    code: int | None = None

    def leave(*_: object) -> None:
        """End the process, all being done: to take it apart, object by object, is a fifth of a short command's time."""
        if code is not None:
            for stream in (sys.stdout, sys.stderr):
                try:
                    stream.flush()
                except (OSError, ValueError):
                    continue  # stdout's failure was told; nobody is left to tell of stderr's
            os._exit(code)

    atexit.register(leave)  # the first that is registered is the last that is called
    try:
        code = main(sys.argv[1:])
        if _signal.getsignal(_signal.SIGINT) is not _signal.SIG_IGN:
            _signal.signal(_signal.SIGINT, leave)
        sys.settrace(None)
    except KeyboardInterrupt:  # a second one, while the first is told
        end_at_once()
    return code


def _write_version() -> bool:
    """Write the version, for which nothing else is loaded; return False if that fails, which the command reports."""
    try:
        return os.write(1, f"goclient {__version__}\n".encode()) > 0
    except OSError:
        return False
